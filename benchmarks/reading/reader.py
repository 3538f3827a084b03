"""A fast reader in Chromium: two answers and Enter, case after case, with every wait taken down."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANSWER_KEYS = ("4", "2")
# Notes in the page itself when a key was pressed, an answer was acknowledged and a case became ready: a round trip to
# the program that drives the browser would count as waiting. Kept across pages, on one clock.
NOTES = """(() => {
  const notes = () => JSON.parse(sessionStorage.getItem("notes") ?? "[]");
  const note = (name) => sessionStorage.setItem(
    "notes", JSON.stringify([...notes(), [name, performance.timeOrigin + performance.now(), location.pathname]]));
  let ready = false;
  let saved = true;
  addEventListener("keydown", (event) => { if (!event.repeat) note("key " + event.key); saved = false; }, true);
  new MutationObserver(() => {
    const now = document.body?.dataset.ready === "yes";
    if (now && !ready) note("ready");
    ready = now;
    if (!saved && document.getElementById("status")?.textContent === "Saved") {
      saved = true;
      note("saved");
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
})();"""


@dataclass
class Measured:
    """Milliseconds: from Enter to the next case ready, from a key to "Saved", of the server per kind of request."""

    next_case: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    server: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def read(root: str, cookies: dict[str, str], start: str, *, cases: int, think: float) -> Measured:
    """Rate the first cases from `start` on and go to the one after each; `think` seconds before each key."""
    measured = Measured()
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="no-preference")
        context.add_cookies([{"name": name, "value": value, "url": root} for name, value in cookies.items()])
        context.add_init_script(NOTES)
        page = context.new_page()
        page.on("requestfinished", lambda request: _note_request(measured, request))
        page.goto(root + start)
        for _ in range(cases):
            _rate(page, think)
        notes = page.evaluate("sessionStorage.getItem('notes')")
        page.wait_for_timeout(300)
        browser.close()
    _take_down(measured, notes)
    return measured


def _rate(page: Page, think: float) -> None:
    page.wait_for_selector("body[data-ready=yes]")
    before = page.url
    for key in (*ANSWER_KEYS, "Enter"):
        time.sleep(think)
        page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before, wait_until="commit")


def _take_down(measured: Measured, notes: str) -> None:
    import json

    keys, pressed, entered = 0, None, None
    for name, at, _ in json.loads(notes):
        if name == "ready":
            if entered is not None:
                measured.next_case.append(at - entered)
                measured.keys.append(keys)
            keys, pressed, entered = 0, None, None
        elif name == "saved":
            if pressed is not None:
                measured.saved.append(at - pressed)
            pressed = None
        else:
            keys += 1
            if name == "key Enter":
                entered = at
            else:
                pressed = at


def _note_request(measured: Measured, request: Request) -> None:
    timing = request.timing
    path = PurePosixPath(urlsplit(request.url).path)
    if timing["responseStart"] > 0 and timing["requestStart"] >= 0:
        measured.server[_kind(path, request)].append(timing["responseStart"] - timing["requestStart"])


def _kind(path: PurePosixPath, request: Request) -> str:
    if request.resource_type == "document":
        return "page"
    for part, kind in (("static", "script or style"), ("assets", "picture"), ("answers", "answer"), ("visits", "time")):
        if part in path.parts:
            return kind
    return "other"
