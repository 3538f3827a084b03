"""Training cases: read first in both arms, truth told only after all answers, and in no analysis."""

from __future__ import annotations

import io
import json
import re
import uuid
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture
from PIL import ImageDraw

from readerstudy.lib.media import media_path
from readerstudy.reading.models import Allocation, Answer, Reading
from readerstudy.results.blinding import coding_of
from readerstudy.results.exports import Table, study_files
from readerstudy.results.frames import responses
from readerstudy.results.selectors import progress
from readerstudy.studies.models import Annotation, Case, Image, Study
from readerstudy.studies.services import reader_withdraw
from tests.factories.people import NOW
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db


@pytest.fixture
def allocation() -> Allocation:
    return reader_make(study_make(files=True, targets=("Mass",), training=4))


@pytest.fixture
def reader(allocation: Allocation, client: Client) -> Client:
    client.force_login(allocation.membership.user)
    return client


def case_url(reading: Reading) -> str:
    return reverse("reading_case", args=[reading.pk])


def feedback_url(reading: Reading) -> str:
    return reverse("reading_feedback", args=[reading.pk])


def answer(client: Client, reading: Reading, *keys: str, value: int = 3) -> None:
    client.get(case_url(reading))
    for key in keys or ("confidence", "correct_feature"):
        address = reverse("answer_put", args=[reading.pk, uuid.uuid4()])
        body = json.dumps({"question": key, "value": value, "seconds": None})
        assert client.put(address, body, content_type="application/json").status_code == 200


def practice(allocation: Allocation, **filters: Any) -> list[Reading]:
    return list(allocation.readings.filter(period__number=0, **filters).select_related("case__image", "arm"))


def test_every_reader_gets_them_first_in_alternating_arms_and_an_order_of_their_own():
    study = study_make(targets=("Mass",), training=6)
    orders = set()
    for _ in range(4):
        readings = practice(reader_make(study))
        assert {reading.case.purpose for reading in readings} == {Case.Purpose.TRAINING}
        arms = [reading.arm.key for reading in readings]
        assert arms in (list("ABABAB"), list("BABABA"))
        orders.add(tuple(reading.case.number for reading in readings))
    assert len(orders) > 1
    assert not Reading.objects.filter(period__number__gt=0, case__purpose="training").exists()


def test_period_one_waits_for_the_training(reader: Client, allocation: Allocation):
    first = present(allocation.readings.filter(period__number=1).first())
    assert reader.get(case_url(first)).status_code == 302
    for reading in practice(allocation):
        assert reader.get(reverse("reading_next", args=["study"]))["Location"] == case_url(reading)
        answer(reader, reading)
    assert reader.get(reverse("reading_next", args=["study"]))["Location"] == case_url(first)


def test_the_truth_is_told_only_after_every_answer_is_stored(reader: Client, allocation: Allocation):
    for reading in practice(allocation):
        right = reading.case.label == "TP"
        pages = [reader.get(case_url(reading)).text]
        assert reader.get(feedback_url(reading))["Location"] == case_url(reading)
        answer(reader, reading, "confidence", value=4)
        assert reader.get(feedback_url(reading))["Location"] == case_url(reading)
        pages.append(reader.get(case_url(reading)).text)
        answer(reader, reading, "correct_feature", value=2)
        page = reader.get(feedback_url(reading)).text
        assert ("Mass is there" in page, "Mass is not there" in page) == (right, not right)
        assert re.findall(r"<dd><strong>(\d)</strong>", page) == ["4", "2"]
        assert not any(word in text for text in pages for word in ("Right:", "Wrong:", "is there", "not there"))


def test_pages_of_a_true_and_a_false_training_case_are_alike_before_the_answers(reader: Client, allocation: Allocation):
    Case.objects.update(score=0.6)
    pages: dict[Any, Any] = {}
    for reading in practice(allocation, arm__key="A"):
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", reader.get(case_url(reading)).text)
        text = re.sub(r'(?m)^.*id="previous".*$\n?', "", text)
        text = re.sub(r'data-ahead="[^"]*"', "", text)
        pages.setdefault(reading.case.label, re.sub(r"\s+", " ", re.sub(r"\d+", "N", text)))
    assert len(set(pages.values())) == 1


def test_next_leads_from_a_training_case_to_its_feedback_and_from_a_study_case_to_the_next(
    reader: Client, allocation: Allocation
):
    def leads_to(reading: Reading) -> str:
        return present(re.search(r'data-next="([^"]+)"', reader.get(case_url(reading)).text)).group(1)

    for reading in practice(allocation):
        assert leads_to(reading) == feedback_url(reading)
        answer(reader, reading)
    first, second = allocation.readings.filter(period__number=1)[:2]
    assert leads_to(first) == case_url(second)


def test_of_a_study_case_nothing_is_told_however_one_asks(reader: Client, allocation: Allocation):
    for reading in practice(allocation):
        answer(reader, reading)
    for reading in allocation.readings.filter(period__number=1):
        Annotation.objects.create(image=reading.case.image, finding="Mass", x=1, y=1, width=9, height=9)
        answer(reader, reading)
        assert reader.get(feedback_url(reading))["Location"] == case_url(reading)
        assert reader.get(reverse("reading_outline", args=[reading.pk, "xray"])).status_code == 404


