// The instructions beside a case: a dialog, one key (H) or click away. No key acts on the case while it is open.

import { showDialog } from "../common/dialogs.js";
import { around, byId, isTextField } from "../common/elements.js";
import { log } from "../common/messages.js";

const dialog = byId("help", HTMLDialogElement);

function open() {
  if (dialog.open) return;
  showDialog(dialog);
  log("instructions_opened", "");
}

// Before all others: an open dialog keeps its keys for itself, and the browser closes it on Escape.
window.addEventListener("keydown", (event) => {
  if (dialog.open) {
    event.stopImmediatePropagation();
    if (event.key.toLowerCase() === "h") dialog.close();
    return;
  }
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key.toLowerCase() === "h") {
    event.preventDefault();
    event.stopImmediatePropagation();
    open();
  }
}, { capture: true });

document.addEventListener("click", (event) => {
  if (around(event.target, "#help-open")) open();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // beside it
});
