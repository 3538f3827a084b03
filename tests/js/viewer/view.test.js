import assert from "node:assert/strict";
import test from "node:test";

import { View } from "../../../static/js/viewer/view.js";

function made() {
  const seen = { changes: 0 };
  return { view: new View(5, () => { seen.changes += 1; }), seen };
}

function near(found, expected) {
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(found[name] - value) < 1e-9, `${name}: ${found[name]} for ${value}`);
  }
}

test("what lies under the pointer stays there while it zooms", () => {
  const { view } = made();
  const pointer = { x: 0.3, y: 0.7 };
  view.zoomAt(pointer, 4);
  assert.equal(view.zoom, 4);
  near(view.toPicture(pointer), pointer);
  near(view, { x: 0.35, y: 0.65 }); // a quarter of 0.2 from the pointer: 0.3 + 0.05 and 0.7 - 0.05
  view.zoomAt(pointer, 2);
  near(view.toPicture(pointer), pointer);
});

test("zoom goes from the whole picture to sixteen times", () => {
  const { view } = made();
  view.zoomAt({ x: 0.5, y: 0.5 }, 0.1);
  assert.equal(view.zoom, 1);
  view.zoomAt({ x: 0.5, y: 0.5 }, 1000);
  assert.equal(view.zoom, 16);
});

test("the picture is moved by shares of the panel, and never leaves it", () => {
  const { view } = made();
  view.moveBy(0.4, -0.4);
  near(view, { x: 0.5, y: 0.5 });
  view.zoomAt({ x: 0.5, y: 0.5 }, 2);
  view.moveBy(0.2, -0.1);
  near(view, { x: 0.4, y: 0.55 });
  view.moveBy(5, -5);
  near(view, { x: 0.25, y: 0.75 });
});

test("places of panel and picture are each other's", () => {
  const { view } = made();
  view.zoomAt({ x: 0.9, y: 0.2 }, 5);
  for (const place of [{ x: 0.75, y: 0.17 }, { x: 0.86, y: 0.3 }]) near(view.toPicture(view.toPanel(place)), place);
  near(view.toPicture({ x: -30, y: 90 }), { x: 0, y: 1 });
  assert.ok(view.toPanel({ x: 0, y: 0 }).x < 0);
});

test("a panel shows the region around the centre, as large as the zoom wants", () => {
  const { view } = made();
  near(view.region(400), { left: 0, top: 0, scale: 400, width: 400, height: 400 });
  view.zoomAt({ x: 0.5, y: 0.5 }, 4);
  near(view.region(400), { left: 0.375, top: 0.375, scale: 1600, width: 400, height: 400 });
});

test("the magnifier shows twice the size around the pointer, on two fifths of the panel", () => {
  const { view } = made();
  view.pointAt({ x: 0.25, y: 0.5 });
  const { region, x, y } = view.lens(500);
  assert.deepEqual([x, y], [25, 150]);
  // 200 of 1000 pixels around what lies at 0.25 and 0.5.
  near(region, { left: 0.15, top: 0.4, scale: 1000, width: 200, height: 200 });
});

test("a drag changes the window within its bounds, and inversion leaves it alone", () => {
  const { view } = made();
  view.changeWindow(-0.25, 0.1);
  near(view.window, { width: 0.75, level: 0.6 });
  view.invert();
  near(view.window, { width: 0.75, level: 0.6 });
  assert.equal(view.window.inverted, true);
  view.changeWindow(-5, 5);
  near(view.window, { width: 0.01, level: 1 });
  assert.equal(view.window.inverted, true);
});

test("reset shows what was shown first, and every change is told", () => {
  const { view, seen } = made();
  view.zoomAt({ x: 0.1, y: 0.1 }, 3);
  view.changeWindow(-0.5, 0);
  view.mark({ percent: 20 });
  view.mark({ opacity: 0.5 });
  assert.deepEqual(view.marking, { percent: 20, opacity: 0.5 });
  view.magnify(true);
  view.useWindow(true);
  assert.equal(seen.changes, 6);
  view.reset();
  assert.equal(seen.changes, 7);
  near(view, { zoom: 1, x: 0.5, y: 0.5 });
  near(view.window, { width: 1, level: 0.5 });
  assert.deepEqual(view.marking, { percent: 5, opacity: 1 });
  assert.deepEqual([view.magnifier, view.windowing], [false, false]);
});

test("the pointer is news while there is a magnifier alone", () => {
  const { view, seen } = made();
  view.pointAt({ x: 0.1, y: 0.1 });
  assert.equal(seen.changes, 0);
  view.magnify(true);
  view.pointAt({ x: 0.2, y: 0.1 });
  assert.equal(seen.changes, 2);
});
