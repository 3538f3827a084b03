"""A document as PDF on A4: numbered pages with contents, fonts inside, and tags for those who listen to it."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any

from analysis.report.documents.blocks import Drawing
from analysis.report.typesetter import typeset

if TYPE_CHECKING:
    from analysis.report.documents.blocks import Block, Document, Part

_TEMPLATE = "report.typ"


def pdf_bytes(document: Document) -> bytes:
    """The document in pages; the same bytes for the same document and the same fonts.

    All of it reaches the template as data: no text of a study is read as markup or names a file.
    """
    files: dict[str, bytes] = {}
    data = {
        "title": document.title,
        "subtitle": document.subtitle,
        "running": document.running,
        "summary": [_block(block, files) for block in document.summary],
        "parts": [_part(part, files) for part in document.parts],
    }
    template = resources.files(__package__).joinpath(_TEMPLATE).read_bytes()
    return typeset(template, files, {"document": json.dumps(data)})


def _part(part: Part, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "title": part.title,
        "appendix": part.appendix,
        "blocks": [_block(block, files) for block in part.blocks],
        "sections": [
            {"title": section.title, "blocks": [_block(block, files) for block in section.blocks]}
            for section in part.sections
        ],
    }


def _block(block: Block, files: dict[str, bytes]) -> dict[str, Any]:
    """A block as plain values; a figure becomes a file under a number."""
    kind = {"kind": type(block).__name__.lower()}
    if not isinstance(block, Drawing):
        return {**kind, **asdict(block)}
    name = f"{len(files) + 1}.pdf"
    files[name] = block.pdf
    return {**kind, "caption": block.caption, "alt": block.alt, "file": name}
