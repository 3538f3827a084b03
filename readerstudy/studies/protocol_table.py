"""A table of the protocol file: hands out checked values, and names key and line of what is wrong."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Self

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.IGNORECASE)
_MISSING = object()


class ProtocolError(Exception):
    """A protocol file that cannot be used; the message names the file, the line, the key and what to do."""


class Table:
    """One table of the file: hands out checked values and, at the end, refuses keys that nobody asked for."""

    def __init__(self, source: str, text: str, name: str, index: int, values: dict[str, Any]) -> None:
        self._source, self._text, self._name, self._index = source, text, name, index
        self._values = values
        self._taken: set[str] = set()

    def refuse(self, key: str, reason: str) -> NoReturn:
        line = _line_of(self._text, self._name, self._index, key)
        place = f"{self._source}, line {line}" if line else self._source
        raise ProtocolError(f"{place}: `{f'{self._name}.' if self._name else ''}{key}` {reason}.")

    def done(self) -> None:
        for key in self._values:
            if key not in self._taken:
                self.refuse(key, f"is not known; the keys here are: {', '.join(sorted(self._taken))}")

    @property
    def empty(self) -> bool:
        """Whether nothing stands in it."""
        return not self._values

    @property
    def keys(self) -> tuple[str, ...]:
        """What stands in it, in order."""
        return tuple(self._values)

    def table(self, key: str, *, default: object = _MISSING) -> Self:
        values = self._get(key, lambda value: isinstance(value, dict), f"must be a table: write [{key}]", default)
        return type(self)(self._source, self._text, key, 0, values)

    def tables(self, key: str) -> list[Self]:
        values = self._get(
            key,
            lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
            f"must be a list of tables: write [[{key}]] before each",
            [],
        )
        return [type(self)(self._source, self._text, key, index, item) for index, item in enumerate(values)]

    def mapping(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(key, lambda value: isinstance(value, dict), "must be a table", {})
        return found

    def text(self, key: str, *, maximum: int | None = None, default: object = _MISSING) -> str:
        found: str = self._get(
            key,
            lambda value: isinstance(value, str) and (default != _MISSING or value.strip()),
            "must be text",
            default,
        )
        if maximum is not None and len(found) > maximum:
            self.refuse(key, f"has {len(found)} characters; {maximum} is the most")
        return found.strip()

    def slug(self, key: str, *, maximum: int) -> str:
        found = self.text(key, maximum=maximum)
        if not _SLUG.fullmatch(found):
            self.refuse(key, f"is {found!r}; use letters, digits and single hyphens or underscores")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        found: bool = self._get(key, lambda value: isinstance(value, bool), "must be true or false", default)
        return found

    def whole(self, key: str, *, minimum: int, maximum: int = 10**6, default: object = _MISSING) -> int:
        found: int = self._get(
            key,
            lambda value: isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum,
            f"must be a whole number from {minimum} to {maximum}",
            default,
        )
        return found

    def fraction(self, key: str, *, default: object = _MISSING) -> float:
        found = self._get(
            key,
            lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1,
            "must be a number between 0 and 1",
            default,
        )
        return float(found)

    def positive(self, key: str) -> float | None:
        """A number above zero; None where the key is absent."""
        found = self._get(
            key,
            lambda value: (
                value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)
            ),
            "must be a number above 0",
            None,
        )
        return None if found is None else float(found)

    def one_of(self, key: str, choices: Sequence[str], *, default: object = _MISSING) -> str:
        found: str = self._get(key, lambda value: value in choices, f"must be one of: {', '.join(choices)}", default)
        return found

    def words(self, key: str, *, default: object = _MISSING) -> tuple[str, ...]:
        """Names, each once; none at all only where a default says that there need be none."""
        found = self._get(
            key,
            lambda value: (
                isinstance(value, list)
                and (value or default is not _MISSING)
                and all(isinstance(x, str) and x.strip() for x in value)
            ),
            'must be a list of names, as in ["Effusion", "Mass"]',
            default,
        )
        words = tuple(word.strip() for word in found)
        if len(set(words)) != len(words):
            self.refuse(key, "names something twice: name each once")
        return words

    def _get(self, key: str, valid: Callable[[Any], object], wanted: str, default: object) -> Any:
        self._taken.add(key)
        value = self._values.get(key, default)
        if value is _MISSING:
            self.refuse(key, f"is missing: it {wanted}")
        if not valid(value):
            self.refuse(key, f"is {value!r}; it {wanted}")
        return value


def _line_of(text: str, table: str, index: int, key: str) -> int | None:
    """The line where a key of a table is set, else that of the table's header; for messages, so the simple forms do."""
    inside, seen, header = table == "", -1, None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if match := re.match(r"\[\[?\s*([\w.-]+)\s*\]\]?", stripped):
            name = match.group(1)
            seen += name == table
            inside = name == table and seen == index
            if inside or name in {key, f"{table}.{key}"}:
                header = number if header is None or inside else header
                if not inside:
                    return number
        elif inside and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*=", stripped):
            return number
    return header
