"""A reader's pages and files: what is shown, when, and that nothing in it unblinds."""

from __future__ import annotations

import gzip
import io
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture

from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.reading.models import Allocation, Answer, Reading, Visit
from readerstudy.studies.models import Image, Membership, Study
from tests.factories.people import NOW, member_make
from tests.factories.reading import (
    SECRET_DATASET,
    SECRET_NAME,
    SECRET_PATIENT,
    artefact_of,
    question_make,
    reader_make,
    study_make,
)
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role
ARM_ASSETS = {
    "A": {"xray.png", "input_gradient.png", "guided_backprop.png", "integrated_gradients.png"},
    "B": {"xray.png", "latent_shift.png", "filmstrip.png", "curve.json"},
}


@pytest.fixture
def allocation() -> Allocation:
    return reader_make(study_make(files=True))


@pytest.fixture
def reader(allocation: Allocation, client: Client) -> Client:
    client.force_login(allocation.membership.user)
    return client


def case_url(reading: Reading) -> str:
    return reverse("reading_case", args=[reading.pk])


def asset_url(reading: Reading, name: str) -> str:
    return reverse("reading_asset", args=[reading.pk, name])


def put(client: Client, name: str, *args, body: object, **headers):
    return client.put(reverse(name, args=args), json.dumps(body), content_type="application/json", **headers)


