import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { Clock } from "../../../static/js/rating/clock.js";

let now;

// A page as the clock sees it: a window, a document that is in view or not, and a time in the test's hands.
beforeEach(() => {
  now = 1000;
  globalThis.window = new EventTarget();
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
});
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });

function pass(seconds) {
  now += 1000 * seconds;
}

function become(hidden) {
  document.hidden = hidden;
  document.dispatchEvent(new Event("visibilitychange"));
}

function started() {
  const ending = new AbortController();
  const clock = new Clock(400, ending.signal);
  clock.start();
  return { clock, ending };
}

test("no time counts before the pictures are painted", () => {
  const clock = new Clock(400, new AbortController().signal);
  pass(20);
  assert.deepEqual(clock.totals, { seconds: 0, idle: 0, hidden: 0, painted: null });
  clock.start();
  pass(2.345);
  assert.deepEqual(clock.totals, { seconds: 2.35, idle: 0, hidden: 0, painted: 20600 });
});

test("who does nothing is active for a minute and idle after it, until they are back", () => {
  const { clock } = started();
  pass(300);
  assert.deepEqual([clock.totals.seconds, clock.totals.idle], [60, 240]);
  window.dispatchEvent(new Event("pointermove"));
  pass(30);
  assert.deepEqual([clock.totals.seconds, clock.totals.idle], [90, 240]);
});

test("whoever touches something within the minute is active all the time", () => {
  const { clock } = started();
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
    pass(59);
    window.dispatchEvent(new Event(kind));
  }
  assert.deepEqual([clock.totals.seconds, clock.totals.idle], [295, 0]);
});

test("time out of view is neither active nor idle, also when the pictures come meanwhile", () => {
  const { clock } = started();
  pass(10);
  become(true);
  pass(180);
  become(false);
  pass(5);
  assert.deepEqual(clock.totals, { seconds: 15, idle: 0, hidden: 180, painted: 600 });

  document.hidden = true;
  const behind = started().clock;
  pass(40);
  become(false);
  pass(1);
  assert.deepEqual(behind.totals, { seconds: 1, idle: 0, hidden: 40, painted: 195_600 });
});

test("the clock stands once the page is left or the case has ended", () => {
  const left = started();
  pass(3);
  window.dispatchEvent(new Event("pagehide"));
  pass(30);
  assert.equal(left.clock.seconds, 3);

  const ended = started();
  pass(4);
  ended.ending.abort();
  pass(30);
  become(true);
  become(false);
  pass(30);
  assert.equal(ended.clock.seconds, 4);
});
