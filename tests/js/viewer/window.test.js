import assert from "node:assert/strict";
import test from "node:test";

import { Window } from "../../../static/js/viewer/window.js";

// The bytes of a colour as ImageData holds it.
const bytes = (colour) => [...new Uint8Array(new Uint32Array([colour]).buffer)];

test("greys between the ends of a window are spread over the screen, linearly; beyond they are black or white", () => {
  // By hand: grey v of 255 becomes (v / 255 - 0.3) / 0.4 * 255 = 2.5 v - 191.25.
  const table = new Window(0.4, 0.5).table(255);
  const expected = { 0: 0, 76: 0, 77: 1, 100: 59, 128: 129, 178: 254, 179: 255, 255: 255 };
  for (const [value, grey] of Object.entries(expected)) assert.deepEqual(bytes(table[value]), [grey, grey, grey, 255]);
});

test("inverted, black is white", () => {
  const table = new Window(0.4, 0.5, true).table(255);
  assert.deepEqual([0, 100, 255].map((value) => bytes(table[value])[0]), [255, 196, 0]);
});

test("the whole scale leaves 8 bits as they are, and takes the higher 8 of 16", () => {
  const shallow = new Window().table(255);
  assert.deepEqual([0, 1, 77, 254, 255].map((value) => bytes(shallow[value])[0]), [0, 1, 77, 254, 255]);
  const deep = new Window().table(65535);
  assert.deepEqual([0, 257, 30_000, 65_535].map((value) => bytes(deep[value])[0]), [0, 1, 117, 255]);
});

test("a window has a width and lies on the scale", () => {
  const { width, level } = new Window(-1, 7);
  assert.deepEqual([width, level], [0.01, 1]);
  const lung = Window.between(0.1, 0.5, true);
  assert.ok(Math.abs(lung.width - 0.4) < 1e-12);
  assert.ok(Math.abs(lung.level - 0.3) < 1e-12);
  assert.equal(lung.inverted, true);
});

test("a table is made once", () => {
  const window = new Window();
  assert.equal(window.table(255), window.table(255));
  assert.notEqual(window.table(255), window.table(65535));
});
