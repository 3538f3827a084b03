"""Command line of the analysis: python -m analysis report, mrmc, agreement, power, convert; each has --help."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from analysis.agreement_report import load_wide, wide_messages, wide_table
from analysis.allocation import load_allocation
from analysis.errors import AnalysisError, UsageError
from analysis.interchange import FORMATS, convert
from analysis.mrmc import Name
from analysis.mrmc_merit import Covariance, Resampling
from analysis.mrmc_report import build_mrmc
from analysis.order import natural_order
from analysis.output import Report, records
from analysis.paired import Adjustment, choose_arms
from analysis.power import ALPHA, ANALYSES, TARGET, Components
from analysis.power_report import Plan, build_power, load_pilot, pilot_components
from analysis.power_simulation import METHODS, Assumed, build_simulated_power, fit_pilot, questions_of
from analysis.progress import Progress
from analysis.ratings import Missing, load_ratings
from analysis.report import DRAWS, SEED, build
from analysis.scale import Scale, named_scales
from analysis.schema import load_responses, load_scales
from analysis.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

_COMPONENTS = {
    "effect": "difference to find (default: the pilot's)",
    "var-tr": "reader-by-treatment variance",
    "var-error": "variance of one reader's AUC over cases",
    "cov1": "covariance: same reader, different treatments",
    "cov2": "covariance: different readers, same treatment",
    "cov3": "covariance: different readers, different treatments",
}


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
    _add_report(commands.add_parser("report", help="tables, figures and methods from RESPONSES.csv"))
    _add_mrmc(commands.add_parser("mrmc", help="compare AUC between treatments (Obuchowski-Rockette)"))
    _add_agreement(commands.add_parser("agreement", help="kappas, ICCs and alphas of a table of ratings"))
    _add_power(commands.add_parser("power", help="power, cases or readers needed, from a pilot or components"))
    _add_convert(commands.add_parser("convert", help="one question of RESPONSES.csv as .imrmc or .lrc"))
    return parser


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_report)
    parser.add_argument("responses", type=Path, metavar="RESPONSES.csv", help="tidy responses, as a study exports them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--arms", type=_two, metavar="A,B", help="contrast B - A (default: the two arms in natural order)"
    )
    _add_draws(parser, "bootstrap and permutation")
    parser.add_argument("--margin", type=float, help="margin of equivalence in points of the scale, set beforehand")
    parser.add_argument(
        "--adjust",
        choices=get_args(Adjustment),
        default="holm",
        help="bh adds Benjamini-Hochberg (default %(default)s)",
    )
    parser.add_argument(
        "--allocation", type=Path, metavar="ALLOCATION.csv", help="of the export: the flow table says what was not read"
    )
    parser.add_argument(
        "--codebook",
        type=Path,
        metavar="CODEBOOK.csv",
        help="of the export: scores off the scales are refused (default: codebook.csv beside the responses, if any)",
    )
    parser.add_argument(
        "--scale",
        action="append",
        default=[],
        metavar="[QUESTION=]LOW,HIGH",
        help="lowest and highest score that a question offers, where no codebook tells; its middle divides scores for "
        "sensitivity (can be given more than once)",
    )
    parser.add_argument("--plan", type=Path, metavar="FILE", help="locked analysis plan, named with its SHA-256")
    only = parser.add_argument_group("exploration: only part of the responses; each can be given more than once")
    only.add_argument("--target", action="append", default=[], metavar="NAME")
    only.add_argument("--reader", action="append", default=[], metavar="CODE")
    only.add_argument("--period", action="append", default=[], type=int, metavar="NUMBER")


def _add_mrmc(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_mrmc)
    parser.add_argument(
        "ratings", type=Path, metavar="RATINGS.csv", help="reader, treatment, case, truth, rating; or .imrmc, .lrc"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    _add_covariance(parser)
    _add_draws(parser, "the bootstrap covariance")
    parser.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="complete",
        help="refuse missing ratings, or keep complete cases (default %(default)s)",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="RATING", help="also sensitivity and specificity; present from this rating"
    )


def _add_agreement(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_agreement)
    parser.add_argument(
        "table", type=Path, metavar="TABLE.csv", help="with a header; a column is a reader, a row a case"
    )
    parser.add_argument("--readers-in-rows", action="store_true", help="a row is a reader, a column a case")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the numbers in full")
    parser.add_argument("--scale", type=_scale, metavar="LOW,HIGH", help="refuse a rating that is not from LOW to HIGH")
    _add_draws(parser, "the bootstrap of cases")


def _add_power(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_power)
    parser.add_argument(
        "pilot", type=Path, nargs="?", metavar="PILOT", help="RATINGS.csv, .imrmc, .lrc or RESPONSES.csv"
    )
    parser.add_argument("--question", help="of RESPONSES.csv, the question whose score is the rating")
    parser.add_argument("--treatments", type=_two, metavar="A,B", help="the two to compare; the effect is B - A")
    _add_covariance(parser)
    for name, words in _COMPONENTS.items():
        parser.add_argument(f"--{name}", type=float, help=f"{words}; overrides the pilot")
    parser.add_argument("--pilot-cases", type=int, metavar="N", help="cases that the components belong to")
    parser.add_argument("--readers", type=_numbers, default=(), metavar="R[,R...]", help="planned readers")
    parser.add_argument("--cases", type=_numbers, default=(), metavar="K[,K...]", help="planned cases")
    parser.add_argument("--power", type=float, default=TARGET, help="to reach (default %(default)s)")
    parser.add_argument("--alpha", type=float, default=ALPHA, help="two-sided (default %(default)s)")
    parser.add_argument("--margin", type=float, help="non-inferiority margin; then one-sided at alpha / 2")
    parser.add_argument("--analysis", choices=[*get_args(Name), "all"], default="all", help="(default %(default)s)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for table, figure and methods")
    likert = parser.add_argument_group("Likert endpoints, by simulation from the ordinal model of RESPONSES.csv")
    likert.add_argument("--simulate", type=int, metavar="STUDIES", help="draw so many studies, 1000 is usual")
    likert.add_argument("--test", choices=tuple(METHODS), default="cases", help="of each study (default %(default)s)")
    likert.add_argument("--odds-true", type=float, metavar="OR", help="odds ratio of the arm for true positives")
    likert.add_argument("--odds-false", type=float, metavar="OR", help="the same for false positives")
    likert.add_argument(
        "--shared-sd",
        type=float,
        default=0.0,
        metavar="SD",
        help="of the arm's effect on a case, log odds, all readers",
    )
    likert.add_argument("--seed", type=int, default=SEED, help="(default %(default)s)")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_convert)
    parser.add_argument("responses", type=Path, metavar="RESPONSES.csv")
    parser.add_argument("--question", required=True, help="its score is the rating, such as confidence")
    parser.add_argument("--to", choices=tuple(FORMATS), required=True, help="format")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")


def _add_draws(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of {what} (default %(default)s)")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"draws of {what} (default %(default)s)")


def _add_covariance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--covariance", choices=get_args(Covariance), default="jackknife", help="over cases (default %(default)s)"
    )


def _report(options: argparse.Namespace) -> int:
    notes: list[str] = []
    scales = _scales(options.responses, options.codebook)
    frame = load_responses(options.responses, notes=notes, scales=scales)
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
        scales=scales | named_scales(options.scale, natural_order(frame["question"].unique())),
        selection=Selection(tuple(options.target), tuple(options.reader), tuple(options.period)),
        allocation=None if options.allocation is None else load_allocation(options.allocation),
        notes=notes,
    )
    return _finish(report, options.out)


def _responses(path: Path, notes: list[str]) -> pd.DataFrame:
    """The responses, on the scales of codebook.csv beside them as an export has it."""
    return load_responses(path, notes=notes, scales=_scales(path, None))


def _scales(responses: Path, codebook: Path | None) -> dict[str, Scale]:
    """The scales of the codebook: the one named, or codebook.csv beside the responses as an export has it."""
    beside = responses.with_name("codebook.csv")
    chosen = codebook or (beside if beside.is_file() else None)
    return load_scales(chosen) if chosen else {}


def _mrmc(options: argparse.Namespace) -> int:
    notes: list[str] = []
    report = build_mrmc(
        load_ratings(options.ratings, notes=notes),
        covariance=options.covariance,
        resampling=Resampling(options.seed, options.draws),
        missing=options.missing,
        threshold=options.threshold,
        source=_source(options.ratings),
        notes=notes,
    )
    return _finish(report, options.out)


def _agreement(options: argparse.Namespace) -> int:
    notes: list[str] = []
    readers, ratings = load_wide(
        options.table, readers_in_rows=options.readers_in_rows, notes=notes, scale=options.scale
    )
    table = wide_table(readers, ratings, seed=options.seed, draws=options.draws)
    if options.out:
        content = {"agreement": records(table), "seed": options.seed, "draws": options.draws}
        options.out.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    _show(table)
    _say([*notes, *wide_messages(table, ratings)])
    return 0


def _power(options: argparse.Namespace) -> int:
    report = _simulated_power(options) if options.simulate is not None else _or_power(options)
    _show(report.tables["power"])
    if options.out:
        return _finish(report, options.out)
    _note(report)
    return 0


def _simulated_power(options: argparse.Namespace) -> Report:
    if options.pilot is None or not options.readers or not options.cases:
        raise UsageError("--simulate needs RESPONSES.csv, --readers and --cases.")
    notes: list[str] = []
    frame = _responses(options.pilot, notes)
    _say(notes)
    arms = choose_arms(frame, options.treatments)
    if arms is None:
        raise AnalysisError("The pilot has fewer than two arms. Give one with both.")
    pilot = fit_pilot(frame, questions_of(frame, options.question), arms)
    progress = Progress("Simulating", options.simulate * len(options.readers) * len(options.cases))
    return build_simulated_power(
        pilot,
        options.readers,
        options.cases,
        studies=options.simulate,
        method=options.test,
        alpha=options.alpha,
        seed=options.seed,
        assumed=Assumed(options.odds_true, options.odds_false, options.shared_sd),
        source=_source(options.pilot),
        advance=progress.advance,
    )


def _or_power(options: argparse.Namespace) -> Report:
    names = [name.replace("-", "_") for name in _COMPONENTS]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.pilot_cases is not None:
        given["cases"] = options.pilot_cases
    if options.pilot:
        ratings = load_pilot(options.pilot, question=options.question, treatments=options.treatments)
        components = replace(pilot_components(ratings, covariance=options.covariance), **given)
    elif "cases" in given:
        components = Components(**{**dict.fromkeys(names, np.nan), **given})
    else:
        raise UsageError("Give a pilot, or its components with --pilot-cases.")
    plan = Plan(
        readers=options.readers,
        cases=options.cases,
        target=options.power,
        analyses=ANALYSES if options.analysis == "all" else (options.analysis,),
        alpha=options.alpha,
        margin=options.margin,
    )
    try:
        return build_power(components, plan, source=_source(options.pilot) if options.pilot else None)
    except AnalysisError as error:
        if options.pilot:
            raise
        raise UsageError(str(error)) from error  # all that it was computed from stood in the request


def _convert(options: argparse.Namespace) -> int:
    notes: list[str] = []
    content, messages = convert(_responses(options.responses, notes), options.question, options.to)
    options.out.write_bytes(content)
    _say([*notes, *messages])
    sys.stdout.write(f"Wrote {options.out} ({len(content)} bytes).\n")
    return 0


def _source(path: Path) -> dict[str, str]:
    return {"file": path.name, "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _finish(report: Report, out: Path) -> int:
    written = report.write(out)
    _note(report)
    sys.stdout.write(f"{len(written)} files in {out}\n")
    return 0


def _note(report: Report) -> None:
    _say(report.messages)


def _say(messages: Iterable[str]) -> None:
    for message in messages:
        sys.stderr.write(f"note: {message}\n")


def _show(table: pd.DataFrame) -> None:
    """The table for people: numbers with four decimals, nothing where there is none."""
    words = table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4f}")
    sys.stdout.write(f"{words}\n")


def _two(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise argparse.ArgumentTypeError(f"'{text}' does not name two; write them as FIRST,SECOND")
    return names[0], names[1]


def _scale(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise argparse.ArgumentTypeError(f"'{text}' is no scale; write LOW,HIGH such as 1,5")
    return low, high


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers; write 5 or 5,8,10") from None


if __name__ == "__main__":
    sys.exit(main())
