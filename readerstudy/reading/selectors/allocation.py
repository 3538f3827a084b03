"""The allocation of a study as it is stored, with the key that it was drawn from."""

from __future__ import annotations

from readerstudy.reading.crossover import Placement
from readerstudy.reading.models import Allocation
from readerstudy.reading.verification import AllocationRecord, RecordedCase, RecordedReader
from readerstudy.studies.models import AllocationKey, Case, Study
from readerstudy.studies.selectors import masked_arms


def allocation_record(study: Study) -> AllocationRecord | None:
    """What `verify` takes. None where the study has no key: it was allocated by its seed, or nothing was drawn here."""
    key = AllocationKey.objects.filter(study=study).first()
    if key is None:
        return None
    arms = tuple(study.arms.order_by("position").values_list("key", flat=True))
    allocations = Allocation.objects.filter(membership__study=study).select_related(
        "membership", "takes_over__membership"
    )
    return AllocationRecord(
        key=key.key,
        numbers_cases=key.numbers_cases,
        arms=arms,
        codes={code: arm.key for code, arm in masked_arms(study).items()},
        cases=tuple(
            RecordedCase(
                number=case.number,
                image_sha256=case.image.sha256,
                target=case.target,
                label=case.label,
                training=case.purpose == Case.Purpose.TRAINING,
            )
            for case in study.cases.select_related("image").order_by("number")
        ),
        readers=tuple(_reader(allocation, arms) for allocation in allocations.order_by("membership__code")),
    )


def allocated_by_seed(study: Study) -> bool:
    """Whether a reader has an order that whoever knows the protocol's seed can work out."""
    return Allocation.objects.filter(membership__study=study, seed__isnull=False).exists()


def _reader(allocation: Allocation, arms: tuple[str, ...]) -> RecordedReader:
    rows = allocation.readings.values_list("case__number", "arm__key", "period__number", "position")
    return RecordedReader(
        code=allocation.membership.code,
        takes_over=allocation.takes_over.membership.code if allocation.takes_over else "",
        seeded=allocation.seed is not None,
        placements=frozenset(
            Placement(number=number, arm=arms.index(arm), period=period, position=position)
            for number, arm, period, position in rows
        ),
    )
