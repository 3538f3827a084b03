"""What the export tells of truth: the labels of every case's image, the images by state, and what was corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from readerstudy.studies.models import Case, Correction, Label, Study
from readerstudy.studies.selectors import truth_table

#: labels.csv: column -> what stands in it.
LABEL_COLUMNS = {
    "case": "number of the case",
    "purpose": "study, or training",
    "target": "the finding that it is shown for",
    "label": "TP or FP: of the case, as it was selected",
    "excluded": "why it is in no analysis, where a correction left it out",
    "score": "of the target",
    "state": "what is known of the target on the image: positive, negative, uncertain or not assessed",
    **{state.replace(" ", "_"): f"findings that are {state} on the image" for state in Label.State.values},
    "dataset": "of the image",
}
#: truth.csv: targets of the study by what is known of the pool's images.
TRUTH_COLUMNS = ("target", "state", "images", "above_threshold", "case_label", "available", "selected")
#: corrections.csv: column -> where it stands.
CORRECTION_COLUMNS = {
    "at": "at",
    "actor": "actor",
    "image": "image__name",
    "field": "field",
    "finding": "finding",
    "before": "before",
    "after": "after",
    "outcome": "outcome",
    "reason": "reason",
}


def label_rows(study: Study) -> Iterator[list[Any]]:
    """One row for each case, in the order of `LABEL_COLUMNS`."""
    for case in study.cases.select_related("image").prefetch_related("image__labels").order_by("number"):
        yield _label_row(case)


def _label_row(case: Case) -> list[Any]:
    states: dict[str, list[str]] = {state: [] for state in Label.State.values}
    for label in case.image.labels.all():
        states[label.state].append(label.finding)
    own = next((state for state, names in states.items() if case.target in names), Label.State.NOT_ASSESSED.value)
    lists = ["|".join(sorted(names)) for names in states.values()]
    head = [case.number, case.purpose, case.target, case.label, case.excluded_because, case.score, own]
    return [*head, *lists, case.image.dataset]


def truth_rows(study: Study) -> Iterator[list[Any]]:
    """One row for each target and state, in the order of `TRUTH_COLUMNS`."""
    for row in truth_table(study):
        cell = [row.cell.label, row.cell.available, row.cell.selected] if row.cell else ["", None, None]
        yield [row.target, row.state, row.images, row.above, *cell]


def correction_rows(study: Study) -> QuerySet[Correction, Any]:
    """All corrections, the first first, in the order of `CORRECTION_COLUMNS`."""
    return study.corrections.order_by("pk").values_list(*CORRECTION_COLUMNS.values())
