"""`python -m explainer picture`: the picture that readers see of a file by default, or why there is none."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.errors import ImageError, RadiographError
from explainer.radiographs import png_of, radiograph_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.radiographs import Radiograph


def main(argv: Sequence[str]) -> int:
    """Write a 16-bit PNG of each file and print a line of JSON about it; 1 if one was refused, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m explainer picture", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="PNG, JPEG or DICOM")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the PNG files")
    args = parser.parse_args(argv)
    try:
        names = _names(args.files)
        _check_beside(args.out, names)
        args.out.mkdir(parents=True, exist_ok=True)
    except ImageError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{args.out} cannot be made a folder: {error.strerror}")
    refused = False
    for path in args.files:
        line = _picture(path, args.out / names[path])
        refused |= not line["accepted"]
        print(json.dumps(line), flush=True)
    return int(refused)


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Name of each file's picture: its own with the ending of PNG, whole where two would share one.

    Raises ImageError where even that is not enough.
    """
    by_stem: dict[str, set[Path]] = {}
    for path in paths:
        by_stem.setdefault(path.stem, set()).add(path)
    names = {path: f"{path.stem if len(by_stem[path.stem]) == 1 else path.name}.png" for path in paths}
    owners: dict[str, Path] = {}
    for path, name in names.items():
        other = owners.setdefault(name, path)
        if other != path:
            raise ImageError(f"{other} and {path} would both become {name}: give them in separate runs.")
    return names


def _check_beside(out: Path, names: dict[Path, str]) -> None:
    """Raises ImageError where a picture would take the place of a file that was given."""
    given = {path.resolve() for path in names}
    for path, name in names.items():
        if (out / name).resolve() in given:
            raise ImageError(f"the picture of {path} would replace {out / name}: give another folder.")


def _picture(path: Path, out: Path) -> dict[str, Any]:
    try:
        radiograph = radiograph_read(path)
    except RadiographError as error:
        return _line(path, None, error.reason)
    out.write_bytes(png_of(radiograph.sixteen_bits))
    return _line(path, radiograph, "")


def _line(path: Path, radiograph: Radiograph | None, reason: str) -> dict[str, Any]:
    """What is printed about a file; of one that was refused, all but the reason is null."""
    if radiograph is None:
        unknown = ("width", "height", "bits", "photometric", "window_from", "spacing_corrected", "orientation_applied")
        return {"file": str(path), "accepted": False, "reason": reason, **dict.fromkeys(unknown), "doubts": []}
    return {
        "file": str(path),
        "accepted": True,
        "reason": reason,
        "width": radiograph.placement.width,
        "height": radiograph.placement.height,
        "bits": radiograph.bits,
        "photometric": radiograph.photometric,
        "window_from": radiograph.window_from,
        "spacing_corrected": radiograph.spacing_corrected,
        "orientation_applied": radiograph.orientation_applied,
        "doubts": list(radiograph.doubts()),
    }
