"""Every method of the catalogue on the rating page: an arm that names it shows it, and serves what it may show."""

from __future__ import annotations

import html
import json
from dataclasses import replace

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from explainer.catalogue.artefacts import STORED, Kind
from explainer.catalogue.methods import METHODS
from explainer.rendering import npy, overlay, png
from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.reading.models import Reading
from tests.factories.reading import artefact_of, curve, reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
SIDE = 32
VALUES = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float16)
GREY = np.full((SIDE, SIDE), 90, np.uint8)
FILES = {
    Kind.RAW: npy(VALUES),
    Kind.OVERLAY: png(overlay(GREY, VALUES.astype(np.float32))),
    Kind.FILMSTRIP: png(GREY),
    Kind.CURVE: json.dumps(curve()).encode(),
    Kind.VIDEO: b"a video",
}


@pytest.fixture
def reading(client: Client) -> Reading:
    """The first case of a reader, of a study whose cases have no method's file yet."""
    allocation = reader_make(study_make(targets=("Mass",), files=True))
    client.force_login(allocation.membership.user)
    return present(allocation.readings.select_related("arm", "case").filter(period__number=1).first())


def shown(reading: Reading, key: str) -> None:
    """The arm shows this method alone, and a worker has stored its files."""
    reading.arm.methods = [key]
    reading.arm.save()
    explanation = Explanation.objects.get(case=reading.case)
    explanation.artefacts.exclude(method="").delete()
    stored = [artefact for artefact in METHODS[key].files if artefact.kind in STORED]
    for artefact in stored:
        artefact_of(explanation, key, artefact.kind, artefact.suffix, FILES[artefact.kind]).save()


@pytest.mark.parametrize("key", METHODS)
def test_an_arm_of_this_method_shows_it_and_serves_what_its_object_lets_a_reader_see(
    key: str, reading: Reading, client: Client
) -> None:
    shown(reading, key)
    page = html.unescape(client.get(reverse("reading_case", args=[reading.pk])).text)
    for panel in METHODS[key].panels:
        assert panel.title in page
        assert panel.explanation in page
        address = reverse("reading_asset", args=[reading.pk, panel.asset])
        assert address in page
        assert client.get(address).status_code == 200
    names = {artefact.file for artefact in METHODS[key].files} | {artefact.page for artefact in METHODS[key].files}
    for name in names - {"", *(panel.asset for panel in METHODS[key].panels)}:
        address = reverse("reading_asset", args=[reading.pk, name])
        assert address not in page
        assert client.get(address).status_code == 404


def test_a_map_is_withheld_until_its_object_says_that_a_reader_may_see_it(
    reading: Reading, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(reading, "grad_cam")
    address = reverse("reading_asset", args=[reading.pk, "grad_cam.png"])
    client.get(reverse("reading_case", args=[reading.pk]))
    assert client.get(address).status_code == 200
    monkeypatch.setitem(METHODS, "grad_cam", replace(METHODS["grad_cam"], panels=()))
    assert client.get(address).status_code == 404
    assert "grad_cam" not in client.get(reverse("reading_case", args=[reading.pk])).text
    assert Artefact.objects.filter(method="grad_cam", kind=Kind.OVERLAY).exists()
