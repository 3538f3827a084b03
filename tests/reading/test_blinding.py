"""Orders cannot be worked out from what is public: an attack that succeeds with the key, and fails without it."""

from __future__ import annotations

import io
import itertools
import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from readerstudy.reading.models import Allocation, Reading
from readerstudy.reading.services import instructions_acknowledge, readers_allocate
from readerstudy.studies.models import Arm, Membership, Study
from readerstudy.studies.services import cases_select, reader_withdraw
from tests.factories.people import NOW, member_make
from tests.factories.reading import reader_make, selected_make, study_make
from tests.reading.attack import Place, best_order, by_generator, by_hmac, of_seeds, starts_in_first_arm

pytestmark = pytest.mark.django_db
SEED = 20
CELLS, PER_CELL = 4, 6


@pytest.fixture
def study() -> Study:
    """A study of 24 cases that were selected from a pool, with two readers allocated."""
    study = selected_make(PER_CELL, seed=SEED)
    for _ in range(2):
        member_make(study, Membership.Role.READER)
    readers_allocate(study=study, now=NOW)
    return Study.objects.get(pk=study.pk)


def read_by(code: str) -> dict[Place, Reading]:
    readings = Reading.objects.filter(allocation__membership__code=code).select_related("case", "period", "arm")
    return {(reading.period.number, reading.position): reading for reading in readings}


def labels_found(study: Study, placed: dict[Place, int], true: dict[Place, int]) -> float:
    """Share of the places at which the label of the case that was guessed is that of the case that stands there."""
    label_of = dict(study.cases.values_list("number", "label"))
    return sum(label_of[placed[place]] == label_of[true[place]] for place in true) / len(true)


def test_no_seed_tells_labels_from_what_a_reader_sees_and_the_key_tells_them_all(study: Study):
    """Case numbers with their targets and labels are given to the attacker, which is more than a reader has."""
    true = {place: reading.case.number for place, reading in read_by("R1").items()}
    target_of = dict(study.cases.values_list("number", "target"))
    seen = {place: target_of[number] for place, number in true.items()}
    guesses = list(of_seeds("R1", cells=CELLS, per_cell=PER_CELL))

    found = best_order(guesses, seen, target_of)
    assert found != true
    assert labels_found(study, found, true) < 0.75  # half by chance; so many of 48 once in 3,000

    assert best_order([*guesses, by_hmac(study.allocation_key.key, "R1")], seen, target_of) == true


def test_the_same_attack_finds_every_label_where_the_seed_makes_the_order(study: Study):
    target_of = dict(study.cases.values_list("number", "target"))
    true = by_generator(SEED, "R1", cells=CELLS, per_cell=PER_CELL)(list(target_of))
    seen = {place: target_of[number] for place, number in true.items()}
    found = best_order(of_seeds("R1", cells=CELLS, per_cell=PER_CELL), seen, target_of)
    assert labels_found(study, found, true) == 1


def test_the_first_arm_of_every_case_is_the_one_of_the_key(study: Study):
    cells: dict[tuple[str, str], list[int]] = {}
    for number, target, label in study.cases.values_list("number", "target", "label"):
        cells.setdefault((target, label), []).append(number)
    first = {r.case.number for (period, _), r in read_by("R2").items() if period == 1 and r.arm.position == 1}
    key = study.allocation_key.key
    assert first == set().union(*(starts_in_first_arm(key, "R2", cell) for cell in cells.values()))


def test_readers_of_one_study_have_orders_that_tell_nothing_of_one_another(study: Study):
    orders = [[reading.case.number for _, reading in sorted(read_by(code).items())] for code in ("R1", "R2")]
    same = sum(one == other for one, other in zip(*orders, strict=True))
    assert same <= 10  # 2 of 48 by chance


def test_two_studies_with_one_protocol_have_other_numbers_orders_and_codes():
    """Eight studies alike in all but their key: not all can have the same code for the first arm but once in 128."""
    made = []
    for number in range(8):
        study = study_make(f"study-{number}", targets=("Mass",))
        made.append([arm.mask for arm in study.arms.order_by("position")])
    assert {one < other for one, other in made} == {True, False}


def test_the_key_is_random_and_as_long_as_it_must_be(study: Study):
    key = study.allocation_key.key
    assert len(key) * 8 >= 128
    other = selected_make(PER_CELL, seed=SEED)
    assert other.allocation_key.key != key
    ones = sum(byte.bit_count() for byte in key + other.allocation_key.key)
    assert 190 < ones < 322  # of 512; outside once in 10^8


def test_the_order_in_which_rows_were_made_tells_no_label():
    """Ids in a reader's addresses are random: their order is no other than chance."""
    allocation = reader_make(study_make(per_cell=20))
    labels = list(allocation.readings.order_by("id").values_list("case__label", flat=True))
    runs = 1 + sum(one != two for one, two in itertools.pairwise(labels))
    assert abs(runs - 81) < 30  # 80 of each: 81 expected, standard deviation 6.3
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", r.pk.hex) for r in allocation.readings.all())


