"""Training cases: their truth is told, so neither their images nor their patients may be in the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from readerstudy.studies.models import Annotation, Case, Study
from readerstudy.studies.protocol_reading import ReadingPlan
from readerstudy.studies.selectors import selection_table
from readerstudy.studies.services import SelectionError, cases_select
from tests.factories.studies import NOW, TARGETS, make_image, make_score, make_scored_pool, make_study

pytestmark = pytest.mark.django_db


def study_with(training: int, **changes: Any) -> Study:
    return make_study(reading=ReadingPlan(training_cases=training), **changes)


def drawn(study: Study) -> list[tuple[int, str, str, str]]:
    cases = study.cases.training().select_related("image").order_by("number")
    return [(case.number, case.target, case.label, case.image.sha256) for case in cases]


def pool_of_patients(study: Study, patients: Sequence[str], *, images: int) -> None:
    """For each patient so many images of every label of the study's only target."""
    (target,) = study.targets
    for patient in patients:
        for findings in ([target], []):
            for _ in range(images):
                make_score(make_image(study, findings=findings, patient=patient), target, 0.9)


def test_half_are_true_half_false_and_targets_take_turns():
    study = study_with(4)
    make_scored_pool(study, per_cell=5)

    cases = cases_select(study=study, now=NOW)

    assert len(cases) == 8
    assert {case.purpose for case in cases} == {Case.Purpose.STUDY}
    assert [row[0] for row in drawn(study)] == [9, 10, 11, 12]
    assert Counter((target, label) for _, target, label, _ in drawn(study)) == {
        (target, label): 1 for target in TARGETS for label in ("TP", "FP")
    }


def test_no_image_and_no_patient_of_the_study_is_among_them():
    study = study_with(4, targets=("Mass",), cases_per_cell=2)
    pool_of_patients(study, "abcdefgh", images=3)

    cases_select(study=study, now=NOW)

    training = study.cases.training().select_related("image")
    studied = study.cases.studied().select_related("image")
    assert training.count() == 4
    for what in ("image_id", "image__patient"):
        assert set(training.values_list(what, flat=True)).isdisjoint(studied.values_list(what, flat=True))
        assert len(set(training.values_list(what, flat=True))) == 4


def test_they_change_nothing_about_the_study_s_own_cases():
    without, with_ = (study_with(count, targets=("Mass",)) for count in (0, 2))
    for study in (without, with_):
        for number in range(20):
            findings = ["Mass"] if number % 2 else []
            make_score(make_image(study, findings=findings, seed=number, patient=str(number)), "Mass", 0.9)
    chosen = [
        [(case.number, case.image.sha256) for case in cases_select(study=study, now=NOW, key=bytes(32))]
        for study in (without, with_)
    ]

    assert chosen[0] == chosen[1]
    assert [cell.selected for cell in selection_table(with_)] == [2, 2]


def test_selecting_again_draws_the_same_ones_and_doubles_none():
    study = study_with(4)
    make_scored_pool(study, per_cell=6)
    cases_select(study=study, now=NOW, key=bytes(32))
    first = drawn(study)

    cases_select(study=study, now=NOW, key=bytes(32))

    assert drawn(study) == first


def test_an_annotated_true_positive_comes_first_since_its_place_can_be_shown():
    study = study_with(2, targets=("Mass",), prefer_annotated=False)
    make_scored_pool(study, per_cell=40)
    for image in study.images.filter(labels__finding="Mass", labels__state="positive")[:10]:
        Annotation.objects.create(image=image, finding="Mass", x=1, y=1, width=5, height=5)

    cases_select(study=study, now=NOW)

    assert study.cases.training().get(label="TP").image.annotations.count() == 1


def test_a_pool_without_other_patients_is_refused_and_nothing_is_selected():
    study = study_with(2, targets=("Mass",))
    pool_of_patients(study, "ab", images=4)

    with pytest.raises(SelectionError, match="images for 0 of 2 training cases"):
        cases_select(study=study, now=NOW)

    assert not study.cases.exists()
