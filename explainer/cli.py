"""What the commands of `python -m explainer` that look at images have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from explainer.catalogue.parameters import SCORINGS
from explainer.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence


def add_common(parser: argparse.ArgumentParser) -> None:
    """Images, the classifier that looks at them, and where it runs."""
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="PNG, JPEG or DICOM")
    parser.add_argument("--classifier", required=True, metavar="ID", help="identifier, or folder of a pair")
    parser.add_argument("--scoring", choices=SCORINGS, default="calibrated", help="which score (default: calibrated)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")


def output_names(paths: Sequence[Path], name: Callable[[Path], str]) -> dict[Path, str]:
    """Name of each image in the output; two images may not share one."""
    names: dict[str, Path] = {}
    for path in paths:
        other = names.setdefault(name(path), path)
        if other != path:
            raise UsageError(
                f"{other} and {path} would both be '{name(path)}' in the output: give them in separate runs."
            )
    return {path: name(path) for path in paths}
