"""What the page of a study shows of work and readers, in few queries however large the study is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, QuerySet

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.selectors import (
    ExplanationProgress,
    explanation_progress,
    explanations_failed,
)
from readerstudy.lib.clock import shared_now
from readerstudy.reading.models import Allocation, Answer
from readerstudy.reading.selectors import PeriodProgress, periods_by_allocation
from readerstudy.studies.models import Membership, Scoring, Study
from readerstudy.studies.selectors import ScoreProgress, TruthRow, score_progress, scorings_failed, truth_table
from readerstudy.work.models import Worker
from readerstudy.work.queues import GPU
from readerstudy.work.workers import workers_alive

FAILURES_SHOWN = 20


@dataclass(frozen=True)
class ReaderProgress:
    """A reader as the coordinator sees them."""

    membership: Membership
    periods: tuple[PeriodProgress, ...]
    last_answer_at: datetime | None
    taken_over_by: str = ""  # the code of the reader who has a withdrawn one's sequence

    @property
    def withdrawn(self) -> bool:
        return self.membership.withdrawn_at is not None

    @property
    def consented(self) -> bool:
        return self.membership.has_consented


@dataclass(frozen=True)
class Watched:
    """What changes while workers compute and readers read.

    Every open page asks for it every few seconds: the number of queries is the same for every study, and none of them
    returns a row per image, case or answer.
    """

    scores: ScoreProgress
    score_failures: QuerySet[Scoring]
    explanations: ExplanationProgress
    failures: QuerySet[Explanation]
    workers: Sequence[Worker]
    selection: Sequence[tuple[str, Sequence[TruthRow]]]  # target, then what is known of its images
    readers: Sequence[ReaderProgress]

    @property
    def working(self) -> bool:
        return self.scores.unfinished > 0 or self.explanations.unfinished > 0


def watched(study: Study, *, now: datetime) -> Watched:
    """How far work and readers of the study are."""
    return Watched(
        scores=score_progress(study),
        score_failures=scorings_failed(study)[:FAILURES_SHOWN],
        explanations=explanation_progress(study),
        failures=explanations_failed(study)[:FAILURES_SHOWN],
        workers=workers_alive(now=shared_now(), queue=GPU),
        selection=_by_target(study),
        readers=readers_progress(study, now=now),
    )


def readers_progress(study: Study, *, now: datetime) -> list[ReaderProgress]:
    """Every reader of the study with their periods and last activity."""
    readers = study.memberships.filter(role=Membership.Role.READER).select_related("study", "user", "allocation")
    last = dict(
        Answer.objects.filter(reading__allocation__membership__study=study)
        .order_by()
        .values_list("reading__allocation__membership")
        .annotate(Max("answered_at"))
    )
    successors = dict(
        Allocation.objects.filter(membership__study=study, takes_over__isnull=False).values_list(
            "takes_over__membership", "membership__code"
        )
    )
    periods = periods_by_allocation(study, now=now)
    return [
        ReaderProgress(
            membership=reader,
            periods=tuple(periods.get(reader.allocation.pk, ())) if hasattr(reader, "allocation") else (),
            last_answer_at=last.get(reader.pk),
            taken_over_by=successors.get(reader.pk, ""),
        )
        for reader in readers.order_by("created_at", "pk")
    ]


def next_command(study: Study, watched: Watched) -> str:
    """What to run next from the shell to get the study going; empty where nothing is to be done."""
    if study.status == Study.Status.CLOSED:
        return ""
    scores, explanations, readers = watched.scores, watched.explanations, watched.readers
    steps = (
        (not study.images.exists(), f"study_import {study.slug} --images DIR --labels CSV"),
        (not study.cases.exists() and scores.scored < scores.images - scores.failed, f"study_score {study.slug}"),
        (not study.cases.exists() or bool(study.selection_outdated), f"study_select {study.slug}"),
        (explanations.asked < explanations.cases, f"study_explain {study.slug}"),
        (explanations.done < explanations.asked, ""),
        (any(not reader.periods and not reader.withdrawn for reader in readers), f"study_allocate {study.slug}"),
        (_all_read(readers), f"study_close {study.slug}"),
    )
    return next((command for needed, command in steps if needed), "")


def _all_read(readers: Sequence[ReaderProgress]) -> bool:
    periods = [period for reader in readers if not reader.withdrawn for period in reader.periods]
    return bool(periods) and all(period.done == period.total for period in periods)


def _by_target(study: Study) -> list[tuple[str, list[TruthRow]]]:
    rows: dict[str, list[TruthRow]] = defaultdict(list)
    for row in truth_table(study):
        rows[row.target].append(row)
    return list(rows.items())
