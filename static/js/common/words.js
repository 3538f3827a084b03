// What the page says, in the reader's language. Django's catalogue (readerstudy/urls.py) comes before the modules where
// the language is not English; makemessages finds what is given to `gettext`.

export const gettext = globalThis.gettext ?? ((text) => text);

// The text with %(name)s replaced by values.name.
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
}