def rate(client: Client, reading: Reading) -> None:
    client.get(case_url(reading))
    for key in ("confidence", "correct_feature"):
        body = {"question": key, "value": 3, "seconds": 0.1}
        assert put(client, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 200


def begin(client: Client, allocation: Allocation, period: int) -> None:
    """As the start page's button does."""
    client.post(reverse("reading_begin", args=[allocation.membership.study.slug]), {"begins": str(period)})


def test_the_way_from_my_studies_to_the_first_case(client: Client):
    allocation = reader_make(study_make(), ready=False)
    slug = allocation.membership.study.slug
    client.force_login(allocation.membership.user)
    assert reverse("reading_start", args=[slug]) in client.get("/").text
    start = client.get(reverse("reading_start", args=[slug]))
    assert "Rate <strong>every</strong> case." in start.text
    assert client.get(reverse("reading_next", args=[slug]))["Location"] == reverse("reading_start", args=[slug])
    begun = client.post(reverse("reading_begin", args=[slug]), follow=True)
    assert begun.redirect_chain[-1][0] == case_url(present(allocation.readings.first()))
    assert "Case 1 of 8" in begun.text


def test_a_case_shows_target_and_prediction_and_nothing_preselected(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.first())
    page = reader.get(case_url(reading)).text
    assert f"p({reading.case.target}) = <strong>{round(100 * reading.case.score)}%</strong>" in page
    assert len(re.findall(r'type="radio"', page)) == 10
    assert " checked" not in page


def test_no_value_carries_over_to_the_next_case(reader: Client, allocation: Allocation):
    first, second = allocation.readings.all()[:2]
    rate(reader, first)
    assert reader.get(case_url(first)).text.count(" checked") == 2
    assert " checked" not in reader.get(case_url(second)).text


def leads_to(client: Client, reading: Reading) -> str:
    return present(re.search(r'data-next="([^"]+)"', client.get(case_url(reading)).text))[1]


def test_next_leads_straight_to_the_next_case(reader: Client, allocation: Allocation):
    """Without a redirect on the way; only at the end of a period the server has to look what is open."""
    first, second, third, *_, last = allocation.readings.filter(period__number=1)
    decide = reverse("reading_next", args=[allocation.membership.study.slug])
    assert leads_to(reader, first) == case_url(second)
    assert leads_to(reader, second) == case_url(first)  # somebody went ahead: the one left out comes first
    rate(reader, first)
    assert leads_to(reader, first) == case_url(second)
    rate(reader, third)
    assert leads_to(reader, second) == case_url(allocation.readings.get(period__number=1, position=4))
    for reading in allocation.readings.filter(period__number=1).exclude(pk=last.pk):
        rate(reader, reading)
    assert leads_to(reader, last) == decide
    rate(reader, last)
    assert leads_to(reader, last) == decide


def test_pictures_fetched_ahead_are_those_of_the_case_to_which_next_leads(reader: Client, allocation: Allocation):
    first, second, third, *_, last = allocation.readings.filter(period__number=1)

    def ahead(reading: Reading) -> set[str]:
        listed = present(re.search(r'data-ahead="([^"]*)"', reader.get(case_url(reading)).text))[1].split()
        return {url.split("assets/")[0] for url in listed}

    assert ahead(first) == {case_url(second)}
    for reading in (first, second):
        rate(reader, reading)
    assert ahead(first) == {case_url(second)}  # looked at again: on to the one beside it
    assert ahead(last) == {case_url(third)}  # the one left out
    Explanation.objects.filter(case=third.case).update(status=Explanation.Status.PENDING)
    assert ahead(last) == set()
    assert leads_to(reader, last) == case_url(third)


def test_the_list_of_cases_leads_to_those_that_are_rated(reader: Client, allocation: Allocation):
    first, _, third, *_, last = allocation.readings.filter(period__number=1)
    rate(reader, first)
    page = reader.get(reverse("reading_steps", args=[third.pk])).text
    assert re.findall(r'href="([^"]+)"', page) == [case_url(first), case_url(third)]
    assert page.count("<li>") == last.position
    later = present(allocation.readings.filter(period__number=2).first())
    assert reader.get(reverse("reading_steps", args=[later.pk])).status_code == 404


def test_panels_are_those_of_the_assigned_arm(reader: Client, allocation: Allocation):
    for reading in allocation.readings.filter(period__number=1):
        page = reader.get(case_url(reading)).text
        shown = set(re.findall(rf"{reading.pk}/assets/([\w.]+)", page))
        assert shown == ARM_ASSETS[reading.arm.key]


def test_pages_of_both_arms_have_the_same_frame(reader: Client, allocation: Allocation):
    tools = set()
    for key in ("A", "B"):
        reading = present(allocation.readings.filter(period__number=1, arm__key=key).first())
        page = reader.get(case_url(reading)).text
        assert page.count('<figure class="panel"') == 4
        assert page.count('class="panel-foot"') == page.count('class="panel-head"') == 4
        tools.add(present(re.search(r'(?s)<div class="tools".*?<div class="panels"', page)).group())
    assert len(tools) == 1


def test_only_the_assigned_arm_s_files_of_my_own_case_can_be_fetched(reader: Client, allocation: Allocation):
    every = set.union(*ARM_ASSETS.values()) | {"latent_shift.mp4", "latent_shift.npy", "raw", "video.mp4", "mask.png"}
    reader.get(case_url(present(allocation.readings.first())))
    for reading in allocation.readings.filter(period__number=1):
        fetched = {name for name in every if reader.get(asset_url(reading, name)).status_code == 200}
        assert fetched == ARM_ASSETS[reading.arm.key]


def test_nothing_of_a_period_that_is_not_open_can_be_fetched(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=2).first())
    start = reverse("reading_start", args=[allocation.membership.study.slug])
    assert reader.get(case_url(reading))["Location"] == start
    assert reader.get(asset_url(reading, "xray.png")).status_code == 404
    answer = put(
        reader, "answer_put", reading.pk, uuid.uuid4(), body={"question": "confidence", "value": 3, "seconds": None}
    )
    assert answer.status_code == 403
    assert Reading.objects.get(pk=reading.pk).opened_at is None


def test_files_of_a_closed_study_cannot_be_fetched(reader: Client, allocation: Allocation):
    Study.objects.update(status=Study.Status.CLOSED)
    assert reader.get(asset_url(present(allocation.readings.first()), "xray.png")).status_code == 404


def test_a_file_says_its_type_may_be_kept_privately_and_is_not_sent_twice(reader: Client, allocation: Allocation):
    reader.get(case_url(present(allocation.readings.first())))
    url = asset_url(present(allocation.readings.first()), "xray.png")
    response = reader.get(url)
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "private, max-age=3600, immutable"
    assert "Content-Disposition" not in response
    assert reader.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_the_same_picture_has_another_tag_in_the_other_period(reader: Client, allocation: Allocation):
    first = present(allocation.readings.filter(period__number=1).first())
    for reading in allocation.readings.filter(period__number=1):
        rate(reader, reading)
    second = allocation.readings.get(period__number=2, case=first.case)
    tags = set()
    for reading in (first, second):
        if reading == second:
            begin(reader, allocation, 2)
        reader.get(case_url(reading))
        tags.add(reader.get(asset_url(reading, "xray.png"))["ETag"])
    assert len(tags) == 2


