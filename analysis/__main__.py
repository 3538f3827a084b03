"""Command line of the analysis: python -m analysis report RESPONSES.csv --out DIR, mrmc RATINGS.csv --out DIR."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import get_args

from analysis.errors import AnalysisError
from analysis.mrmc import Covariance
from analysis.mrmc_report import build_mrmc
from analysis.output import Report
from analysis.paired import Adjustment
from analysis.ratings import load_ratings
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
    report.add_argument("--margin", type=float, help="margin of equivalence in points of the scale, set beforehand")
    report.add_argument(
        "--adjust",
        choices=get_args(Adjustment),
        default="holm",
        help="bh adds Benjamini-Hochberg (default %(default)s)",
    )
    report.add_argument("--plan", type=Path, metavar="FILE", help="locked analysis plan, named with its SHA-256")
    mrmc = commands.add_parser("mrmc", help="compare AUC between treatments (Obuchowski-Rockette)")
    mrmc.add_argument(
        "ratings", type=Path, metavar="RATINGS.csv", help="reader, treatment, case, truth, rating; or .imrmc"
    )
    mrmc.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    mrmc.add_argument(
        "--covariance", choices=get_args(Covariance), default="jackknife", help="over cases (default %(default)s)"
    )
    return parser


def _report(options: argparse.Namespace) -> int:
    frame = load_responses(options.responses)
    source = _source(options.responses)
    plan = None if options.plan is None else {"file": options.plan.name, "sha256": _source(options.plan)["file_sha256"]}
    report = build(
        frame,
        arms=options.arms,
        seed=options.seed,
        draws=options.draws,
        source=source,
        margin=options.margin,
        adjust=options.adjust,
        plan=plan,
    )
    return _finish(report, options.out)


def _mrmc(options: argparse.Namespace) -> int:
    frame = load_ratings(options.ratings)
    return _finish(build_mrmc(frame, covariance=options.covariance, source=_source(options.ratings)), options.out)


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
