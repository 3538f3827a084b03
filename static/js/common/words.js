// What the page says, in the reader's language. Django's catalogue (readerstudy/urls.py) comes before the modules where
// the language is not English; makemessages finds what is given to `gettext`.

/** @typedef {(text: string) => string} Translate */

const catalogue = /** @type {{ gettext?: Translate }} */ (globalThis);

/** @type {Translate} */
export const gettext = catalogue.gettext ?? ((text) => text);

/**
 * The text with %(name)s replaced by values.name.
 * @param {string} text
 * @param {{ [name: string]: unknown }} values
 */
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
}
