// Keeps the watched parts of the coordinator's page up to date while workers compute.

import { all, byId } from "../common/elements.js";

const SECONDS = 4;
const watched = byId("watched", HTMLElement);

/**
 * Puts the fresh parts in the place of those shown, but for one in which somebody reads or writes.
 * @param {Document} fresh
 */
function show(fresh) {
  for (const part of all(fresh, "[data-watched]", HTMLElement)) {
    const shown = byId(part.id, HTMLElement);
    if (!shown.querySelector("details[open]")) shown.replaceWith(part);
  }
}

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(watched.dataset.url ?? "", { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  show(new DOMParser().parseFromString(await response.text(), "text/html"));
}

setInterval(() => refresh().catch(() => {}), SECONDS * 1000); // a failed look is repeated at the next turn
