"""What several commands ask for: arguments, and how their text is read."""

from __future__ import annotations

import argparse
from typing import get_args

from analysis.mrmc.merit import Covariance
from analysis.statistics.resampling import DRAWS, SEED


def add_draws(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of {what} (default %(default)s)")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"draws of {what} (default %(default)s)")


def add_covariance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--covariance", choices=get_args(Covariance), default="jackknife", help="over cases (default %(default)s)"
    )


def two_names(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise argparse.ArgumentTypeError(f"'{text}' does not name two; write them as FIRST,SECOND")
    return names[0], names[1]


def scale(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise argparse.ArgumentTypeError(f"'{text}' is no scale; write LOW,HIGH such as 1,5")
    return low, high


def whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers; write 5 or 5,8,10") from None
