// Small pieces of a page that several modules make or ask about.

export function link(text, href, target) {
  const anchor = document.createElement("a");
  Object.assign(anchor, { textContent: text, href, target });
  return anchor;
}

export function button(text, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "button small", textContent: text });
  made.addEventListener("click", act);
  return made;
}

// Where letters and digits are written, so that they must not act as keys.
export function isTextField(element) {
  return element.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])") ?? false;
}
