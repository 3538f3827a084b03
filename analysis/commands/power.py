"""python -m analysis power: power, cases or readers needed, from a pilot or assumed components."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from analysis.commands.arguments import add_covariance, two_names, whole_numbers
from analysis.commands.files import finish, note, responses_of, say, show, source_of
from analysis.commands.progress import Progress
from analysis.data.errors import AnalysisError, UsageError
from analysis.data.pairs import choose_arms
from analysis.mrmc.pilot import load_pilot, pilot_components
from analysis.report.output import Report
from analysis.report.power_report import build_power, build_simulated_power
from analysis.sections.power_simulation import METHODS, Assumed, fit_pilot, questions_of
from analysis.sections.power_tables import Plan
from analysis.statistics.generalisation import Name
from analysis.statistics.power import ALPHA, ANALYSES, TARGET, Components
from analysis.statistics.resampling import SEED

_COMPONENTS = {
    "effect": "difference to find (default: the pilot's)",
    "var-tr": "reader-by-treatment variance",
    "var-error": "variance of one reader's AUC over cases",
    "cov1": "covariance: same reader, different treatments",
    "cov2": "covariance: different readers, same treatment",
    "cov3": "covariance: different readers, different treatments",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_power)
    parser.add_argument(
        "pilot", type=Path, nargs="?", metavar="PILOT", help="RATINGS.csv, .imrmc, .lrc or RESPONSES.csv"
    )
    parser.add_argument("--question", help="of RESPONSES.csv, the question whose score is the rating")
    parser.add_argument("--treatments", type=two_names, metavar="A,B", help="the two to compare; the effect is B - A")
    add_covariance(parser)
    for name, words in _COMPONENTS.items():
        parser.add_argument(f"--{name}", type=float, help=f"{words}; overrides the pilot")
    parser.add_argument("--pilot-cases", type=int, metavar="N", help="cases that the components belong to")
    parser.add_argument("--readers", type=whole_numbers, default=(), metavar="R[,R...]", help="planned readers")
    parser.add_argument("--cases", type=whole_numbers, default=(), metavar="K[,K...]", help="planned cases")
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


def _power(options: argparse.Namespace) -> int:
    report = _simulated_power(options) if options.simulate is not None else _or_power(options)
    show(report.tables["power"])
    if options.out:
        return finish(report, options.out)
    note(report)
    return 0


def _simulated_power(options: argparse.Namespace) -> Report:
    if options.pilot is None or not options.readers or not options.cases:
        raise UsageError("--simulate needs RESPONSES.csv, --readers and --cases.")
    notes: list[str] = []
    frame = responses_of(options.pilot, notes)
    say(notes)
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
        source=source_of(options.pilot),
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
        return build_power(components, plan, source=source_of(options.pilot) if options.pilot else None)
    except AnalysisError as error:
        if options.pilot:
            raise
        raise UsageError(str(error)) from error  # all that it was computed from stood in the request
