"""Whether an allocation is the one that the study's key draws. Pure: no database, no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from readerstudy.lib.shuffling import shuffled
from readerstudy.reading.crossover import AllocationError, Placement, Slot, crossover, reader_key, training
from readerstudy.studies.draws import NUMBERS, arm_codes, arm_mask, case_name


@dataclass(frozen=True)
class RecordedCase:
    """A case as it was numbered; an image is known by the SHA-256 of its file."""

    number: int
    image_sha256: str
    target: str
    label: str
    training: bool


@dataclass(frozen=True)
class RecordedReader:
    """Where a reader's sequence came from, and what it was."""

    code: str
    takes_over: str  # code of the withdrawn reader whose sequence it is, empty for none
    seeded: bool  # made of the protocol's seed, before studies had a key
    placements: frozenset[Placement]


@dataclass(frozen=True)
class AllocationRecord:
    """An allocation with the key that it is said to be drawn from. `arms` are keys in the protocol's order."""

    key: bytes
    numbers_cases: bool
    arms: tuple[str, ...]
    codes: Mapping[str, str]  # code for who is blind -> key of the arm
    cases: tuple[RecordedCase, ...]
    readers: tuple[RecordedReader, ...]


@dataclass(frozen=True)
class Verdict:
    """What was drawn again, what could not be, and every difference found."""

    agreeing: tuple[str, ...]
    seeded: tuple[str, ...]
    differences: tuple[str, ...]


def verify(record: AllocationRecord) -> Verdict:
    """Draws everything again from the key and compares. Nothing of the recorded numbers and orders goes in."""
    differences = [*_number_differences(record), *_code_differences(record)] if record.numbers_cases else []
    agreeing, seeded = [], []
    for reader in record.readers:
        origin = _origin(reader, {other.code: other for other in record.readers})
        if origin.seeded:
            seeded.append(reader.code)
        elif reader.placements == _drawn_again(record, origin.code, reader.placements):
            agreeing.append(reader.code)
        else:
            differences.append(f"{reader.code}: the order or the arms are not those of the key.")
    return Verdict(tuple(agreeing), tuple(seeded), tuple(differences))


def _origin(reader: RecordedReader, readers: Mapping[str, RecordedReader]) -> RecordedReader:
    """The reader for whom the sequence was drawn."""
    while reader.takes_over:
        reader = readers[reader.takes_over]
    return reader


def _drawn_again(record: AllocationRecord, code: str, placed: Iterable[Placement]) -> frozenset[Placement] | None:
    """The reader's sequence of the cases that they were given: cases may have been added after it was drawn."""
    key, arms, numbers = reader_key(record.key, code), len(record.arms), {one.number for one in placed}
    given = [case for case in record.cases if case.number in numbers]
    slots = [Slot(case.number, case.target, case.label) for case in given if not case.training]
    try:
        drawn = crossover(slots, arms=arms, key=key)
    except AllocationError:
        return None
    return frozenset([*training((case.number for case in given if case.training), arms=arms, key=key), *drawn])


def _number_differences(record: AllocationRecord) -> list[str]:
    drawn = [
        case
        for part in (False, True)
        for case in shuffled(
            (case for case in record.cases if case.training is part),
            key=record.key,
            purpose=NUMBERS,
            name=lambda case: case_name(case.image_sha256, case.target),
        )
    ]
    return [
        f"Case {case.number} would be number {number}."
        for number, case in enumerate(drawn, start=1)
        if case.number != number
    ]


def _code_differences(record: AllocationRecord) -> list[str]:
    drawn = arm_codes({arm: arm_mask(record.key, arm) for arm in record.arms})
    return [
        f"Code {code} stands for arm {record.codes.get(code, 'none')}; the key gives it to {arm}."
        for code, arm in drawn.items()
        if record.codes.get(code) != arm
    ]
