"""What a row of a table of labels says of each finding: positive, negative, uncertain or not assessed. No torch.

A table lists what was found (`findings`), or has a column for each finding (1, 0, -1 or empty, as CheXpert), or both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from explainer.catalogue.findings import NO_DISEASE, NO_FINDING, State, Vocabulary, folded, says_nothing

FINDINGS, UNCERTAIN, NOT_ASSESSED, ASSESSED = "findings", "uncertain", "not_assessed", "assessed"
COLUMNS = (FINDINGS, UNCERTAIN, NOT_ASSESSED, ASSESSED)
_WORDS = {
    **dict.fromkeys(("positive", "yes", "true", "present"), State.POSITIVE),
    **dict.fromkeys(("negative", "no", "false", "absent"), State.NEGATIVE),
    "uncertain": State.UNCERTAIN,
}
_NUMBERS = {1.0: State.POSITIVE, 0.0: State.NEGATIVE, -1.0: State.UNCERTAIN}


class LabelError(Exception):
    """A row or a header that cannot be taken; the message says why and what to write."""


@dataclass(frozen=True)
class Statement:
    """What one row says.

    `states` are those that it states; of all else that was assessed it says that it is not there where `complete`.
    `mentioned` are the findings that it names, `unknown` its texts that are no known finding, `assessed` its own list.
    """

    states: Mapping[str, State]
    complete: bool
    mentioned: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    assessed: tuple[str, ...] | None = None

    def labels(self, assessed: Iterable[str]) -> dict[str, State]:
        """State by finding, where the table assessed these; the row's own list goes first."""
        within = assessed if self.assessed is None else self.assessed
        absent = dict.fromkeys(within, State.NEGATIVE) if self.complete else {}
        return {**absent, **self.states}


@dataclass(frozen=True)
class LabelTable:
    """The columns of a table of labels that say something of findings: column -> finding, or `No Finding`."""

    vocabulary: Vocabulary
    columns: tuple[str, ...]
    by_finding: Mapping[str, str]

    @property
    def findings(self) -> tuple[str, ...]:
        """Findings that have a column."""
        return tuple(name for name in self.by_finding.values() if name != NO_FINDING)

    def read(self, cells: Mapping[str, str]) -> Statement:
        """What a row with these cells (column -> text) says. Raises LabelError."""
        said = self.vocabulary.read(_cell(cells, FINDINGS))
        unsure = self.vocabulary.read(_cell(cells, UNCERTAIN))
        left_out = self.vocabulary.read(_cell(cells, NOT_ASSESSED))
        columns = {name: state_of(cells[column], column) for column, name in self.by_finding.items()}
        none = said.nothing_found or columns.pop(NO_FINDING, None) == State.POSITIVE
        self._check_said(cells, none=none)
        states: dict[str, State] = {}
        _state(states, ((name, State.POSITIVE) for name in said.names), FINDINGS)
        _state(states, ((name, State.UNCERTAIN) for name in (*unsure.names, *unsure.doubtful)), UNCERTAIN)
        _state(states, ((name, State.NOT_ASSESSED) for name in (*left_out.names, *left_out.doubtful)), NOT_ASSESSED)
        _state(states, ((name, state) for name, state in columns.items() if state is not None), "the finding's column")
        mentioned = [name for name, state in states.items() if state != State.NOT_ASSESSED]
        for name in said.doubtful:
            states.setdefault(name, State.UNCERTAIN)
        for name in columns:
            if not none or name in NO_DISEASE:  # else the cell is empty because there is nothing
                states.setdefault(name, State.NOT_ASSESSED)
        _check_none(states, said.unknown, none=none)
        return Statement(
            states=states,
            complete=none or bool(_cell(cells, FINDINGS)),
            mentioned=(*mentioned, *(name for name in columns if name not in mentioned)),
            unknown=(*said.unknown, *unsure.unknown, *left_out.unknown),
            assessed=self._assessed(cells),
        )

    def _check_said(self, cells: Mapping[str, str], *, none: bool) -> None:
        if self.vocabulary.read(_cell(cells, UNCERTAIN)).nothing_found:
            raise LabelError(f"{UNCERTAIN} says {NO_FINDING}; name the findings that are uncertain there")
        if not none and not self.by_finding and not any(_cell(cells, name) for name in (FINDINGS, UNCERTAIN)):
            text = cells.get(FINDINGS, "").strip()
            raise LabelError(
                f"{FINDINGS} is {f'{text!r}, which says nothing' if text else 'empty'}; "
                f"write {NO_FINDING} where there is none"
            )

    def _assessed(self, cells: Mapping[str, str]) -> tuple[str, ...] | None:
        if ASSESSED not in cells:
            return None
        text = cells[ASSESSED]
        return None if says_nothing(text) else assessed_of(text, self.vocabulary)


