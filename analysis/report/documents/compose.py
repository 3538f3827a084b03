"""A report as a document: summary, who rated what, what was planned, what is exploration, notes, and the appendix."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.data.order import distinct
from analysis.report.cells import ABSENT
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
from analysis.report.sections import Planned, results_shown, sections_shown
from analysis.sections.catalogue import SECTIONS
from analysis.sections.columns import NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.report.documents.blocks import Block
    from analysis.report.sections import Results, ShownFigure, ShownSection
    from analysis.report.shown import Cell as ShownCell
    from analysis.report.shown import ShownTable, Tables
    from analysis.report.words import Chapter
    from analysis.sections.section import Section as ReportSection

#: Longer tables stand in their CSV file; a page that nobody turns to helps nobody.
LONGEST = 150
_MINUS = re.compile(r"(?<![\w.])-(?=[.\d])")
_TITLES = {section.key: section.title for section in SECTIONS}


@dataclass(frozen=True)
class Content:
    """What a report hands to its document: tables as plain rows, and each figure's files (SVG, PDF)."""

    title: str
    tables: Tables
    figures: Mapping[str, tuple[bytes, bytes]]
    provenance: Mapping[str, Any]
    messages: Sequence[str]
    chapters: Sequence[Chapter]  # the methods
    sections: Sequence[ReportSection]


@dataclass
class _Anchors:
    """Anchors that are distinct in the document, and the figures that it has shown."""

    taken: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)

    def key(self, wanted: str) -> str:
        key = distinct(wanted, self.taken, joint="-")
        self.taken.add(key)
        return key


def document_of(content: Content) -> Document:
    """The document of a study's report, or of another one: then its tables, figures and methods in their order."""
    composer = _Composer(content, _Anchors())
    return composer.study() if "planned" in content.provenance else composer.other()


@dataclass(frozen=True)
class _Composer:
    content: Content
    anchors: _Anchors

    def study(self) -> Document:
        provenance = self.content.provenance
        data, planned = provenance["data"], Planned(**provenance["planned"])
        questions = {key: provenance["wording"].get(key, _spaced(key)) for key in data["questions"]}
        part = provenance["selection"] is not None
        shown = results_shown(
            self.content.tables, tuple(self.content.figures), provenance, questions, planned, part=part
        )
        head = _counts(data)
        contrast = provenance["contrast"]
        compared = f"{_minus(contrast)}. {head}" if contrast else f"One arm. {head}"
        return Document(
            self.content.title,
            compared if data["responses"] else "No responses.",
            self._summary(planned, questions, part=part),
            (*self._results(shown, planned, part=part), *self._rest()),
            self.content.title,
        )

    def other(self) -> Document:
        content = self.content
        shown = sections_shown(content.sections, content.tables, tuple(content.figures), content.provenance)
        sections = tuple(self._section(section, section.figures) for section in shown)
        results = Part(self.anchors.key("results"), "Results", sections)
        return Document(content.title, "", (), (results, *self._rest()), content.title)

    def _summary(self, planned: Planned, questions: Mapping[str, str], *, part: bool) -> tuple[Block, ...]:
        provenance = self.content.provenance
        blocks: list[Block] = []
        if part:
            blocks.append(Paragraph(f"{self.content.messages[0] if self.content.messages else ''}", "warning"))
        asked = {key: _spaced(key) for key in questions if not planned.questions or key in planned.questions}
        if provenance["contrast"]:
            tables, arms = self.content.tables, provenance["arms"]
            told = {analysis: sentences(tables, analysis, asked, arms) for analysis in planned.analyses}
            blocks += [Bullets(tuple(map(_minus, said)), _TITLES[key]) for key, said in told.items() if said]
        else:
            blocks.append(Paragraph("Arms cannot be compared: there are not two of them in these data."))
        if self.content.messages:
            count = len(self.content.messages)
            what = f"{count} notes say" if count > 1 else "A note says"
            blocks.append(Paragraph(f"{what} what could not be had, or needs care: see Notes on these data.", "note"))
        return tuple(blocks)

    def _results(self, shown: Results, planned: Planned, *, part: bool) -> list[Part]:
        parts = []
        if shown.completeness is not None:
            parts.append(
                Part(
                    self.anchors.key("participants"),
                    "Participants and readings",
                    (),
                    self._blocks(shown.completeness, shown.completeness.figures),
                )
            )
        if shown.planned:
            said = Paragraph(_planned_words(planned))
            # A figure stands where its section comes first.
            figures = {f"planned-{section.key}": section.figures for section in shown.exploration}
            made = (self._section(section, figures.get(section.key, section.figures)) for section in shown.planned)
            sections = tuple(section for section in made if section.blocks)
            parts.append(Part(self.anchors.key("planned"), "Planned analysis", sections, (said,)))
        if shown.exploration:
            warning = Paragraph(
                "Nothing here was planned as an answer to the study's question. P-values are not adjusted for looking: "
                "among many, some are small by chance.",
                "warning",
            )
            made = (self._section(section, section.figures) for section in shown.exploration)
            sections = tuple(section for section in made if section.blocks)
            title = "Exploration of part of the data" if part else "Exploratory analyses"
            parts.append(Part(self.anchors.key("exploration"), title, sections, (warning,)))
        return parts

    def _rest(self) -> list[Part]:
        parts = []
        if self.content.messages:
            notes = Bullets(tuple(self.content.messages))
            parts.append(Part(self.anchors.key("notes"), "Notes on these data", (), (notes,)))
        provenance = Bullets(tuple(_facts(self.content.provenance)))
        parts.append(Part(self.anchors.key("provenance"), "Provenance", (), (provenance,), appendix=True))
        parts.append(self._methods())
        return parts

    def _methods(self) -> Part:
        sections = [
            Section(self.anchors.key(f"methods-{number}"), title, tuple(map(Paragraph, paragraphs)))
            for number, (title, paragraphs) in enumerate(self.content.chapters, start=1)
        ]
        return Part(self.anchors.key("methods"), "Methods", tuple(sections), appendix=True)

    def _section(self, section: ShownSection, figures: Sequence[ShownFigure]) -> Section:
        return Section(self.anchors.key(f"section-{section.key}"), section.title, self._blocks(section, figures))

    def _blocks(self, section: ShownSection, figures: Sequence[ShownFigure]) -> tuple[Block, ...]:
        """Words, tables and those of the figures that the document has not shown."""
        blocks: list[Block] = []
        blocks += [table_block(self.anchors.key(table.name), table) for table in section.tables if self._says(table)]
        blocks += [self._drawing(figure) for figure in figures if self._new(figure.name)]
        if blocks and section.about:
            blocks.insert(0, Paragraph(section.about))
        return tuple(blocks)

    def _says(self, table: ShownTable) -> bool:
        """Whether a table has anything to say: of one arm, those that compare arms hold zeros and dashes."""
        provenance = self.content.provenance
        return not table.compares or "contrast" not in provenance or bool(provenance["contrast"])

    def _new(self, figure: str) -> bool:
        """Whether the document has not shown it yet, which it now has."""
        if figure in self.anchors.drawn:
            return False
        self.anchors.drawn.add(figure)
        return True

    def _drawing(self, figure: ShownFigure) -> Drawing:
        caption = f"{figure.about}: {figure.caption}" if figure.about else figure.caption
        kinds = [kind for section in self.content.sections for kind in section.figures if kind.draws(figure.name)]
        alt = f"{caption} The numbers are in {', '.join(f'{kind.table.name}.csv' for kind in kinds)}."
        return Drawing(figure.name, caption, alt, *self.content.figures[figure.name])


