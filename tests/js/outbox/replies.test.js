import assert from "node:assert/strict";
import test from "node:test";

import { replyOf } from "../../../static/js/outbox/replies.js";

const JSON_TYPE = { headers: { "Content-Type": "application/json; charset=utf-8" } };

test("a reply with the mark is ours, whatever its status", async () => {
  const refusal = new Response('{"readerstudy": true, "error": "Locked."}', { ...JSON_TYPE, status: 403 });
  assert.deepEqual(await replyOf(refusal), { readerstudy: true, error: "Locked." });
});

for (const [what, response] of Object.entries({
  "a page": new Response('{"readerstudy": true}', { headers: { "Content-Type": "text/html" } }),
  "JSON without the mark": new Response('{"revision": 1}', JSON_TYPE),
  "a mark that is not true": new Response('{"readerstudy": "true"}', JSON_TYPE),
  "JSON cut off": new Response('{"readerstudy": tr', JSON_TYPE),
  "null": new Response("null", JSON_TYPE),
  "nothing": new Response(null, { status: 204 }),
})) {
  test(`${what} is no reply of ours`, async () => assert.equal(await replyOf(response), null));
}
