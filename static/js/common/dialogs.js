// Questions to the reader in native dialogs, which keep the focus inside and close on Escape.

import { byId, within } from "./elements.js";

/** @param {HTMLDialogElement} dialog */
export function showDialog(dialog) {
  if (dialog.open) return;
  dialog.returnValue = "";
  dialog.showModal();
}

// Why an answer to a submitted case changes; "" where it shall not change after all.
export function askForReason() {
  const dialog = byId("reason", HTMLDialogElement);
  const text = within(dialog, "input", HTMLInputElement);
  text.value = "";
  const byKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.target === text || event.ctrlKey || event.altKey || event.metaKey) return;
    const chosen = dialog.querySelector(`button[data-key="${event.key}"]`);
    if (!(chosen instanceof HTMLButtonElement)) return;
    event.preventDefault();
    dialog.close(chosen.value);
  };
  dialog.addEventListener("keydown", byKey);
  return closed(dialog, text).finally(() => dialog.removeEventListener("keydown", byKey));
}

// Why the coordinator should unlock the case; "" where the reader thought better of it.
export function askToUnlock() {
  const dialog = byId("unlock", HTMLDialogElement);
  const text = within(dialog, "textarea", HTMLTextAreaElement);
  text.value = "";
  return closed(dialog, text);
}

/**
 * Opens the dialog. Resolves with the value of the button that closed it, or with the text for the value "text".
 * @param {HTMLDialogElement} dialog
 * @param {HTMLInputElement | HTMLTextAreaElement} text
 * @returns {Promise<string>}
 */
function closed(dialog, text) {
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      done(dialog.returnValue === "text" ? text.value.trim() : dialog.returnValue);
    }, { once: true });
    showDialog(dialog);
  });
}
