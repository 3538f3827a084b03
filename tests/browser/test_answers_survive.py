"""Answers in a real browser when things go wrong: nothing lost, nothing double, nothing carried over."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from readerstudy.accounts.models import User
from readerstudy.reading.models import Allocation, Answer, Reading, Visit
from tests.browser.conftest import open_case
from tests.factories.reading import reader_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ANSWERS = "**/answers/*"
FULL = "() => { IDBObjectStore.prototype.add = () => { throw new DOMException('full', 'QuotaExceededError'); }; }"
WAITING = """() => new Promise(done => {
    indexedDB.open('readerstudy').onsuccess = event => {
        const request = event.target.result.transaction('waiting').objectStore('waiting').getAll();
        request.onsuccess = () => { event.target.result.close(); done(request.result); };
    };
})"""


@pytest.fixture
def first(page: Page, live_server, allocation: Allocation) -> Reading:
    """The first case, open and ready to be rated."""
    reading = present(allocation.readings.first())
    open_case(page, live_server.url, reading)
    return reading


def session_of(user: User, url: str) -> list[Any]:
    """Cookies of somebody who signed in to the same browser."""
    client = Client()
    client.force_login(user)
    return [{"name": name, "value": morsel.value, "url": url} for name, morsel in client.cookies.items()]


def asks_before_leaving(page: Page) -> bool:
    found: bool = page.evaluate("() => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    return found


def waiting(page: Page) -> list[dict]:
    """What the browser's storage still holds."""
    found: list[dict] = page.evaluate(WAITING)
    return found


def stored() -> list[tuple[str, int, int | None]]:
    return sorted(Answer.objects.values_list("question__key", "revision", "value"))


def test_a_lost_reply_ends_at_saved_with_one_answer(page: Page, first: Reading):
    replies_lost: list[str] = []

    def lose_first(route: Route) -> None:
        if replies_lost:
            route.continue_()
            return
        replies_lost.append(route.request.url)
        route.fetch()  # the server has it
        route.abort()  # the reader's browser never hears of it

    page.route(ANSWERS, lose_first)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    assert stored() == [("confidence", 1, 4)]
    expect(page.locator("#status")).to_have_text("Saved")
    assert stored() == [("confidence", 1, 4)]


def test_without_a_connection_answers_wait_and_next_is_closed_until_they_are_saved(page: Page, first: Reading):
    page.context.set_offline(True)
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("Enter")
    assert str(first.pk) in page.url
    assert stored() == []
    page.context.set_offline(False)
    page.wait_for_url(lambda url: str(first.pk) not in url)  # Enter was pressed before: it goes on by itself
    assert stored() == [("confidence", 1, 4), ("correct_feature", 1, 2)]


def test_an_answer_given_offline_survives_closing_the_page(page: Page, first: Reading, live_server):
    page.route(ANSWERS, lambda route: route.abort())
    page.keyboard.press("5")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(live_server.url + reverse("reading_start", args=["study"]))
    expect(again.locator("#unsent")).to_be_hidden()
    open_case(again, live_server.url, first)
    expect(again.locator("input:checked")).to_have_value("5")
    assert stored() == [("confidence", 1, 5)]


def test_a_reader_signs_in_again_in_a_new_tab_and_goes_on_where_they_were(
    page: Page, first: Reading, allocation: Allocation, shot
):
    user = allocation.membership.user
    user.set_password("a long enough password")
    user.save()
    page.context.clear_cookies()
    page.keyboard.press("3")
    dialog = page.locator("#signed-out")
    expect(dialog).to_be_visible()
    shot("signed-out")
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in again").click()
    tab = opened.value
    tab.get_by_label("Email").fill(user.email)
    tab.get_by_label("Password").fill("a long enough password")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("heading", name="You are signed in again")).to_be_visible()
    tab.close()
    expect(page.locator("#status")).to_have_text("Saved")
    expect(dialog).to_be_hidden()
    page.keyboard.press("5")
    expect(page.locator("#status")).to_have_text("Saved")
    assert stored() == [("confidence", 1, 3), ("correct_feature", 1, 5)]


@pytest.mark.parametrize("gone", ["sessionid", None])  # the session alone, or all cookies
def test_a_session_that_ended_keeps_the_answer_until_signed_in_again(page: Page, first: Reading, gone: str | None):
    cookies: Any = page.context.cookies()
    page.context.clear_cookies(name=gone)
    page.keyboard.press("3")
    dialog = page.locator("#signed-out")
    expect(dialog).to_contain_text("stored on this computer")
    expect(dialog.get_by_role("link", name="Sign in again")).to_have_attribute("target", "_blank")
    page.keyboard.press("Escape")
    expect(page.locator("#problem")).to_contain_text("Sign in again")
    page.context.add_cookies(cookies)
    expect(page.locator("#status")).to_have_text("Saved")
    expect(page.locator("#problem")).to_be_hidden()
    assert stored() == [("confidence", 1, 3)]


