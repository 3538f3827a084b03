"""Who works on an explanation: cases are claimed by lease, alone or several at a time, and sent again when stale."""

import uuid
from datetime import datetime

from django.db import transaction

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.selectors import annotations_of
from readerstudy.explanations.services.request import explanations_send
from readerstudy.explanations.types import ExplanationJob
from readerstudy.lib.media import media_path
from readerstudy.work import lease
from readerstudy.work.faults import Fault

DOING = "explained this case"


@transaction.atomic
def explanation_claim(*, explanation_id: uuid.UUID | str, worker: str, now: datetime) -> ExplanationJob | None:
    """Take on a case; None where there is nothing to do: done, failed, withdrawn, or with a living worker."""
    row = _locked(explanation_id)
    token = lease.claim(row, worker=worker, doing=DOING, now=now)
    return None if row is None or token is None else _job(row, token)


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
    return [_job(row, lease.take(row, worker=worker, now=now)) for row in rows[:limit]]


def explanation_heartbeat(*, explanation_id: uuid.UUID | str, token: uuid.UUID, now: datetime) -> bool:
    """Extend the lease; False where another worker has taken over, so that this one can stop."""
    return lease.extend(Explanation.objects.filter(pk=explanation_id), token, now)


@transaction.atomic
def explanation_fail(*, explanation_id: uuid.UUID | str, token: uuid.UUID, error: str, now: datetime) -> bool:
    """Give up on a case with an error for the coordinator; False where another worker has taken over."""
    row = _locked(explanation_id)
    if row is None or not row.holds(token):
        return False
    lease.fail(row, error, now)
    return True


@transaction.atomic
def explanation_postpone(*, explanation_id: uuid.UUID | str, token: uuid.UUID, fault: Fault, now: datetime) -> bool:
    """Have a case that met a fault which passes wait for another try; False where another worker has taken over."""
    row = _locked(explanation_id)
    if row is None or not row.holds(token):
        return False
    lease.postpone(row, fault, now)
    return True


@transaction.atomic
def stale_requeue(*, now: datetime, idle: bool) -> int:
    """The reaper: send again what nobody works on any more; how many. Every living worker calls it now and then."""
    again = lease.reap(Explanation.objects.order_by("case__number"), doing=DOING, now=now, idle=idle)
    explanations_send(again)
    return len(again)


def _locked(explanation_id: uuid.UUID | str) -> Explanation | None:
    rows = Explanation.objects.select_for_update(of=("self",)).select_related("case__study", "case__image")
    return rows.filter(pk=explanation_id).first()


def _job(row: Explanation, token: uuid.UUID) -> ExplanationJob:
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
