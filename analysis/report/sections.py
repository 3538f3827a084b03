"""The sections of a report as people see them: what is missing, what was planned, and everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.data.order import natural_order, unique_slugs
from analysis.report.shown import ShownTable, Tables, shown_table
from analysis.sections.catalogue import COMPLETENESS, SECTIONS

if TYPE_CHECKING:
    from analysis.sections.section import Part, Provenance, Section


#: Keys of the sections that can be planned.
PLANNABLE = tuple(section.key for section in SECTIONS if any(part.planned for part in section.parts))


@dataclass(frozen=True)
class Planned:
    """What was planned before the data were seen, as keys of sections. No `questions` means all of them."""

    analyses: tuple[str, ...] = ("effect", "ordinal", "auc")
    questions: tuple[str, ...] = ()
    stated: bool = False  # whether anybody said so; else it is the standard analysis of every study


@dataclass(frozen=True)
class ShownFigure:
    """A figure of the report with the words under it."""

    name: str
    caption: str
    about: str  # the wording of its question, empty where it is of none


@dataclass(frozen=True)
class ShownSection:
    """A section, ready to print."""

    key: str
    title: str
    about: str
    tables: tuple[ShownTable, ...]
    figures: tuple[ShownFigure, ...]
    methods: tuple[str, ...]  # its options in words, paragraph by paragraph


@dataclass(frozen=True)
class Results:
    """All sections: what is missing, what was planned, and everything else."""

    completeness: ShownSection | None
    planned: tuple[ShownSection, ...]
    exploration: tuple[ShownSection, ...]


def results_shown(
    tables: Tables,
    figures: Sequence[str],
    provenance: Provenance,
    questions: Mapping[str, str],
    plan: Planned,
    *,
    part: bool,
) -> Results:
    """Everything that a study's report has; `questions` is key -> wording in the protocol's order.

    `provenance` has the options that the words of the sections state. `part` tells that the report is of part of the
    data: then nothing was planned.
    """
    report = _Report(tables, provenance, questions)
    primary = {key: text for key, text in questions.items() if not plan.questions or key in plan.questions}
    others = {key: text for key, text in questions.items() if key not in primary}
    first = () if part else plan.analyses
    by_key = {section.key: section for section in SECTIONS}
    planned = [
        report.section(by_key[key], [(one, primary) for one in by_key[key].parts if one.planned], key=f"planned-{key}")
        for key in first
    ]
    exploration = []
    for section in SECTIONS:
        done = section.key in first
        parts = [(one, others if done and one.planned else questions) for one in section.parts]
        title = section.rest if done and not others else ""
        exploration.append(report.section(section, parts, title=title, figures=figures))
    return Results(
        report.section(COMPLETENESS, [(one, questions) for one in COMPLETENESS.parts], figures=figures),
        tuple(section for section in planned if section),
        tuple(section for section in exploration if section),
    )


def sections_shown(
    sections: Sequence[Section], tables: Tables, figures: Sequence[str], provenance: Provenance
) -> tuple[ShownSection, ...]:
    """The sections of a report that has no questions and no plan, such as a comparison of treatments."""
    report = _Report(tables, provenance, {})
    made = [report.section(one, [(part, {"": ""}) for part in one.parts], figures=figures) for one in sections]
    return tuple(section for section in made if section)


@dataclass(frozen=True)
class _Report:
    """What the sections are made of."""

    tables: Tables
    provenance: Provenance
    questions: Mapping[str, str]

    def section(
        self,
        section: Section,
        parts: Sequence[tuple[Part, Mapping[str, str]]],
        *,
        key: str = "",
        title: str = "",
        figures: Sequence[str] = (),
    ) -> ShownSection | None:
        """A section with these parts, each of some questions; None where the report has nothing for it."""
        contrast = self.provenance.get("contrast")
        made = [shown_table(part, self.tables, questions, contrast) for part, questions in parts if questions]
        found = tuple(table for table in made if table is not None)
        drawn = _figures(section, figures, self.questions)
        if not found and not drawn:
            return None
        words = tuple(paragraph.replace("`", "") for paragraph in section.words(self.provenance))
        return ShownSection(key or section.key, title or section.title, section.about, found, drawn, words)


def _figures(section: Section, names: Sequence[str], questions: Mapping[str, str]) -> tuple[ShownFigure, ...]:
    slugs = {slug: key for key, slug in unique_slugs(natural_order(questions)).items()}
    found = []
    for figure in section.figures:
        for name in filter(figure.draws, names):
            rest = name.removeprefix(figure.start).removeprefix("_")
            found.append(ShownFigure(name, figure.caption, questions.get(slugs.get(rest, ""), "")))
    return tuple(found)
