"""Command line of the analysis: python -m analysis report, mrmc, agreement, power, convert; each has --help."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from analysis.commands import agreement, convert, mrmc, power, report
from analysis.data.errors import AnalysisError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it is done, 1 when the data cannot be used, 2 when the request makes no sense."""
    options = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except (AnalysisError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Statistics of reader studies.")
    commands = parser.add_subparsers(dest="command", required=True)
    report.add_arguments(commands.add_parser("report", help="tables, figures and methods from RESPONSES.csv"))
    mrmc.add_arguments(commands.add_parser("mrmc", help="compare AUC between treatments (Obuchowski-Rockette)"))
    agreement.add_arguments(commands.add_parser("agreement", help="kappas, ICCs and alphas of a table of ratings"))
    power.add_arguments(commands.add_parser("power", help="power, cases or readers needed, from a pilot or components"))
    convert.add_arguments(commands.add_parser("convert", help="one question of RESPONSES.csv as .imrmc or .lrc"))
    return parser
