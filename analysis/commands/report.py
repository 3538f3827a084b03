"""python -m analysis report: tables, figures and methods from RESPONSES.csv."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from analysis.commands.arguments import add_draws, two_names
from analysis.commands.files import finish, scales_of, source_of
from analysis.data.allocation import load_allocation
from analysis.data.order import natural_order
from analysis.data.scales import named_scales
from analysis.data.schema import load_responses
from analysis.data.selection import Selection
from analysis.report.build import build
from analysis.report.sections import PLANNABLE, Planned
from analysis.statistics.multiplicity import Adjustment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_report)
    parser.add_argument("responses", type=Path, metavar="RESPONSES.csv", help="tidy responses, as a study exports them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--arms", type=two_names, metavar="A,B", help="contrast B - A (default: the two arms in natural order)"
    )
    add_draws(parser, "bootstrap and permutation")
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
    parser.add_argument(
        "--primary",
        action="append",
        default=[],
        choices=PLANNABLE,
        metavar="ANALYSIS",
        help="what was planned, in the order of the document; can be given more than once: "
        f"{', '.join(PLANNABLE)} (default: {', '.join(Planned().analyses)})",
    )
    parser.add_argument("--plan", type=Path, metavar="FILE", help="locked analysis plan, named with its SHA-256")
    only = parser.add_argument_group("exploration: only part of the responses; each can be given more than once")
    only.add_argument("--target", action="append", default=[], metavar="NAME")
    only.add_argument("--reader", action="append", default=[], metavar="CODE")
    only.add_argument("--period", action="append", default=[], type=int, metavar="NUMBER")


def _report(options: argparse.Namespace) -> int:
    notes: list[str] = []
    scales = scales_of(options.responses, options.codebook)
    frame = load_responses(options.responses, notes=notes, scales=scales)
    source = source_of(options.responses)
    plan = (
        None if options.plan is None else {"file": options.plan.name, "sha256": source_of(options.plan)["file_sha256"]}
    )
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
        planned=Planned(tuple(options.primary), stated=True) if options.primary else None,
        notes=notes,
    )
    return finish(report, options.out)
