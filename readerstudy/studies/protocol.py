"""The protocol file: a study's design in TOML, read into a frozen Protocol or refused with key, line and remedy."""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from readerstudy.studies.protocol_questions import CHANGES, QuestionPlan, comment_plan, question_plan

METHODS = ("input_gradient", "guided_backprop", "integrated_gradients", "iterative_delete", "latent_shift")
PROTOCOLS_DIR = Path(__file__).resolve().parent / "protocols"

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.IGNORECASE)
_ARMS = 2  # a crossover swaps two arms
_MISSING = object()


class ProtocolError(Exception):
    """A protocol file that cannot be used; the message names the file, the line, the key and what to do."""


@dataclass(frozen=True)
class ArmPlan:
    """A way of showing the explanation: its methods, in the order shown."""

    key: str
    name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """The design of one study, as its file says."""

    slug: str
    title: str
    instructions: str
    synthetic: bool
    targets: tuple[str, ...]
    cases_per_cell: int
    threshold: float
    prefer_annotated: bool
    seed: int
    classifier: str
    autoencoder: str
    washout_days: int
    changes: str
    parameters: dict[str, Any]
    arms: tuple[ArmPlan, ...]
    questions: tuple[QuestionPlan, ...]
    text: str


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

    def table(self, key: str) -> Self:
        values = self._get(key, lambda value: isinstance(value, dict), f"must be a table: write [{key}]", _MISSING)
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

    def one_of(self, key: str, choices: Sequence[str], *, default: object = _MISSING) -> str:
        found: str = self._get(key, lambda value: value in choices, f"must be one of: {', '.join(choices)}", default)
        return found

    def words(self, key: str) -> tuple[str, ...]:
        found = self._get(
            key,
            lambda value: isinstance(value, list) and value and all(isinstance(x, str) and x.strip() for x in value),
            'must be a list of names, as in ["Effusion", "Mass"]',
            _MISSING,
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


def load_protocol(path: Path) -> Protocol:
    """The protocol in this file. Raises ProtocolError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: cannot be read: {error}") from error
    return protocol_parse(text, source=str(path))


def protocol_parse(text: str, *, source: str = "protocol") -> Protocol:
    """The protocol in this text; `source` is what errors call it. Raises ProtocolError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{source}: not valid TOML: {error}") from error
    root = Table(source, text, "", 0, document)
    study = root.table("study")
    protocol = Protocol(
        slug=study.slug("slug", maximum=50),
        title=study.text("title", maximum=200),
        instructions=study.text("instructions", default=""),
        synthetic=study.flag("synthetic", default=False),
        targets=study.words("targets"),
        cases_per_cell=study.whole("cases_per_cell", minimum=2),
        threshold=study.fraction("threshold", default=0.5),
        prefer_annotated=study.flag("prefer_annotated", default=True),
        seed=study.whole("seed", minimum=0, maximum=2**63 - 1),
        classifier=study.text("classifier", maximum=200),
        autoencoder=study.text("autoencoder", maximum=200),
        washout_days=study.whole("washout_days", minimum=0, maximum=3650),
        changes=study.one_of("changes", CHANGES, default=CHANGES[0]),
        parameters=study.mapping("parameters"),
        arms=tuple(_arm(table) for table in root.tables("arms")),
        questions=(
            *(question_plan(table) for table in root.tables("questions")),
            *((comment_plan(),) if study.flag("comment", default=False) else ()),
        ),
        text=text,
    )
    study.done()
    root.done()
    if protocol.cases_per_cell % 2:
        study.refuse("cases_per_cell", "must be even: half of the cases of a cell start in each arm")
    if len(protocol.arms) != _ARMS:
        root.refuse("arms", f"has {len(protocol.arms)} arms; a crossover needs exactly {_ARMS} [[arms]] tables")
    if not root.tables("questions"):
        root.refuse("questions", "is missing: add at least one [[questions]] table")
    if not any(question.required for question in protocol.questions):
        root.refuse("questions", "are all optional: a case without an answer would count as read; require one")
    for key, plans in (("arms", protocol.arms), ("questions", protocol.questions)):
        keys = [plan.key for plan in plans]
        if len(set(keys)) != len(keys):
            root.refuse(key, f"use the same key twice ({', '.join(keys)}): give each its own")
    return protocol


def _arm(table: Table) -> ArmPlan:
    arm = ArmPlan(
        key=table.slug("key", maximum=40), name=table.text("name", maximum=100), methods=table.words("methods")
    )
    for method in arm.methods:
        if method not in METHODS:
            table.refuse("methods", f"names {method!r}, which is no method; there are: {', '.join(METHODS)}")
    table.done()
    return arm


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
