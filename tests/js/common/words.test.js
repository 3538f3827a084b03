import assert from "node:assert/strict";
import test from "node:test";

test("a text without a catalogue is as it was written, and names in it are replaced", async () => {
  const { gettext, interpolate } = await import("../../../static/js/common/words.js");
  assert.equal(gettext("Saved"), "Saved");
  assert.equal(interpolate("%(x)s across, %(y)s down, %(x)s", { x: "5%", y: 0 }), "5% across, 0 down, 5%");
  assert.equal(interpolate("100% of 7", {}), "100% of 7");
});

test("Django's catalogue translates where it came before", async () => {
  globalThis.gettext = (text) => `«${text}»`;
  const { gettext } = await import("../../../static/js/common/words.js?with a catalogue");
  delete globalThis.gettext;
  assert.equal(gettext("Saved"), "«Saved»");
});
