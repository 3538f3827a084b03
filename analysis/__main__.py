"""Command line of the analysis: python -m analysis report RESPONSES.csv --out DIR, mrmc RATINGS.csv --out DIR."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import get_args

from analysis.errors import AnalysisError
from analysis.mrmc_merit import Covariance, Resampling
from analysis.mrmc_report import build_mrmc
from analysis.output import Report
from analysis.ratings import Missing, load_ratings
from analysis.report import DRAWS, SEED, build
from analysis.schema import load_responses


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it is done, 2 when the request or the data cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        return _report(options) if options.command == "report" else _mrmc(options)
    except (AnalysisError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Statistics of reader studies.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="tables, figures and methods from RESPONSES.csv")
    report.add_argument("responses", type=Path, metavar="RESPONSES.csv", help="tidy responses, as a study exports them")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    report.add_argument(
        "--arms", type=_arms, metavar="A,B", help="contrast B - A (default: the two arms in natural order)"
    )
    report.add_argument(
        "--seed", type=int, default=SEED, help="seed of bootstrap and permutation (default %(default)s)"
    )
    report.add_argument(
        "--draws", type=int, default=DRAWS, help="bootstrap and permutation draws (default %(default)s)"
    )
    mrmc = commands.add_parser("mrmc", help="compare AUC between treatments (Obuchowski-Rockette)")
    mrmc.add_argument(
        "ratings", type=Path, metavar="RATINGS.csv", help="reader, treatment, case, truth, rating; or .imrmc, .lrc"
    )
    mrmc.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    mrmc.add_argument(
        "--covariance", choices=get_args(Covariance), default="jackknife", help="over cases (default %(default)s)"
    )
    mrmc.add_argument("--seed", type=int, default=SEED, help="seed of the bootstrap covariance (default %(default)s)")
    mrmc.add_argument("--draws", type=int, default=DRAWS, help="bootstrap draws (default %(default)s)")
    mrmc.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="complete",
        help="refuse missing ratings, or keep complete cases (default %(default)s)",
    )
    mrmc.add_argument(
        "--threshold", type=float, metavar="RATING", help="also sensitivity and specificity; present from this rating"
    )
    return parser


def _report(options: argparse.Namespace) -> int:
    frame = load_responses(options.responses)
    source = _source(options.responses)
    return _finish(build(frame, arms=options.arms, seed=options.seed, draws=options.draws, source=source), options.out)


def _mrmc(options: argparse.Namespace) -> int:
    report = build_mrmc(
        load_ratings(options.ratings),
        covariance=options.covariance,
        resampling=Resampling(options.seed, options.draws),
        missing=options.missing,
        threshold=options.threshold,
        source=_source(options.ratings),
    )
    return _finish(report, options.out)


def _source(path: Path) -> dict[str, str]:
    return {"file": path.name, "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _finish(report: Report, out: Path) -> int:
    written = report.write(out)
    for message in report.messages:
        sys.stderr.write(f"note: {message}\n")
    sys.stdout.write(f"{len(written)} files in {out}\n")
    return 0


def _arms(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise argparse.ArgumentTypeError(f"'{text}' does not name two arms; write them as FIRST,SECOND")
    return names[0], names[1]


if __name__ == "__main__":
    sys.exit(main())
