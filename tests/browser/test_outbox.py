"""The outbox in a real browser: tabs, other computers, a killed browser, a server in trouble, storage that fails."""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from pathlib import Path

import psutil
import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import Error as PlaywrightError

from readerstudy.accounts.models import User
from readerstudy.accounts.services import sign_in_link_create
from readerstudy.reading.models import Allocation, Answer, Reading
from readerstudy.reading.services import answer_store
from readerstudy.studies.models import Study
from tests.browser.conftest import ARGUMENTS, chromium, eventually, open_case
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ANSWERS = "**/answers/*"
NO_STORAGE = (
    "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('off', 'SecurityError'); } });"
)


@pytest.fixture
def allocation() -> Allocation:
    return reader_make(study_make(files=True, targets=("Mass",)))


@pytest.fixture
def reader(allocation: Allocation) -> User:
    return allocation.membership.user


@pytest.fixture
def first(page: Page, live_server, sign_in, allocation: Allocation, reader: User) -> Reading:
    """The first case, open and ready to be rated."""
    sign_in(reader)
    reading = present(allocation.readings.first())
    open_case(page, live_server.url, reading)
    return reading


def go_to_start(page: Page, root: str) -> None:
    page.goto(root + reverse("reading_start", args=["study"]))


def saved(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("Saved")


def chosen(page: Page) -> list[str]:
    return [radio.input_value() for radio in page.locator("input:checked").all()]


def stored() -> list[tuple[str, int, int | None, bool]]:
    return sorted(Answer.objects.values_list("question__key", "revision", "value", "superseded"))


def answer_elsewhere(reading: Reading, user: User, value: int, *, known: int) -> None:
    """What the reader answers on another computer."""
    answer_store(
        answer_id=uuid.uuid4(),
        reading_id=reading.pk,
        question_key="confidence",
        value=value,
        known_revision=known,
        seconds=None,
        user=user,
        now=timezone.now(),
    )


def test_two_tabs_of_one_browser_give_two_revisions_in_the_order_in_which_they_were_given(
    page: Page, first: Reading, live_server
):
    other = page.context.new_page()
    open_case(other, live_server.url, first)
    page.keyboard.press("4")
    saved(page)
    other.keyboard.press("5")
    saved(other)
    assert stored() == [("confidence", 1, 4, False), ("confidence", 2, 5, False)]


def test_what_waited_in_a_closed_tab_is_sent_by_another_in_order(page: Page, first: Reading, live_server):
    other = page.context.new_page()
    open_case(other, live_server.url, first)
    page.context.set_offline(True)
    for key in ("4", "2"):
        page.keyboard.press(key)
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    page.close()
    other.keyboard.press("5")
    expect(other.locator("#status")).to_contain_text("stored on this computer")
    other.context.set_offline(False)
    saved(other)
    assert stored() == [
        ("confidence", 1, 4, False),
        ("confidence", 2, 5, False),
        ("correct_feature", 1, 2, False),
    ]


def test_an_answer_that_did_not_know_of_a_newer_one_is_kept_and_the_reader_is_asked_which_counts(
    page: Page, first: Reading, reader: User, shot
):
    page.context.set_offline(True)
    page.keyboard.press("5")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    answer_elsewhere(first, reader, 2, known=0)
    page.context.set_offline(False)
    expect(page.locator("#problem")).to_contain_text("A newer answer, given elsewhere, stands")
    page.wait_for_selector("body[data-ready=yes]")
    assert chosen(page) == ["2"]
    assert stored() == [("confidence", 1, 2, False), ("confidence", 2, 5, True)]
    shot("newer-answer-stands")
    page.get_by_role("button", name="Use this answer").click()
    expect(page.locator("#problem")).to_be_hidden()
    saved(page)
    assert stored() == [("confidence", 1, 2, False), ("confidence", 2, 5, True), ("confidence", 3, 5, False)]


def test_an_answer_given_offline_outlives_a_browser_that_is_killed(
    browser: Browser, live_server, allocation: Allocation, reader: User, tmp_path: Path
):
    reading = present(allocation.readings.first())
    start = lambda: browser.browser_type.launch_persistent_context(  # noqa: E731
        tmp_path, executable_path=chromium(), args=ARGUMENTS
    )
    context = start()
    page = context.new_page()
    page.goto(
        live_server.url + reverse("sign_in", args=[sign_in_link_create(user=reader, now=timezone.now(), hours=1)])
    )
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(live_server.url + "/")
    open_case(page, live_server.url, reading)
    page.route(ANSWERS, lambda route: route.abort())
    page.keyboard.press("5")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if f"--user-data-dir={tmp_path}" in command and not any(part.startswith("--type=") for part in command):
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
    with contextlib.suppress(PlaywrightError):
        context.close()  # it is dead
    assert stored() == []

    (tmp_path / "SingletonLock").unlink(missing_ok=True)
    context = start()
    page = context.new_page()
    page.goto(
        live_server.url + reverse("sign_in", args=[sign_in_link_create(user=reader, now=timezone.now(), hours=1)])
    )
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(live_server.url + "/")
    open_case(page, live_server.url, reading)
    assert chosen(page) == ["5"]
    saved(page)
    context.set_offline(True)  # its last report of time must not reach a database that is being emptied
    context.close()
    assert stored() == [("confidence", 1, 5, False)]


@pytest.mark.parametrize("trouble", [500, 502, 503, 429])
def test_a_server_in_trouble_is_asked_again_until_it_has_the_answer(page: Page, first: Reading, trouble: int):
    refused: list[int] = []

    def first_fails(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(trouble)
        route.fulfill(status=trouble, body="<html>trouble</html>", content_type="text/html")

    page.route(ANSWERS, first_fails)
    page.keyboard.press("4")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    saved(page)
    assert stored() == [("confidence", 1, 4, False)]


def test_a_page_of_a_hotel_s_network_is_not_taken_for_an_acknowledgement(page: Page, first: Reading):
    page.route(ANSWERS, lambda route: route.fulfill(status=200, body="<html>Pay</html>", content_type="text/html"))
    page.keyboard.press("4")
    expect(page.locator("#status")).to_contain_text("stored on this computer")
    page.unroute(ANSWERS)
    saved(page)
    assert stored() == [("confidence", 1, 4, False)]


def test_without_storage_the_page_says_that_it_must_stay_open_and_loses_nothing(
    page: Page, live_server, sign_in, allocation: Allocation, reader: User
):
    sign_in(reader)
    page.add_init_script(NO_STORAGE)
    reading = present(allocation.readings.first())
    open_case(page, live_server.url, reading)
    page.context.set_offline(True)
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_contain_text("keep this page open")
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(present(reading).pk) not in url)
    assert stored() == [("confidence", 1, 4, False), ("correct_feature", 1, 2, False)]


def refuse(route: Route) -> None:
    """As the server refuses for good, whatever its reason."""
    content = {"readerstudy": True, "error": "This case is not open to you now: its period has not begun."}
    route.fulfill(status=403, json=content)


def test_a_refused_answer_is_not_shown_as_one_and_can_be_tried_again_from_the_start_page(
    page: Page, live_server, first: Reading, shot
):
    page.route(ANSWERS, refuse)
    page.keyboard.press("4")
    expect(page.locator("#problem")).to_contain_text("Case 1 of period 1")
    expect(page.locator("#problem")).to_contain_text("This case is not open to you now")
    assert chosen(page) == []
    expect(page.locator("#next")).to_be_disabled()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#problem")).to_be_hidden()
    page.unroute(ANSWERS)
    go_to_start(page, live_server.url)
    expect(page.get_by_text("Answers that were not taken as you gave them")).to_be_visible()
    shot("refused-on-start")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#refused")).to_be_hidden()
    page.wait_for_timeout(500)
    expect(page.locator("#unsent")).to_be_hidden()
    assert stored() == [("confidence", 1, 4, False)]


def test_a_refused_answer_can_be_dismissed_for_good(page: Page, live_server, first: Reading):
    page.route(ANSWERS, refuse)
    page.keyboard.press("4")
    expect(page.locator("#problem")).to_be_visible()
    for _ in range(2):
        go_to_start(page, live_server.url)
        if (dismiss := page.get_by_role("button", name="Dismiss")).count():
            dismiss.click()
        expect(page.locator("#refused")).to_be_hidden()
    assert stored() == []


def test_answers_kept_by_an_earlier_version_of_the_page_are_moved_and_sent_once(
    page: Page, live_server, first: Reading, reader: User
):
    entry = {
        "id": str(uuid.uuid4()),
        "reading": str(first.pk),
        "base": reverse("reading_case", args=[first.pk]),
        "question": "confidence",
        "value": 5,
        "seconds": 0.1,
        "refused": "",
    }
    page.evaluate(
        "([key, entry]) => localStorage.setItem(key, JSON.stringify(entry))",
        [f"readerstudy.answer.{reader.pk}.{first.pk}.confidence", entry],
    )
    open_case(page, live_server.url, first)
    saved(page)
    assert chosen(page) == ["5"]
    assert page.evaluate("localStorage.length") == 0
    assert [(str(answer.pk), answer.value) for answer in Answer.objects.all()] == [(entry["id"], 5)]


def test_an_answer_that_is_sent_once_more_after_a_later_one_changes_nothing(
    page: Page, first: Reading, live_server, reader: User
):
    for key in ("4", "5"):
        page.locator(f"[data-question=confidence] input[value='{key}']").check(force=True)
        saved(page)
    eventually(page, Answer.objects.count, 2)
    earlier = Answer.objects.get(revision=1)
    url = reverse("answer_put", args=[first.pk, earlier.pk])
    entry = {
        "owner": str(reader.pk),
        "kind": "answer",
        "id": str(earlier.pk),
        "url": url,
        "reading": str(first.pk),
        "question": "confidence",
        "answer": {"value": 4},
        "known": 0,
        "label": "",
    }
    page.evaluate(
        """entry => new Promise(done => {
            indexedDB.open('readerstudy').onsuccess = event => {
                const transaction = event.target.result.transaction('waiting', 'readwrite');
                transaction.objectStore('waiting').add(entry);
                transaction.oncomplete = () => { event.target.result.close(); done(); };
            };
        })""",
        entry,
    )
    with page.expect_response(f"**{url}"):
        page.evaluate("() => window.dispatchEvent(new Event('online'))")
    page.wait_for_timeout(200)
    page.locator("[data-question=confidence] input[value='3']").check(force=True)
    expected = [("confidence", 1, 4, False), ("confidence", 2, 5, False), ("confidence", 3, 3, False)]
    eventually(page, stored, expected)


def test_a_tab_that_does_not_know_of_the_submission_changes_the_answer_and_says_why_it_gives_no_reason(
    page: Page, first: Reading, live_server
):
    other = page.context.new_page()
    open_case(other, live_server.url, first)
    page.keyboard.press("4")
    page.keyboard.press("2")
    saved(page)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(first.pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    other.keyboard.press("5")
    saved(other)
    changed = Answer.objects.get(question__key="confidence", revision=2)
    assert changed.value == 5
    assert changed.reason == "Given on a page that did not know that the case was submitted."


def nothing_waits_for_the_page(page: Page) -> None:
    """What a page that is on its way out writes to IndexedDB, or sends, may never get there; no pause ends before."""
    page.evaluate("""() => {
      window.setTimeout = () => 0;
      addEventListener("pagehide", () => {
        IDBDatabase.prototype.transaction = () => { throw new DOMException("gone", "AbortError"); };
        window.fetch = () => Promise.reject(new TypeError("gone"));
      }, { capture: true });
    }""")


def test_text_that_was_just_typed_outlives_leaving_the_page(page: Page, live_server, first: Reading):
    question_make(Study.objects.get(), "text", "comment", required=False)
    open_case(page, live_server.url, first)
    nothing_waits_for_the_page(page)
    page.locator("textarea").first.focus()
    page.keyboard.type("Hilum?")
    go_to_start(page, live_server.url)
    open_case(page, live_server.url, first)
    expect(page.locator("textarea").first).to_have_value("Hilum?")
    saved(page)
    assert Answer.objects.get().content == {"text": "Hilum?"}


def test_an_answer_that_was_just_reached_by_an_arrow_outlives_leaving_the_page(page: Page, live_server, first: Reading):
    nothing_waits_for_the_page(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    go_to_start(page, live_server.url)
    open_case(page, live_server.url, first)
    assert chosen(page) == ["2"]
    saved(page)
    assert Answer.objects.get().value == 2


def test_what_a_closed_tab_left_behind_is_sent_by_the_one_beside_it(page: Page, live_server, first: Reading):
    other = page.context.new_page()
    open_case(other, live_server.url, first)
    nothing_waits_for_the_page(other)
    other.keyboard.press("ArrowRight")
    other.close(run_before_unload=True)
    saved(page)
    assert Answer.objects.get().value == 1
    assert page.evaluate("localStorage.length") == 0


def test_going_on_is_recorded_even_where_its_message_was_lost(page: Page, first: Reading, live_server):
    page.route("**/submission", lambda route: route.abort())
    page.keyboard.press("4")
    page.keyboard.press("2")
    saved(page)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(first.pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    assert Reading.objects.get(pk=first.pk).submitted_at is None
    page.unroute("**/submission")
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    eventually(page, lambda: Reading.objects.get(pk=first.pk).submitted_at is not None, expected=True)
