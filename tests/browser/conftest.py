"""A real browser on a live server; skipped with a reason where there is none."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, sync_playwright

from readerstudy.accounts.models import User
from readerstudy.accounts.services import sign_in_link_create
from readerstudy.reading.models import Allocation, Reading
from readerstudy.work.sending import sender
from tests.factories.reading import reader_make, study_make

SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium() -> str | None:
    """Path of the browser: CHROMIUM, or the system's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        if os.environ.get("READERSTUDY_REQUIRE_BROWSER") == "1":
            pytest.fail("READERSTUDY_REQUIRE_BROWSER=1, but there is no Chromium: install it or set CHROMIUM.")
        pytest.skip("no Chromium on this machine: install it or set CHROMIUM to its path")
    # Playwright keeps an event loop in this thread; Django's checks would take it for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


class Answering:
    """Counts the requests that the live server is at work on; a test must not end under one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0
        request_started.connect(self._started)
        request_finished.connect(self._finished)

    def _started(self, **_more: object) -> None:
        with self._lock:
            self.count += 1

    def _finished(self, **_more: object) -> None:
        with self._lock:
            self.count = max(0, self.count - 1)


answering = Answering()


def wait_for_quiet() -> None:
    """Returns once the server has had nothing to do for a fifth of a second, at most ten seconds later."""
    quiet, deadline = time.monotonic() + 0.2, time.monotonic() + 10
    while time.monotonic() < min(quiet, deadline) or (answering.count and time.monotonic() < deadline):
        if answering.count:
            quiet = time.monotonic() + 0.2
        time.sleep(0.02)
    answering.count = 0  # a connection that was cut may never say that its request has ended


@pytest.fixture
def page(browser: Browser, live_server) -> Iterator[Page]:
    """A fresh window of a small laptop. Errors in the console, and requests to other hosts, fail the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="no-preference")
    context.set_default_timeout(15_000)
    found = context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    found.on(
        "request",
        lambda request: complaints.append(request.url) if not request.url.startswith("http://localhost") else None,
    )
    yield found
    # A page reports its time as it closes. Nothing may reach the server while the test's database is being emptied.
    context.set_offline(True)
    context.close()
    wait_for_quiet()
    assert complaints == []


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that ask for work find a broker that takes every task; a test does the work itself."""
    monkeypatch.setattr(sender, "send_task", lambda *_args, **_more: None)


@pytest.fixture
def shot(page: Page) -> Callable[[str], None]:
    """Keeps a picture of the page in var/screenshots, for people to look at."""

    def keep(name: str, **options: Any) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", **options)

    return keep


@pytest.fixture
def sign_in(page: Page, live_server) -> Callable[[User], None]:
    """Signs a person in by a one-time link, as they would."""

    return lambda user: sign_in_on(page, live_server.url, user)


def sign_in_on(page: Page, root: str, user: User) -> None:
    token = sign_in_link_create(user=user, now=timezone.now(), hours=1)
    page.goto(root + reverse("sign_in", args=[token]))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(root + "/")


@pytest.fixture
def open_in(browser: Browser, live_server) -> Iterator[Callable[..., Page]]:
    """Opens a case, as its reader, in a browser window of the asked kind; its page."""
    contexts = []

    def go(reading: Reading, **window: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **window})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        sign_in_on(page, live_server.url, reading.allocation.membership.user)
        open_case(page, live_server.url, reading)
        return page

    yield go
    for context in contexts:
        context.set_offline(True)
        context.close()
    wait_for_quiet()


@pytest.fixture
def allocation(sign_in) -> Allocation:
    """Of a reader who is signed in, in a small study with all its files."""
    made = reader_make(study_make(files=True, targets=("Mass",)))
    sign_in(made.membership.user)
    return made


def open_case(page: Page, root: str, reading: Reading) -> None:
    """Opens a case and waits until it can be rated."""
    page.goto(root + reverse("reading_case", args=[reading.pk]))
    page.wait_for_selector("body[data-ready=yes]")


def eventually(page: Page, look: Callable[[], object], expected: object) -> None:
    """Waits until the server has what is expected: what a page has sent may still be on its way."""
    deadline = time.monotonic() + 15
    while look() != expected and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert look() == expected