def test_an_answer_given_while_somebody_else_is_signed_in_waits_for_its_reader(
    page: Page, first: Reading, sign_in, allocation: Allocation
):
    page.context.clear_cookies()
    page.context.add_cookies(session_of(reader_make(allocation.membership.study).membership.user, page.url))
    page.keyboard.press("4")
    expect(page.locator("#signed-out")).to_contain_text("Somebody else is signed in")
    assert stored() == []
    page.context.clear_cookies()
    sign_in(allocation.membership.user)
    page.goto(page.url + reverse("reading_start", args=[allocation.membership.study.slug])[1:])
    expect(page.locator("#unsent")).to_be_hidden()
    assert [(answer.value, answer.reading) for answer in Answer.objects.all()] == [(4, first)]


def test_an_answer_that_no_longer_fits_into_the_storage_waits_in_the_page_which_asks_before_it_closes(
    page: Page, first: Reading
):
    page.context.set_offline(True)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    page.evaluate(FULL)
    page.locator("[data-question=confidence] label").nth(1).click()
    expect(page.locator("#status")).to_contain_text("keep this page open")
    assert asks_before_leaving(page)
    page.context.set_offline(False)
    expect(page.locator("#status")).to_have_text("Saved")
    assert not asks_before_leaving(page)
    assert stored() == [("confidence", 1, 4), ("confidence", 2, 2)]


def test_a_changed_mind_is_a_revision_and_reload_shows_what_is_stored(page: Page, first: Reading):
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("Saved")
    page.locator("[data-question=confidence] .point").nth(0).click()
    expect(page.locator("#status")).to_have_text("Saved")
    assert waiting(page) == []
    assert stored() == [("confidence", 1, 4), ("confidence", 2, 1)]
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    expect(page.locator("input:checked")).to_have_count(1)
    expect(page.locator("[data-question=confidence] input:checked")).to_have_value("1")


def test_a_double_click_on_next_goes_on_by_one_case(page: Page, first: Reading, allocation: Allocation):
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#next")).to_be_enabled()
    page.locator("#next").dblclick()
    page.wait_for_url(lambda url: str(first.pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    second = allocation.readings.get(period__number=1, position=2)
    assert str(second.pk) in page.url
    expect(page.locator("input:checked")).to_have_count(0)
    assert len(stored()) == 2


def test_back_shows_the_case_before_as_it_was_answered(page: Page, first: Reading):
    page.keyboard.press("4")
    page.keyboard.press("2")
    page.keyboard.press("n")
    page.wait_for_url(lambda url: str(first.pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    page.keyboard.press("5")
    expect(page.locator("#status")).to_have_text("Saved")
    page.go_back()
    page.wait_for_selector("body[data-ready=yes]")
    assert [radio.input_value() for radio in page.locator("input:checked").all()] == ["4", "2"]


def test_nothing_can_be_answered_and_no_time_counts_before_the_pictures_are_painted(
    page: Page, live_server, allocation: Allocation
):
    held: list[Route] = []
    page.route("**/assets/xray.png", lambda route: held.append(route))  # noqa: PLW0108  # Playwright cannot take the method itself
    reading = present(allocation.readings.first())
    page.clock.install()
    page.goto(live_server.url + reverse("reading_case", args=[reading.pk]), wait_until="commit")
    page.wait_for_selector(".question")
    page.clock.run_for(40_000)
    page.keyboard.press("4")
    assert page.locator(".question[disabled]").count() == 2
    for route in held:
        route.continue_()
    page.wait_for_selector("body[data-ready=yes]")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_have_text("Saved")
    assert stored() == [("confidence", 1, 2)]
    assert present(Answer.objects.get().seconds) < 30


def test_the_clock_stops_while_the_page_is_hidden(page: Page, first: Reading):
    page.clock.install()
    become = """state => {
        Object.defineProperty(document, 'hidden', {value: state === 'hidden', configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(become, "hidden")
    page.clock.run_for(40_000)
    page.evaluate(become, "visible")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_have_text("Saved")
    assert present(Answer.objects.get().seconds) < 30
    assert Visit.objects.count() == 1


def test_a_picture_that_cannot_be_loaded_is_said_and_nothing_can_be_rated(
    page: Page, live_server, allocation: Allocation
):
    page.route("**/assets/xray.png", lambda route: route.abort())
    page.goto(live_server.url + reverse("reading_case", args=[present(allocation.readings.first()).pk]))
    expect(page.locator("#problem")).to_contain_text("could not be loaded")
    assert page.locator(".question[disabled]").count() == 2


def test_the_counterfactual_can_be_scrubbed_and_says_its_prediction(page: Page, live_server, allocation: Allocation):
    reading = present(allocation.readings.filter(period__number=1, arm__key="B").first())
    open_case(page, live_server.url, reading)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    page.locator("#frame").focus()
    page.keyboard.press("Home")
    expect(page.locator("#readout")).to_have_text("p = 30%")
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_have_text("p = 70%")
    expect(page.locator("#frame")).to_have_attribute("aria-valuetext", "prediction 70%, lambda 40")
    page.keyboard.press("4")  # the slider has the focus: the digit still answers the marked question
    expect(page.locator("#status")).to_have_text("Saved")
    assert stored() == [("confidence", 1, 4)]
