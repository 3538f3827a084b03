import assert from "node:assert/strict";
import test from "node:test";

import { copiesOf } from "../../../static/js/viewer/copies.js";
import { number, percent } from "../../../static/js/viewer/curve.js";
import { frameOf } from "../../../static/js/viewer/filmstrip.js";
import { Grey } from "../../../static/js/viewer/grey.js";
import { lowestRank } from "../../../static/js/viewer/marking.js";

globalThis.document = { createElement: () => ({ getContext: () => ({}) }) }; // drawing is the browser tests' matter

function picture(width, height, valueAt, Values = Uint8Array) {
  const values = new Values(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) values[y * width + x] = valueAt(x, y);
  return { width, height, values };
}

test("a picture is halved down to the smallest copy, each pixel the rounded mean of four", () => {
  const copies = copiesOf(picture(300, 256, (x, y) => (x === 2 && y < 2 ? 9 : 4)));
  assert.deepEqual(copies.map(({ width, height }) => [width, height]), [[300, 256], [150, 128], [75, 64]]);
  assert.deepEqual([...copies[1].values.slice(0, 3)], [4, 7, 4]); // (9 + 4 + 9 + 4) / 4 = 6.5
  assert.equal(copies[2].values.length, 75 * 64);
});

test("halves of 16 bits have 16 bits", () => {
  const [, half] = copiesOf(picture(128, 128, (x) => (x % 2 ? 65_535 : 65_000), Uint16Array));
  assert.ok(half.values instanceof Uint16Array);
  assert.equal(half.values[77], 65_268); // (65535 + 65000) / 2 = 65267.5
});

test("a frame is cut out of its row and column of the filmstrip", () => {
  const strip = picture(3 * 4, 2 * 5, (x, y) => 10 * Math.floor(x / 4) + 100 * Math.floor(y / 5) + (x % 4));
  const layout = { frame_width: 4, frame_height: 5, columns: 3 };
  const { width, height, values } = frameOf(strip, layout, 4); // the second of the second row
  assert.deepEqual([width, height], [4, 5]);
  assert.deepEqual([...values.slice(0, 8)], [110, 111, 112, 113, 110, 111, 112, 113]);
  assert.equal(values.length, 20);
  assert.deepEqual([...frameOf(strip, layout, 2).values.slice(0, 4)], [20, 21, 22, 23]);
});

test("quantiles are grey values below which a share of the pixels lies", () => {
  const grey = new Grey([picture(100, 100, (x) => 2 * x)]); // 100 pixels of each of 0, 2, ... 198
  assert.deepEqual(grey.quantiles([0, 0.01, 0.5, 1]), [0, 0, 98 / 255, 198 / 255]);
  const deep = new Grey([picture(100, 100, (x) => 600 * x, Uint16Array)]);
  assert.deepEqual(deep.quantiles([0.65]), [(600 * 64) / 65_535]);
  assert.deepEqual([grey.maximum, deep.maximum, grey.width], [255, 65_535, 100]);
});

test("a rank stands for half a percent, the best for the first", () => {
  // As readerstudy/reading/assets.py writes them: 255 for the first half percent, 254 for the next, and so on.
  assert.deepEqual([0.5, 1, 5, 7.5, 50].map(lowestRank), [255, 254, 246, 241, 156]);
});

test("predictions and lambdas are written as readers read them", () => {
  assert.deepEqual([0, 0.004, 0.305, 0.9951, 1].map(percent), ["0%", "0%", "31%", "100%", "100%"]);
  const lambdas = [-120, 40, 0, 12.345, -0.001234, 1234];
  assert.deepEqual(lambdas.map(number), ["−120", "40", "0", "12.3", "−0.00123", "1,230"]);
});
