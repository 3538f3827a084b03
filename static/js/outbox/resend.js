// Start page of a study: sends answers that wait in this browser, and lists those about which the reader must decide.

import { around, button, byId, link } from "../common/elements.js";
import { gettext, interpolate } from "../common/words.js";
import { Outbox } from "./outbox.js";

/** @import { Problem } from "./entries.js" */

const notice = byId("unsent", HTMLElement);
const list = byId("refused", HTMLElement);
const refused = /** @type {HTMLElement} */ (around(list, "section"));

function show() {
  const waiting = outbox.waiting.filter((entry) => entry.kind === "answer").length;
  const signIn = outbox.state === "signed-out" ? ` ${outbox.message}` : "";
  const stored = waiting === 1
    ? gettext("1 of your answers is stored on this computer and being sent.")
    : interpolate(gettext("%(waiting)s of your answers are stored on this computer and being sent."), { waiting });
  notice.replaceChildren(stored + signIn, " ", button(gettext("Download them"), download));
  notice.hidden = waiting === 0;
  list.replaceChildren(...outbox.problems.map(item));
  refused.hidden = outbox.problems.length === 0;
}

/** @param {Problem} problem */
function item(problem) {
  const line = document.createElement("li");
  const newerStands = problem.standing !== undefined;
  const what = document.createElement("strong");
  what.textContent = problem.label || gettext("An answer");
  const buttons = document.createElement("span");
  buttons.className = "button-row";
  if (!problem.late) {
    const use = newerStands ? gettext("Use this answer") : gettext("Try again");
    buttons.append(button(use, () => outbox.tryAgain(problem)));
  }
  buttons.append(
    button(newerStands ? gettext("Keep the newer one") : gettext("Dismiss"), () => outbox.dismiss(problem)),
  );
  line.append(what, document.createElement("br"), problem.why, buttons);
  return line;
}

// A file for the coordinator, should nothing else help: also of what was dismissed.
async function download() {
  const kept = new Blob([JSON.stringify(await outbox.everything(), null, 1)], { type: "application/json" });
  const anchor = link("", URL.createObjectURL(kept), "");
  anchor.download = "answers.json";
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

// What belongs to the period before goes first: beginning the next one ends it.
const begin = document.querySelector("form.begin");
begin?.addEventListener("submit", async (event) => {
  event.preventDefault();
  await outbox.ready;
  await outbox.flush();
  if (begin instanceof HTMLFormElement && outbox.waiting.length === 0) begin.submit();
});

byId("keep-copy", HTMLElement).addEventListener("click", download);
const outbox = new Outbox(notice.dataset.owner ?? "");
outbox.attend({ changed: show });
outbox.ready.then(show);
