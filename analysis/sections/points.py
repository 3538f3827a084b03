"""Sensitivity and specificity at the score from which a reader calls a case positive."""

from analysis.sections import treatments
from analysis.sections.arms import of_arms
from analysis.sections.section import Part, Provenance, Section

POINTS = of_arms(treatments.POINTS, treatments.POINTS.title, treatments.POINTS.about)
POINT_DIFFERENCES = of_arms(
    treatments.POINT_DIFFERENCES, treatments.POINT_DIFFERENCES.title, "Second arm minus first, paired by case."
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    return treatments.point_words(provenance["options"]["points"])


SECTION = Section(
    "points",
    "Sensitivity and specificity",
    (Part(POINTS, planned=True), Part(POINT_DIFFERENCES, planned=True, reported=treatments.point_to_report)),
    _words,
)