def test_nobody_has_both_arms_of_a_case_at_once(reader: Client, allocation: Allocation):
    first = present(allocation.readings.filter(period__number=1).first())
    for reading in allocation.readings.filter(period__number=1):
        rate(reader, reading)
    second = allocation.readings.get(period__number=2, case=first.case)
    # Without a washout, period 1 can still be corrected while period 2 is open.
    for opened in (first, second):
        if opened == second:
            begin(reader, allocation, 2)
        reader.get(case_url(present(opened)))
        shown = [
            reading
            for reading in (first, second)
            if reader.get(asset_url(present(reading), "xray.png")).status_code == 200
        ]
        assert shown == [opened]


def test_pictures_arrive_whole_and_without_metadata(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=1, arm__key="B").first())
    stored = Artefact.objects.get(explanation__case=reading.case, kind="filmstrip")
    assert stored.size > 0
    reader.get(case_url(reading))
    data = reader.get(asset_url(reading, "filmstrip.png")).content
    with Picture.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.size == (256, 192)
        assert picture.info == {}


def test_a_deep_x_ray_is_sent_as_it_is_stored_and_for_nobody_s_server_to_unpack(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    assert reader.get(asset_url(reading, "xray.gz")).status_code == 404
    pixels = gzip.compress(bytes(range(256)) * 32, mtime=0)
    artefact_of(reading.case.explanation, "", Artefact.Kind.DEEP, ".gz", pixels).save()
    page = reader.get(case_url(reading)).text
    assert f"{reading.pk}/assets/xray.gz" in page
    assert f"{reading.pk}/assets/xray.png" not in page
    response = reader.get(asset_url(reading, "xray.gz"), headers={"Accept-Encoding": "gzip, br"})
    assert response.content == pixels
    assert response["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in response
    assert reader.get(asset_url(reading, "xray.gz"), headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_a_map_is_sent_as_ranks_without_the_picture_under_it(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=1, arm__key="A").first())
    reader.get(case_url(reading))
    with Picture.open(io.BytesIO(reader.get(asset_url(reading, "input_gradient.png")).content)) as picture:
        assert (picture.mode, picture.info) == ("L", {})
        counts = picture.histogram()
    # Ten ranks of half a percent, but for pixels of one value: which case comes first is drawn anew each time.
    assert sum(counts[246:]) == pytest.approx(0.05 * sum(counts), abs=20)
    assert all(count == pytest.approx(0.005 * sum(counts), abs=20) for count in counts[56:])


def test_the_curve_holds_what_the_player_needs_and_no_more(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=1, arm__key="B").first())
    reader.get(case_url(reading))
    curve = reader.get(asset_url(reading, "curve.json")).json()
    assert set(curve) == {"lambdas", "predictions", "frames", "zero", "frame_width", "frame_height", "columns"}


def test_a_case_that_is_not_explained_yet_is_waited_for_without_counting_time(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.first())
    Explanation.objects.filter(case=reading.case).update(status=Explanation.Status.PENDING)
    page = reader.get(case_url(reading))
    assert page.status_code == 200
    assert 'http-equiv="refresh"' in page.text
    assert "radio" not in page.text
    assert Reading.objects.get(pk=reading.pk).opened_at is None
    assert reader.get(asset_url(reading, "xray.png")).status_code == 404


def test_synthetic_images_are_marked_on_every_page(client: Client):
    allocation = reader_make(study_make(synthetic=True))
    client.force_login(allocation.membership.user)
    for url in (
        reverse("reading_start", args=[allocation.membership.study.slug]),
        case_url(present(allocation.readings.first())),
    ):
        assert "Synthetic images" in client.get(url).text


def test_instructions_cannot_carry_code(client: Client):
    study = study_make()
    study.instructions = "<script>alert(1)</script> [x](javascript:alert(1)) ![y](https://elsewhere.invalid/y.png)"
    study.save()
    allocation = reader_make(study)
    client.force_login(allocation.membership.user)
    page = client.get(reverse("reading_start", args=[study.slug])).text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert '<img src="https' not in page


def test_pages_forbid_scripts_from_elsewhere_and_written_into_them(reader: Client, allocation: Allocation):
    response = reader.get(case_url(present(allocation.readings.first())))
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", response.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', response.text)


def test_pages_of_a_case_are_never_kept_by_the_browser(reader: Client, allocation: Allocation):
    assert "no-store" in reader.get(case_url(present(allocation.readings.first())))["Cache-Control"]


# Answers over HTTP


def test_an_answer_is_stored_and_a_replay_is_told_the_same(reader: Client, allocation: Allocation):
    reading, answer_id = present(allocation.readings.first()), uuid.uuid4()
    reader.get(case_url(reading))
    body = {"question": "confidence", "value": 4, "seconds": 0.5}
    replies = [put(reader, "answer_put", reading.pk, answer_id, body=body) for _ in range(2)]
    assert [(reply.status_code, reply.json()) for reply in replies] == [
        (200, {"readerstudy": True, "revision": 1, "complete": False})
    ] * 2
    assert Answer.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"question": "confidence"},
        {"question": "confidence", "value": "4"},
        {"question": "confidence", "value": True},
        {"question": "confidence", "value": 4.0},
        {"question": ["confidence"], "value": 4},
        {"question": "confi\x00dence", "value": 4},
        {"question": "confi\ud800dence", "value": 4},
        {"question": "confidence", "value": 10**30},
        {"question": "x" * 5000, "value": 4},
    ],
)
def test_a_body_that_is_no_answer_is_refused_with_a_reason(reader: Client, allocation: Allocation, body: object):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    reply = put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert not Answer.objects.exists()


