"""A table of the protocol file: hands out checked values, and collects what is wrong with key and line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from readerstudy.lib.texts import unstorable

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.IGNORECASE)
_MISSING = object()
#: More than any study needs, and less than a page, a list or a column can take.
TEXT_LENGTH = 50_000
WORDS = 100
WORD_LENGTH = 100
TABLES = 100
#: Of a value in a message.
_SHOWN = 60


@dataclass(frozen=True)
class Problem:
    """Something wrong in a protocol: the sentence, with file, line and key in it."""

    line: int | None
    text: str


class ProtocolError(Exception):
    """A protocol file that cannot be used; the message has a line for each of the `problems`, in the file's order."""

    def __init__(self, *problems: Problem | str) -> None:
        found = [Problem(None, one) if isinstance(one, str) else one for one in problems]
        self.problems = tuple(sorted(found, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(problem.text for problem in self.problems))


@dataclass
class Document:
    """The file that tables are part of, and what was found wrong in it so far."""

    source: str
    text: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, table: str, index: int, key: str, reason: str) -> Problem:
        line = _line_of(self.text, table, index, key)
        place = f"{self.source}, line {line}" if line else self.source
        problem = Problem(line, f"{place}: `{f'{table}.' if table else ''}{key}` {reason}.")
        if problem not in self.problems:
            self.problems.append(problem)
        return problem


class Table:
    """One table of the file. A value that is wrong is noted and replaced by a harmless one, so that all are found.

    `done()` at the end notes the keys that nobody asked for; `raise_if_wrong()` of any table ends the reading.
    """

    def __init__(self, document: Document | None, name: str, index: int, values: dict[str, Any]) -> None:
        self._document, self._name, self._index, self._values = document, name, index, values
        self._taken: set[str] = set()
        self._missing: dict[str, Problem] = {}

    def refuse(self, key: str, reason: str) -> None:
        """Note that the value of a key is wrong."""
        self._note(key, reason)

    def raise_if_wrong(self) -> None:
        """Raise ProtocolError with all problems of the file, if there are any."""
        if self._document is not None and self._document.problems:
            raise ProtocolError(*self._document.problems)

    def done(self) -> None:
        for key in self._values:
            if key in self._taken:
                continue
            absent = [name for name in self._taken if name not in self._values]
            near = difflib.get_close_matches(key, absent, n=1, cutoff=0.7)
            if near:
                self._note(key, f"is not known; {near[0]} is: is that meant?")
                self._forget_missing(near[0])
            else:
                self._note(key, f"is not known; the keys here are: {', '.join(sorted(self._taken))}")

    @property
    def empty(self) -> bool:
        """Whether nothing stands in it."""
        return not self._values

    @property
    def keys(self) -> tuple[str, ...]:
        """What stands in it, in order."""
        return tuple(self._values)

    @property
    def values(self) -> dict[str, Any]:
        """All that stands in it, as it stands there."""
        return self._values

    def table(self, key: str, *, default: object = _MISSING) -> Self:
        values = self._get(key, lambda value: isinstance(value, dict), f"must be a table: write [{key}]", default, None)
        # What stands in a table that there is not cannot be wrong as well.
        return type(self)(None if values is None else self._document, self._within(key), 0, values or {})

    def tables(self, key: str) -> list[Self]:
        values = self._get(
            key,
            lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
            f"must be a list of tables: write [[{key}]] before each",
            [],
            [],
        )
        if len(values) > TABLES:
            self._note(key, f"has {len(values)} entries; {TABLES} are the most")
            values = values[:TABLES]
        return [type(self)(self._document, self._within(key), index, item) for index, item in enumerate(values)]

    def text(self, key: str, *, maximum: int = TEXT_LENGTH, default: object = _MISSING) -> str:
        found: str = self._get(
            key,
            lambda value: isinstance(value, str) and (default is not _MISSING or value.strip()),
            "must be text",
            default,
            "",
        )
        self._check_text(key, found, maximum)
        return found.strip()

    def slug(self, key: str, *, maximum: int) -> str:
        found = self.text(key, maximum=maximum)
        if found and not _SLUG.fullmatch(found):
            self._note(key, f"is {_shown(found)}; use letters, digits and single hyphens or underscores")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        found: bool = self._get(key, lambda value: isinstance(value, bool), "must be true or false", default, default)
        return found

    def whole(self, key: str, *, minimum: int, maximum: int = 10**6, default: object = _MISSING) -> int:
        found: int = self._get(
            key,
            lambda value: isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum,
            f"must be a whole number from {minimum} to {maximum}",
            default,
            minimum,
        )
        return found

    def fraction(self, key: str, *, default: object = _MISSING) -> float:
        found = self._get(
            key, lambda value: _is_number(value) and 0 < value < 1, "must be a number between 0 and 1", default, 0.5
        )
        return float(found)

    def positive(self, key: str) -> float | None:
        """A number above zero; None where the key is absent."""
        wanted = "must be a number above 0"
        found = self._get(key, lambda value: value is None or (_is_number(value) and value > 0), wanted, None, None)
        return None if found is None else float(found)

    def one_of(self, key: str, choices: Sequence[str], *, default: object = _MISSING) -> str:
        wanted = f"must be one of: {', '.join(choices)}"
        found: str = self._get(key, lambda value: value in choices, wanted, default, choices[0])
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
            [],
        )
        words = tuple(word.strip() for word in found)
        if len(words) > WORDS:
            self._note(key, f"has {len(words)} names; {WORDS} are the most")
        for word in words[:WORDS]:
            self._check_text(key, word, WORD_LENGTH)
        if len(set(words)) != len(words):
            self._note(key, "names something twice: name each once")
        return words

    def _check_text(self, key: str, text: str, maximum: int) -> None:
        if len(text) > maximum:
            self._note(key, f"has {len(text)} characters; {maximum} is the most")
        if what := unstorable(text):
            self._note(key, f"holds {what}, which cannot be stored: remove it")

    def _get(self, key: str, valid: Callable[[Any], object], wanted: str, default: object, harmless: object) -> Any:
        """The value of a key, or its default; `harmless` stands for one that is missing or wrong."""
        self._taken.add(key)
        value = self._values.get(key, default)
        if value is _MISSING:
            if (problem := self._note(key, f"is missing: it {wanted}")) is not None:
                self._missing[key] = problem
            return harmless
        if not valid(value):
            self._note(key, f"is {_shown(value)}; it {wanted}")
            return harmless
        return value

    def _within(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def _note(self, key: str, reason: str) -> Problem | None:
        return None if self._document is None else self._document.add(self._name, self._index, key, reason)

    def _forget_missing(self, key: str) -> None:
        problem = self._missing.pop(key, None)
        if problem is not None and self._document is not None:
            self._document.problems.remove(problem)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


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
        elif inside and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*[.=]", stripped):
            return number
    return header
