"""A fast reader in Chromium: two answers and Enter, case after case, with every wait taken down."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import sync_playwright

from readerstudy.lib.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Page

    Motion = Literal["reduce", "no-preference"]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANSWER_KEYS = ("4", "2")
# Notes in the page itself when a key was pressed, an answer was acknowledged and a case became ready, and how long the
# server took: a round trip to the program that drives the browser would count as waiting. Kept across pages, on one
# clock, should a case be loaded as a page of its own. What came from the browser's cache is no work of the server.
NOTES = """(() => {
  const notes = window.notes = JSON.parse(sessionStorage.getItem("notes") ?? "[]");
  const note = (...words) => notes.push([performance.timeOrigin + performance.now(), ...words]);
  let ready = false;
  let saved = true;
  addEventListener("keydown", (event) => { if (!event.repeat) note("key", event.key); saved = false; }, true);
  addEventListener("pagehide", () => {
    if (document.getElementById("questions")) sessionStorage.setItem("notes", JSON.stringify(notes));
  });
  new MutationObserver(() => {
    const now = document.body?.dataset.ready === "yes";
    if (now && !ready) note("ready");
    ready = now;
    if (!saved && document.getElementById("status")?.textContent === "Saved") {
      saved = true;
      note("saved");
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { name, transferSize, requestStart, responseStart } = entry;
      if (transferSize > 0) note("request", new URL(name).pathname, responseStart - requestStart);
    }
  }).observe({ entryTypes: ["navigation", "resource"] });
})();"""
KINDS = {
    "static": "script or style",
    "assets": "picture",
    "answers": "answer or report",
    "submission": "answer or report",
    "visits": "answer or report",
}


@dataclass
class Measured:
    """Milliseconds: from Enter to the next case ready, from a key to "Saved", of the server per kind of request."""

    next_case: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    server: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@contextmanager
def opened(
    root: str, cookies: dict[str, str], *, script: str, reduced_motion: Motion, arguments: Sequence[str] = ARGUMENTS
) -> Iterator[Page]:
    """A window of Chromium that is signed in and runs `script` in every page."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(arguments))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion=reduced_motion)
        context.add_cookies([{"name": name, "value": value, "url": root} for name, value in cookies.items()])
        context.add_init_script(script)
        yield context.new_page()
        browser.close()


def read(root: str, cookies: dict[str, str], start: str, *, cases: int, think: float) -> Measured:
    """Rate the first cases from `start` on and go to the one after each; `think` seconds before each key."""
    measured = Measured()
    with opened(root, cookies, script=NOTES, reduced_motion="no-preference") as page:
        page.goto(root + "/")  # the server loads its code for the first who asks
        page.goto(root + start)
        with Progress("Rating", cases, unit="cases") as bar:
            for number in range(1, cases + 1):
                _rate(page, think)
                bar.move_to(number)
        notes = page.evaluate("window.notes")
    _take_down(measured, notes)
    return measured


def wait_until_ready(page: Page) -> None:
    """All pictures are painted, and the questions can be answered."""
    page.wait_for_selector("body[data-ready=yes]")


def _rate(page: Page, think: float) -> None:
    wait_until_ready(page)
    before = page.url
    for key in (*ANSWER_KEYS, "Enter"):
        time.sleep(think)
        page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before, wait_until="commit")


def _take_down(measured: Measured, notes: list[list[Any]]) -> None:
    keys, pressed, entered = 0, None, None
    for at, what, *more in notes:
        if what == "request":
            path, milliseconds = more
            parts = PurePosixPath(path).parts
            kind = next((kind for part, kind in KINDS.items() if part in parts), "page of a case")
            measured.server[kind].append(milliseconds)
        elif what == "ready":
            if entered is not None:
                measured.next_case.append(at - entered)
                measured.keys.append(keys)
            keys, pressed, entered = 0, None, None
        elif what == "saved":
            if pressed is not None:
                measured.saved.append(at - pressed)
            pressed = None
        else:
            keys += 1
            entered = at if more == ["Enter"] else entered
            pressed = at if more != ["Enter"] else None
