"""`python -m explainer methods`: every method of explanation, its paper, and what can be set, in Markdown."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from explainer.catalogue.methods import METHODS, methods_of
from explainer.catalogue.settings import settings_table

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Print the methods of these keys, or all. Raises SettingsError for a key that there is not."""
    parser = argparse.ArgumentParser(prog="python -m explainer methods", description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="key of a method (default: all)")
    for method in methods_of(parser.parse_args(argv).methods or METHODS):
        paper = method.paper
        print(f"## {method.title} (`{method.key}`)\n")
        print(f"{paper.authors} ({paper.year}). [{paper.title}]({paper.url}).")
        if method.needs_autoencoder:
            print("It needs an autoencoder.")
        print(f"\n{settings_table(method.settings)}\n")
    return 0
