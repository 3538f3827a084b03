"""Who sits down at a computer after somebody has signed out sees nothing of what they saw, whatever they press."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page

from readerstudy.studies.models import Membership, Study
from tests.browser.conftest import ARGUMENTS, chromium, open_case, wait_for_quiet
from tests.factories.people import member_make
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browser: Browser, live_server) -> Iterator[Page]:
    """A window of a browser with its back/forward cache, which Playwright switches off unless it is told not to."""
    with_cache = browser.browser_type.launch(
        executable_path=chromium(), args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    context = with_cache.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.set_offline(True)
    with_cache.close()
    wait_for_quiet()


def sign_out(page: Page, root: str) -> None:
    page.goto(root + reverse("home"))
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: url.endswith(("/", reverse("account_login"))))
    page.goto(root + reverse("account_login"))


def went_back(page: Page, steps: int) -> list[str]:
    """What stands on the page after each step back."""
    texts = []
    for _ in range(steps):
        page.evaluate("history.back()")
        page.wait_for_timeout(400)
        page.wait_for_load_state()
        texts.append(page.locator("body").inner_text())
    return texts


def test_back_shows_no_label_and_no_results(page: Page, live_server, sign_in):
    study = study_make(targets=("Mass",), files=True)
    Study.objects.update(status=Study.Status.CLOSED)
    sign_in(member_make(study, Membership.Role.COORDINATOR).user)
    root = live_server.url
    addresses = [
        root + reverse("case_detail", args=[study.slug, 1]),
        root + reverse("results_detail", args=[study.slug]),
        root + reverse("study_detail", args=[study.slug]),
    ]
    for address in addresses:
        page.goto(address)
        assert study.title in page.content()
    assert "true positive" in present(page.goto(addresses[0])).text().lower()
    sign_out(page, root)

    for text in went_back(page, 6):
        assert "Sign in" in text
        assert study.title not in text
        assert "positive" not in text.lower()


def test_back_shows_no_case_and_its_pictures_are_gone(page: Page, live_server, sign_in):
    reader = reader_make(study_make(targets=("Mass",), files=True))
    sign_in(reader.membership.user)
    reading = present(reader.readings.first())
    open_case(page, live_server.url, reading)
    picture = live_server.url + reverse("reading_asset", args=[reading.pk, "xray.png"])
    sign_out(page, live_server.url)

    for text in went_back(page, 3):
        assert "Mass" not in text
        assert "Sign in" in text
    response = present(page.goto(picture))
    assert "login" in page.url
    assert "image" not in response.headers["content-type"]
