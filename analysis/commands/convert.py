"""python -m analysis convert: one question of RESPONSES.csv in a format of other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.commands.files import responses_of, say
from analysis.data.interchange import FORMATS, convert


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_convert)
    parser.add_argument("responses", type=Path, metavar="RESPONSES.csv")
    parser.add_argument("--question", required=True, help="its score is the rating, such as confidence")
    parser.add_argument("--to", choices=tuple(FORMATS), required=True, help="format")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")


def _convert(options: argparse.Namespace) -> int:
    notes: list[str] = []
    content, messages = convert(responses_of(options.responses, notes), options.question, options.to)
    options.out.write_bytes(content)
    say([*notes, *messages])
    sys.stdout.write(f"Wrote {options.out} ({len(content)} bytes).\n")
    return 0
