"""Reads of the results page: who rated what, which report there is, and whether anybody computes the next."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from analysis.data.order import natural_key
from readerstudy.reading.models import Reading
from readerstudy.results.models import ReportRun
from readerstudy.results.versions import ReportSpec
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Case, Question, Study
from readerstudy.work.queues import REPORTS
from readerstudy.work.workers import workers_alive

Status = ReportRun.Status


@dataclass(frozen=True)
class ReaderPeriod:
    """How far one reader is in one period; a reading is complete when every question has an answer."""

    reader: str
    period: int
    planned: int
    complete: int
    answers: int

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


@dataclass(frozen=True)
class ReportState:
    """What there is of a report: that of the present data, if anybody asked for it, and what can be shown meanwhile."""

    current: ReportRun | None
    shown: ReportRun | None
    worker: bool

    @property
    def active(self) -> bool:
        """Whether the report of the present data is still to come."""
        return self.current is not None and self.current.active


def progress(study: Study) -> Progress:
    """What was planned (the allocation) and what is answered of it, of the questions that statistics use."""
    asked = study.questions.filter(required=True, kind__in=Question.ORDINAL).count()
    ordered = Q(answers__question__kind__in=Question.ORDINAL, answers__superseded=False)
    readings = (
        Reading.objects.filter(
            case__study=study,
            case__purpose=Case.Purpose.STUDY,
            case__excluded_because="",
            allocation__membership__withdrawn_at=None,
        )
        .order_by()
        .annotate(
            given=Count("answers__question", filter=ordered, distinct=True),
            required=Count("answers__question", filter=ordered & Q(answers__question__required=True), distinct=True),
        )
        .values_list("allocation__membership__code", "period__number", "given", "required")
    )
    planned: Counter[tuple[str, int]] = Counter()
    answers: Counter[tuple[str, int]] = Counter()
    complete: Counter[tuple[str, int]] = Counter()
    for code, period, given, required in readings:
        planned[code, period] += 1
        answers[code, period] += given
        complete[code, period] += given > 0 and required == asked
    places = sorted(planned, key=lambda place: (natural_key(place[0]), place[1]))
    return Progress(
        tuple(
            ReaderPeriod(*place, planned=planned[place], complete=complete[place], answers=answers[place])
            for place in places
        )
    )


def report_state(spec: ReportSpec, current: ReportRun | None, *, now: datetime) -> ReportState:
    """The run of the present data, as `run_request` gave it, beside the newest report that is done."""
    done = spec.runs().filter(status=Status.DONE).order_by("-finished_at")
    shown = current if current is not None and current.status == Status.DONE else done.first()
    return ReportState(current, shown, bool(workers_alive(now=now, queue=REPORTS)))


def report_under_way(spec: ReportSpec) -> ReportRun | None:
    """The run that waits or is computed, else the one that ended last; a poll asks nothing of the data."""
    active = spec.runs().filter(status__in=(Status.PENDING, Status.RUNNING)).order_by("-queued_at")
    return active.first() or spec.runs().order_by("-finished_at").first()


def report_run(study: Study, coding: str, short_version: str) -> ReportRun | None:
    """The finished run of this version, as an address names it."""
    runs = study.report_runs.filter(coding=coding, status=Status.DONE, version__startswith=short_version)
    return runs.first() if len(short_version) >= 16 else None


def import_note(study: Study) -> str:
    """What must be known of a published study that was loaded, empty for a study that was read here."""
    note = study.audit.filter(action=Action.PUBLISHED_STUDY_IMPORTED).values_list("detail__note", flat=True).first()
    return str(note or "")
