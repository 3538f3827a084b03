"""The rating page on the screens that readers have: all of it in view, pictures of one size in both arms."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from readerstudy.reading.models import Reading
from readerstudy.studies.models import Arm
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900), (1920, 1080)])
def test_a_case_needs_no_scrolling_and_both_arms_show_pictures_of_one_size(
    page: Page, live_server, sign_in, shot, width: int, height: int
):
    page.set_viewport_size({"width": width, "height": height})
    allocation = reader_make(study_make(files=True, targets=("Cardiomegaly",), synthetic=True))
    sign_in(allocation.membership.user)
    sides = set()
    for arm in Arm.objects.filter(study=allocation.membership.study):
        reading = present(Reading.objects.filter(allocation=allocation, arm=arm, period__number=1).first())
        page.goto(live_server.url + reverse("reading_case", args=[reading.pk]))
        page.wait_for_selector("body[data-ready=yes]")
        scrolls = page.evaluate(
            "[document.documentElement.scrollWidth > innerWidth, document.documentElement.scrollHeight > innerHeight]"
        )
        assert scrolls == [False, False]
        for box in page.locator(".picture").all():
            found = present(box.bounding_box())
            sides.add((round(found["width"]), round(found["height"])))
        shot(f"case-arm-{arm.key.lower()}-{width}x{height}")
    assert len(sides) == 1
    assert min(sides)[0] >= 280


def test_on_a_tablet_held_sideways_all_of_a_case_is_in_view(page: Page, live_server, sign_in, shot):
    page.set_viewport_size({"width": 1024, "height": 768})
    allocation = reader_make(study_make(files=True, targets=("Cardiomegaly",)))
    sign_in(allocation.membership.user)
    for arm in Arm.objects.filter(study=allocation.membership.study):
        reading = present(Reading.objects.filter(allocation=allocation, arm=arm, period__number=1).first())
        page.goto(live_server.url + reverse("reading_case", args=[reading.pk]))
        page.wait_for_selector("body[data-ready=yes]")
        shot(f"case-arm-{arm.key.lower()}-tablet")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
