import assert from "node:assert/strict";
import test from "node:test";

import { statusOf } from "../../../static/js/rating/notices.js";

const FACTS = { problem: undefined, state: "idle", durable: true, saved: true };

for (const [expected, facts] of [
  ["Saved", {}],
  ["", { saved: false }],
  ["Sending…", { state: "sending" }],
  ["Sending – not saved yet, keep this page open", { state: "sending", durable: false }],
  ["No connection – stored on this computer", { state: "offline" }],
  ["No connection – not saved yet, keep this page open", { state: "offline", durable: false }],
  ["Signed out – stored on this computer", { state: "signed-out" }],
  ["Not accepted", { problem: { why: "Refused." } }],
  ["Not accepted", { problem: { why: "Refused." }, state: "offline" }], // before all else
  ["A newer answer stands", { problem: { standing: 3 } }],
  ["Too late", { problem: { late: true } }],
]) {
  test(`${JSON.stringify(facts)} is said as “${expected}”`, () => {
    assert.equal(statusOf({ ...FACTS, ...facts }), expected);
  });
}
