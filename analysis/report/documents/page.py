"""A document as one HTML page that stands alone: no script, no request, figures inside; for screen, dark and print."""

from __future__ import annotations

import base64
import html
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from analysis.report.documents.blocks import Bullets, Drawing, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.report.documents.blocks import Block, Column, Document, Group, Part, Row

#: What the page may use: itself.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page_text(document: Document) -> str:
    """The whole document; the same text for the same document."""
    title = html.escape(document.title)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{_style()}</style>"
    )
    parts = [
        f'<h1>{title}</h1><p class="subtitle">{html.escape(document.subtitle)}</p>',
        _summary(document.summary),
        _contents(document.parts),
        *map(_part, document.parts),
    ]
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n{body}\n</main></body></html>\n'


@cache
def _style() -> str:
    return resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def _summary(blocks: Sequence[Block]) -> str:
    if not blocks:
        return ""
    written = "\n".join(map(_block, blocks))
    return f'<section aria-labelledby="summary"><h2 id="summary">Summary</h2>{written}</section>'


def _contents(parts: Sequence[Part]) -> str:
    def entry(key: str, title: str) -> str:
        return f'<a href="#{html.escape(key)}">{html.escape(title)}</a>'

    lines = []
    for part in parts:
        inner = "".join(f"<li>{entry(section.key, section.title)}</li>" for section in part.sections)
        lines.append(f"<li>{entry(part.key, part.title)}{f'<ol>{inner}</ol>' if inner else ''}</li>")
    listed = "".join(lines)
    return f'<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ol>{listed}</ol></nav>'


def _part(part: Part) -> str:
    written = [f'<h2 id="{html.escape(part.key)}">{html.escape(part.title)}</h2>', *map(_block, part.blocks)]
    for section in part.sections:
        written.append(f'<h3 id="{html.escape(section.key)}">{html.escape(section.title)}</h3>')
        written += map(_block, section.blocks)
    inside = "\n".join(written)
    return f'<section aria-labelledby="{html.escape(part.key)}">{inside}</section>'


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            tone = f' class="{block.tone}"' if block.tone != "plain" else ""
            return f"<p{tone}>{_words(block.text)}</p>"
        case Bullets():
            heading = f"<p><strong>{_words(block.heading)}</strong></p>" if block.heading else ""
            return f"{heading}<ul>" + "".join(f"<li>{_words(item)}</li>" for item in block.items) + "</ul>"
        case Table():
            return _table(block)
        case Drawing():
            data = base64.b64encode(block.svg).decode()
            return (
                f'<figure><img alt="{html.escape(block.alt)}" src="data:image/svg+xml;base64,{data}">'
                f"<figcaption>{_words(block.caption)}</figcaption></figure>"
            )


def _words(text: str) -> str:
    """Text with the names between backticks as code."""
    pieces = [html.escape(piece) for piece in text.split("`")]
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _table(table: Table) -> str:
    key = html.escape(table.key)
    rows = [row for group in table.groups for row in group.rows]
    fractions = [max((len(_fraction(row.cells[place].text)) for row in rows), default=0) for place in _places(table)]
    header = "".join(f'<th scope="col"{_class(column)}>{html.escape(column.heading)}</th>' for column in table.columns)
    body = "".join(_group(table, group, fractions) for group in table.groups)
    foot = [f"<sup>{_letter(place)}</sup> {_words(note)}" for place, note in enumerate(table.footnotes)]
    if table.files:
        foot.append(f"In full: {', '.join(f'<code>{html.escape(name)}</code>' for name in table.files)}.")
    notes = "".join(f"<li>{line}</li>" for line in foot)
    return (
        # Above what scrolls, so that it can be read in full on a narrow screen.
        f'<p class="caption" id="about-{key}"><strong>{html.escape(table.title)}.</strong> {_words(table.about)}</p>'
        f'<div class="scroll" tabindex="0"><table id="{key}" aria-labelledby="about-{key}">'
        f"<thead><tr>{header}</tr></thead>{body}</table></div>" + (f'<ul class="foot">{notes}</ul>' if notes else "")
    )


def _places(table: Table) -> range:
    return range(len(table.columns))


def _group(table: Table, group: Group, fractions: Sequence[int]) -> str:
    span = len(table.columns)
    heading = f'<tr><th scope="rowgroup" colspan="{span}">{_words(group.heading)}</th></tr>' if group.heading else ""
    return f"<tbody>{heading}{''.join(_row(table, row, fractions) for row in group.rows)}</tbody>"


def _row(table: Table, row: Row, fractions: Sequence[int]) -> str:
    cells = []
    for place, (cell, column, wide) in enumerate(zip(row.cells, table.columns, fractions, strict=True)):
        marks = ",".join(_letter(note) for note in row.notes) if place == 0 else ""
        text = html.escape(cell.text) + (f"<sup>{marks}</sup>" if marks else "")
        cells.append(
            f"<td{_class(column, strong=cell.strong)}{_pad(cell.text, wide) if column.number else ''}>{text}</td>"
        )
    return f"<tr{' class=strong' if row.strong else ''}>{''.join(cells)}</tr>"


def _pad(text: str, wide: int) -> str:
    """What the text lacks after its point: there and not seen, so that points stand below each other."""
    own = _fraction(text)
    lacking = ("" if own or not wide else ".") + "0" * (wide - len(own))
    return f' data-f="{lacking}"' if lacking else ""


def _fraction(text: str) -> str:
    """The digits after the last point."""
    return text.rpartition(".")[2] if "." in text else ""


def _class(column: Column, *, strong: bool = False) -> str:
    names = " ".join(name for name, wanted in (("n", column.number), ("strong", strong)) if wanted)
    return f' class="{names}"' if names else ""


def _letter(place: int) -> str:
    """a, b, ... z, aa, ab, ..."""
    rest, last = divmod(place, 26)
    return (_letter(rest - 1) if rest else "") + chr(ord("a") + last)
