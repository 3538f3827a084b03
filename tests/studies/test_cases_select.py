"""Selection: balanced, seeded, reproducible, and never from images on which the models were developed."""

import hashlib
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from readerstudy.studies.models import Annotation, Case, Image, Scoring, Study
from readerstudy.studies.services import SelectionError, cases_select
from tests.factories.studies import NOW, TARGETS, make_image, make_score, make_scored_pool, make_study, write_pair

pytestmark = pytest.mark.django_db


KEY = bytes(range(32))


def chosen(study: Study, **more: Any) -> list[tuple[str, str, str]]:
    """The cases whatever their numbers."""
    cases = cases_select(study=study, now=NOW, **more)
    return sorted((case.image.sha256, case.target, case.label) for case in cases)


def numbered(study: Study, key: bytes | None = None) -> dict[int, str]:
    return {case.number: case.image.sha256 for case in cases_select(study=study, now=NOW, key=key)}


def test_every_target_gets_as_many_true_as_false_positives():
    study = make_study(cases_per_cell=4)
    make_scored_pool(study, per_cell=9)

    cases = cases_select(study=study, now=NOW)

    assert Counter((case.target, case.label) for case in cases) == {
        (target, label): 4 for target in TARGETS for label in ("TP", "FP")
    }
    assert sorted(case.number for case in cases) == list(range(1, 17))
    for case in study.cases.select_related("image"):
        assert (case.target in case.image.findings) == (case.label == "TP")
        assert case.score > 0.5


def test_the_threshold_itself_is_not_above_it():
    study = make_study(targets=("Mass",))
    make_scored_pool(study)
    make_score(make_image(study, findings=["Mass"]), "Mass", 0.5)

    cases_select(study=study, now=NOW)

    assert not study.cases.filter(score=0.5).exists()


def same_pool(study: Study, order: list[int]) -> None:
    """The same 24 images whatever the order of rows."""
    for number in order:
        findings = ["Mass"] if number % 2 else []
        image = make_image(study, findings=findings, seed=number, patient=str(number), name=f"{number}.png")
        make_score(image, "Mass", 0.9)
        make_score(image, "Effusion", 0.1)


def test_the_same_seed_draws_the_same_cases_whatever_the_order_in_the_database():
    forward, backward = (make_study(targets=("Mass",), cases_per_cell=4) for _ in range(2))
    same_pool(forward, list(range(24)))
    same_pool(backward, list(reversed(range(24))))

    assert chosen(forward) == chosen(backward)
    assert numbered(forward, KEY) == numbered(backward, KEY)


def test_another_seed_draws_other_cases_and_the_same_one_the_same_again():
    study = make_study(targets=("Mass",), cases_per_cell=4)
    same_pool(study, list(range(24)))

    first = chosen(study)

    assert chosen(study) == first
    assert chosen(study, seed=99) != first
    assert study.cases.count() == 8


def test_the_seed_gives_no_case_its_number():
    study = make_study(targets=("Mass",), cases_per_cell=10)
    same_pool(study, list(range(24)))

    once, again = numbered(study), numbered(study)

    assert set(once.values()) == set(again.values())
    assert once != again  # by chance once in 20!
    first, second = study.audit.filter(action="cases_select").order_by("pk").values_list("detail", flat=True)
    assert first["key_sha256"] != second["key_sha256"] == study.allocation_key.sha256


def test_the_numbers_are_in_the_order_of_the_hmac_under_the_key():
    study = make_study(targets=("Mass",), cases_per_cell=4)
    same_pool(study, list(range(12)))

    shown = numbered(study, KEY)

    def mac(sha256: str) -> bytes:
        """HMAC as RFC 2104 has it, written out."""
        block = KEY.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + f"case number:{sha256}/Mass".encode()).digest()
        return hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).digest()

    assert [shown[number] for number in range(1, 9)] == sorted(shown.values(), key=mac)


def test_numbers_tell_nothing_about_label_or_target():
    study = make_study(cases_per_cell=10)
    make_scored_pool(study)

    labels = [case.label for case in sorted(cases_select(study=study, now=NOW), key=lambda case: case.number)]

    changes = sum(one != two for one, two in itertools.pairwise(labels))
    assert 10 <= changes <= 30  # of 39; in blocks it would be 3


