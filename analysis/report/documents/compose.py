"""A study's report as a document: summary, who took part, what was planned, what is exploration, notes, appendix."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.report.documents.blocks import (
    Bullets,
    Cell,
    Column,
    Document,
    Drawing,
    Group,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
)
from analysis.report.documents.summary import sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.report.documents.blocks import Block

#: Longer tables stand in their CSV file; a page that nobody turns to helps nobody.
LONGEST = 150
_NOTE = "Note"
_MINUS = re.compile(r"(?<![\w.])-(?=[.\d])")


def table_block(key: str, shown: ShownTable) -> Table:
    """A table as the results page shows it: its notes become footnotes, its rows are strong where they are to report."""
    notes: list[str] = []
    places = [place for place, heading in enumerate(shown.headings) if heading.text != _NOTE]
    rest = [place for place, heading in enumerate(shown.headings) if heading.text == _NOTE]
    # Where one row is the one to report, the others are not, pooled or not.
    headline = any(row.headline for group in shown.groups for row in group.rows)
    groups = []
    left = LONGEST
    for group in shown.groups:
        rows = []
        for row in group.rows[: max(left, 0)]:
            said = [row.cells[place].text for place in rest if row.cells[place].text != ABSENT]
            notes += [note for note in said if note not in notes]
            strong = row.headline if headline else row.pooled
            cells = tuple(_cell(row.cells[place], strong or not headline) for place in places)
            rows.append(Row(cells, strong, tuple(notes.index(note) for note in said)))
        left -= len(group.rows)
        if rows:
            groups.append(Group(group.name, tuple(rows)))
    total = sum(len(group.rows) for group in shown.groups)
    more = f" The first {LONGEST} of {total:,} rows." if total > LONGEST else ""
    columns = tuple(Column(shown.headings[place].text, shown.headings[place].number) for place in places)
    return Table(key, shown.title, shown.note + more, columns, tuple(groups), tuple(notes), shown.files)


def _cell(cell: ShownCell, may_be_strong: bool) -> Cell:
    text = _MINUS.sub("−", cell.text) if cell.number else cell.text
    return Cell(text, cell.strong and may_be_strong)