def label_table(header: Iterable[str], vocabulary: Vocabulary) -> LabelTable:
    """The table with this header. Raises LabelError where it has two columns for one finding, or none that says any."""
    columns = tuple(header)
    by_finding: dict[str, str] = {}
    for column in columns:
        name = NO_FINDING if vocabulary.nothing_found(column) else vocabulary.name(column)
        if column in COLUMNS or name is None:
            continue
        if other := next((known for known, finding in by_finding.items() if finding == name), None):
            raise LabelError(f"its columns {other} and {column} are both about {name}: keep one of them")
        by_finding[column] = name
    if FINDINGS not in columns and not by_finding:
        raise LabelError(
            f"has no column {FINDINGS}, and none that is called as a known finding; its columns are: "
            f"{', '.join(columns) or 'none'}"
        )
    return LabelTable(vocabulary, columns, by_finding)


def state_of(text: str, column: str) -> State | None:
    """What a cell in the column of a finding says; None where it says nothing. Raises LabelError."""
    if says_nothing(text):
        return None
    plain = text.strip().replace("\u2212", "-").replace(",", ".")
    try:
        found = _NUMBERS.get(float(plain))
    except ValueError:
        found = _WORDS.get(folded(plain))
    if found is None:
        meanings = "1 (positive), 0 (negative), -1 (uncertain) or empty (not assessed)"
        raise LabelError(f"{column} is {text.strip()!r}; it must be {meanings}")
    return found


def assessed_of(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The findings of a list of what was assessed. Raises LabelError for what is no known finding."""
    said = vocabulary.read(text)
    if said.unknown or said.nothing_found or not said.names:
        wrong = ", ".join(repr(one) for one in said.unknown) or repr(text)
        raise LabelError(
            f"{ASSESSED} names {wrong}, which is no known finding; known are: {', '.join(vocabulary.names)}"
        )
    return said.names


def assessed_by(table: LabelTable, statements: Iterable[Statement]) -> tuple[str, ...]:
    """What a table that does not say so assessed: the findings that it names anywhere, each in a row or in its header.

    So a target that stands nowhere in the table is not assessed by it, and its `No Finding` says nothing of it.
    """
    named = (name for statement in statements for name in statement.mentioned)
    return tuple(dict.fromkeys((*table.findings, *named)))


def _cell(cells: Mapping[str, str], column: str) -> str:
    text = cells.get(column, "")
    return "" if says_nothing(text) else text


def _state(states: dict[str, State], stated: Iterable[tuple[str, State]], place: str) -> None:
    for name, state in stated:
        if states.setdefault(name, state) != state:
            raise LabelError(f"{name} is {states[name]}, and {state} in {place}: say one of them")


def _check_none(states: Mapping[str, State], unknown: Iterable[str], *, none: bool) -> None:
    found = [name for name, state in states.items() if state == State.POSITIVE and name not in NO_DISEASE]
    if none and (others := [*found, *unknown]):
        raise LabelError(f"{FINDINGS} says {NO_FINDING} and {', '.join(others)} at once")
