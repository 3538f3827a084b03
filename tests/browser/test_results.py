"""The results page in a real browser: it waits for its report, and leads to what is in it."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from readerstudy.results.models import ReportRun
from tests.factories.results import answer, answer_all, person_make, rater_make, trial_make
from tests.results.worker import hurry, work

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_page_without_a_report_shows_it_as_soon_as_it_is_there(
    page: Page, live_server, sign_in, shot, monkeypatch: pytest.MonkeyPatch
):
    hurry(monkeypatch)
    lease = {"lease_token": uuid.uuid4(), "lease_until": timezone.now()}
    study = trial_make(cases=4)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    sign_in(person_make(study, "analyst"))
    page.goto(live_server.url + reverse("results_detail", args=[study.slug]))
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    expect(page.get_by_text("No worker for reports was seen lately")).to_be_visible()
    ReportRun.objects.update(status="running", step="Time", steps_done=5, steps=15, **lease)
    expect(page.get_by_text("Time, step 6 of 15")).to_be_visible()
    ReportRun.objects.update(status="pending")
    assert work() == ["computed"]
    expect(page.get_by_role("heading", name="At a glance")).to_be_visible()

    scores = page.get_by_role("heading", name="Scores given")
    expect(page.get_by_text("How often each score was given. ").first).to_be_hidden()
    page.get_by_role("link", name="Scores given").click()
    expect(scores).to_be_in_viewport()
    expect(page.get_by_text("How often each score was given. ").first).to_be_visible()
    shot("results-report", full_page=True)

    # Newer answers do not take the page away from who reads it.
    answer(study.memberships.get(code="R1").allocation, 1, "B", [5], first=2)
    page.reload()
    expect(page.get_by_text("There are newer answers")).to_be_visible()
    assert work() == ["computed"]
    page.get_by_role("link", name="Show the newer report").click()
    expect(page.get_by_text("There are newer answers")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
