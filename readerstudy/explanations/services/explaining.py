"""Explaining as a kind of leased work: what a worker gets of a case, alone or with several that go well together."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.selectors import annotations_of
from readerstudy.explanations.services.store import explanation_store
from readerstudy.explanations.types import ExplanationJob, ExplanationResult
from readerstudy.lib.media import media_path
from readerstudy.work import lease
from readerstudy.work.kinds import Kind
from readerstudy.work.queues import GPU


def _job(rows: Sequence[Explanation], token: uuid.UUID) -> ExplanationJob:
    (row,) = rows
    study, image = row.case.study, row.case.image
    return ExplanationJob(
        explanation_id=row.pk,
        token=token,
        image_path=media_path(image.file),
        target=row.case.target,
        classifier=study.classifier,
        autoencoder=study.autoencoder,
        methods=tuple(row.methods),
        annotations=annotations_of(row.case),
        parameters=row.parameters,
    )


def _store(job: ExplanationJob, result: ExplanationResult, now: datetime) -> int:
    return explanation_store(explanation_id=job.explanation_id, token=job.token, result=result, now=now)


EXPLAINING = Kind(
    model=Explanation,
    queue=GPU,
    task="explainer.tasks.explain_case",
    verb="explained",
    noun="case",
    job=_job,
    store=_store,
    order=("case__number",),
    related=("case__study", "case__image"),
)


@transaction.atomic
def explanation_claim_beside(*, job: ExplanationJob, limit: int, worker: str, now: datetime) -> list[ExplanationJob]:
    """Take on up to `limit` more cases that can be explained together with a claimed one.

    They are the study's next waiting ones of the same methods and parameters. None of them has been tried before, and
    where the claimed one has, none is taken: a case that kills its worker must not take others to their last attempt.
    """
    if limit < 1:
        return []
    claimed = Explanation.objects.select_related("case").get(pk=job.explanation_id)
    if claimed.attempts > 1 or claimed.faults:
        return []
    rows = (
        Explanation.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("case__study", "case__image")
        .filter(
            case__study=claimed.case.study_id,
            status=Explanation.Status.PENDING,
            attempts=0,
            faults=0,
            methods=claimed.methods,
            parameters=claimed.parameters,
        )
        .order_by("queued_at", "case__number")
    )
    return [_taken(row, worker, now) for row in rows[:limit]]


def _taken(row: Explanation, worker: str, now: datetime) -> ExplanationJob:
    token = uuid.uuid4()
    lease.take(row, token, worker=worker, now=now)
    return _job([row], token)
