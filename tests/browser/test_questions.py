"""Every kind of question by keyboard and by pointer, and what happens to a case after it was submitted."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from readerstudy.reading.models import Allocation, Answer, Reading, Unlock
from readerstudy.reading.services import unlock_grant
from readerstudy.studies.models import Membership, Study
from tests.browser.conftest import eventually, open_case
from tests.factories.people import NOW, member_make
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIDE = 256  # of the factory's picture


@pytest.fixture
def study() -> Study:
    return study_make(files=True, targets=("Mass",), synthetic=True)


@pytest.fixture
def start(page: Page, live_server, sign_in, study: Study):
    """Opens the first case of a reader of the study, once all its questions are made."""

    def go() -> Reading:
        allocation = reader_make(study)
        sign_in(allocation.membership.user)
        reading = present(allocation.readings.first())
        open_case(page, live_server.url, reading)
        return reading

    return go


def current(key: str) -> int | dict | None:
    answer = Answer.objects.filter(question__key=key, superseded=False).order_by("revision").last()
    return None if answer is None else answer.content if answer.value is None else answer.value


def saved(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("Saved")


def next_case(page: Page, reading: Reading) -> None:
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(reading.pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")  # the server knows of the submission


def test_all_kinds_of_questions_are_answered_by_key(page: Page, study: Study, start, shot):
    study.questions.filter(key="confidence").update(minimum=1, maximum=10)
    for kind in ("yes_no", "choice", "location", "text"):
        question_make(study, kind)
    reading = start()
    shot("questions-open")
    page.keyboard.press("0")  # a scale of ten points: 0 is 10
    page.keyboard.press("3")
    page.keyboard.press("n")  # no, and not the way to the next case
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="Mark on the X-ray")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Marked 45% across, 49% down")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("Looks like 2 nodules")
    expect(page.locator("#next")).to_be_enabled()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: str(reading.pk) not in url)
    page.go_back()
    page.wait_for_selector("body[data-ready=yes]")
    shot("questions-answered")

    assert current("confidence") == 10
    assert current("correct_feature") == 3
    assert current("yes_no") == 0
    assert current("choice") == 2
    assert current("text") == {"text": "Looks like 2 nodules"}
    # The stored image is 64 pixels wide and high, the picture is 256.
    assert current("location") == {"x": pytest.approx(0.45 * 64, abs=0.01), "y": pytest.approx(0.49 * 64, abs=0.01)}
    assert Answer.objects.count() == 6
    assert Reading.objects.get(pk=reading.pk).submitted_at is not None
    expect(page.get_by_text("Marked 45% across, 49% down")).to_be_visible()
    expect(page.locator(".mark-point")).to_have_count(1)


def test_a_box_is_drawn_with_the_pointer_and_can_be_taken_away(page: Page, study: Study, start, shot):
    question_make(study, "location", shape="box", required=False)
    start()
    page.get_by_role("button", name="Mark on the X-ray").click()
    box = present(page.locator(".picture").first.bounding_box())
    place = lambda share: (box["x"] + share * box["width"], box["y"] + share * box["height"])  # noqa: E731
    page.mouse.move(*place(0.25))
    page.mouse.down()
    page.mouse.move(*place(0.5))
    shot("mark-box")
    page.mouse.up()
    saved(page)
    assert current("location") == {key: pytest.approx(16, abs=0.3) for key in ("x", "y", "width", "height")}
    page.get_by_role("button", name="Remove").click()
    saved(page)
    expect(page.locator(".mark")).to_have_count(0)
    eventually(page, lambda: current("location"), {})


def test_escape_gives_up_a_mark_and_nothing_is_answered(page: Page, study: Study, start):
    question_make(study, "location", required=False)
    start()
    page.get_by_role("button", name="Mark on the X-ray").click()
    page.keyboard.press("Escape")
    expect(page.locator(".mark-surface")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark on the X-ray")).to_be_focused()
    page.wait_for_timeout(200)
    assert not Answer.objects.exists()


def test_arrows_through_a_scale_are_one_answer_the_one_where_they_end(page: Page, start):
    start()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    saved(page)
    page.wait_for_timeout(600)
    assert [(answer.value, answer.revision) for answer in Answer.objects.all()] == [(4, 1)]


def test_digits_in_a_text_are_text_and_a_pause_is_one_revision(page: Page, study: Study, start):
    question_make(study, "text", "comment", required=False)
    start()
    page.locator("textarea").first.focus()
    page.keyboard.type("5 of 10?")
    saved(page)
    page.wait_for_timeout(1000)
    assert list(Answer.objects.values_list("question__key", "content", "revision")) == [
        ("comment", {"text": "5 of 10?"}, 1)
    ]
    assert page.locator("input:checked").count() == 0


def test_an_optional_question_left_open_does_not_hold_up_the_case(page: Page, study: Study, start):
    question_make(study, "text", "comment", required=False)
    reading = start()
    page.keyboard.press("4")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("2")
    next_case(page, reading)
    assert Reading.objects.get(pk=reading.pk).completed_at is not None


def test_the_keys_are_shown_by_a_key_and_do_nothing_behind_the_dialog(page: Page, start, shot):
    start()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    shot("keys")
    page.keyboard.press("4")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.wait_for_timeout(100)
    assert not Answer.objects.exists()


# After a case was submitted


def rate(page: Page, reading: Reading) -> None:
    page.keyboard.press("4")
    page.keyboard.press("2")
    next_case(page, reading)


def test_a_change_after_submission_asks_for_a_reason_and_keeps_it(page: Page, live_server, start, shot):
    reading = start()
    rate(page, reading)
    open_case(page, live_server.url, reading)
    page.locator("[data-question=confidence] .point").nth(0).click()
    expect(page.get_by_role("dialog", name="Why do you change this answer?")).to_be_visible()
    shot("reason")
    page.keyboard.press("1")
    saved(page)
    given = Answer.objects.filter(question__key="confidence").values_list("revision", "value", "reason")
    eventually(page, lambda: list(given.all()), [(1, 4, ""), (2, 1, "A slip: the wrong key or button.")])


def test_a_change_without_a_reason_is_none(page: Page, live_server, start):
    reading = start()
    rate(page, reading)
    open_case(page, live_server.url, reading)
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.locator("[data-question=confidence] input:checked")).to_have_value("4")
    page.wait_for_timeout(200)
    assert Answer.objects.count() == 2


def test_a_study_that_locks_on_submission_shows_the_answers_and_takes_no_other(
    page: Page, live_server, study: Study, start, shot
):
    Study.objects.update(changes=Study.Changes.UNTIL_SUBMIT)
    reading = start()
    rate(page, reading)
    open_case(page, live_server.url, reading)
    expect(page.get_by_text("Submitted and locked.")).to_be_visible()
    shot("locked")
    page.keyboard.press("1")
    assert [radio.input_value() for radio in page.locator("input:checked").all()] == ["4", "2"]
    next_case(page, reading)
    assert Answer.objects.count() == 2


def test_a_case_is_unlocked_on_request_changed_and_locked_again(
    page: Page, live_server, study: Study, start, sign_in, shot
):
    Study.objects.update(changes=Study.Changes.BY_REQUEST)
    coordinator = member_make(study, Membership.Role.COORDINATOR).user
    reading = start()
    rate(page, reading)
    open_case(page, live_server.url, reading)
    page.get_by_role("button", name="Ask to unlock").click()
    page.get_by_label("Why do you want to change it?").fill("I read the wrong side.")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("The coordinator has been asked to unlock it.")).to_be_visible()
    saved(page)

    allocation = Allocation.objects.get()
    page.context.clear_cookies()
    sign_in(coordinator)
    page.goto(live_server.url + reverse("study_detail", args=[study.slug]))
    expect(page.get_by_text("I read the wrong side.")).to_be_visible()
    shot("unlock-requests", full_page=True)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("I read the wrong side.")).to_be_hidden()

    page.context.clear_cookies()
    sign_in(allocation.membership.user)
    open_case(page, live_server.url, reading)
    expect(page.get_by_text("Unlocked: change your answers")).to_be_visible()
    page.keyboard.press("5")
    saved(page)
    next_case(page, reading)
    open_case(page, live_server.url, reading)
    expect(page.get_by_text("Submitted and locked.")).to_be_visible()
    assert current("confidence") == 5
    assert [entry.action for entry in study.audit.filter(action__startswith="unlock").order_by("pk")] == [
        "unlock_asked",
        "unlock_granted",
    ]


def test_a_request_to_unlock_is_one_however_often_it_is_sent(study: Study):
    """Granting twice is once, too."""
    coordinator = member_make(study, Membership.Role.COORDINATOR).user
    reading = present(reader_make(study).readings.first())
    unlock = Unlock.objects.create(id="6f1c8a86-9e2c-4f8c-9f2d-0f5d3c1b2a11", reading=reading, reason="?", asked_at=NOW)
    for _ in range(2):
        unlock_grant(study=study, unlock_id=unlock.pk, actor=coordinator, now=NOW)
    assert study.audit.filter(action="unlock_granted").count() == 1
