"""Query sets to tidy frames: the responses of a study in exactly the columns of analysis/data/schema.py."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from django.db.models import Count, F, Max, QuerySet, Sum, Window

from analysis.data.allocation import check_allocation
from analysis.data.order import natural_key, natural_order
from analysis.data.schema import COLUMN_NAMES, cell_text, validate
from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Answer, Reading, Visit
from readerstudy.reading.selectors import active_seconds, exclusion
from readerstudy.results.blinding import Coding
from readerstudy.studies.models import Case, Question, Study

IOU_RULE = (
    "The IoU of a response is the mean, over the methods that its arm shows, of the IoU of the method's map with the "
    "expert's annotation; it is empty for false positives and for cases without an annotation."
)


@dataclass(frozen=True)
class DataVersion:
    """What changes whenever the responses of a study change, for a fraction of the cost of fetching them."""

    answers: int
    last_answer: datetime | None
    seconds: float | None
    explained: int
    last_explanation: datetime | None

    def __str__(self) -> str:
        parts = (self.answers, self.last_answer, self.seconds, self.explained, self.last_explanation)
        return "|".join("" if part is None else str(part) for part in parts)


def analysed(study: Study) -> QuerySet[Answer]:
    """Answers that count: of study cases that were not left out, and of readers who have not been withdrawn."""
    return Answer.objects.filter(
        reading__case__study=study,
        reading__case__purpose=Case.Purpose.STUDY,
        reading__case__excluded_because="",
        reading__allocation__membership__withdrawn_at=None,
    )


def data_version(study: Study) -> DataVersion:
    """The version of the study's responses. Answers are only ever added, so their number and last time tell."""
    answers = analysed(study).aggregate(count=Count("id"), last=Max("answered_at"))
    visits = Visit.objects.filter(reading__case__study=study).aggregate(total=Sum("seconds"))
    explanations = Explanation.objects.filter(case__study=study).exclude(ious={})
    explained = explanations.aggregate(count=Count("id"), last=Max("finished_at"))
    return DataVersion(answers["count"], answers["last"], visits["total"], explained["count"], explained["last"])


def responses(study: Study, coding: Coding) -> pd.DataFrame:
    """One row per reader x case x arm x period x question that was answered, with the latest revision's value.

    Only of questions whose answers have an order: options, texts and places are in the export's answers.csv.
    One query. Readings under way count as far as they are answered. `iou` is the mean over the methods that the arm
    shows of a true positive's IoU with the expert's annotation. `seconds` is the active time on the reading and stands
    in each of its rows. Answers that were imported, not given here (their reading was never opened), have no times.
    Arms have the keys that `coding` shows; masked ones have no `iou` and `map_area`, which are made of what they show.
    """
    return validate(pd.DataFrame(list(_rows(study, _latest(study), coding)), columns=list(COLUMN_NAMES)))


ALLOCATION_COLUMNS = {
    "reader": "allocation__membership__code",
    "seed": "allocation__seed",
    "period": "period__number",
    "position": "position",
    "case": "case__number",
    "arm": "arm__key",
    "opened_at": "opened_at",
    "completed_at": "completed_at",
    "excluded": "excluded",
}


def allocation_rows(study: Study, columns: Iterable[str]) -> QuerySet[Reading, Any]:
    """What each reader was to see, in order, answered or not: these of `ALLOCATION_COLUMNS`, arms by their own keys."""
    readings = Reading.objects.filter(case__study=study).annotate(excluded=exclusion())
    ordered = readings.order_by("allocation__membership__code", "period__number", "position")
    return ordered.values_list(*(ALLOCATION_COLUMNS[name] for name in columns))


def flow(study: Study, coding: Coding, frame: pd.DataFrame) -> pd.DataFrame:
    """The flow table of the study's responses, `frame`, with what was allocated and why some of it was not rated."""
    # Loaded where reports are computed: the web needs neither of them, nor scipy.
    from analysis.data.pairs import make_pairs
    from analysis.sections.flow_tables import flow_table

    columns = ["reader", "case", "arm", "period", "opened_at", "excluded"]
    planned = pd.DataFrame(list(allocation_rows(study, columns)), columns=columns, dtype=object)
    planned["arm"] = [coding.key(own) for own in planned["arm"]]
    return flow_table(frame, make_pairs(frame, coding.contrast or ("", "")), check_allocation(planned))


def _latest(study: Study) -> QuerySet[Answer, Any]:
    """The current answer to each question of each reading, in the values that `_rows` takes."""
    return (
        analysed(study)
        .filter(superseded=False, question__kind__in=Question.ORDINAL)
        .order_by("reading_id", "question_id", "-revision")
        .distinct("reading_id", "question_id")
        .annotate(given=Window(Count("pk"), partition_by=[F("reading"), F("question")]))
        .annotate(active_seconds=active_seconds("reading"))
        .values_list(
            "reading__allocation__membership__code",
            "reading__case__number",
            "reading__case__image__name",
            "reading__case__image__patient",
            "reading__case__target",
            "reading__case__label",
            "reading__arm__key",
            "reading__arm__methods",
            "reading__case__explanation__ious",
            "reading__case__explanation__measures__mask_area",
            "reading__period__number",
            "reading__position",
            "question__key",
            "value",
            "active_seconds",
            "reading__opened_at",
            "answered_at",
            "given",
        )
    )


def response_rows(study: Study, coding: Coding) -> Iterator[list[str]]:
    """The same responses as the cells of RESPONSES.csv, in the order of `validate`, one reader in memory at a time."""
    codes = study.memberships.exclude(code="").values_list("code", flat=True)
    for code in natural_order(codes):
        own = _latest(study).filter(reading__allocation__membership__code=code)
        for row in sorted(_rows(study, own, coding), key=_place):
            yield [cell_text(row[name]) for name in COLUMN_NAMES]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        natural_key(row["case"]),
        row["period"],
        row["position"],
        natural_key(row["question"]),
        natural_key(row["arm"]),
    )


def _rows(study: Study, latest: QuerySet[Answer, Any], coding: Coding) -> Iterator[dict[str, Any]]:
    for (
        reader,
        number,
        image,
        patient,
        target,
        label,
        arm,
        methods,
        ious,
        area,
        period,
        position,
        question,
        value,
        seconds,
        opened_at,
        answered_at,
        given,
    ) in latest.iterator(chunk_size=5000):
        iou = arm_iou(methods, ious) if label == "TP" and not coding.is_masked else None
        mask_area = area if label == "TP" else None
        yield {
            "study": study.slug,
            "reader": reader,
            "case": str(number),
            "image": image,
            "patient": patient,
            "target": target,
            "label": label,
            "arm": coding.key(arm),
            "period": period,
            "position": position,
            "question": question,
            "value": value,
            "iou": iou,
            "seconds": seconds,
            "opened_at": opened_at,
            "answered_at": answered_at if opened_at is not None else None,
            "revisions": given - 1,
            "mask_area": mask_area,
            # Maps are cut to the size of the mask for their IoU.
            "map_area": mask_area if iou is not None else None,
        }


def arm_iou(methods: list[str], ious: dict[str, float | None] | None) -> float | None:
    """Mean IoU over the methods that an arm shows; None unless every one of them has an IoU.

    The rating is about the arm, whose maps are shown together, so the arm has one overlap. The mean, not the best: the
    best of three maps would favour the arm that shows more of them.
    """
    values = [(ious or {}).get(method) for method in methods]
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(values) else None
