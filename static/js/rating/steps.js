// The list of a period's cases in the bar: fetched when it is opened, since it is long and seldom looked at.

import { within } from "../common/elements.js";
import { gettext } from "../common/words.js";

document.addEventListener("toggle", ({ target }) => {
  if (!(target instanceof HTMLDetailsElement) || !target.open || !target.matches(".steps")) return;
  fill(within(target, "[data-list]", HTMLElement));
}, { capture: true }); // it does not bubble

/** @param {HTMLElement} place */
async function fill(place) {
  try {
    const response = await fetch(place.dataset.list ?? "", { redirect: "manual" });
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    place.replaceChildren(...page.body.childNodes);
  } catch {
    place.replaceChildren(gettext("The list cannot be loaded now."));
  }
}
