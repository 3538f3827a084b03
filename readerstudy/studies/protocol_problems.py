"""What is wrong in a protocol file, each with its line and key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, TypeVar

from explainer.problems import Input, Place, ProblemsError, read

M = TypeVar("M", bound=Input)


@dataclass(frozen=True)
class ProtocolProblem:
    """Something wrong in a protocol: the sentence, with file, line and key in it."""

    line: int | None
    text: str


class ProtocolError(Exception):
    """A protocol file that cannot be used; the message has a line for each of the `problems`, in the file's order."""

    def __init__(self, *problems: ProtocolProblem | str) -> None:
        found = [ProtocolProblem(None, one) if isinstance(one, str) else one for one in problems]
        self.problems = tuple(sorted(dict.fromkeys(found), key=lambda problem: problem.line or 0))
        super().__init__("\n".join(problem.text for problem in self.problems))


def read_toml(model: type[M], text: str, *, source: str = "protocol", table: str = "") -> M:
    """A TOML text, or the one table of it, as the model takes it; `source` is what errors call it.

    Raises ProtocolError with all that is wrong.
    """
    values = _document(text, source)
    try:
        return read(model, values.get(table, {}) if table else values)
    except ProblemsError as error:
        inside = (table,) if table else ()
        raise ProtocolError(
            *(_located(text, source, (*inside, *one.place), one.reason) for one in error.problems)
        ) from error


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{source}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ProtocolError(f"{source}: its values are nested too deeply to be a protocol.") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise ProtocolError(f"{source}: holds a number of thousands of digits: no key takes one.") from error


def _located(text: str, source: str, place: Place, reason: str) -> ProtocolProblem:
    names = [part for part in place if isinstance(part, str)]
    index = next((part for part in place[:-1] if isinstance(part, int)), 0)
    line = _line_of(text, ".".join(names[:-1]), index, names[-1])
    end = "" if reason.endswith("?") else "."
    return ProtocolProblem(line, f"{source}{f', line {line}' if line else ''}: `{'.'.join(names)}` {reason}{end}")


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
