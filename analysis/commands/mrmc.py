"""python -m analysis mrmc: treatments compared by AUC from ratings (Obuchowski and Rockette)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from analysis.commands.arguments import add_covariance, add_draws
from analysis.commands.files import finish, source_of
from analysis.data.ratings import Missing, load_ratings
from analysis.mrmc.merit import Resampling
from analysis.report.mrmc_report import build_mrmc


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_mrmc)
    parser.add_argument(
        "ratings", type=Path, metavar="RATINGS.csv", help="reader, treatment, case, truth, rating; or .imrmc, .lrc"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add_covariance(parser)
    add_draws(parser, "the bootstrap covariance")
    parser.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="complete",
        help="refuse missing ratings, or keep complete cases (default %(default)s)",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="RATING", help="also sensitivity and specificity; present from this rating"
    )


def _mrmc(options: argparse.Namespace) -> int:
    notes: list[str] = []
    report = build_mrmc(
        load_ratings(options.ratings, notes=notes),
        covariance=options.covariance,
        resampling=Resampling(options.seed, options.draws),
        missing=options.missing,
        threshold=options.threshold,
        source=source_of(options.ratings),
        notes=notes,
    )
    return finish(report, options.out)
