"""How X-rays are drawn is decided for the whole study: the largest size and depth that all its cases have."""

from __future__ import annotations

import pytest

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import explanations_request
from readerstudy.studies.models import Image, Study
from tests.factories.people import NOW
from tests.factories.reading import case_make, study_make

pytestmark = pytest.mark.django_db


def sizes_set(study: Study, *sizes: tuple[int, int, int]) -> None:
    for image, (width, height, bits) in zip(Image.objects.filter(cases__study=study), sizes, strict=True):
        image.width, image.height, image.bits = width, height, bits
        image.save()


@pytest.fixture
def study() -> Study:
    return study_make(targets=("Mass",), per_cell=1, explained=False)


def decided(study: Study) -> set[tuple[int, int]]:
    explanations_request(study=study, now=NOW)
    rows = Explanation.objects.filter(case__study=study)
    return {(row.parameters["display_size"], row.parameters["display_bits"]) for row in rows}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(2500, 2048, 16), (3000, 3000, 16)], (2048, 16)),
        ([(2500, 2048, 16), (1024, 1100, 8)], (1024, 8)),
        ([(4000, 4000, 16), (4280, 3520, 16)], (2560, 16)),
    ],
)
def test_all_cases_get_the_largest_square_and_depth_that_every_one_has(study: Study, sizes: list, expected: tuple):
    sizes_set(study, *sizes)
    assert decided(study) == {expected}


def test_what_the_protocol_says_goes_before(study: Study):
    sizes_set(study, (2500, 2048, 16), (3000, 3000, 16))
    study.parameters = {"display_size": 512, "display_bits": 8, "latent_shift": {"drop": 0.2}}
    study.save()
    assert decided(study) == {(512, 8)}


def test_a_case_that_comes_later_is_drawn_like_those_before(study: Study):
    sizes_set(study, (2500, 2048, 16), (3000, 3000, 16))
    decided(study)
    case_make(study, target="Mass", label="TP", number=9)
    assert decided(study) == {(2048, 16)}
    assert Explanation.objects.count() == 3
