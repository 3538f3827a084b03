// Keeps the watched parts of the coordinator's page up to date while workers compute.

const SECONDS = 4;
const watched = document.getElementById("watched");

/** Puts the fresh parts in the place of those shown, but for one in which somebody reads or writes. */
function show(fresh) {
  for (const part of fresh.querySelectorAll("[data-watched]")) {
    const shown = document.getElementById(part.id);
    if (!shown.querySelector("details[open]")) shown.replaceWith(part);
  }
}

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(watched.dataset.url, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  show(new DOMParser().parseFromString(await response.text(), "text/html"));
}

setInterval(() => refresh().catch(() => {}), SECONDS * 1000); // a failed look is repeated at the next turn
