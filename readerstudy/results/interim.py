"""Results before a study is closed: who may see them, by its protocol. How many have answered is no result."""

from __future__ import annotations

from readerstudy.accounts.models import User
from readerstudy.studies.models import Study
from readerstudy.studies.protocol_results import results_plan_of


def is_interim(study: Study) -> bool:
    """Whether its results still change with every answer."""
    return study.status != Study.Status.CLOSED


def interim_refusal(user: User, study: Study) -> str:
    """Why this member may not see the study's results now, and what can be done; empty where they may."""
    if not is_interim(study):
        return ""
    allowed = results_plan_of(study.protocol).interim
    if study.memberships.filter(user=user, role__in=allowed).exists():
        return ""
    who = f"only to: {', '.join(allowed)}" if allowed else "to nobody"
    return (
        f"The results are shown when the study is closed. Its protocol shows interim results {who}, since who knows "
        "them can hardly help acting on them. When the readers are done, the coordinator closes the study with "
        f"study_close {study.slug}. A protocol that is to allow it says so before the study is created: "
        '[results] interim = ["coordinator", "analyst"].'
    )
