"""Equivalence and non-inferiority against a margin that was set before the data were seen."""

from analysis.sections.columns import CONTRAST, LABEL, MEAN_DIFFERENCE, N_CASES, QUESTION, TARGET
from analysis.sections.section import Column, Interval, Kind, Part, Provenance, Reading, Section, Table

EQUIVALENCE = Table(
    "equivalence",
    "Equivalence and non-inferiority",
    "The mean difference against the margin set beforehand.",
    (
        QUESTION,
        LABEL,
        TARGET,
        N_CASES,
        Column("margin", "Margin", Kind.NUMBER),
        MEAN_DIFFERENCE,
        Interval("low_90", "high_90", "90% interval", of="mean_difference"),
        Column("p_above_lower", "p, above −margin", Kind.P),
        Column("p_below_upper", "p, below +margin", Kind.P),
        Column("p_equivalence", "p, equivalence", Kind.P),
        Column("equivalent", "Equivalent", Kind.FLAG),
        Column("not_worse", "Not worse", Kind.FLAG),
    ),
    Reading.DIFFERENCE,
    optional=(CONTRAST,),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    margin = provenance["options"]["margin"]
    if margin is None:
        return ("No margin was given, so that equivalence and non-inferiority are not tested.",)
    return (
        (
            f"Equivalence (`equivalence`) with a margin of {margin:g} points: "
            f"{provenance['options']['effect']['equivalence']}. The second arm is not worse where it scores true "
            "positives not lower, and false positives not higher, by the margin."
        ),
    )


SECTION = Section("equivalence", "Equivalence and non-inferiority", (Part(EQUIVALENCE, planned=True),), _words)