@pytest.mark.parametrize("body", ["", "[" * 4000, "[]", '{"seconds": 1', b"\xff\xfe\x00", "x" * 3_000_000])
@pytest.mark.parametrize("name", ["answer_put", "visit_put", "events_put"])
def test_a_body_that_no_page_of_ours_sends_is_refused(
    reader: Client, allocation: Allocation, name: str, body: str | bytes
):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    url = reverse(name, args=[reading.pk, uuid.uuid4()])
    assert reader.put(url, body, content_type="application/json").status_code == 400
    assert not Visit.objects.exists()


@pytest.mark.parametrize("seconds", ["10" + 400 * "0", '"1"', "NaN", "1e999", "true", "[]"])
def test_an_answer_with_a_time_that_is_none_is_stored(reader: Client, allocation: Allocation, seconds: str):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    url = reverse("answer_put", args=[reading.pk, uuid.uuid4()])
    body = f'{{"question": "confidence", "value": 4, "seconds": {seconds}}}'
    assert reader.put(url, body, content_type="application/json").status_code == 200
    assert Answer.objects.values_list("value", "seconds", "seconds_doubt").get() == (4, None, "no_number")


def test_a_body_that_was_cut_off_on_its_way_decides_nothing(reader: Client, allocation: Allocation):
    """Without the mark a browser sends the answer again."""
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    url = reverse("answer_put", args=[reading.pk, uuid.uuid4()])
    cut = reader.put(url, '{"question": "confi', content_type="application/json")
    refused = reader.put(url, '{"question": "confidence", "value": 99}', content_type="application/json")
    assert [(cut.status_code, "readerstudy" in cut.json()), (refused.status_code, "readerstudy" in refused.json())] == [
        (400, False),
        (400, True),
    ]


def test_fields_in_the_body_cannot_change_case_or_arm(reader: Client, allocation: Allocation):
    reading, other = allocation.readings.all()[:2]
    reader.get(case_url(reading))
    body = {"question": "confidence", "value": 4, "reading": str(other.pk), "arm": "B", "period": 2, "user": 1}
    assert put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 200
    stored = Answer.objects.get()
    assert (stored.reading, stored.reading.arm) == (reading, reading.arm)


def test_a_conflict_says_so(reader: Client, allocation: Allocation):
    reading, answer_id = present(allocation.readings.first()), uuid.uuid4()
    reader.get(case_url(reading))
    statuses = [
        put(reader, "answer_put", reading.pk, answer_id, body={"question": "confidence", "value": value}).status_code
        for value in (4, 5)
    ]
    assert statuses == [200, 409]


def test_an_answer_of_another_reader_is_not_stored_for_whoever_is_signed_in_now(reader: Client, allocation: Allocation):
    """Also where both read the same study: the outbox waits for its own reader."""
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    other = reader_make(allocation.membership.study).membership.user
    body = {"question": "confidence", "value": 4, "reader": str(other.pk)}
    reply = put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body)
    assert reply.status_code == 401
    assert "Somebody else is signed in" in reply.json()["error"]
    assert not Answer.objects.exists()
    body["reader"] = str(allocation.membership.user.pk)
    assert put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 200


