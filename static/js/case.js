// The rating page: waits until all pictures are painted, takes answers by key or click, and leads on when they are safe.

import { Clock } from "./clock.js";
import { Outbox } from "./outbox.js";
import { Player } from "./player.js";

const form = document.getElementById("questions");
const status = document.getElementById("status");
const problem = document.getElementById("problem");
const next = document.getElementById("next");
const fieldsets = [...form.querySelectorAll(".question")];
const { reading, owner, base, signIn } = form.dataset;
const secondsBefore = Number(form.dataset.secondsBefore);

const outbox = new Outbox(owner, showState);
const clock = new Clock(base);
const player = makePlayer();
let active = fieldsets[0];
let leaving = false;
let wantsNext = false;

function makePlayer() {
  const canvas = document.getElementById("player");
  if (!canvas) return null;
  const element = (id) => document.getElementById(id);
  return new Player(canvas, { play: element("play"), slider: element("frame"), readout: element("readout") });
}

const chosen = (fieldset) => fieldset.querySelector("input:checked");
const unanswered = () => fieldsets.find((fieldset) => !chosen(fieldset));
const unacknowledged = () => outbox.of(reading).length > 0;

function showProblem(...content) {
  problem.replaceChildren(...content);
  problem.hidden = content.length === 0;
}

function link(text, href, target) {
  const anchor = document.createElement("a");
  Object.assign(anchor, { textContent: text, href, target });
  return anchor;
}

function showState() {
  const refused = outbox.refused()[0];
  const safe = outbox.durable ? "stored on this computer" : "not saved yet, keep this page open";
  if (refused) {
    status.textContent = "Not saved";
    showProblem(`An answer was not accepted: ${refused.refused}`);
  } else if (outbox.state === "signed-out") {
    status.textContent = `Signed out – ${safe}`;
    showProblem(`You were signed out. Your answer is ${safe}. `, link("Sign in again", signIn, "_blank"), " and it is sent.");
  } else {
    showProblem();
    if (outbox.state === "sending") status.textContent = "Sending…";
    else if (outbox.state === "offline") status.textContent = `No connection – ${safe}`;
    else status.textContent = fieldsets.some(chosen) ? "Saved" : "";
  }
  status.dataset.state = refused ? "refused" : outbox.state;
  next.disabled = unanswered() !== undefined || unacknowledged();
  if (wantsNext && !next.disabled) goNext();
}

function choose(fieldset, radio, { moveOn }) {
  if (radio.checked && radio.dataset.sent === "yes") return;
  for (const other of fieldset.querySelectorAll("input")) other.dataset.sent = "";
  radio.checked = true;
  radio.dataset.sent = "yes";
  active = fieldset;
  const seconds = Math.round(10 * (secondsBefore + clock.seconds)) / 10;
  outbox.add({ reading, base, question: fieldset.dataset.question, value: Number(radio.value), seconds });
  if (moveOn) focusOn(unanswered() ?? fieldset);
}

// An unanswered question has the focus as a whole: a mark around its first point would look like a suggestion.
function focusOn(fieldset) {
  active = fieldset;
  (chosen(fieldset) ?? fieldset).focus({ focusVisible: true });
}

function goNext() {
  if (leaving) return; // a double click goes on once
  const open = unanswered();
  if (open) {
    focusOn(open);
    return;
  }
  wantsNext = true;
  if (unacknowledged()) {
    outbox.flush();
    return;
  }
  leaving = true;
  location.assign(form.dataset.next);
}

function isTextField(element) {
  return element.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=range])") ?? false;
}

function onKey(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target)) return;
  if (fieldsets[0].disabled) return; // the pictures are not there yet
  const actsItself = event.target.closest?.("a, button, summary");
  if (/^[0-9]$/.test(event.key)) {
    const radio = active.querySelector(`input[value="${event.key}"]`);
    if (radio) {
      event.preventDefault();
      choose(active, radio, { moveOn: true });
    }
  } else if ((event.key === "Enter" && !actsItself) || event.key.toLowerCase() === "n") {
    event.preventDefault();
    goNext();
  } else if (event.key.toLowerCase() === "p" && player) {
    player.toggle();
  } else if (event.key === "Escape") {
    closePopups();
  }
}

function closePopups(except) {
  for (const popup of document.querySelectorAll("details[open]")) {
    if (popup !== except) popup.open = false;
  }
}

// What the browser remembers of an earlier visit is not to be trusted: the page as the server sent it is, and on top of
// it what still waits here to be acknowledged.
function restore() {
  form.reset();
  for (const radio of form.querySelectorAll("input:checked")) radio.dataset.sent = "yes";
  for (const entry of outbox.of(reading)) {
    const radio = form.querySelector(`[data-question="${entry.question}"] input[value="${entry.value}"]`);
    if (radio) {
      radio.checked = true;
      radio.dataset.sent = "yes";
    }
  }
}

async function painted() {
  const pictures = [...document.querySelectorAll(".picture img")].map((picture) => picture.decode());
  await Promise.all([...pictures, player?.load()]);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

async function begin() {
  restore();
  showState();
  outbox.retryRefused();
  try {
    await painted();
  } catch {
    showProblem("A picture of this case could not be loaded. ", link("Load the page again", location.href, ""));
    return;
  }
  clock.start();
  for (const fieldset of fieldsets) fieldset.disabled = false;
  document.body.dataset.ready = "yes";
  focusOn(unanswered() ?? fieldsets[0]);
  if (player && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
}

form.addEventListener("change", (event) => choose(event.target.closest(".question"), event.target, { moveOn: false }));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  goNext();
});
for (const fieldset of fieldsets) fieldset.addEventListener("focusin", () => { active = fieldset; });
document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => closePopups(event.target.closest("details")));
window.addEventListener("beforeunload", (event) => {
  if (!outbox.durable) event.preventDefault(); // the browser asks whether to leave: an answer would be lost
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // brought back by the back button: the server knows what is stored
});
begin();
