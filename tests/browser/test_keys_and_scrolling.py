"""Where a case opens, what a finger does, where a key leads, what a tab says that is out of date; forced colours."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import Page, expect

from readerstudy.reading.models import Allocation, Answer, Reading
from readerstudy.studies.models import Study
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_outbox import answer_elsewhere
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WINDOWS: dict[str, dict[str, Any]] = {
    "1280x720": {"viewport": {"width": 1280, "height": 720}},
    "200% zoom": {"viewport": {"width": 640, "height": 360}, "device_scale_factor": 2},
    "tablet upright": {"viewport": {"width": 768, "height": 1024}, "has_touch": True, "device_scale_factor": 2},
    "telephone": {"viewport": {"width": 390, "height": 700}, "has_touch": True, "device_scale_factor": 3},
}


@pytest.fixture
def study() -> Study:
    return study_make(files=True, targets=("Mass",))


@pytest.fixture
def allocation(study: Study) -> Allocation:
    return reader_make(study)


@pytest.fixture
def first(allocation: Allocation) -> Reading:
    return present(allocation.readings.filter(period__number=1).first())


def saved(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("Saved")


@pytest.mark.parametrize("window", WINDOWS)
def test_a_case_opens_at_its_top_however_it_is_reached(open_in, first: Reading, window: str):
    page = open_in(first, **WINDOWS[window])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"opens-{window.replace(' ', '-').replace('%', '')}.png")
    assert page.evaluate("scrollY") == 0
    page.mouse.wheel(0, 10_000)
    for key in "42":
        page.keyboard.press(key)
    expect(page.locator("#next")).to_be_enabled()
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector("body[data-ready=yes]")
    assert page.evaluate("scrollY") == 0
    page.mouse.wheel(0, 10_000)
    page.wait_for_timeout(100)
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.evaluate("scrollY") == 0


def drag_finger(page: Page, panel: str, down: float) -> None:
    cdp = page.context.new_cdp_session(page)
    box = present(page.locator(f"[data-panel={panel}] canvas").bounding_box())
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, way in (("touchStart", 0), *(("touchMove", down * step / 8) for step in range(1, 9))):
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y + way, "id": 0}]})
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    # A finger that is lifted gives the page a push: until that is spent, it goes on scrolling.
    before = None
    while (now := page.evaluate("scrollY")) != before:
        before = now
        page.wait_for_timeout(100)


def test_one_finger_on_a_picture_scrolls_the_page_unless_the_window_tool_is_chosen(open_in, first: Reading):
    page = open_in(first, viewport={"width": 768, "height": 900}, has_touch=True)
    window = page.locator("#window-readout")
    drag_finger(page, "xray", -150)
    scrolled = page.evaluate("scrollY")
    assert scrolled > 80
    expect(window).to_have_text("W 100 L 50")
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="Finger: window").tap()
    drag_finger(page, "xray", -150)
    assert page.evaluate("scrollY") == 0
    expect(window).not_to_have_text("W 100 L 50")
    page.get_by_role("button", name="Finger: window").click()  # a tap so soon after a drag is swallowed by Chromium
    page.wait_for_selector("#panels:not(.touch-tool)")
    drag_finger(page, "xray", -150)
    assert page.evaluate("scrollY") > 80


def test_keys_lead_through_optional_questions_and_a_digit_for_a_scale_never_lands_in_a_text(
    open_in, first: Reading, study: Study
):
    study.questions.filter(key="correct_feature").update(position=9)
    question_make(study, "text", "comment", required=False, position=2)
    question_make(study, "choice", "side", required=False, position=3)
    page = open_in(first)
    page.keyboard.press("4")
    expect(page.locator("[data-question=comment]")).to_be_focused()
    page.keyboard.press("2")  # meant for the next scale by who does not look
    page.keyboard.press("n")  # nor is it the way to the next case
    assert page.locator("textarea").first.input_value() == ""
    assert page.locator("input:checked").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.type("2 nodules")
    page.keyboard.press("Tab")
    page.keyboard.press("3")
    expect(page.locator("[data-question=correct_feature]")).to_be_focused()
    page.keyboard.press("2")
    expect(page.locator("#next")).to_be_enabled()
    saved(page)
    found = {answer.question.key: answer.value or answer.content for answer in Answer.objects.all()}
    assert found == {"confidence": 4, "comment": {"text": "2 nodules"}, "side": 3, "correct_feature": 2}


def test_an_optional_question_at_the_end_is_visited_and_enter_goes_on_without_it(open_in, first: Reading, study: Study):
    question_make(study, "choice", "side", required=False)
    page = open_in(first)
    for key in "42":
        page.keyboard.press(key)
    expect(page.locator("[data-question=side]")).to_be_focused()
    expect(page.locator("#next")).to_be_enabled()
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)


def test_a_tab_says_that_another_tab_has_replaced_the_answer_that_it_shows(open_in, first: Reading, live_server):
    page = open_in(first)
    page.keyboard.press("4")
    saved(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("body[data-ready=yes]")
    expect(page.locator("#problem")).to_be_hidden()
    other.keyboard.press("Shift+Tab")
    other.locator("[data-question=confidence] .point").nth(1).click()
    saved(other)
    expect(other.locator("#problem")).to_be_hidden()
    expect(page.locator("#problem")).to_contain_text("answered in another tab or on another computer since")
    expect(page.locator("input:checked")).to_have_value("4")
    page.screenshot(path=SCREENSHOTS / "replaced-elsewhere.png")
    page.get_by_role("button", name="Show what stands").click()
    page.wait_for_selector("body[data-ready=yes]")
    expect(page.locator("input:checked")).to_have_value("2")
    expect(page.locator("#problem")).to_be_hidden()


def test_a_tab_that_comes_back_into_view_asks_whether_another_computer_has_answered(open_in, first: Reading):
    page = open_in(first)
    page.keyboard.press("4")
    saved(page)
    page.wait_for_timeout(200)
    come_back = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(come_back)
    page.wait_for_timeout(500)
    expect(page.locator("#problem")).to_be_hidden()
    answer_elsewhere(first, first.allocation.membership.user, 1, known=1)
    page.evaluate(come_back)
    expect(page.locator("#problem")).to_contain_text("answered in another tab or on another computer since")


def test_in_forced_colours_a_chosen_answer_looks_chosen(open_in, first: Reading):
    page = open_in(first, forced_colors="active")
    page.keyboard.press("4")
    saved(page)
    page.screenshot(path=SCREENSHOTS / "forced-colours.png")

    def colours(number: int) -> np.ndarray:
        point = page.locator("[data-question=confidence] .point > span").nth(number)
        with Picture.open(io.BytesIO(point.screenshot())) as picture:
            found: np.ndarray = np.median(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
            return found

    chosen, others = colours(3), [colours(number) for number in (0, 1, 2, 4)]
    assert all((other == others[0]).all() for other in others)
    assert np.abs(chosen - others[0]).max() > 60
