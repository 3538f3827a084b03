"""The coordinator unblinds a closed study on its page, after having said that they mean it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from readerstudy.studies.models import Membership, Study
from tests.factories.people import member_make
from tests.factories.reading import study_make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_study_is_unblinded_once_the_box_is_ticked(page: Page, live_server, sign_in, shot):
    study = study_make(targets=("Mass",))
    Study.objects.update(status=Study.Status.CLOSED)
    sign_in(member_make(study, Membership.Role.COORDINATOR).user)
    page.goto(live_server.url + reverse("study_detail", args=[study.slug]))
    page.get_by_text("Unblind…").click()
    shot("unblind")

    page.get_by_role("button", name="Unblind the study").click()
    page.wait_for_timeout(200)  # nothing is sent
    assert Study.objects.get().unblinded_at is None

    page.get_by_label("The analysis is fixed").check()
    page.get_by_role("button", name="Unblind the study").click()
    expect(page.get_by_text("is unblinded: its analysts see the arms by their names")).to_be_visible()
    expect(page.get_by_role("button", name="Unblind the study")).to_have_count(0)
    shot("unblinded")
    assert Study.objects.get().unblinded_at is not None