def test_a_late_answer_is_told_which_revision_stands(reader: Client, allocation: Allocation):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    replies = [
        put(
            reader,
            "answer_put",
            reading.pk,
            uuid.uuid4(),
            body={"question": "confidence", "value": value, "known_revision": 0},
        ).json()
        for value in (4, 5)
    ]
    assert replies == [
        {"readerstudy": True, "revision": 1, "complete": False},
        {"readerstudy": True, "revision": 2, "complete": False, "standing": 1},
    ]


@pytest.mark.parametrize(
    "extra",
    [
        {"known_revision": -1},
        {"known_revision": 2**40},
        {"known_revision": "1"},
        {"reason": 5},
        {"content": "text"},
        {"content": {"text": "x"}},
    ],
)
def test_what_goes_with_an_answer_is_checked_too(reader: Client, allocation: Allocation, extra: dict):
    reading = present(allocation.readings.first())
    reader.get(case_url(reading))
    body = {"question": "confidence", "value": 4, **extra}
    assert put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 400
    assert not Answer.objects.exists()


@pytest.mark.parametrize("body", [{"unlock": 5}, {"unlock": "no uuid"}, []])
def test_a_submission_that_is_none_is_refused(reader: Client, allocation: Allocation, body: object):
    reading = present(allocation.readings.first())
    rate(reader, reading)
    assert put(reader, "submission_put", reading.pk, body=body).status_code == 400
    assert put(reader, "submission_put", reading.pk, body={}).status_code == 200


def test_every_kind_of_question_is_asked_with_what_was_answered(reader: Client, allocation: Allocation):
    study, reading = allocation.membership.study, present(allocation.readings.first())
    sent: dict[str, dict[str, Any]] = {
        "yes_no": {"value": 0},
        "choice": {"value": 3},
        "text": {"content": {"text": "<b>& more"}},
        "location": {"content": {"x": 10, "y": 20, "size": 100}},
    }
    reader.get(case_url(reading))
    for kind, answer in sent.items():
        question_make(study, kind)
        body = {"question": kind, **answer}
        assert put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 200
    page = reader.get(case_url(reading)).text
    assert re.findall(r'name="(\w+)" value="(\d)"[^>]* checked', page) == [("yes_no", "0"), ("choice", "3")]
    assert "&lt;b&gt;&amp; more</textarea>" in page
    assert 'data-place="{&quot;x&quot;: 0.1, &quot;y&quot;: 0.2}"' in page
    assert "Both sides" in page


