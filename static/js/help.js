// The instructions beside a case: a dialog, one key (H) or click away. No key acts on the case while it is open.

const dialog = document.getElementById("help");

function open() {
  if (dialog.open) return;
  dialog.showModal();
  document.dispatchEvent(new CustomEvent("exposure", { detail: { kind: "instructions_opened", panel: "", value: {} } }));
}

function writes(element) {
  return element.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])") ?? false;
}

// Before all others: an open dialog keeps its keys for itself, and the browser closes it on Escape.
window.addEventListener("keydown", (event) => {
  if (dialog.open) {
    event.stopImmediatePropagation();
    if (event.key.toLowerCase() === "h") dialog.close();
    return;
  }
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key.toLowerCase() === "h") {
    event.preventDefault();
    event.stopImmediatePropagation();
    open();
  }
}, { capture: true });

document.getElementById("help-open").addEventListener("click", open);
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // beside it
});
