"""A small study from the sign-in link to the end of period 2, in a real browser, by keyboard."""

from __future__ import annotations

import functools
import operator
import re

import pytest
from playwright.sync_api import Page, expect

from readerstudy.reading.models import Answer, Reading, Visit
from readerstudy.studies.models import Membership
from tests.factories.people import member_make
from tests.factories.reading import reader_make, study_make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Role = Membership.Role


def wait_until_ready(page: Page) -> None:
    page.wait_for_selector("body[data-ready=yes]")


def test_a_reader_rates_both_periods_by_keyboard_and_the_others_see_it(page: Page, live_server, sign_in, shot):
    study = study_make(files=True, targets=("Cardiomegaly",), synthetic=True)
    allocation = reader_make(study, ready=False)
    coordinator = member_make(study, Role.COORDINATOR)
    analyst = member_make(study, Role.ANALYST)
    cases = study.cases.count()

    page.goto(live_server.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    shot("login")
    sign_in(allocation.membership.user)
    shot("home")
    page.get_by_role("link", name="Read", exact=True).click()
    shot("start", full_page=True)
    page.get_by_role("button", name="I have read the instructions").click()

    shots = set()
    for period in (1, 2):
        for position in range(1, cases + 1):
            wait_until_ready(page)
            expect(page.get_by_text(f"Case {position} of {cases}")).to_be_visible()
            expect(page.get_by_text(f"Period {period} of 2")).to_be_visible()
            expect(page.locator("input:checked")).to_have_count(0)
            expect(page.locator("#next")).to_be_disabled()
            arm = "arm-b" if page.locator("#player").count() else "arm-a"
            if arm not in shots:
                shot(f"case-{arm}-open")
            page.keyboard.press("4")
            page.keyboard.press("2")
            expect(page.locator("#status")).to_have_text("Saved")
            if arm not in shots:
                shot(f"case-{arm}-answered")
                shots.add(arm)
            before = page.url
            page.keyboard.press("Enter")
            page.wait_for_url(functools.partial(operator.ne, before))
        if period == 1:
            expect(page.get_by_text("You have finished period 1.")).to_be_visible()
            shot("start-between-periods")
            page.get_by_role("button", name="Begin period 2").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    shot("thanks")

    assert shots == {"arm-a", "arm-b"}
    assert Answer.objects.count() == 2 * 2 * cases
    assert set(Answer.objects.values_list("question__key", "value")) == {("confidence", 4), ("correct_feature", 2)}
    assert not Reading.objects.filter(completed_at=None).exists()
    assert set(Reading.objects.filter(visits__seconds__gt=0)) == set(Reading.objects.all())
    assert Visit.objects.filter(seconds__gt=60).count() == 0

    page.get_by_role("button", name="Sign out").click()
    sign_in(coordinator.user)
    page.get_by_role("link", name="Coordinate").click()
    expect(page.get_by_text("Period 2: 4 of 4")).to_be_visible()
    shot("coordinator", full_page=True)
    page.get_by_label("E-mail address").fill("new@example.invalid")
    page.get_by_role("button", name="Add").click()
    link = page.get_by_label("One-time sign-in link").input_value()
    assert re.search(r"/sign-in/[\w-]{20,}/$", link)
    shot("member-added")
    page.goto(live_server.url + "/")

    page.get_by_role("button", name="Sign out").click()
    sign_in(analyst.user)
    page.get_by_role("link", name="Results").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    shot("results", full_page=True)
