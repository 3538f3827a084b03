"""Who works on an explanation: a lease that a living worker extends, and that another takes over when it runs out.

Brokers deliver a task at least once, so a task is no more than a hint to look at the row. A claim writes a new token
into the row; only who holds the row's token can extend, store or fail it. A worker that comes back from the dead finds
its token replaced.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.selectors import annotations_of
from readerstudy.explanations.services.request import explanations_send
from readerstudy.explanations.types import ExplanationJob
from readerstudy.lib.media import media_path

Status = Explanation.Status

# Longer than a worker can be silent while alive (it beats several times in between), and shorter than the broker's
# visibility timeout: so a task that the broker hands out again finds the dead worker's lease run out.
LEASE = timedelta(seconds=45)
# The first attempt and three takeovers: a case that kills its worker must not kill workers for ever.
MAX_ATTEMPTS = 4
# A task waiting longer than this while no case is being explained is taken for lost by the broker.
LOST_AFTER = timedelta(minutes=1)


@transaction.atomic
def explanation_claim(*, explanation_id: uuid.UUID | str, worker: str, now: datetime) -> ExplanationJob | None:
    """Take on a case; None where there is nothing to do: done, failed, withdrawn, or with a living worker."""
    row = _locked(explanation_id)
    if row is None or row.status in {Status.DONE, Status.FAILED}:
        return None
    if row.status == Status.RUNNING and row.lease_until is not None and row.lease_until > now:
        return None
    if row.attempts >= MAX_ATTEMPTS:
        _give_up(row, now)
        return None
    return _taken(row, worker, now)


@transaction.atomic
def explanation_claim_beside(*, job: ExplanationJob, limit: int, worker: str, now: datetime) -> list[ExplanationJob]:
    """Take on up to `limit` more cases that can be explained together with a claimed one.

    They are the study's next waiting ones of the same methods and parameters. None of them has been tried before, and
    where the claimed one has, none is taken: a case that kills its worker must not take others to their last attempt.
    """
    if limit < 1:
        return []
    claimed = Explanation.objects.select_related("case").get(pk=job.explanation_id)
    if claimed.attempts > 1:
        return []
    rows = (
        Explanation.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("case__study", "case__image")
        .filter(
            case__study=claimed.case.study_id,
            status=Status.PENDING,
            attempts=0,
            methods=claimed.methods,
            parameters=claimed.parameters,
        )
        .order_by("queued_at", "case__number")
    )
    return [_taken(row, worker, now) for row in rows[:limit]]


def _taken(row: Explanation, worker: str, now: datetime) -> ExplanationJob:
    token = uuid.uuid4()
    row.status, row.worker, row.lease_token, row.lease_until = Status.RUNNING, worker, token, now + LEASE
    row.attempts += 1
    row.error = ""
    row.save(update_fields=["status", "worker", "lease_token", "lease_until", "attempts", "error"])
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


def explanation_heartbeat(*, explanation_id: uuid.UUID | str, token: uuid.UUID, now: datetime) -> bool:
    """Extend the lease; False where another worker has taken over, so that this one can stop."""
    held = Explanation.objects.filter(pk=explanation_id, status=Status.RUNNING, lease_token=token)
    return held.update(lease_until=now + LEASE) == 1


@transaction.atomic
def explanation_fail(*, explanation_id: uuid.UUID | str, token: uuid.UUID, error: str, now: datetime) -> bool:
    """Give up on a case with an error for the coordinator; False where another worker has taken over."""
    row = _locked(explanation_id)
    if row is None or row.status != Status.RUNNING or row.lease_token != token:
        return False
    _fail(row, error, now)
    return True


@transaction.atomic
def stale_requeue(*, now: datetime) -> int:
    """The reaper: send again what nobody works on any more. Every living worker calls it now and then.

    A case whose worker fell silent goes back into the queue, or fails after MAX_ATTEMPTS. Where cases wait and none is
    being explained, their tasks are taken for lost and sent again; a task too many does no harm. Returns how many were
    sent.
    """
    rows = Explanation.objects.select_for_update(skip_locked=True, of=("self",)).order_by("case__number")
    again = []
    for row in rows.filter(status=Status.RUNNING, lease_until__lte=now):
        if row.attempts >= MAX_ATTEMPTS:
            _give_up(row, now)
        else:
            again.append(row)
    if not again and not Explanation.objects.filter(status=Status.RUNNING).exists():
        again = list(rows.filter(status=Status.PENDING, queued_at__lte=now - LOST_AFTER))
    for row in again:
        row.status, row.worker, row.lease_token, row.lease_until, row.queued_at = Status.PENDING, "", None, None, now
    Explanation.objects.bulk_update(again, ["status", "worker", "lease_token", "lease_until", "queued_at"])
    explanations_send(again)
    return len(again)


def _locked(explanation_id: uuid.UUID | str) -> Explanation | None:
    rows = Explanation.objects.select_for_update(of=("self",)).select_related("case__study", "case__image")
    return rows.filter(pk=explanation_id).first()


def _give_up(row: Explanation, now: datetime) -> None:
    _fail(
        row,
        f"The worker ({row.worker or 'unknown'}) was lost {row.attempts} times while it explained this case. Look at "
        "its log and its memory, then try again.",
        now,
    )


def _fail(row: Explanation, error: str, now: datetime) -> None:
    row.status, row.error, row.finished_at = Status.FAILED, error.strip()[:4000] or "no reason given", now
    row.lease_token = row.lease_until = None
    row.save(update_fields=["status", "error", "finished_at", "lease_token", "lease_until"])
