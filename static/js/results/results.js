// The results page: shows how far its report is, and opens the sections that a link points into.

import { all, within } from "../common/elements.js";

/**
 * How far a report is, as the server tells it.
 * @typedef {object} State
 * @property {boolean} active whether there is anything to wait for
 * @property {string} shown version of the report that the page would show
 * @property {string} status
 * @property {string} step
 * @property {number} steps
 * @property {number} done
 * @property {string} waits for what, since when
 * @property {boolean} worker whether one was seen lately
 */

const POLL_MS = 2000;

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let place = /** @type {Element | null} */ (target); place; place = place.parentElement) {
    if (place instanceof HTMLDetailsElement) place.open = true;
  }
  target.scrollIntoView();
}

function openAllForPrint() {
  for (const section of all(document, "details.results-section", HTMLDetailsElement)) section.open = true;
}

/**
 * @param {HTMLElement} box
 * @param {State} state
 */
function show(box, state) {
  const step = state.status === "running" && state.steps
    ? `${state.step}, step ${state.done + 1} of ${state.steps}` : `Waiting ${state.waits}`;
  const line = within(box, "#state-step", HTMLElement);
  if (line.textContent !== step) line.textContent = step;
  const bar = within(box, "#state-progress", HTMLProgressElement);
  bar.max = state.steps || 1;
  bar.value = state.done;
  within(box, "#state-worker", HTMLElement).hidden = state.worker;
}

/**
 * A page without a report loads itself again; one that somebody may be reading only says that there is a newer one.
 * @param {HTMLElement} box
 */
function finish(box) {
  if (!box.dataset.shown) {
    location.reload();
    return;
  }
  within(box, "#state-step", HTMLElement).textContent = "Done.";
  within(box, "#state-progress", HTMLElement).hidden = true;
  within(box, "#state-ready a", HTMLElement).textContent = "Show the newer report";
}

/** @param {HTMLElement} box */
async function follow(box) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (document.hidden) continue;
    /** @type {State} */
    let state;
    try {
      const response = await fetch(box.dataset.url ?? "", { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`status ${response.status}`);
      state = await response.json();
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      within(box, "#state-step", HTMLElement).textContent = `The server does not answer (${why}); trying again.`;
      continue;
    }
    if (!state.active || state.shown !== box.dataset.shown) {
      finish(box);
      return;
    }
    show(box, state);
  }
}

addEventListener("hashchange", openTarget);
addEventListener("beforeprint", openAllForPrint);
openTarget();
const box = document.getElementById("state");
if (box) follow(box);
