// The reading room: shows the case that the server sent, and puts the next one in its place without loading a page.

import { Case } from "./case.js";
import { fetchCase } from "./next.js";
import { Outbox } from "../outbox/outbox.js";
import { Sitting } from "./pause.js";

const PARTS = ["header.bar", "#content"]; // all that tells of a case

history.scrollRestoration = "manual"; // a case opens at its top, also when it is loaded again
window.scrollTo(0, 0);

const { owner } = document.getElementById("questions").dataset;
const outbox = new Outbox(owner);
const sitting = new Sitting(owner);
let shown = location.pathname;
let current = new Case({ outbox, asked: 0, fetchNext });

// Resolves with a function that shows the case, or with null where its address has to be loaded as a page of its own.
async function fetchNext(url) {
  const asked = performance.now();
  const page = await fetchCase(url, owner);
  return page && (() => show(page, url, asked));
}

function show(page, url, asked) {
  current.end();
  delete document.body.dataset.ready;
  history.pushState(null, "", url);
  shown = location.pathname;
  document.title = page.title;
  for (const part of PARTS) document.querySelector(part).replaceWith(document.adoptNode(page.querySelector(part)));
  window.scrollTo(0, 0);
  sitting.show();
  const { dataset } = document.getElementById("questions");
  document.getElementById("arrived").textContent = `${dataset.case}. ${document.querySelector(".prediction").textContent}`;
  current = new Case({ outbox, asked, fetchNext });
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
