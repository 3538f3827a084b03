"""A reply that is not the server's decides nothing; what becomes of an answer that is not taken as it was given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from readerstudy.reading.models import Allocation, Answer, Reading
from readerstudy.studies.models import Study
from tests.browser.conftest import open_case
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ANSWERS = "**/answers/*"


@pytest.fixture
def first(page: Page, live_server, allocation: Allocation) -> Reading:
    reading = present(allocation.readings.first())
    open_case(page, live_server.url, reading)
    return reading


FOREIGN = {
    "a portal's page": {"status": 200, "body": "<html>Pay</html>", "content_type": "text/html"},
    "a portal's JSON": {"status": 200, "json": {"status": "login required"}},
    "JSON of another program": {"status": 200, "json": {"revision": 1, "complete": True}},
    "a firewall's JSON": {"status": 403, "json": {"error": "Forbidden"}},
    "a firewall's page": {"status": 403, "body": "<html>Forbidden</html>", "content_type": "text/html"},
    "a new deployment's 404": {"status": 404, "json": {"detail": "Not Found"}},
    "a gateway's 400": {"status": 400, "json": {"message": "Bad Request"}},
    "a proxy's limit": {"status": 413, "body": "<html>Too large</html>", "content_type": "text/html"},
    "misdirected": {"status": 421, "body": "", "content_type": "text/plain"},
    "a gateway's conflict": {"status": 409, "json": {"error": "conflict"}},
    "JSON cut off": {"status": 200, "body": '{"readerstudy": tr', "content_type": "application/json"},
    "a redirect": {"status": 302, "headers": {"Location": "/accounts/login/"}},
}


def test_a_reply_that_is_not_the_server_s_ends_no_answer(page: Page, first: Reading):
    """One after the other on one page: each of them would end the answer that is given while it is all there is."""
    asked: list[str] = []
    reply: dict = {}

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(**reply)

    for number, (foreign, reply) in enumerate(FOREIGN.items(), start=1):  # noqa: B007  # what answer() gives
        value = 1 + number % 5
        asked.clear()
        page.route(ANSWERS, answer)
        page.locator(f"[data-question=confidence] input[value='{value}']").check()
        expect(page.locator("#status"), foreign).to_contain_text("stored on this computer")
        expect(page.locator("[data-question=confidence] input:checked"), foreign).to_have_value(str(value))
        page.unroute(ANSWERS)
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(page.locator("#status"), foreign).to_have_text("Saved")
        assert asked, foreign
        stored = Answer.objects.filter(question__key="confidence").values_list("value", "revision")
        assert stored.latest("revision") == (value, number), foreign
    assert set(Answer.objects.values_list("question__key", flat=True)) == {"confidence"}


def test_an_id_that_stands_for_something_else_is_replaced_and_the_answer_stored(page: Page, first: Reading):
    taken: list[str] = []

    def conflict_once(route: Route) -> None:
        if taken:
            route.continue_()
            return
        taken.append(route.request.url)
        route.fulfill(
            status=409, json={"readerstudy": True, "error": "The id of this answer was used for another one."}
        )

    page.route(ANSWERS, conflict_once)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_have_text("Saved")
    stored = Answer.objects.get()
    assert stored.value == 4
    assert str(stored.pk) not in taken[0]


def test_an_answer_that_arrives_after_the_close_is_kept_and_its_reader_is_told(page: Page, live_server, first: Reading):
    page.context.set_offline(True)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    Study.objects.update(status=Study.Status.CLOSED)
    page.context.set_offline(False)
    expect(page.get_by_text("Answers that were not taken as you gave them")).to_be_visible()
    expect(page.locator("#refused")).to_contain_text("no longer open when this arrived. It is kept, marked as late")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert Answer.objects.values_list("value", "late").get() == (4, True)


def test_what_the_browser_keeps_can_be_taken_away_as_a_file_even_when_it_was_dismissed(
    page: Page, live_server, first: Reading
):
    content = {"readerstudy": True, "error": "Refused."}
    page.route(ANSWERS, lambda route: route.fulfill(status=403, json=content))
    page.keyboard.press("4")
    expect(page.locator("#problem")).to_be_visible()
    page.goto(live_server.url + reverse("reading_start", args=["study"]))
    with page.expect_download() as started:
        page.get_by_role("button", name="Download them").click()
    kept = json.loads(Path(started.value.path()).read_text())
    assert [(entry["question"], entry["answer"], entry["why"]) for entry in kept] == [
        ("confidence", {"value": 4}, "Refused.")
    ]
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#refused")).to_be_hidden()
    again = page.evaluate(
        """async (owner) => {
            const { Outbox } = await import("/static/js/outbox/outbox.js");
            const outbox = new Outbox(owner);
            await outbox.ready;
            return outbox.everything();
        }""",
        page.locator("#unsent").get_attribute("data-owner"),
    )
    assert [entry["question"] for entry in again] == ["confidence"]
