// Enter goes on, as on the rating page, wherever the focus is.

import { around, byId } from "../common/elements.js";

const link = byId("proceed", HTMLElement);

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const actsItself = around(event.target, "a, button, summary, input");
  if (event.key === "Enter" && !actsItself) link.click();
});
