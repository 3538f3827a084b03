// The rating page: waits until all pictures are painted, then starts the clock and lets the questions be answered.

import { Clock } from "./clock.js";
import { isTextField, link } from "./elements.js";
import { Exposure } from "./exposure.js";
import { Pictures } from "./pictures.js";
import "./marker.js";
import { Questions } from "./questions.js";

const form = document.getElementById("questions");
const clock = new Clock();
new Exposure(form.dataset.base, clock);
const pictures = new Pictures(document.getElementById("panels"));
const questions = new Questions(form, () => Number(form.dataset.secondsBefore) + clock.seconds);

function onKey(event) {
  if (document.querySelector("dialog[open]")) return; // its keys are its own
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target)) return;
  if (questions.key(event) || pictures.key(event)) event.preventDefault();
  else if (event.key === "Escape") closePopups();
}

function closePopups(except) {
  for (const popup of document.querySelectorAll("details[open]")) {
    if (popup !== except) popup.open = false;
  }
}

async function begin() {
  try {
    await pictures.painted();
  } catch {
    questions.showProblem("A picture of this case could not be loaded. ", link("Load the page again", location.href, ""));
    return;
  }
  clock.start();
  await questions.enable();
  document.body.dataset.ready = "yes";
  pictures.begin();
  prefetch();
}

// Files of the next case, once those of this one no longer need the way and the decoders for themselves.
function prefetch() {
  for (const link of document.querySelectorAll("link[rel=prefetch-later]")) link.rel = "prefetch";
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => closePopups(event.target.closest("details")));
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // brought back by the back button: the server knows what is stored
});
begin();