def test_a_place_on_the_page_does_not_tell_how_large_the_image_is(reader: Client, allocation: Allocation):
    """Sizes differ between data sets, and images with an expert's box are larger: the size could unblind."""
    question_make(allocation.membership.study, "location")
    reading, shown = present(allocation.readings.first()), set()
    reader.get(case_url(reading))
    body = {"question": "location", "content": {"x": 100, "y": 200.5, "size": 300}}
    assert put(reader, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 200
    answer = Answer.objects.get()
    for side in (1024, 2500, 3001):
        Image.objects.update(width=side, height=side)
        content = {"x": round(100 * side / 300, 2), "y": round(200.5 * side / 300, 2)}
        Answer.objects.bulk_create(
            [
                Answer(
                    id=uuid.uuid4(),
                    reading=reading,
                    question=answer.question,
                    revision=side,
                    content=content,
                    answered_at=NOW,
                )
            ]
        )
        shown.add(present(re.search(r'data-place="([^"]+)"', reader.get(case_url(reading)).text))[1])
    assert len(shown) == 1


def test_without_a_session_an_answer_is_told_to_wait(client: Client, allocation: Allocation):
    body = {"question": "confidence", "value": 4}
    reply = put(client, "answer_put", present(allocation.readings.first()).pk, uuid.uuid4(), body=body)
    assert reply.status_code == 401
    assert "sign in" in reply.json()["error"]


def test_an_answer_from_another_site_is_refused(allocation: Allocation):
    client = Client(enforce_csrf_checks=True)
    client.force_login(allocation.membership.user)
    reading = present(allocation.readings.first())
    page = client.get(case_url(reading))
    token = page.cookies["csrftoken"].value
    body = {"question": "confidence", "value": 4}
    assert put(client, "answer_put", reading.pk, uuid.uuid4(), body=body).status_code == 403
    good = put(client, "answer_put", reading.pk, uuid.uuid4(), body=body, headers={"X-CSRFToken": token})
    assert good.status_code == 200


def test_time_is_stored_per_visit(reader: Client, allocation: Allocation):
    reading, visit_id = present(allocation.readings.first()), uuid.uuid4()
    reader.get(case_url(reading))
    for seconds in (1, 3, 2):
        reply = put(reader, "visit_put", reading.pk, visit_id, body={"seconds": seconds})
    assert reply.json() == {"readerstudy": True, "seconds": 3}
    assert Visit.objects.get().seconds == 3


# Blinding


def test_no_byte_of_a_whole_reading_tells_label_data_set_patient_or_name(client: Client):
    """Everything that a reader can fetch in both periods, headers included."""
    study = study_make(files=True)
    allocation = reader_make(study, ready=False)
    client.force_login(allocation.membership.user)
    received: list[tuple[str, bytes]] = []

    def fetch(url: str, method: str = "get", **kwargs):
        response = getattr(client, method)(url, **kwargs)
        head = "\n".join(f"{key}: {value}" for key, value in response.items())
        cookies = response.cookies.output()
        received.append((url, f"{head}\n{cookies}\n".encode() + response.content))
        return response

    fetch("/")
    fetch(reverse("reading_start", args=[study.slug]))
    fetch(reverse("reading_begin", args=[study.slug]), "post")
    for reading in allocation.readings.all():
        rated = fetch(reverse("reading_next", args=[study.slug]))
        if (reading.period.number, reading.position) == (2, 1):
            assert "You have finished period 1." in fetch(rated.url).text
            fetch(reverse("reading_begin", args=[study.slug]), "post", data={"begins": "2"})
            rated = fetch(reverse("reading_next", args=[study.slug]))
        assert rated.url == case_url(reading)
        page = fetch(rated.url)
        assert page.status_code == 200
        fetch(reverse("reading_steps", args=[reading.pk]))
        for url in set(re.findall(r"/reading/[0-9a-f-]+/assets/[\w.]+", page.text)):
            fetch(url)
        for key in ("confidence", "correct_feature"):
            url = reverse("answer_put", args=[reading.pk, uuid.uuid4()])
            body = json.dumps({"question": key, "value": 3, "seconds": 0.1})
            fetch(url, "put", data=body, content_type="application/json")
        url = reverse("visit_put", args=[reading.pk, uuid.uuid4()])
        fetch(url, "put", data=json.dumps({"seconds": 0.1}), content_type="application/json")
        url = reverse("events_put", args=[reading.pk, uuid.uuid4()])
        event = {"sequence": 1, "kind": "window", "panel": "xray", "value": {}, "seconds": 0.1}
        fetch(url, "put", data=json.dumps({"seconds": 0.1, "events": [event]}), content_type="application/json")
    assert "Thank you" in fetch(reverse("reading_start", args=[study.slug])).text

    assert sum(b"\x89PNG" in body for _, body in received) >= 8 * 4 + 8 * 3
    files = [artefact.file for artefact in Artefact.objects.all()]
    hashes = [artefact.sha256 for artefact in Artefact.objects.all()]
    images = [case.image.sha256 for case in study.cases.select_related("image")]
    secrets = [SECRET_DATASET, SECRET_PATIENT, SECRET_NAME, "true positive", "false positive", *files, *hashes, *images]
    for address, sent in received:
        low = sent.lower()
        for secret in secrets:
            assert secret.lower().encode() not in low, f"{secret} in {address}"
        if b"\x89PNG" not in sent:
            assert not re.search(rb"\b(TP|FP|ious?|label)\b", re.sub(rb"<label|</label|aria-label", b"", sent)), address
            assert not re.search(rb"\bcase[-_ ]?number\b", low), address


def test_pages_of_a_true_and_a_false_positive_differ_in_nothing_but_ids_and_place(client: Client):
    """The same target, score and arm: two pages that only the label could tell apart."""
    study = study_make(targets=("Mass",), per_cell=2)
    study.cases.update(score=0.6)
    allocation = reader_make(study)
    client.force_login(allocation.membership.user)
    pages = {}
    for reading in allocation.readings.filter(period__number=1, arm__key="A").select_related("case"):
        text = client.get(case_url(reading)).text
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
        text = re.sub(r'(?m)^.*id="previous".*$\n?', "", text)
        text = re.sub(r'data-(ahead|next-case)="[^"]*"', "", text)
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
        pages[reading.case.label] = re.sub(r"\s+", " ", re.sub(r"\d+", "N", text))
    assert len(pages) == 2
    assert pages["TP"] == pages["FP"]


def test_a_reader_who_also_coordinates_sees_no_page_that_could_unblind(client: Client):
    study = study_make()
    allocation = reader_make(study)
    user = allocation.membership.user
    member_make(study, Role.COORDINATOR, user.email)
    client.force_login(user)
    home = client.get("/").text
    assert reverse("study_detail", args=[study.slug]) not in home
    assert client.get(reverse("study_detail", args=[study.slug])).status_code == 403
    assert len(re.findall("<h2>", home)) == 1  # the study once, whatever the roles


def test_a_user_who_is_reader_and_coordinator_reads_each_case_once(client: Client):
    study = study_make()
    allocation = reader_make(study)
    member_make(study, Role.COORDINATOR, allocation.membership.user.email)
    numbers = allocation.readings.filter(period__number=1).values_list("case__number", flat=True)
    assert sorted(numbers) == sorted(study.cases.values_list("number", flat=True))


def test_the_start_page_says_when_the_washout_ends(client: Client, monkeypatch):
    allocation = reader_make(study_make(washout_days=14))
    allocation.readings.filter(period__number=1).update(opened_at=NOW, completed_at=NOW)
    questions = list(allocation.membership.study.questions.all())
    for reading in allocation.readings.filter(period__number=1):
        for question in questions:
            Answer.objects.create(
                id=uuid.uuid4(), reading=reading, question=question, revision=1, value=3, answered_at=NOW
            )
    client.force_login(allocation.membership.user)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1))
    page = client.get(reverse("reading_start", args=[allocation.membership.study.slug])).text
    assert "opens 16 March 2026, 09:00" in page


