"""What an analysis hands out: tables, figures and provenance, and how they become files."""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import scipy
from matplotlib.figure import Figure

from analysis.data.records import records, write_table
from analysis.report.documents.compose import Content, document_of
from analysis.report.documents.page import page_text
from analysis.report.documents.typeset import pdf_bytes
from analysis.report.figures.style import render
from analysis.report.words import Chapter, methods_text
from analysis.sections.section import Section

#: What `Report.write` tells of, in order.
WRITING = ("Tables and figures as files", "Report as PDF", "Report as HTML")


@dataclass(frozen=True)
class Report:
    """What was computed. Cells that could not be had are NaN in `tables`, and `messages` says why in sentences."""

    tables: dict[str, pd.DataFrame]
    figures: dict[str, Figure]
    provenance: dict[str, Any]
    messages: list[str] = field(default_factory=list)
    chapters: tuple[Chapter, ...] = ()  # its methods in words
    sections: tuple[Section, ...] = ()  # what it consists of

    def as_json(self) -> dict[str, Any]:
        """The content of results.json: plain types only, null for what could not be had."""
        tables = {name: records(table) for name, table in self.tables.items()}
        return {"tables": tables, "provenance": {**self.provenance, "messages": self.messages}}

    @property
    def title(self) -> str:
        """The heading of the report."""
        study = self.provenance.get("data", {}).get("study", "")
        part = " (exploration: part of the data)" if self.provenance.get("selection") else ""
        return f"Reader study {study}{part}" if study else f"Reader study{part}"

    @property
    def contrast(self) -> str | None:
        """Which arm was taken from which, such as "B - A"."""
        contrast: str | None = self.provenance.get("contrast")
        return contrast

    @property
    def methods(self) -> str:
        """The text of methods.md."""
        return methods_text(self.chapters, self.messages)

    def content(self, drawn: Mapping[str, tuple[bytes, bytes]]) -> Content:
        """What its document is made of, with each figure drawn as (SVG, PDF)."""
        rows = {name: records(table) for name, table in self.tables.items()}
        return Content(self.title, rows, drawn, self.provenance, self.messages, self.chapters, self.sections)

    def write(self, out_dir: str | Path, *, on_step: Callable[[str], object] = lambda _name: None) -> list[Path]:
        """Write results.json, methods.md, report.html, report.pdf, a CSV per table and each figure as SVG and PDF.

        `on_step` is told each of `WRITING` as it begins.
        """
        on_step(WRITING[0])
        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, table in self.tables.items():
            path = folder / f"{name}.csv"
            with path.open("w", encoding="utf-8", newline="") as stream:
                write_table(table, stream)
            written.append(path)
        drawn = {name: (render(figure, "svg"), render(figure, "pdf")) for name, figure in self.figures.items()}
        for name, (svg, pdf) in drawn.items():
            for path, content in ((folder / f"{name}.svg", svg), (folder / f"{name}.pdf", pdf)):
                path.write_bytes(content)
                written.append(path)
        document = document_of(self.content(drawn))
        on_step(WRITING[1])
        path = folder / "report.pdf"
        path.write_bytes(pdf_bytes(document))
        written.append(path)
        on_step(WRITING[2])
        for name, text in {
            "report.html": page_text(document),
            "results.json": json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            "methods.md": self.methods,
        }.items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            written.append(path)
        return written


def software() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
        "matplotlib": mpl.__version__,
    }
