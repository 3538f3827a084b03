// Keeps the coordinator's page up to date while explanations are being made.

import { byId } from "../common/elements.js";

const SECONDS = 4;

async function refresh() {
  if (document.hidden || document.querySelector("#watched details[open]")) return; // somebody reads or writes there
  const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("watched");
  if (fresh) byId("watched", HTMLElement).replaceWith(fresh);
}

setInterval(() => refresh().catch(() => {}), SECONDS * 1000); // a failed look is repeated at the next turn
