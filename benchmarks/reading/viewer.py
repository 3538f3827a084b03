"""The rating page with a large X-ray: how soon it is painted, and how long a frame takes while it is worked with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from benchmarks.reading.reader import opened, wait_until_ready

FRAMES = 120
# The pointer or wheel moves once per frame, inside the page; a frame lasts until the browser asks for the next one.
GESTURE = """([gesture, frames]) => new Promise((done) => {
  const canvas = document.querySelector("#panels canvas");
  const box = canvas.getBoundingClientRect();
  const send = (kind, left, top, more) => canvas.dispatchEvent(new kind.of(kind.name, {
    bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse", isPrimary: true, buttons: 1,
    clientX: box.left + left, clientY: box.top + top, ...more }));
  canvas.setPointerCapture = () => {};  // no real pointer is down
  const moves = {
    window: (n) => send({ of: PointerEvent, name: "pointermove" }, 60 + n % 90, 60 + (n * 7) % 80),
    zoom: (n) => send({ of: WheelEvent, name: "wheel" }, 120, 120, { deltaY: n % 60 < 30 ? -60 : 60 }),
  };
  if (gesture === "window") send({ of: PointerEvent, name: "pointerdown" }, 50, 50, { button: 0 });
  const times = [];
  let last = null;
  requestAnimationFrame(function frame(now) {
    if (last !== null) times.push(now - last);
    last = now;
    if (times.length === frames) {
      if (gesture === "window") send({ of: PointerEvent, name: "pointerup" }, 60, 60);
      done(times);
      return;
    }
    moves[gesture](times.length);
    requestAnimationFrame(frame);
  });
})"""
# From the arrival of the case's last file to all its pictures painted; files of the next case do not count.
PAINT = """() => {
  const ready = Number(document.body.dataset.readyAt);
  const own = location.pathname + "assets/";
  const files = performance.getEntriesByType("resource").filter(({ name }) => name.includes(own));
  return ready - Math.max(...files.map((entry) => entry.responseEnd));
}"""
READY_AT = """new MutationObserver(() => {
  const { body } = document;
  if (body?.dataset.ready === "yes" && !body.dataset.readyAt) body.dataset.readyAt = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] });"""


@dataclass
class Frames:
    """Milliseconds: first paint once the files are there, and each frame of a gesture; CSS pixels of a panel."""

    paint: list[float] = field(default_factory=list)
    window: list[float] = field(default_factory=list)
    zoom: list[float] = field(default_factory=list)
    width: int = 0


def look(root: str, cookies: dict[str, str], paths: list[str]) -> Frames:
    """Open each case, drag a window on its X-ray and zoom it, with the animation standing still."""
    frames = Frames()
    with opened(root, cookies, script=READY_AT, reduced_motion="reduce") as page:
        page.goto(root + "/")
        for path in paths:
            page.goto(root + path)
            wait_until_ready(page)
            frames.paint.append(page.evaluate(PAINT))
            frames.width = page.evaluate("document.querySelector('#panels canvas').clientWidth")
            time.sleep(0.5)
            for gesture in ("window", "zoom"):
                getattr(frames, gesture).extend(page.evaluate(GESTURE, [gesture, FRAMES]))
    return frames
