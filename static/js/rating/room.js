// The reading room: shows the case that the server sent, and puts the next one in its place without loading a page.

import { byId, within } from "../common/elements.js";
import { Outbox } from "../outbox/outbox.js";
import { Case } from "./case.js";
import { caseDataOf } from "./data.js";
import { fetchCase } from "./next.js";
import { Sitting } from "./pause.js";

/** @import { FetchNext } from "./case.js" */
/** @import { CaseData } from "./data.js" */

const PARTS = ["header.bar", "#content"]; // all that tells of a case

history.scrollRestoration = "manual"; // a case opens at its top, also when it is loaded again
window.scrollTo(0, 0);

const first = dataShown();
const { owner } = first;
const outbox = new Outbox(owner);
const sitting = new Sitting(owner);
let shown = location.pathname;
let current = new Case({ data: first, outbox, asked: 0, fetchNext });

/** @returns {CaseData} */
function dataShown() {
  const data = caseDataOf(document);
  if (!data) throw new Error("the page shows no case");
  return data;
}

/** @type {FetchNext} */
async function fetchNext(url) {
  const asked = performance.now();
  const page = await fetchCase(url, owner);
  return page && (() => show(page, url, asked));
}

/**
 * @param {Document} page
 * @param {string} url
 * @param {number} asked
 */
function show(page, url, asked) {
  current.end();
  delete document.body.dataset.ready;
  history.pushState(null, "", url);
  shown = location.pathname;
  document.title = page.title;
  for (const part of PARTS) {
    const fresh = within(page, part, HTMLElement);
    within(document, part, HTMLElement).replaceWith(document.adoptNode(fresh));
  }
  window.scrollTo(0, 0);
  sitting.show();
  const data = dataShown();
  const prediction = within(document, ".prediction", HTMLElement).textContent;
  byId("arrived", HTMLElement).textContent = `${data.case}. ${prediction}`;
  current = new Case({ data, outbox, asked, fetchNext });
}

// Back or forward to another case of this sitting: the server knows what is stored there.
window.addEventListener("popstate", () => {
  if (location.pathname === shown) return; // a place within the page
  current.rest();
  delete document.body.dataset.ready;
  location.reload();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // brought back from another page by the back button
});
