"""Time and exposure as a real browser counts and reports them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from readerstudy.reading.models import Allocation, Answer, Event, Reading, Visit
from tests.browser.conftest import open_case
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EVENTS = "**/visits/*/events"
MINUTE = 60_000


@pytest.fixture
def first(page: Page, live_server, allocation: Allocation) -> Reading:
    """The first case, opened an hour ago as far as the server knows; the page's time is in the test's hands."""
    reading = present(allocation.readings.filter(period__number=1, arm__key="A").first())  # without an animation
    page.clock.install()
    open_case(page, live_server.url, reading)
    Reading.objects.filter(pk=reading.pk).update(opened_at=timezone.now() - timedelta(hours=1))
    return reading


def dispatch(page: Page, kind: str, times: int = 1, **value: Any) -> None:
    page.evaluate(
        """([kind, times, value]) => { for (let n = 0; n < times; n += 1) document.dispatchEvent(
            new CustomEvent("exposure", { detail: { kind, panel: "xray", value: { ...value, n } } })); }""",
        [kind, times, value],
    )


def become(page: Page, state: str) -> None:
    page.evaluate(
        """state => {
            Object.defineProperty(document, 'hidden', {value: state === 'hidden', configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        state,
    )


def eventually(page: Page, look: Callable[[], object], expected: object) -> None:
    """Lets the page send once more, and waits until the server has what is expected."""
    page.wait_for_timeout(300)  # for what is on its way: there is one report at a time
    page.clock.run_for(10_000)
    deadline = time.monotonic() + 15
    while look() != expected and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert look() == expected


def seconds() -> tuple[int, ...]:
    """Active, idle and hidden, rounded to ten seconds: the page's clock also runs by itself a little."""
    fields = ("seconds", "idle_seconds", "hidden_seconds")
    return tuple(10 * round(value / 10) for row in Visit.objects.values_list(*fields) for value in row)


def events(*fields: str) -> list[tuple[object, ...]]:
    """Of what was done; that the pictures were shown comes first on every visit, once for each of the four."""
    return list(Event.objects.exclude(kind="shown").values_list(*fields))


def test_a_reader_who_does_nothing_is_active_for_a_minute(page: Page, first: Reading):
    page.clock.run_for(5 * MINUTE)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("Saved")
    assert Answer.objects.get().seconds == pytest.approx(60, abs=5)
    page.clock.run_for(MINUTE // 2)
    page.mouse.move(300, 300)
    page.clock.run_for(MINUTE // 2)
    eventually(page, seconds, (130, 240, 0))
    assert 0 < present(Visit.objects.get().painted_ms) < 10_000


def test_time_out_of_view_is_neither_active_nor_idle(page: Page, first: Reading):
    page.clock.run_for(MINUTE // 2)
    become(page, "hidden")
    page.clock.run_for(3 * MINUTE)
    become(page, "visible")
    eventually(page, seconds, (40, 0, 180))
    eventually(page, lambda: events("kind"), [("tab_hidden",), ("tab_shown",)])


def test_what_is_looked_at_arrives_once_and_in_order_also_when_the_reply_is_lost(page: Page, first: Reading):
    lost: list[str] = []

    def lose_first(route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.url)
        route.fetch()  # the server has it
        route.abort()  # the page never hears of it

    page.route(EVENTS, lose_first)
    dispatch(page, "animation_started")
    dispatch(page, "loop", times=3)
    page.clock.run_for(10_000)
    expected = [
        (5, "animation_started", "xray", {"n": 0}),
        (6, "loop", "xray", {"n": 0}),
        (7, "loop", "xray", {"n": 1}),
        (8, "loop", "xray", {"n": 2}),
    ]
    eventually(page, lambda: events("sequence", "kind", "panel", "value"), expected)
    assert lost


def test_what_is_done_with_the_pictures_is_recorded(page: Page, live_server, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=1, arm__key="B").first())
    open_case(page, live_server.url, reading)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    page.locator("#frame").focus()
    page.keyboard.press("Home")
    box = present(page.locator("[data-panel=xray] canvas").bounding_box())
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 130, steps=5)
    page.mouse.up()
    page.goto(live_server.url + "/")
    deadline = time.monotonic() + 15
    while not Event.objects.exists() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    kinds = dict(Event.objects.values_list("kind", "panel"))
    assert set(kinds) - {"loop", "shown"} == {"animation_started", "animation_paused", "frame", "window"}
    assert kinds["window"] == "xray"


def test_dragging_is_one_record_a_second_with_the_last_value(page: Page, first: Reading):
    dispatch(page, "window", times=50, centre=120)
    page.clock.run_for(1_000)
    dispatch(page, "window", times=7, centre=90)
    page.clock.run_for(1_000)
    expected = [("window", 50, {"centre": 120, "n": 49}), ("window", 7, {"centre": 90, "n": 6})]
    eventually(page, lambda: events("kind", "count", "value"), expected)


def test_opening_the_explanation_of_a_method_is_recorded_with_its_picture(page: Page, first: Reading):
    help_of = page.get_by_text("What is this?").nth(1)
    help_of.click()
    help_of.click()
    eventually(page, lambda: events("kind", "panel"), [("help_opened", first.arm.methods[0])])


def test_a_server_that_takes_no_events_hinders_no_answer_and_is_told_how_many_were_lost(page: Page, first: Reading):
    page.route(EVENTS, lambda route: route.fulfill(status=400, json={"readerstudy": True, "error": "no"}))
    dispatch(page, "invert", times=3)
    with page.expect_response(EVENTS):
        page.clock.run_for(10_000)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("Saved")
    expect(page.locator("#problem")).to_be_hidden()
    page.unroute(EVENTS)
    dispatch(page, "reset")
    eventually(page, lambda: events("kind", "sequence"), [("reset", 8)])
    assert Visit.objects.get().events_lost == 7


def test_leaving_a_case_is_not_recorded_as_looking_away(page: Page, first: Reading, live_server):
    page.goto(live_server.url + "/")
    deadline = time.monotonic() + 15
    while not Visit.objects.exists() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert Visit.objects.count() == 1
    assert not events("kind")


def test_how_the_pictures_were_shown_is_recorded_once_per_visit(page: Page, first: Reading, live_server):
    """Sizes as the browser itself tells them; a window set later does not change what was shown first."""
    page.get_by_role("button", name="Lung").click()
    box = present(page.locator("[data-panel=xray] canvas").bounding_box())
    page.set_viewport_size({"width": 1280, "height": 720})
    eventually(page, lambda: Event.objects.filter(kind="shown").count(), 4)
    shown = dict(Event.objects.filter(kind="shown").values_list("panel", "value"))
    assert len(shown) == 4
    assert shown["xray"] == {
        "css": pytest.approx(box["width"], abs=0.01),
        "device": round(box["width"]),
        "pixels": 256,
        "ratio": 1,
        "viewport_width": 1440,
        "viewport_height": 900,
        "width": 1,
        "level": 0.5,
    }