# The end of a period


def test_period_one_ends_with_a_page_that_says_so_and_period_two_begins_only_there(
    reader: Client, allocation: Allocation
):
    """The factory's study has a washout of 0 days."""
    slug = allocation.membership.study.slug
    start = reverse("reading_start", args=[slug])
    first, *_, last = allocation.readings.filter(period__number=1)
    second = present(allocation.readings.filter(period__number=2).first())
    for reading in allocation.readings.filter(period__number=1):
        rate(reader, reading)

    assert reader.get(reverse("reading_next", args=[slug]), follow=True).redirect_chain[-1][0] == start
    assert reader.get(case_url(second))["Location"] == start  # an address that was kept or guessed begins nothing
    assert Reading.objects.filter(period__number=2, opened_at__isnull=False).count() == 0
    page = reader.get(start).text
    assert "You have finished period 1." in page
    assert "cannot be looked at or changed any more" in page
    assert case_url(last) in page

    body = {"question": "confidence", "value": 5, "known_revision": 1, "reason": "A slip."}
    assert "late" not in put(reader, "answer_put", first.pk, uuid.uuid4(), body=body).json()
    reader.post(reverse("reading_begin", args=[slug]))  # of a page that knew nothing of period 2
    assert Reading.objects.filter(period__number=2, opened_at__isnull=False).count() == 0

    begun = reader.post(reverse("reading_begin", args=[slug]), {"begins": "2"}, follow=True)
    assert begun.redirect_chain[-1][0] == case_url(second)
    assert "You have finished period 1." not in reader.get(case_url(second)).text
    late = put(reader, "answer_put", first.pk, uuid.uuid4(), body=body | {"value": 1, "known_revision": 2})
    assert late.json()["late"] is True


def test_a_period_left_with_a_case_to_be_repaired_does_not_end_unasked_either(reader: Client, allocation: Allocation):
    broken, *others = allocation.readings.filter(period__number=1)
    for reading in others:
        rate(reader, reading)
    Explanation.objects.filter(case=broken.case).update(status=Explanation.Status.FAILED)
    slug = allocation.membership.study.slug
    start = reverse("reading_start", args=[slug])
    assert reader.get(reverse("reading_next", args=[slug]), follow=True).redirect_chain[-1][0] == start
    assert "You have finished period 1." in reader.get(start).text
