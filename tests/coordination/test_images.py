"""Doubtful images on the coordinator's page: seen small, kept or excluded, and minded before cases are allocated."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture

from readerstudy.lib.media import media_write
from readerstudy.reading.crossover import AllocationError
from readerstudy.reading.services import readers_allocate
from readerstudy.studies.models import Image, Membership, Study
from readerstudy.studies.services import images_exclude
from tests.factories.people import member_make
from tests.factories.studies import NOW, make_cases, make_image, make_study, pixels, png

pytestmark = pytest.mark.django_db


@pytest.fixture
def image() -> Image:
    return make_image(make_study(), doubts=["inverted", "text"], name="film-7.png", findings=["Effusion"])


@pytest.fixture
def coordinator(image: Image, client: Client) -> Client:
    client.force_login(member_make(image.study, Membership.Role.COORDINATOR).user)
    return client


def page(client: Client, study: Study) -> str:
    return client.get(reverse("study_detail", args=[study.slug])).text


def decide(client: Client, image: Image, **form: str) -> str:
    url = reverse("image_decide", args=[image.study.slug, image.pk])
    return client.post(url, form, follow=True).text


def test_the_page_lists_doubtful_images_with_their_doubts_and_without_labels(image: Image, coordinator: Client) -> None:
    text = page(coordinator, image.study)
    listed = text[text.index('id="doubts"') :].partition("</section>")[0]
    assert "film-7.png" in listed
    assert "It looks inverted" in listed
    assert "more text on it than the usual side markers" in listed
    assert "Effusion" not in listed
    assert reverse("image_thumbnail", args=[image.study.slug, image.pk]) in listed


def test_a_study_without_doubtful_images_has_no_such_list(client: Client) -> None:
    study = make_image(make_study()).study
    client.force_login(member_make(study, Membership.Role.COORDINATOR).user)
    assert 'id="doubts"' not in page(client, study)


def test_keeping_and_excluding_from_the_page(image: Image, coordinator: Client) -> None:
    decide(coordinator, image, decision="keep", reason="shown the right way round")
    kept = Image.objects.get(pk=image.pk)
    assert (kept.decision, kept.decision_reason) == ("keep", "shown the right way round")
    assert kept.decided_by is not None
    text = decide(coordinator, image, decision="exclude", reason="it is inverted after all")
    assert Image.objects.get(pk=image.pk).decision == "exclude"
    assert "it is inverted after all" in text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"decision": "keep", "reason": " "}, "Say why the images are kept"),
        ({"decision": "delete", "reason": "x"}, "Nothing was changed"),
        ({"reason": "x"}, "Nothing was changed"),
    ],
)
def test_what_cannot_be_decided_is_said(image: Image, coordinator: Client, form: dict[str, str], says: str) -> None:
    assert says in decide(coordinator, image, **form)
    assert Image.objects.get(pk=image.pk).decision == ""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_thumbnail_is_small_and_as_bright_as_the_image(image: Image, coordinator: Client, dtype: type) -> None:
    top = np.iinfo(dtype).max
    media_write(image.file + "-deep", png(np.full((800, 600), top // 2, dtype=dtype)))
    Image.objects.filter(pk=image.pk).update(file=image.file + "-deep")
    response = coordinator.get(reverse("image_thumbnail", args=[image.study.slug, image.pk]))
    small = Picture.open(io.BytesIO(response.content))
    assert small.size == (240, 320)
    assert np.asarray(small).mean() == pytest.approx(127, abs=1)
    assert "no-store" in response["Cache-Control"]


def test_a_thumbnail_of_a_lost_file_is_not_found(image: Image, coordinator: Client) -> None:
    Image.objects.filter(pk=image.pk).update(file="images/lost.png")
    assert coordinator.get(reverse("image_thumbnail", args=[image.study.slug, image.pk])).status_code == 404


def test_nothing_is_allocated_while_a_selected_case_shows_an_excluded_image() -> None:
    study = make_study()
    cases = make_cases(study)
    member_make(study, Membership.Role.READER)
    images_exclude(study=study, images=[cases[0].image], reason="blurred", now=NOW)
    with pytest.raises(AllocationError, match=r"1 selected cases show images .* Select again: study_select"):
        readers_allocate(study=study, now=NOW, all_explained=False)


def test_pixels_of_a_thumbnail_are_the_image_s(image: Image, coordinator: Client) -> None:
    media_write("images/own.png", png(pixels(3, side=64)))
    Image.objects.filter(pk=image.pk).update(file="images/own.png")
    response = coordinator.get(reverse("image_thumbnail", args=[image.study.slug, image.pk]))
    assert np.array_equal(np.asarray(Picture.open(io.BytesIO(response.content))), pixels(3, side=64))
