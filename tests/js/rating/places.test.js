import assert from "node:assert/strict";
import test from "node:test";

import { boxOf, clamp, pixelsOf, sharesOf } from "../../../static/js/rating/places.js";

test("a point is stored in pixels of its picture, to a ten-thousandth, and read back as shares", () => {
  assert.deepEqual(pixelsOf({ x: 0.25, y: 1 / 3 }, 2048), { x: 512, y: 682.6667, size: 2048 });
  assert.deepEqual(sharesOf({ x: 512, y: 1024, size: 2048 }), { x: 0.25, y: 0.5 });
});

test("a box keeps its sides", () => {
  const box = { x: 0.125, y: 0.25, width: 0.5, height: 0.0625 };
  assert.deepEqual(pixelsOf(box, 256), { x: 32, y: 64, width: 128, height: 16, size: 256 });
  assert.deepEqual(sharesOf(pixelsOf(box, 256)), box);
});

test("the box between two corners is the same, whichever was set first", () => {
  const expected = { x: 0.25, y: 0.125, width: 0.5, height: 0.25 };
  for (const [one, other] of [
    [{ x: 0.25, y: 0.125 }, { x: 0.75, y: 0.375 }],
    [{ x: 0.75, y: 0.375 }, { x: 0.25, y: 0.125 }],
    [{ x: 0.25, y: 0.375 }, { x: 0.75, y: 0.125 }],
  ]) assert.deepEqual(boxOf(one, other), expected);
});

test("no mark lies beside the picture", () => {
  assert.deepEqual([-0.1, 0, 0.4, 1, 1.01].map(clamp), [0, 0, 0.4, 1, 1]);
});
