"""Asking for explanations of a study's cases, and for another try of one that failed."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services.display import display_parameters
from readerstudy.explanations.services.explaining import EXPLAINING
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study
from readerstudy.studies.services import audit
from readerstudy.work import lease

Status = Explanation.Status


class ExplanationError(Exception):
    """Something that cannot be done to an explanation; the message says why and what to do."""


@transaction.atomic
def explanations_request(*, study: Study, now: datetime, first: Sequence[int] = ()) -> int:
    """Ask for an explanation of every case that has none; returns how many are new.

    In the order of case numbers, those in `first` before the others. Raises ExplanationError where no case is
    selected, and where something was corrected since.
    """
    if not study.cases.exists():
        raise ExplanationError(f"{study.slug} has no cases. Select them first: study_select {study.slug}.")
    if study.selection_outdated:
        raise ExplanationError(
            f"The cases of {study.slug} must be selected again (study_select {study.slug}): {study.selection_outdated}."
        )
    # What any arm shows is computed for every case: each reader sees it in both.
    methods = list(dict.fromkeys(method for arm in study.arms.all() for method in arm.methods))
    place = {number: index for index, number in enumerate(first)}
    cases = sorted(
        study.cases.filter(explanation=None).exclude(image__file=""),
        key=lambda case: (place.get(case.number, len(place)), case.number),
    )
    parameters = display_parameters(study)
    made = Explanation.objects.bulk_create(
        [
            Explanation(case=case, methods=methods, parameters=parameters, created_at=now, queued_at=now)
            for case in cases
        ],
        ignore_conflicts=True,  # someone may have asked at the same moment; then theirs counts
    )
    stored = set(Explanation.objects.filter(pk__in=[one.pk for one in made]).values_list("pk", flat=True))
    EXPLAINING.send([one for one in made if one.pk in stored])
    audit(study=study, actor=None, action=Action.EXPLANATIONS_REQUESTED, detail={"cases": len(stored)}, now=now)
    return len(stored)


@transaction.atomic
def explanation_retry(*, explanation: Explanation, now: datetime, actor: User | None = None) -> None:
    """Try a failed explanation again, with a fresh count of attempts. Raises ExplanationError for any other."""
    row = Explanation.objects.select_for_update(of=("self",)).select_related("case__study").get(pk=explanation.pk)
    if row.status != Status.FAILED:
        raise ExplanationError(f"Only a failed explanation can be tried again; this one is {row.get_status_display()}.")
    lease.put_back(row, now)
    EXPLAINING.send([row])
    detail = {"case": row.case.number, "explanation": str(row.pk)}
    audit(study=row.case.study, actor=actor, action=Action.EXPLANATION_RETRIED, detail=detail, now=now)
