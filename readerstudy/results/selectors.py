"""Reads of the results page: who rated what, and how much of it is missing."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd
from django.db.models import Count

from readerstudy.reading.models import Reading
from readerstudy.results.services import GIFSPLANATION
from readerstudy.studies.models import Case, Question, Study


@dataclass(frozen=True)
class ReaderPeriod:
    """How far one reader is in one period; a reading is complete when every question has an answer."""

    reader: str
    period: int
    planned: int
    complete: int
    answers: int
    median_seconds: float | None

    @property
    def done(self) -> bool:
        return self.complete == self.planned


@dataclass(frozen=True)
class Progress:
    """All readers and periods, and their sums."""

    rows: tuple[ReaderPeriod, ...]

    @property
    def planned(self) -> int:
        return sum(row.planned for row in self.rows)

    @property
    def complete(self) -> int:
        return sum(row.complete for row in self.rows)

    @property
    def answers(self) -> int:
        return sum(row.answers for row in self.rows)


def progress(study: Study, frame: pd.DataFrame) -> Progress:
    """What was planned (the allocation) and what `frame`, the study's responses, holds of it."""
    planned = (
        Reading.objects.filter(
            case__study=study, case__purpose=Case.Purpose.STUDY, allocation__membership__withdrawn_at=None
        )
        .order_by()
        .values_list("allocation__membership__code", "period__number")
        .annotate(count=Count("id"))
    )
    asked = set(study.questions.filter(required=True, kind__in=Question.ORDINAL).values_list("key", flat=True))
    answers: Counter[tuple[str, int]] = Counter()
    complete: Counter[tuple[str, int]] = Counter()
    seconds: dict[tuple[str, int], list[float]] = {}
    keys = ["reader", "period", "case", "arm"]
    for (reader, period, _, _), group in frame.groupby(keys, sort=False):
        place = (str(reader), int(str(period)))
        answers[place] += len(group)
        if asked <= set(group["question"]):
            complete[place] += 1
            if pd.notna(spent := group["seconds"].iloc[0]):
                seconds.setdefault(place, []).append(float(spent))
    rows = [
        ReaderPeriod(
            reader=reader,
            period=period,
            planned=count,
            complete=complete[reader, period],
            answers=answers[reader, period],
            median_seconds=float(pd.Series(times).median()) if (times := seconds.get((reader, period))) else None,
        )
        for reader, period, count in planned
    ]
    return Progress(tuple(sorted(rows, key=lambda row: (len(row.reader), row.reader, row.period))))


def import_note(study: Study) -> str:
    """What must be known of a published study that was loaded, empty for a study that was read here."""
    note = study.audit.filter(action=GIFSPLANATION).values_list("detail__note", flat=True).first()
    return str(note or "")
