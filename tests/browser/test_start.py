"""A tiny study from consent to certificate, in a real browser; help, break reminder and small screens on the way."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Answer, Reading
from readerstudy.studies.models import Annotation, Image, Membership
from tests.factories.people import member_make
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CONSENT = """## What is stored

**Your answers**, how long you look at each case, and which of the tools you use. Reports name you by a code.

Taking part is voluntary. You can stop at any time and without a reason; tell the coordinator.
"""
SIZES = ((1280, 720), (1024, 768))


def rate(page: Page) -> None:
    """Two answers and next, by key."""
    page.wait_for_selector("body[data-ready=yes]")
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_have_text("Saved")
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)


def test_from_consent_over_training_to_the_certificate(page: Page, live_server, sign_in, shot):
    study = study_make(
        files=True,
        targets=("Cardiomegaly",),
        synthetic=True,
        training=2,
        consent=CONSENT,
        certificate=True,
        show_patient=["age", "sex"],
        break_after_minutes=30,
    )
    Image.objects.update(age=62, sex="F")
    allocation = reader_make(study, ready=False)
    for case in study.cases.training().filter(label="TP"):
        Annotation.objects.create(image=case.image, finding="Cardiomegaly", x=17, y=28, width=30, height=24)

    sign_in(allocation.membership.user)
    shot("around-home-new")
    page.get_by_role("link", name="Read", exact=True).click()
    page.get_by_role("button", name="Take part").click()  # the browser asks for the tick
    expect(page).to_have_url(re.compile("consent$"))
    shot("around-consent")
    page.get_by_label("I have read this text").check()
    page.get_by_role("button", name="Take part").click()
    shot("around-instructions", full_page=True)
    page.get_by_role("button", name="I have read the instructions").click()

    for position in (1, 2):
        expect(page.get_by_text(f"Training case {position} of 2")).to_be_visible()
        rate(page)
        right = page.get_by_role("heading", name="Right: Cardiomegaly is there")
        wrong = page.get_by_role("heading", name="Wrong: Cardiomegaly is not there")
        expect(right.or_(wrong)).to_be_visible()
        page.wait_for_load_state("networkidle")
        shot(f"around-feedback-{'right' if right.count() else 'wrong'}")
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Begin period 1")).to_be_focused()
    shot("around-after-training")
    page.keyboard.press("Enter")

    for period in (1, 2):
        for position in range(1, 5):
            expect(page.get_by_text(f"Case {position} of 4")).to_be_visible()
            expect(page.get_by_text("62-year-old woman")).to_be_visible()
            if (period, position) == (1, 1):
                page.wait_for_selector("body[data-ready=yes]")
                shot("around-case")
            rate(page)
            if (period, position) == (1, 2):
                page.goto(live_server.url)
                shot("around-home-half")
                page.get_by_role("link", name="Go on reading").click()
                expect(page.get_by_role("button", name="Go on with period 1")).to_be_focused()
                page.keyboard.press("Enter")
        if period == 1:
            expect(page.get_by_text("You have finished period 1.")).to_be_visible()
            expect(page.get_by_role("link", name="Go back and change answers of period 1")).to_be_visible()
            shot("around-between-periods")
            page.keyboard.press("Enter")  # once too often: nothing begins by it
            page.get_by_role("button", name="Begin period 2").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    shot("around-thanks")
    page.get_by_role("link", name="Your certificate").click()
    expect(page.get_by_text("has rated every case")).to_be_visible()
    shot("around-certificate")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    shot("around-certificate-print")

    assert Answer.objects.count() == 2 * (2 + 2 * 4)
    assert not Reading.objects.filter(completed_at=None).exists()


def test_help_is_one_key_away_and_no_key_rates_while_it_is_open(page: Page, live_server, sign_in, shot):
    allocation = reader_make(study_make(files=True, targets=("Cardiomegaly",)))
    sign_in(allocation.membership.user)
    page.goto(live_server.url + reverse("reading_case", args=[present(allocation.readings.first()).pk]))
    page.wait_for_selector("body[data-ready=yes]")
    page.evaluate("document.addEventListener('exposure', (event) => { window.lastExposure = event.detail.kind; })")
    dialog = page.get_by_role("dialog", name="Instructions")

    page.keyboard.press("h")
    expect(dialog).to_be_visible()
    assert page.evaluate("window.lastExposure") == "instructions_opened"
    shot("around-help")
    dialog.get_by_text("Rate every case").click()
    for key in ("4", "2", "n"):
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("input:checked")).to_have_count(0)
    page.get_by_role("button", name="Instructions").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("h")
    expect(dialog).to_be_hidden()
    page.keyboard.press("4")
    expect(page.locator("input:checked")).to_have_count(1)
    expect(page.locator("#status")).to_have_text("Saved")
    assert Answer.objects.count() == 1


def test_a_break_is_offered_after_the_protocol_s_minutes_of_one_sitting_and_stops_nothing(
    page: Page, live_server, sign_in, shot
):
    allocation = reader_make(study_make(files=True, targets=("Cardiomegaly",), break_after_minutes=6))
    sign_in(allocation.membership.user)
    first, second = allocation.readings.all()[:2]
    page.clock.install()
    page.goto(live_server.url + reverse("reading_case", args=[first.pk]))
    page.wait_for_selector("body[data-ready=yes]")
    note = page.get_by_text("6 minutes: time for a break?")
    page.clock.run_for("04:00")
    expect(note).to_be_hidden()

    page.goto(live_server.url + reverse("reading_case", args=[second.pk]))  # the sitting goes on with the next case
    page.wait_for_selector("body[data-ready=yes]")
    page.clock.run_for("01:50")
    expect(note).to_be_hidden()
    page.clock.run_for("00:15")
    expect(note).to_be_visible()
    shot("around-break")
    page.keyboard.press("4")
    expect(page.locator("input:checked")).to_have_count(1)
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(note).to_be_hidden()
    page.clock.run_for("05:50")
    expect(note).to_be_hidden()
    page.clock.run_for("00:15")
    expect(note).to_be_visible()

    page.goto(live_server.url)
    page.clock.fast_forward("06:00")  # away: that was a break
    page.goto(live_server.url + reverse("reading_case", args=[second.pk]))
    page.wait_for_selector("body[data-ready=yes]")
    page.clock.run_for("00:10")
    expect(note).to_be_hidden()


def test_a_reason_that_is_being_written_is_not_lost_to_the_page_s_refreshing(page: Page, live_server, sign_in):
    study = study_make(targets=("Cardiomegaly",))
    allocation = reader_make(study)
    Explanation.objects.filter(case__number=1).update(status=Explanation.Status.PENDING)
    sign_in(member_make(study, Membership.Role.COORDINATOR).user)
    page.clock.install()
    page.goto(live_server.url + reverse("study_detail", args=[study.slug]))
    expect(page.get_by_text("3 of 4 cases explained")).to_be_visible()
    page.get_by_text("Withdraw…").click()
    page.get_by_label("Reason").fill("moved away")
    Explanation.objects.update(status=Explanation.Status.DONE)
    page.clock.run_for("00:05")
    page.get_by_role("button", name="Withdraw R1").click()
    expect(page.get_by_text("R1 is withdrawn")).to_be_visible()
    assert Membership.objects.get(pk=allocation.membership.pk).withdrawn_at is not None


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_bar_of_the_rating_page_fits_small_screens(page: Page, live_server, sign_in, shot, width: int, height: int):
    study = study_make(
        files=True, targets=("Pleural thickening",), show_patient=["age", "sex"], consent=CONSENT, break_after_minutes=1
    )
    Image.objects.update(age=62, sex="F")
    allocation = reader_make(study)
    sign_in(allocation.membership.user)
    page.set_viewport_size({"width": width, "height": height})
    page.clock.install()
    page.goto(live_server.url + reverse("reading_case", args=[present(allocation.readings.first()).pk]))
    page.wait_for_selector("body[data-ready=yes]")
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("Saved")
    bar = present(page.locator(".bar").bounding_box())
    page.clock.run_for("01:05")
    expect(page.get_by_text("time for a break?")).to_be_visible()
    shot(f"around-bar-{width}x{height}")
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    assert present(page.locator(".bar").bounding_box())["height"] == bar["height"]  # nothing moves under the pointer
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [
        present(page.locator(part).bounding_box())
        for part in (".bar-place", ".bar-case", ".bar-side")
        if page.locator(part)
    ]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart_x = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            apart_y = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            assert apart_x or apart_y
