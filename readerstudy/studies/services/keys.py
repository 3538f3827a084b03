"""The random key of a study: what numbers, orders and codes are drawn from, so that nothing public tells them."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import F, Max

from readerstudy.accounts.models import User
from readerstudy.lib.shuffling import KEY_BYTES, shuffled
from readerstudy.studies.actions import Action
from readerstudy.studies.draws import NUMBERS, arm_mask, case_name
from readerstudy.studies.models import AllocationKey, Case, Study
from readerstudy.studies.services.audit import audit


@transaction.atomic
def key_draw(*, study: Study, now: datetime, key: bytes | None = None) -> AllocationKey:
    """A new random key (or `key`) in place of one that nothing was allocated with; arms get their codes from it."""
    secret = secrets.token_bytes(KEY_BYTES) if key is None else key
    fields = {"secret": secret, "numbers_cases": True, "created_at": now}
    drawn, _ = AllocationKey.objects.update_or_create(study=study, defaults=fields)
    for arm in study.arms.all():
        arm.mask = arm_mask(secret, arm.key)
        arm.save(update_fields=["mask"])
    return drawn


@transaction.atomic
def key_ensure(*, study: Study, allocated: bool, now: datetime, actor: User | None = None) -> AllocationKey:
    """The study's key, drawn now where its cases were selected before keys were.

    Then the cases get new numbers from it; unless readers were `allocated` by the seed, who know the old ones: in such
    a study the key gives the orders of further readers alone.
    """
    if known := AllocationKey.objects.filter(study=study).first():
        return known
    if allocated:
        secret = secrets.token_bytes(KEY_BYTES)
        drawn = AllocationKey.objects.create(study=study, secret=secret, numbers_cases=False, created_at=now)
    else:
        drawn = key_draw(study=study, now=now)
        _renumber(study, drawn.key)
    detail = {"key_sha256": drawn.sha256, "cases_renumbered": drawn.numbers_cases}
    audit(study=study, actor=actor, action=Action.ALLOCATION_KEY_DRAWN, detail=detail, now=now)
    return drawn


def _renumber(study: Study, key: bytes) -> None:
    """Cases in the order of the key, those for training after the others as before."""
    highest = study.cases.aggregate(highest=Max("number"))["highest"] or 0
    study.cases.update(number=F("number") + highest)  # out of the way: numbers are unique at every moment
    cases = [
        case
        for part in (study.cases.studied(), study.cases.training())
        for case in shuffled(
            part.select_related("image"),
            key=key,
            purpose=NUMBERS,
            name=lambda case: case_name(case.image.sha256, case.target),
        )
    ]
    for number, case in enumerate(cases, start=1):
        case.number = number
    Case.objects.bulk_update(cases, ["number"])
