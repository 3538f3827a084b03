"""Command line of the analysis: python -m analysis report RESPONSES.csv --out DIR."""

import argparse
import hashlib
import sys
from pathlib import Path

from analysis.errors import AnalysisError
from analysis.report import DRAWS, SEED, build
from analysis.schema import load_responses


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it is done, 2 when the request or the data cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        return _report(options)
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
    return parser


def _report(options: argparse.Namespace) -> int:
    content = options.responses.read_bytes()
    source = {"file": options.responses.name, "file_sha256": hashlib.sha256(content).hexdigest()}
    frame = load_responses(options.responses)
    report = build(frame, arms=options.arms, seed=options.seed, draws=options.draws, source=source)
    written = report.write(options.out)
    for message in report.messages:
        sys.stderr.write(f"note: {message}\n")
    sys.stdout.write(f"{len(written)} files in {options.out}\n")
    return 0


def _arms(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise argparse.ArgumentTypeError(f"'{text}' does not name two arms; write them as FIRST,SECOND")
    return names[0], names[1]


if __name__ == "__main__":
    sys.exit(main())
