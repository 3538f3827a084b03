"""Every section of a study's report, in the order in which they are shown."""

from analysis.sections import (
    agreement,
    auc,
    completeness,
    effect,
    equivalence,
    joint,
    ordinal,
    overlap,
    period,
    points,
    scores,
    time,
    wilcoxon,
)
from analysis.sections.section import Section, Table

#: What can be planned or explored.
SECTIONS: tuple[Section, ...] = (
    ordinal.SECTION,
    effect.SECTION,
    equivalence.SECTION,
    auc.SECTION,
    points.SECTION,
    period.SECTION,
    agreement.SECTION,
    time.SECTION,
    scores.SECTION,
    joint.SECTION,
    overlap.SECTION,
    wilcoxon.SECTION,
)
#: Who rated what: neither planned nor exploration.
COMPLETENESS = completeness.SECTION
#: All of a study's report.
REPORT: tuple[Section, ...] = (*SECTIONS, COMPLETENESS)


def tables(sections: tuple[Section, ...] = REPORT) -> dict[str, Table]:
    """The tables of these sections by name."""
    return {table.name: table for section in sections for table in section.tables}
