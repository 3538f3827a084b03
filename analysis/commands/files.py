"""What several commands read and write: responses with their scales, the source of a report, notes and results."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.data.scales import Scale
from analysis.data.schema import load_responses, load_scales
from analysis.report.output import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def responses_of(path: Path, notes: list[str]) -> pd.DataFrame:
    """The responses, on the scales of codebook.csv beside them as an export has it."""
    return load_responses(path, notes=notes, scales=scales_of(path, None))


def scales_of(responses: Path, codebook: Path | None) -> dict[str, Scale]:
    """The scales of the codebook: the one named, or codebook.csv beside the responses as an export has it."""
    beside = responses.with_name("codebook.csv")
    chosen = codebook or (beside if beside.is_file() else None)
    return load_scales(chosen) if chosen else {}


def source_of(path: Path) -> dict[str, str]:
    return {"file": path.name, "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def finish(report: Report, out: Path) -> int:
    written = report.write(out)
    note(report)
    sys.stdout.write(f"{len(written)} files in {out}\n")
    return 0


def note(report: Report) -> None:
    say(report.messages)


def say(messages: Iterable[str]) -> None:
    for message in messages:
        sys.stderr.write(f"note: {message}\n")


def show(table: pd.DataFrame) -> None:
    """The table for people: numbers with four decimals, nothing where there is none."""
    words = table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4f}")
    sys.stdout.write(f"{words}\n")
