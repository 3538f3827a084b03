// Tells whoever records it what the reader looked at or did with the pictures.

export function log(kind, panel, value = {}) {
  document.dispatchEvent(new CustomEvent("exposure", { detail: { kind, panel, value } }));
}

export const rounded = (number) => Math.round(1000 * number) / 1000;