def table_block(key: str, shown: ShownTable) -> Table:
    """A table as people see it: its notes become footnotes, and of rows to report only those are strong."""
    texts = [place for place, heading in enumerate(shown.headings) if heading.text == NOTE.heading]
    kept = [place for place in range(len(shown.headings)) if place not in texts]
    notes: list[str] = []
    groups = []
    left = LONGEST
    for group in shown.groups:
        rows = []
        for row in group.rows[:left]:
            said = [row.cells[place].text for place in texts if row.cells[place].text != ABSENT]
            notes += [note for note in said if note not in notes]
            strong = row.reported and (row.headline or row.pooled)
            cells = tuple(_cell(row.cells[place]) for place in kept)
            rows.append(Row(cells, strong, tuple(notes.index(note) for note in said)))
        left = max(0, left - len(group.rows))
        if rows:
            groups.append(Group(group.name, tuple(rows)))
    total = sum(len(group.rows) for group in shown.groups)
    more = f" The first {LONGEST} of {total:,} rows." if total > LONGEST else ""
    columns = tuple(Column(shown.headings[place].text, shown.headings[place].number) for place in kept)
    return Table(key, shown.title, f"{shown.note}{more}", columns, tuple(groups), tuple(notes), shown.files)


def _cell(cell: ShownCell) -> Cell:
    return Cell(_minus(cell.text) if cell.number else cell.text, cell.strong)


def _minus(text: str) -> str:
    """A minus sign before numbers and between arms, in place of a hyphen."""
    return _MINUS.sub("−", text).replace(" - ", " − ")


def _spaced(key: str) -> str:
    return key.replace("_", " ")


def _counts(data: Mapping[str, Any]) -> str:
    def counted(name: str) -> str:
        number = data[name]
        return f"{number:,} {name.removesuffix('s') if number == 1 else name}"

    return f"{counted('responses')} of {counted('readers')} on {counted('cases')}."


def _planned_words(planned: Planned) -> str:
    named = "; ".join(f"“{_TITLES[key]}”" for key in planned.analyses)
    questions = f" Questions: {', '.join(planned.questions)}." if planned.questions else ""
    if planned.stated:
        return f"What was planned before the data were seen: {named}.{questions}"
    return f"No plan states an analysis; this is the standard one of every study: {named}."


def _facts(provenance: Mapping[str, Any]) -> list[str]:
    """What another person needs to make the same report."""
    data = provenance.get("data", {})
    plan, selection = provenance.get("plan"), provenance.get("selection")
    facts = {
        "File of the data": data.get("file"),
        "SHA-256 of the file": _code(data.get("file_sha256")),
        "SHA-256 of the data": _code(data.get("sha256")),
        "Arms": ", ".join(provenance.get("arms", ())),
        "Contrast": _minus(provenance.get("contrast") or ""),
        "Analysis plan": plan and f"{plan['file']}, SHA-256 `{plan['sha256']}`",
        "Selection": selection and "; ".join(f"{name}: {values}" for name, values in selection.items()),
        "Seed": provenance.get("seed"),
        "Software": ", ".join(f"{name} {version}" for name, version in provenance["software"].items()),
    }
    return [f"{name}: {value}" for name, value in facts.items() if value not in {None, ""}]


def _code(text: str | None) -> str | None:
    return f"`{text}`" if text else None
