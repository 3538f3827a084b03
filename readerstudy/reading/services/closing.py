"""The end of the reading of a study."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.reading.models import Reading
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Case, Study
from readerstudy.studies.services import audit


class StudyCloseError(Exception):
    """A study that cannot be closed now; the message says why and what to do."""


@transaction.atomic
def study_close(*, study: Study, now: datetime, actor: User | None = None, unfinished_too: bool = False) -> int:
    """Ends the reading: no answer is taken any more, and the results are final; returns how many readings lack answers.

    Raises StudyCloseError where the study is not open, or readings are unfinished and `unfinished_too` is not set.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != Study.Status.OPEN:
        raise StudyCloseError(f"{study.slug} is {study.get_status_display()}; only a study open for reading can close.")
    unfinished = Reading.objects.filter(
        allocation__membership__study=study,
        allocation__membership__withdrawn_at=None,
        case__purpose=Case.Purpose.STUDY,
        case__excluded_because="",
        completed_at=None,
    ).count()
    if unfinished and not unfinished_too:
        raise StudyCloseError(
            f"{unfinished} readings of {study.slug} are unfinished. Wait for the readers, or close with --unfinished."
        )
    study.status = Study.Status.CLOSED
    study.save(update_fields=["status"])
    audit(study=study, actor=actor, action=Action.STUDY_CLOSED, detail={"unfinished_readings": unfinished}, now=now)
    return unfinished
