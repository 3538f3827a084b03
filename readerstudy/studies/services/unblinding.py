"""Telling analysts which arm is which, once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study
from readerstudy.studies.selectors import masked_arms
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError


@transaction.atomic
def study_unblind(*, study: Study, now: datetime, actor: User | None = None) -> Study:
    """Shows the arms' names to the analysts of a closed study, for good; what hid them is noted in the audit record.

    Raises StudyError where the study is not closed, or has been unblinded before.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != Study.Status.CLOSED:
        raise StudyError(
            f"{study.slug} is {study.get_status_display()}. Close it first (study_close {study.slug}): only the "
            "results of a closed study are final."
        )
    if study.unblinded_at is not None:
        raise StudyError(f"{study.slug} was unblinded on {study.unblinded_at:%Y-%m-%d} already; that stays as it is.")
    study.unblinded_at = now
    study.save(update_fields=["unblinded_at"])
    codes = {code: arm.key for code, arm in masked_arms(study).items()}
    audit(study=study, actor=actor, action=Action.STUDY_UNBLINDED, detail={"arms_by_code": codes}, now=now)
    return study