def test_the_key_stands_on_no_page_and_in_no_audit_entry(study: Study, client: Client):
    key = study.allocation_key.key
    coordinator = member_make(study, Membership.Role.COORDINATOR).user
    client.force_login(coordinator)
    page = client.get(reverse("study_detail", args=[study.slug]))
    reader = Client()
    reader.force_login(Membership.objects.get(code="R1").user)
    instructions_acknowledge(allocation=Allocation.objects.get(membership__code="R1"), now=NOW)
    case = reader.get(reverse("reading_case", args=[read_by("R1")[1, 1].pk]))
    for response in (page, case):
        assert response.status_code == 200
        assert key not in response.content
        assert key.hex() not in response.text
    assert key.hex() not in str(list(study.audit.values_list("detail", flat=True)))
    assert study.allocation_key.sha256 in str(list(study.audit.values_list("detail", flat=True)))


def test_a_reader_who_takes_over_has_the_order_that_was_drawn_for_who_left(study: Study):
    reader_withdraw(membership=Membership.objects.get(code="R2"), reason="moved", now=NOW)
    member_make(study, Membership.Role.READER)
    readers_allocate(study=study, now=NOW)
    assert {p: r.case_id for p, r in read_by("R3").items()} == {p: r.case_id for p, r in read_by("R2").items()}
    assert "R1, R2, R3: drawn again from the key, everything agrees." in verified(study)


def verified(study: Study) -> str:
    out = io.StringIO()
    call_command("study_allocation_verify", study.slug, stdout=out)
    return out.getvalue()


def test_an_allocation_that_was_tampered_with_is_found(study: Study):
    assert "R1, R2: drawn again from the key, everything agrees." in verified(study)
    one, two = (read_by("R1")[1, position] for position in (1, 2))
    Reading.objects.filter(pk=one.pk).update(position=99)
    Reading.objects.filter(pk=two.pk).update(position=1)
    with pytest.raises(CommandError, match="R1: the order or the arms are not those of the key"):
        verified(study)


def test_another_key_is_found_by_every_number_and_by_its_sha256(study: Study):
    before = study.audit.get(action="cases_select").detail["key_sha256"]
    study.allocation_key.secret = bytes(32)
    study.allocation_key.save()
    with pytest.raises(CommandError, match=r"Case \d+ would be number \d+"):
        verified(study)
    assert Study.objects.get(pk=study.pk).allocation_key.sha256 != before


def test_a_study_without_a_key_says_that_there_is_nothing_to_draw_again():
    study = study_make()
    study.allocation_key.delete()
    with pytest.raises(CommandError, match="has no key"):
        verified(study)


def test_cases_selected_before_there_were_keys_get_new_numbers_when_they_are_allocated():
    study = selected_make(PER_CELL, seed=SEED)
    study.allocation_key.delete()
    before = dict(study.cases.values_list("pk", "number"))
    member_make(study, Membership.Role.READER)

    readers_allocate(study=study, now=NOW)

    after = dict(study.cases.values_list("pk", "number"))
    assert sorted(after.values()) == list(range(1, 25))
    assert after != before
    assert study.audit.get(action="allocation_key_drawn").detail["cases_renumbered"] is True
    assert "everything agrees" in verified(study)


def test_a_study_allocated_by_its_seed_keeps_its_orders_and_says_so(study: Study, client: Client):
    """As an open study is after the upgrade: sequences with a seed, and no key."""
    Allocation.objects.filter(membership__study=study).update(seed=7)
    study.allocation_key.delete()
    numbers, masks = (
        list(study.cases.order_by("pk").values_list("number", flat=True)),
        list(study.arms.values_list("mask", flat=True)),
    )
    before = {place: reading.pk for place, reading in read_by("R1").items()}
    member_make(study, Membership.Role.READER)
    study = Study.objects.get(pk=study.pk)

    readers_allocate(study=study, now=NOW)

    assert {place: reading.pk for place, reading in read_by("R1").items()} == before
    assert list(study.cases.order_by("pk").values_list("number", flat=True)) == numbers
    assert list(Arm.objects.filter(study=study).values_list("mask", flat=True)) == masks
    said = verified(study)
    assert "R1, R2: allocated by the protocol's seed" in said
    assert "R3: drawn again from the key" in said
    client.force_login(member_make(study, Membership.Role.COORDINATOR).user)
    assert "Made of the seed" in client.get(reverse("study_detail", args=[study.slug])).text


def test_a_selection_made_again_has_another_key():
    study = selected_make(PER_CELL, seed=SEED)
    before = study.allocation_key.key
    cases_select(study=study, now=NOW)
    assert Study.objects.get(pk=study.pk).allocation_key.key != before
