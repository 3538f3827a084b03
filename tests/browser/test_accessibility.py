"""Accessible to WCAG 2.2 AA: axe finds nothing on any page, and a case can be read by keyboard and without motion."""

from __future__ import annotations

import uuid
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from readerstudy.reading.models import Allocation, Answer, Reading
from readerstudy.reading.services import answer_store, reading_open
from readerstudy.studies.models import Membership, Study
from tests.factories.people import NOW, member_make
from tests.factories.reading import reader_make, study_make
from tests.results.worker import hurry, work
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Role = Membership.Role
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, in both colour schemes."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for violation in Axe().run(page, options=RULES).response["violations"]:
            nodes = [f"{node['html'][:160]} {node['failureSummary']}" for node in violation["nodes"][:3]]
            found.append(f"{page.url} ({scheme}) {violation['id']}: {nodes}")
    return found


def go(page: Page, root: str, name: str, *args: object) -> None:
    page.goto(root + reverse(name, args=args), timeout=60_000)  # the report's first making takes a while
    if name == "reading_case":
        page.wait_for_selector("body[data-ready=yes]")


@pytest.fixture
def allocation() -> Allocation:
    return reader_make(study_make(files=True, targets=("Mass",), synthetic=True), ready=True)


def reading_in(allocation: Allocation, arm: str) -> Reading:
    return present(allocation.readings.filter(period__number=1, arm__key=arm).first())


def test_what_is_wrong_is_found(page: Page):
    page.set_content("<html lang=en><title>x</title><main><img src=x><button></button></main></html>")
    assert [found.split(": ")[0].split()[-1] for found in violations(page)] == ["button-name", "image-alt"] * 2


def test_pages_of_a_reader(page: Page, live_server, sign_in, allocation: Allocation):
    root, slug = live_server.url, allocation.membership.study.slug
    found = []
    go(page, root, "account_login")
    found += violations(page)
    go(page, root, "account_reset_password")
    found += violations(page)
    sign_in(allocation.membership.user)
    found += violations(page)  # my studies
    go(page, root, "reading_start", slug)
    found += violations(page)
    go(page, root, "reading_case", reading_in(allocation, "A").pk)
    found += violations(page)
    page.get_by_text("What is this?").first.click()
    found += violations(page)
    page.keyboard.press("4")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_have_text("Saved")
    found += violations(page)
    go(page, root, "reading_case", reading_in(allocation, "B").pk)
    found += violations(page)
    page.goto(root + "/nowhere/")
    found += violations(page)
    assert found == []


def test_pages_of_staff(page: Page, live_server, sign_in, allocation: Allocation, monkeypatch: pytest.MonkeyPatch):
    root, study = live_server.url, allocation.membership.study
    coordinator = member_make(study, Role.COORDINATOR).user
    for reading in allocation.readings.filter(period__number=1):
        reading_open(reading_id=reading.pk, user=allocation.membership.user, now=NOW)
        for question in study.questions.all():
            answer_store(
                answer_id=uuid.uuid4(),
                reading_id=reading.pk,
                question_key=question.key,
                value=3,
                seconds=1.0,
                user=allocation.membership.user,
                now=NOW,
            )
    found = []
    sign_in(coordinator)
    found += violations(page)
    for name, more in (("study_detail", ()), ("case_detail", (1,)), ("results_detail", ())):
        go(page, root, name, study.slug, *more)
        found += violations(page)
    Study.objects.update(status=Study.Status.CLOSED)
    hurry(monkeypatch)
    go(page, root, "results_detail", study.slug)
    assert work() == ["computed"]
    go(page, root, "results_detail", study.slug)
    for section in page.locator("details").all():
        section.evaluate("element => { element.open = true; }")
    found += violations(page)
    go(page, root, "study_detail", study.slug)
    page.get_by_text("Unblind…").click()
    found += violations(page)
    assert found == []


def test_a_case_is_rated_with_tab_space_and_arrows_alone(page: Page, live_server, sign_in, allocation: Allocation):
    """No key of ours: what works on any form, for those who use a screen reader or a switch."""
    sign_in(allocation.membership.user)
    reading = reading_in(allocation, "B")
    go(page, live_server.url, "reading_case", reading.pk)
    page.locator("#play").focus()
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    first = page.locator("[data-question=confidence] input").first
    for _ in range(12):
        if first.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#next")).to_be_enabled()
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.locator("#next").evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: str(reading.pk) not in url)
    assert dict(Answer.objects.order_by("revision").values_list("question__key", "value")) == {
        "confidence": 2,
        "correct_feature": 1,
    }


def test_wherever_the_focus_is_it_can_be_seen(page: Page, live_server, sign_in, allocation: Allocation):
    """Every stop of the Tab key changes the look of the page around the stop."""
    sign_in(allocation.membership.user)
    go(page, live_server.url, "reading_case", reading_in(allocation, "B").pk)
    page.keyboard.press("p")  # a playing animation changes the page too
    stops = page.locator("a[href], button:enabled, summary, input:enabled")
    visible = [stop for stop in stops.all() if stop.is_visible()]
    assert len(visible) > 10
    look = """element => {
        const shown = element.closest("label")?.querySelector("span") ?? element;
        return [element, shown, element.closest("label") ?? element].map((part) => {
            const style = getComputedStyle(part);
            return [style.outlineStyle, style.outlineColor, style.boxShadow, style.borderColor].join(" ");
        }).join();
    }"""
    for stop in visible:
        page.evaluate("document.activeElement?.blur()")
        page.keyboard.press("Shift")  # a key was the last input: focus is shown
        before = stop.evaluate(look)
        stop.focus()
        assert stop.evaluate(look) != before, stop.evaluate("element => element.outerHTML")


def test_nothing_moves_by_itself_for_those_who_want_less_motion(
    page: Page, live_server, sign_in, allocation: Allocation
):
    page.emulate_media(reduced_motion="reduce")
    sign_in(allocation.membership.user)
    go(page, live_server.url, "reading_case", reading_in(allocation, "B").pk)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    before = page.locator("#player").screenshot()
    page.wait_for_timeout(400)
    assert page.locator("#player").screenshot() == before
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