def test_training_can_be_looked_at_again_until_period_one_begins(reader: Client, allocation: Allocation):
    readings = practice(allocation)
    for reading in readings:
        answer(reader, reading)
    Reading.objects.update(completed_at=NOW)  # long ago
    for reading in readings:
        assert reader.get(case_url(reading)).status_code == 200
        assert reader.get(feedback_url(reading)).status_code == 200
    reader.get(case_url(present(allocation.readings.filter(period__number=1).first())))
    assert reader.get(case_url(readings[0])).status_code == 302
    assert reader.get(feedback_url(readings[0]))["Location"] == reverse("reading_start", args=["study"])
    assert reader.get(reverse("reading_outline", args=[readings[0].pk, "xray"])).status_code == 404


# The outline of what an expert drew


GREEN = (119, 211, 160)


def truth(client: Client, reading: Reading, name: str = "xray") -> np.ndarray | None:
    """Where the picture has the colour of the outline; None where there is no such picture."""
    response = client.get(reverse("reading_outline", args=[reading.pk, name]))
    if response.status_code == 404:
        return None
    assert "no-store" in response["Cache-Control"]
    with Picture.open(io.BytesIO(response.content)) as picture:
        assert picture.info == {}
        found: np.ndarray | None = (np.asarray(picture.convert("RGB")) == GREEN).all(axis=2)
        return found


def extent(border: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is drawn, as fractions of the square."""
    rows, columns = np.nonzero(border.any(axis=1))[0], np.nonzero(border.any(axis=0))[0]
    side = border.shape[0]
    return columns[0] / side, rows[0] / side, (columns[-1] + 1) / side, (rows[-1] + 1) / side


def test_a_box_is_outlined_where_the_cropped_x_ray_has_it(reader: Client, allocation: Allocation):
    (reading, *_) = practice(allocation, case__label="TP")
    Image.objects.filter(pk=reading.case.image_id).update(width=200, height=100)  # shown: columns 50 to 150
    Annotation.objects.create(image=reading.case.image, finding="Mass", x=75, y=20, width=50, height=40)
    Annotation.objects.create(image=reading.case.image, finding="Effusion", x=0, y=0, width=200, height=100)
    assert truth(reader, reading) is None
    answer(reader, reading)
    border = present(truth(reader, reading))
    assert extent(border) == pytest.approx((0.25, 0.2, 0.75, 0.6), abs=0.01)
    assert not border[border.shape[0] * 4 // 10, border.shape[1] // 2]  # an outline: what is inside can be seen
    assert reverse("reading_outline", args=[reading.pk, "xray"]) in reader.get(feedback_url(reading)).text


def test_a_mask_is_outlined_where_it_lies(reader: Client, allocation: Allocation):
    (reading, *_) = practice(allocation, case__label="TP")
    mask = Picture.new("L", (64, 64), 0)
    ImageDraw.Draw(mask).ellipse((8, 16, 23, 47), fill=255)
    media_path("masks").mkdir(parents=True)
    mask.save(media_path("masks/one.png"))
    Annotation.objects.create(image=reading.case.image, finding="Mass", mask="masks/one.png")
    answer(reader, reading)
    assert extent(present(truth(reader, reading))) == pytest.approx((8 / 64, 16 / 64, 24 / 64, 48 / 64), abs=0.015)


def test_a_false_positive_has_no_outline(reader: Client, allocation: Allocation):
    (reading, *_) = practice(allocation, case__label="FP")
    Annotation.objects.create(image=reading.case.image, finding="Mass", x=1, y=1, width=9, height=9)
    answer(reader, reading)
    assert not present(truth(reader, reading)).any()


def test_only_the_maps_of_the_case_s_own_arm_are_shown(reader: Client, allocation: Allocation):
    (reading, *_) = practice(allocation, arm__key="B")
    answer(reader, reading)
    names = ("xray", "latent_shift", "input_gradient", "filmstrip", "mask")
    assert [name for name in names if truth(reader, reading, name) is not None] == ["xray", "latent_shift"]
    assert set(re.findall(r"/truth/(\w+)[.]png", reader.get(feedback_url(reading)).text)) == {"xray", "latent_shift"}


# Never counted, never analysed


def test_training_is_in_no_response_no_plan_and_no_count_but_in_the_full_record(reader: Client, allocation: Allocation):
    study = Study.objects.get()
    for reading in practice(allocation):
        answer(reader, reading, value=5)
    first = present(allocation.readings.filter(period__number=1).first())
    answer(reader, first, value=2)

    coding = coding_of(study, "protocol")
    frame = responses(study, coding)
    assert set(frame["case"]) == {str(first.case.number)}
    assert set(frame["value"]) == {2}
    assert progress(study).planned == 2 * study.cases.studied().count()
    files = study_files(study, coding)
    for name in ("answers.csv", "allocation.csv"):
        table = files[name]
        assert isinstance(table, Table)
        periods = [dict(zip(table.header, row, strict=True))["period"] for row in table.rows]
        assert periods.count(0) == {"answers.csv": 8, "allocation.csv": 4}[name]
    written = files["responses.csv"]
    assert isinstance(written, bytes)
    assert written.decode().count("\n") == 3
    assert "0 of 8 readings" not in reader.get("/").text
    assert "1 of 8 readings done" in re.sub(r"\s+", " ", reader.get("/").text)


def test_answers_of_a_withdrawn_reader_leave_the_responses_and_stay_in_the_record(
    reader: Client, allocation: Allocation
):
    for reading in practice(allocation):
        answer(reader, reading)
    answer(reader, present(allocation.readings.filter(period__number=1).first()))
    study = Study.objects.get()
    coding = coding_of(study, "protocol")
    assert len(responses(study, coding)) == 2
    reader_withdraw(membership=allocation.membership, reason="ill", now=NOW)
    assert responses(study, coding).empty
    assert Answer.objects.count() == 10
