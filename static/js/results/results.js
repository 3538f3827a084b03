/** The results page: shows how far its report is, and opens the sections that a link points into. */

const POLL_MS = 2000;

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let place = target; place; place = place.parentElement) {
    if (place instanceof HTMLDetailsElement) place.open = true;
  }
  target.scrollIntoView();
}

function openAllForPrint() {
  for (const section of document.querySelectorAll("details.results-section")) section.open = true;
}

function show(box, state) {
  const step = state.status === "running" && state.steps
    ? `${state.step}, step ${state.done + 1} of ${state.steps}` : `Waiting ${state.waits}`;
  const line = box.querySelector("#state-step");
  if (line.textContent !== step) line.textContent = step;
  const bar = box.querySelector("#state-progress");
  bar.max = state.steps || 1;
  bar.value = state.done;
  box.querySelector("#state-worker").hidden = state.worker;
}

/** A page without a report loads itself again; one that somebody may be reading only says that there is a newer one. */
function finish(box) {
  if (!box.dataset.shown) {
    location.reload();
    return;
  }
  box.querySelector("#state-step").textContent = "Done.";
  box.querySelector("#state-progress").hidden = true;
  box.querySelector("#state-ready a").textContent = "Show the newer report";
}

async function follow(box) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (document.hidden) continue;
    let state;
    try {
      const response = await fetch(box.dataset.url, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`status ${response.status}`);
      state = await response.json();
    } catch (error) {
      box.querySelector("#state-step").textContent = `The server does not answer (${error.message}); trying again.`;
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
