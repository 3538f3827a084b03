"""From case to case without loading a page: each is opened, timed and answered as if it were a page of its own."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Allocation, Answer, Event, Reading, Visit
from readerstudy.studies.models import Study
from tests.browser.conftest import eventually, open_case
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARK = "() => { window.samePage = true; }"


@pytest.fixture
def cases(page: Page, live_server, allocation: Allocation) -> list[Reading]:
    """The cases of period 1, the first open and the pictures of the second fetched ahead."""
    found = list(allocation.readings.filter(period__number=1))
    open_case(page, live_server.url, found[0])
    page.wait_for_load_state("networkidle")
    page.evaluate(MARK)
    return found


def rate(page: Page) -> None:
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#next")).to_be_enabled()


def arrive(page: Page, reading: Reading) -> None:
    page.wait_for_url(lambda url: str(reading.pk) in url)
    page.wait_for_selector("body[data-ready=yes]")


def go_on(page: Page, to: Reading) -> None:
    rate(page)
    page.keyboard.press("Enter")
    arrive(page, to)


def is_same_page(page: Page) -> bool:
    found: bool = page.evaluate("() => window.samePage === true")
    return found


def hold(page: Page, reading: Reading) -> list[Route]:
    """Lets the page of a case wait on its way until the test sends it on."""
    held: list[Route] = []
    page.route(f"**/reading/{reading.pk}/", lambda route: held.append(route))  # noqa: PLW0108  # Playwright cannot take the method itself
    return held


def long_open(reading: Reading) -> None:
    """As far as the server knows, an hour: the page's own clock is in the test's hands."""
    Reading.objects.filter(pk=reading.pk).update(opened_at=timezone.now() - timedelta(hours=1))


def answers(reading: Reading) -> list[tuple[str, int, int | None]]:
    found = Answer.objects.filter(reading=reading)
    return sorted(found.values_list("question__key", "revision", "value"))


def test_a_whole_period_is_one_page_and_every_case_is_as_the_server_sends_it(page: Page, cases: list[Reading]):
    for position, (reading, following) in enumerate(pairwise(cases), start=1):
        assert page.title() == f"Case {position} of 4"
        expect(page.locator(".bar-progress")).to_have_attribute("value", str(position - 1))
        expect(page.locator("input:checked")).to_have_count(0)
        assert present(page.locator("[data-source]").first.get_attribute("data-source")).startswith(
            f"/reading/{reading.pk}/"
        )
        go_on(page, following)
    assert is_same_page(page)
    expect(page.locator("#arrived")).to_contain_text("Case 4 of period 1. The model predicts p(Mass) =")
    rate(page)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: str(cases[-1].pk) not in url)
    assert not is_same_page(page)  # no case of the next period comes without a look at whether it is open
    assert all(answers(reading) == [("confidence", 1, 4), ("correct_feature", 1, 2)] for reading in cases)
    eventually(page, lambda: Reading.objects.filter(submitted_at__isnull=False).count(), 4)


def test_a_case_is_opened_when_the_reader_goes_on_to_it_and_not_before(page: Page, cases: list[Reading]):
    first, second, third, _ = cases
    assert present(page.locator("#panels").get_attribute("data-ahead")).count(str(second.pk)) == 4
    rate(page)
    assert list(Reading.objects.filter(opened_at__isnull=False)) == [first]
    page.keyboard.press("Enter")
    arrive(page, second)
    page.wait_for_load_state("networkidle")
    assert set(Reading.objects.filter(opened_at__isnull=False)) == {first, second}
    assert str(third.pk) in present(page.locator("#panels").get_attribute("data-ahead"))


def test_time_begins_anew_with_every_case(page: Page, live_server, cases: list[Reading]):
    first, second, *_ = cases
    page.clock.install()
    open_case(page, live_server.url, first)
    long_open(first)
    page.clock.run_for(40_000)
    go_on(page, second)
    page.keyboard.press("5")
    expect(page.locator("#status")).to_have_text("Saved")
    page.goto(page.url)
    eventually(page, lambda: Visit.objects.filter(reading=second, seconds__gt=0).exists(), True)  # noqa: FBT003
    assert max(Visit.objects.filter(reading=first).values_list("seconds", flat=True)) > 40
    visit = Visit.objects.get(reading=second)
    assert visit.seconds < 30
    assert present(Answer.objects.get(reading=second).seconds) < 30
    assert present(visit.painted_ms) < 30_000  # asked for when Enter was pressed, long after the page had been loaded


def test_what_was_looked_at_is_recorded_of_its_own_case(page: Page, live_server, allocation: Allocation):
    first = present(allocation.readings.filter(period__number=1, arm__key="B").first())
    open_case(page, live_server.url, first)
    box = present(page.locator("[data-panel=xray] canvas").bounding_box())
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    rate(page)
    page.mouse.wheel(0, -200)
    page.keyboard.press("Enter")  # before the wheel has come to rest
    page.wait_for_url(lambda url: str(present(first).pk) not in url)
    page.wait_for_selector("body[data-ready=yes]")
    page.goto(live_server.url)
    eventually(page, lambda: Event.objects.filter(kind="zoom").count(), 1)
    assert Event.objects.get(kind="zoom").visit.reading == first
    # Asked for once: a message of the page that was left may arrive at any moment.
    started = list(Event.objects.filter(kind="animation_started").values_list("visit", "visit__reading__arm__key"))
    assert {arm for _visit, arm in started} == {"B"}
    assert len({visit for visit, _arm in started}) == len(started)  # once per case


def test_every_case_begins_with_the_published_view(page: Page, cases: list[Reading]):
    page.get_by_role("button", name="Lung").click()
    page.keyboard.press("i")
    page.keyboard.press("+")
    page.locator("#opacity").fill("50")
    page.locator("#threshold").fill("20")
    go_on(page, cases[1])
    expect(page.get_by_role("button", name="Default")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#invert")).to_have_attribute("aria-pressed", "false")
    assert page.locator("#window-readout").inner_text() == "W 100 L 50"
    assert page.locator("#threshold").input_value() == "5"
    assert page.locator("#opacity").input_value() == "100"
    page.keyboard.press("i")  # once, however many cases were shown before
    expect(page.locator("#invert")).to_have_attribute("aria-pressed", "true")


def test_a_key_between_two_cases_answers_neither(page: Page, cases: list[Reading]):
    _, second, *_ = cases
    question_make(Study.objects.get(), "text", "comment", required=False)
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    held = hold(page, second)
    rate(page)
    page.locator(".question textarea").fill("Before.")
    page.keyboard.press("Control+Enter")
    eventually(page, lambda: len(held), 1)
    page.keyboard.type("1 and after.")
    page.keyboard.press("Enter")
    assert len(held) == 1
    held[0].continue_()
    arrive(page, second)
    expect(page.locator("input:checked")).to_have_count(0)
    expect(page.locator(".question textarea")).to_have_value("")
    assert [(answer.question.key, answer.value, answer.content) for answer in Answer.objects.order_by("question")] == [
        ("confidence", 4, None),
        ("correct_feature", 2, None),
        ("comment", None, {"text": "Before."}),
    ]


def test_back_and_forward_lead_to_the_cases_as_they_were_answered(page: Page, cases: list[Reading]):
    first, second, third, _ = cases
    go_on(page, second)
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.locator("#next")).to_be_enabled()
    page.keyboard.press("Enter")
    arrive(page, third)
    for move, reading, position, given in (
        (page.go_back, second, 2, ["1", "3"]),
        (page.go_back, first, 1, ["4", "2"]),
        (page.go_forward, second, 2, ["1", "3"]),
    ):
        move()
        arrive(page, reading)
        expect(page.get_by_text(f"Case {position} of 4")).to_be_visible()
        assert [radio.input_value() for radio in page.locator("input:checked").all()] == given


def test_without_a_connection_the_reader_stays_and_goes_on_when_it_is_back(page: Page, cases: list[Reading]):
    first, second, *_ = cases
    rate(page)
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("there is no connection. Your answers are saved.")
    page.context.set_offline(False)
    page.keyboard.press("1")  # the page still takes answers of the case that it shows
    expect(page.locator("#status")).to_have_text("Saved")
    assert Reading.objects.get(pk=first.pk).submitted_at is None
    page.get_by_role("button", name="Try again").click()
    arrive(page, second)
    expect(page.locator("#problem")).to_be_hidden()
    assert is_same_page(page)
    assert {reading for _, reading in Answer.objects.values_list("pk", "reading")} == {first.pk}


@pytest.mark.parametrize("why", ["another version", "not ready", "signed out", "closed"])
def test_a_case_that_cannot_take_the_place_is_loaded_as_a_page_of_its_own(page: Page, cases: list[Reading], why: str):
    _, second, *_ = cases
    rate(page)
    if why == "another version":
        page.evaluate("() => { document.documentElement.dataset.version = 'older'; }")
    elif why == "not ready":
        Explanation.objects.filter(case=second.case).update(status=Explanation.Status.PENDING)
    elif why == "signed out":
        page.context.clear_cookies()
    else:
        Study.objects.update(status=Study.Status.CLOSED)
    page.keyboard.press("Enter")
    found = {
        "another version": page.locator(f"#questions[data-reading='{second.pk}']"),
        "not ready": page.get_by_role("heading", name="This case is being prepared"),
        "signed out": page.get_by_role("heading", name="Sign in"),
        "closed": page.get_by_text("This study is closed"),
    }[why]
    expect(found).to_be_visible()
    assert not is_same_page(page)
    if why != "another version":
        assert Reading.objects.get(pk=second.pk).opened_at is None


def test_a_break_is_offered_through_all_cases_of_a_sitting(page: Page, live_server, sign_in):
    allocation = reader_make(study_make(files=True, targets=("Mass",), break_after_minutes=1))
    sign_in(allocation.membership.user)
    first, second, third, _ = allocation.readings.filter(period__number=1)
    page.clock.install()
    open_case(page, live_server.url, first)
    note = page.get_by_text("1 minute: time for a break?")
    page.clock.run_for("00:40")
    long_open(first)
    go_on(page, second)
    expect(note).to_be_hidden()
    page.clock.run_for("00:30")
    expect(note).to_be_visible()
    long_open(second)
    go_on(page, third)
    expect(note).to_be_visible()
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(note).to_be_hidden()


def test_the_list_of_cases_is_fetched_when_it_is_opened(page: Page, cases: list[Reading]):
    first, second, third, _ = cases
    go_on(page, second)
    page.get_by_text("Case 2 of 4").click()
    steps = page.get_by_role("navigation", name="Cases of this period")
    expect(steps.get_by_role("listitem")).to_have_text(["1", "2", "3", "4"])
    expect(steps.get_by_role("link")).to_have_text(["1", "2"])
    expect(steps.get_by_role("link", name="2")).to_have_attribute("aria-current", "step")
    page.context.set_offline(True)
    page.get_by_text("Case 2 of 4").click()
    page.get_by_text("Case 2 of 4").click()
    expect(steps).to_have_text("The list cannot be loaded now.")
    page.context.set_offline(False)
    page.get_by_text("Case 2 of 4").click()
    page.get_by_text("Case 2 of 4").click()
    steps.get_by_role("link", name="1").click()
    arrive(page, first)
    assert page.url.endswith(reverse("reading_case", args=[first.pk]))
    assert third.opened_at is None
