"""python -m analysis agreement: kappas, intraclass correlations and alphas of a table of ratings."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from analysis.commands.arguments import add_draws, scale
from analysis.commands.files import say, show
from analysis.data.records import records
from analysis.data.wide import load_wide
from analysis.sections.agreement_tables import wide_messages, wide_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_agreement)
    parser.add_argument(
        "table", type=Path, metavar="TABLE.csv", help="with a header; a column is a reader, a row a case"
    )
    parser.add_argument("--readers-in-rows", action="store_true", help="a row is a reader, a column a case")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the numbers in full")
    parser.add_argument("--scale", type=scale, metavar="LOW,HIGH", help="refuse a rating that is not from LOW to HIGH")
    add_draws(parser, "the bootstrap of cases")


def _agreement(options: argparse.Namespace) -> int:
    notes: list[str] = []
    readers, ratings = load_wide(
        options.table, readers_in_rows=options.readers_in_rows, notes=notes, scale=options.scale
    )
    table = wide_table(readers, ratings, seed=options.seed, draws=options.draws)
    if options.out:
        content = {"agreement": records(table), "seed": options.seed, "draws": options.draws}
        options.out.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    show(table)
    say([*notes, *wide_messages(table, ratings)])
    return 0
