"""The questions of a protocol file: what is asked about a case, and what counts as an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from readerstudy.studies.models import Question, Study

if TYPE_CHECKING:
    from readerstudy.studies.protocol_table import Table

CHANGES = tuple(Study.Changes.values)
COMMENT = "comment"
LIKERT_POINTS = range(3, 11)  # as many as there are digit keys; 0 stands for 10
OPTIONS = range(2, 10)
OPTION_LENGTH = 80
Kind = Question.Kind


@dataclass(frozen=True)
class QuestionPlan:
    """A question, asked about every case in every arm."""

    key: str
    text: str
    kind: str = Kind.LIKERT.value
    required: bool = True
    minimum: int = 0
    maximum: int = 1
    low: str = ""
    high: str = ""
    options: tuple[str, ...] = ()
    shape: str = ""


def comment_plan() -> QuestionPlan:
    """What `comment = true` adds: a text field that may stay empty."""
    return QuestionPlan(key=COMMENT, text="Comment", kind=Kind.TEXT.value, required=False)


def question_plan(table: Table) -> QuestionPlan:
    """The question of one [[questions]] table; keys that its kind does not have are refused. Raises ProtocolError."""
    kind = table.one_of("kind", Kind.values, default=Kind.LIKERT.value)
    key, text = table.slug("key", maximum=40), table.text("text", maximum=300)
    required = table.flag("required", default=True)
    if kind == Kind.LIKERT:
        plan = _likert(table, key, text, required=required)
    elif kind == Kind.CHOICE:
        plan = _choice(table, key, text, required=required)
    elif kind == Kind.LOCATION:
        shape = table.one_of("shape", Question.Shape.values, default=Question.Shape.POINT.value)
        plan = QuestionPlan(key=key, text=text, kind=kind, required=required, shape=shape)
    else:
        plan = QuestionPlan(key=key, text=text, kind=kind, required=required)
    table.done()
    return plan


def _likert(table: Table, key: str, text: str, *, required: bool) -> QuestionPlan:
    minimum = table.whole("minimum", minimum=0, maximum=100, default=1)
    maximum = table.whole("maximum", minimum=0, maximum=100, default=5)
    if minimum >= maximum:
        table.refuse("maximum", f"must be above minimum ({minimum})")
    points = maximum - minimum + 1
    if points not in LIKERT_POINTS:
        table.refuse(
            "maximum",
            f"makes a scale of {points} points; {LIKERT_POINTS.start} to {LIKERT_POINTS.stop - 1} can be answered by "
            'key (two are kind = "yes_no")',
        )
    return QuestionPlan(
        key=key,
        text=text,
        kind=Kind.LIKERT.value,
        required=required,
        minimum=minimum,
        maximum=maximum,
        low=table.text("low", maximum=60, default=""),
        high=table.text("high", maximum=60, default=""),
    )


def _choice(table: Table, key: str, text: str, *, required: bool) -> QuestionPlan:
    options = table.words("options")
    if len(options) not in OPTIONS:
        table.refuse("options", f"has {len(options)} entries; {OPTIONS.start} to {OPTIONS.stop - 1} can be chosen from")
    for option in options:
        if len(option) > OPTION_LENGTH:
            table.refuse("options", f"has one of {len(option)} characters; {OPTION_LENGTH} is the most")
    return QuestionPlan(
        key=key,
        text=text,
        kind=Kind.CHOICE.value,
        required=required,
        minimum=1,
        maximum=len(options),
        options=options,
    )
