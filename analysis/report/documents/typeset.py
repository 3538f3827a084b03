"""A document as PDF, set by Typst: A4, numbered, with contents, fonts and tags for those who listen to it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import typst

from analysis.report.documents.blocks import Drawing

if TYPE_CHECKING:
    from analysis.report.documents.blocks import Block, Document, Part

_TEMPLATE = "report.typ"


def pdf_bytes(document: Document) -> bytes:
    """The document in pages; the same bytes for the same document and the same fonts.

    Letters that neither the typesetter's own fonts nor matplotlib's have are taken from the machine's, where it has
    them; elsewhere they are empty boxes.
    """
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        data = _Data(Path(folder))
        text = json.dumps(data.of(document), ensure_ascii=False)
        template = resources.files(__package__).joinpath(_TEMPLATE).read_bytes()
        compiler = typst.Compiler(template, root=folder, font_paths=_fonts(), sys_inputs={"document": text})
        made = compiler.compile(format="pdf", timestamp=0)
    if not isinstance(made, bytes):
        raise TypeError("The typesetter gave no file.")
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")])


class _Data:
    """A document as plain values; figures become files of a folder, under names that are no text of the study."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0

    def of(self, document: Document) -> dict[str, Any]:
        return {
            "title": document.title,
            "subtitle": document.subtitle,
            "running": document.running,
            "summary": self._blocks(document.summary),
            "parts": [self._part(part) for part in document.parts],
        }

    def _part(self, part: Part) -> dict[str, Any]:
        sections = [{"title": one.title, "blocks": self._blocks(one.blocks)} for one in part.sections]
        return {
            "title": part.title,
            "appendix": part.appendix,
            "blocks": self._blocks(part.blocks),
            "sections": sections,
        }

    def _blocks(self, blocks: tuple[Block, ...]) -> list[dict[str, Any]]:
        return [self._drawing(block) if isinstance(block, Drawing) else _plain(block) for block in blocks]

    def _drawing(self, drawing: Drawing) -> dict[str, Any]:
        self._written += 1
        name = f"{self._written}.pdf"
        (self._folder / name).write_bytes(drawing.pdf)
        return {"kind": "drawing", "caption": drawing.caption, "alt": drawing.alt, "file": name}


def _plain(block: Block) -> dict[str, Any]:
    return {"kind": type(block).__name__.lower(), **asdict(block)}