def test_images_of_the_models_development_are_refused_even_if_the_model_came_after_the_import(tmp_path: Path):
    study = make_study(targets=("Mass",))
    make_scored_pool(study, per_cell=4)
    used = list(study.images.filter(labels__finding="Mass", labels__state="positive").order_by("pk")[:2])
    write_pair(tmp_path, study.autoencoder, image_sha256=[image.sha256 for image in used])

    with override_settings(MODELS_DIR=tmp_path):
        cases = cases_select(study=study, now=NOW)

    assert not {case.image_id for case in cases} & {image.pk for image in used}
    assert Image.objects.get(pk=used[0].pk).used_in_development_of == [study.autoencoder]


def test_too_few_images_are_counted_with_what_would_help_and_nothing_is_created(tmp_path: Path):
    study = make_study(cases_per_cell=4)
    pool = make_scored_pool(study, per_cell=4)
    write_pair(tmp_path, study.classifier, image_sha256=[image.sha256 for image in pool[:2]])

    with override_settings(MODELS_DIR=tmp_path), pytest.raises(SelectionError) as caught:
        cases_select(study=study, now=NOW)

    assert [(cell.target, cell.label, cell.available) for cell in caught.value.cells] == [
        ("Effusion", "TP", 2),
        ("Effusion", "FP", 4),
        ("Mass", "TP", 4),
        ("Mass", "FP", 4),
    ]
    message = str(caught.value)
    assert "2 of 4  2 missing" in message
    assert "ask for 2 cases per cell" in message
    assert "2 images do not count" in message
    assert not Case.objects.exists()


def test_a_failed_selection_keeps_the_cases_there_were():
    study = make_study()
    make_scored_pool(study)
    cases_select(study=study, now=NOW)
    study.cases_per_cell = 10
    study.save()

    with pytest.raises(SelectionError):
        cases_select(study=study, now=NOW)

    assert study.cases.count() == 8


def test_unscored_images_must_be_scored_first():
    study = make_study()
    make_scored_pool(study)
    make_image(study)

    with pytest.raises(SelectionError, match=r"1 images have no score yet.*study_score"):
        cases_select(study=study, now=NOW)


def test_images_that_could_not_be_scored_do_not_hold_up_the_others():
    study = make_study()
    make_scored_pool(study)
    Scoring.objects.create(image=make_image(study), status="failed", error="broken", created_at=NOW)

    assert len(cases_select(study=study, now=NOW)) == 8


def test_an_image_serves_one_case_where_there_are_enough():
    study = make_study(targets=("Effusion", "Mass", "Edema"), cases_per_cell=2)
    for target in study.targets:
        for _ in range(2):
            make_score(make_image(study, findings=[target]), target, 0.9)
    for _ in range(6):  # false positives of all three: just enough for each to serve once
        image = make_image(study)
        for target in study.targets:
            make_score(image, target, 0.8)

    cases = cases_select(study=study, now=NOW)

    assert len({case.image_id for case in cases}) == len(cases) == 12


def test_an_image_serves_several_targets_where_there_are_too_few():
    study = make_study()
    for findings in (["Effusion", "Mass"], []):
        for _ in range(2):
            image = make_image(study, findings=findings)
            for target in TARGETS:
                make_score(image, target, 0.9)

    cases = cases_select(study=study, now=NOW)

    assert len(cases) == 8
    assert len({(case.image_id, case.target) for case in cases}) == 8


@pytest.mark.parametrize(("prefer", "expected"), [(True, {True}), (False, {True, False})])
def test_annotated_true_positives_come_first_where_the_study_prefers_them(*, prefer: bool, expected: set[bool]):
    study = make_study(targets=("Mass",), cases_per_cell=4, prefer_annotated=prefer)
    pool = make_scored_pool(study, per_cell=12)
    for image in [image for image in pool if image.findings][:4]:
        Annotation.objects.create(image=image, finding="Mass", x=1, y=1, width=5, height=5)

    draws = [cases_select(study=study, seed=seed, now=NOW) for seed in range(8)]

    positives = [case for cases in draws for case in cases if case.label == "TP"]
    assert {case.image.annotations.exists() for case in positives} == expected


def test_one_patient_does_not_fill_a_cell_where_others_are_to_be_had():
    study = make_study(targets=("Mass",), cases_per_cell=4)
    for number in range(12):
        for findings in (["Mass"], []):
            patient = f"{findings}-{number if number > 8 else 0}"  # nine images of one patient, three of others
            make_score(make_image(study, findings=findings, patient=patient), "Mass", 0.9)

    cases = cases_select(study=study, now=NOW)

    assert len({case.image.patient for case in cases}) == 8


def test_an_open_study_keeps_its_cases():
    study = make_study(status=Study.Status.OPEN)

    with pytest.raises(SelectionError, match="stay as they are"):
        cases_select(study=study, now=NOW)
