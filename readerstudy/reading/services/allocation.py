"""Writes about allocation: every reader gets a frozen sequence of cases, and with the first the study is open."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from readerstudy.accounts.models import User
from readerstudy.explanations.models import Explanation
from readerstudy.reading.crossover import AllocationError, Slot, crossover, reader_key, training
from readerstudy.reading.models import TRAINING, Allocation, Period, Reading
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Arm, Case, Membership, Study
from readerstudy.studies.selectors import cases_contradicted, cases_left_out
from readerstudy.studies.services import audit, key_ensure


@transaction.atomic
def readers_allocate(
    *, study: Study, now: datetime, actor: User | None = None, all_explained: bool = True
) -> list[Allocation]:
    """Gives every reader who has none a frozen sequence and opens the study; returns the new allocations.

    Readers who were allocated before are left alone, so a reader who joins later is a second call. A new reader takes
    over the sequence of a withdrawn one, as long as there is one that nobody took over; each other's is drawn from the
    study's key and their code. `all_explained=False` opens the study while cases are still being explained: a reader
    who comes to one waits there. Raises AllocationError.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status == Study.Status.CLOSED:
        raise AllocationError(f"{study.slug} is closed: no reader can be added to it.")
    members = Membership.objects.filter(study=study, role=Membership.Role.READER, withdrawn_at=None)
    members = members.order_by("created_at", "pk")
    readers = list(members.filter(allocation=None))
    if not members.exists():
        raise AllocationError(f"{study.slug} has no reader: add one first (study_member_add).")
    if nameless := [reader.user.email for reader in readers if not reader.code]:
        raise AllocationError(f"Readers without a code (R1, R2, ...): {', '.join(nameless)}. Give each one its own.")
    arms = list(study.arms.all())
    _require_ready(study, all_explained=all_explained)
    allocated = Allocation.objects.filter(membership__study=study).exists()
    key = key_ensure(study=study, allocated=allocated, now=now, actor=actor).key if readers else b""
    cases = {case.number: case for case in study.cases.all()}
    periods = _periods_ensure(study, arms)
    free = list(_sequences_left_behind(study))
    allocations = []
    for reader in readers:
        if free:
            allocations.append(_take_over(free.pop(0), reader, now=now))
            continue
        drawn_from = reader_key(key, reader.code)
        allocations.append(_allocate(reader, cases=cases, arms=arms, periods=periods, key=drawn_from, now=now))
    for allocation in allocations:
        detail = {"reader": allocation.membership.code}
        if allocation.takes_over:
            detail["takes_over"] = allocation.takes_over.membership.code
        audit(study=study, actor=actor, action=Action.READER_ALLOCATED, detail=detail, now=now)
    if study.status == Study.Status.DRAFT:
        study.status = Study.Status.OPEN
        study.save(update_fields=["status"])
        opened = {"cases": study.cases.studied().count()}
        audit(study=study, actor=actor, action=Action.STUDY_OPENED, detail=opened, now=now)
    return allocations


def _require_ready(study: Study, *, all_explained: bool) -> None:
    """Raises AllocationError where the study's cases cannot be read yet."""
    if study.selection_outdated:
        raise AllocationError(
            f"The cases of {study.slug} must be selected again (study_select {study.slug}), then explained: "
            f"{study.selection_outdated}."
        )
    if study.status == Study.Status.DRAFT and (contradicted := cases_contradicted(study)):
        raise AllocationError(
            f"The labels say otherwise than {len(contradicted)} cases (the first: {contradicted[0]}). Select the cases "
            f"again: study_select {study.slug}."
        )
    if left_out := cases_left_out(study):
        raise AllocationError(
            f"{left_out} selected cases show images that were excluded, or that nobody has looked at though something "
            f"is doubtful about them (study_doubts {study.slug}). Select again: study_select {study.slug}."
        )
    cases = study.cases.count()
    done = study.cases.filter(explanation__status=Explanation.Status.DONE).count()
    if all_explained and done < cases:
        failed = study.cases.filter(explanation__status=Explanation.Status.FAILED).count()
        raise AllocationError(
            f"{cases - done} of {cases} cases are not explained yet ({failed} failed). "
            "Run study_explain, or retry the failed ones, then allocate; or allocate with --unexplained."
        )
    if not study.questions.exists():
        raise AllocationError(f"{study.slug} has no question to ask about a case: add one to its protocol.")


def _periods_ensure(study: Study, arms: list[Arm]) -> dict[int, Period]:
    """One period per arm, by number; the washout comes before every period but the first. Training has its own."""
    for number in range(1, len(arms) + 1):
        washout_days = study.washout_days if number > 1 else 0
        Period.objects.get_or_create(study=study, number=number, defaults={"washout_days": washout_days})
    if study.cases.training().exists():
        Period.objects.get_or_create(study=study, number=TRAINING)
    return {period.number: period for period in study.periods.all()}


def _sequences_left_behind(study: Study) -> QuerySet[Allocation]:
    """Allocations of withdrawn readers that nobody has taken over, the first withdrawn first."""
    left = Allocation.objects.filter(membership__study=study, membership__withdrawn_at__isnull=False)
    return left.filter(taken_over_by=None).select_related("membership").order_by("membership__withdrawn_at", "pk")


def _take_over(left: Allocation, reader: Membership, *, now: datetime) -> Allocation:
    """The same cases in the same arms and order, not made anew: cases may have been added since."""
    allocation = Allocation.objects.create(membership=reader, seed=left.seed, takes_over=left, created_at=now)
    Reading.objects.bulk_create(
        Reading(
            allocation=allocation,
            case_id=reading.case_id,
            arm_id=reading.arm_id,
            period_id=reading.period_id,
            position=reading.position,
        )
        for reading in left.readings.all()
    )
    return allocation


def _allocate(
    reader: Membership,
    *,
    cases: dict[int, Case],
    arms: list[Arm],
    periods: dict[int, Period],
    key: bytes,
    now: datetime,
) -> Allocation:
    practice = [case.number for case in cases.values() if case.purpose == Case.Purpose.TRAINING]
    slots = [
        Slot(number=case.number, target=case.target, label=case.label)
        for case in cases.values()
        if case.purpose == Case.Purpose.STUDY
    ]
    placements = training(practice, arms=len(arms), key=key) + crossover(slots, arms=len(arms), key=key)
    allocation = Allocation.objects.create(membership=reader, created_at=now)
    Reading.objects.bulk_create(
        Reading(
            allocation=allocation,
            case=cases[placement.number],
            arm=arms[placement.arm],
            period=periods[placement.period],
            position=placement.position,
        )
        for placement in placements
    )
    return allocation
