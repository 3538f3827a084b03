"""The questions of a protocol file: what is asked about a case, and what counts as an answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from explainer.problems import Flag, Input, RefusedError, Whole
from readerstudy.studies.models import Question
from readerstudy.studies.protocol_values import Free, Required, Slug, SomeNames

COMMENT = "comment"
LIKERT_POINTS = range(3, 11)  # as many as there are digit keys; 0 stands for 10
OPTIONS = range(2, 10)
OPTION_LENGTH = 80
Kind = Question.Kind

_Point = Annotated[Whole, Field(ge=0, le=100)]
_Anchor = Annotated[Free, Field(max_length=60)]


class _QuestionPlan(Input):
    """A question, asked about every case in every arm."""

    key: Annotated[Slug, Field(max_length=40)]
    text: Annotated[Required, Field(max_length=300)]
    required: Flag = True

    def columns(self) -> dict[str, Any]:
        """What a study's row of the question holds."""
        return {"minimum": 0, "maximum": 1, **self.model_dump(mode="json")}


class LikertPlan(_QuestionPlan):
    """A scale."""

    kind: Literal["likert"] = "likert"
    minimum: _Point = 1
    maximum: Annotated[_Point, Field(validate_default=True)] = 5
    low: _Anchor = ""
    high: _Anchor = ""

    def columns(self) -> dict[str, Any]:
        columns = super().columns()
        anchors = {"low_anchor": columns.pop("low"), "high_anchor": columns.pop("high")}
        return {**columns, **anchors}

    @field_validator("maximum")
    @classmethod
    def _scale_can_be_answered(cls, maximum: int, info: ValidationInfo) -> int:
        if "minimum" not in info.data:
            return maximum
        minimum = info.data["minimum"]
        points = maximum - minimum + 1
        reasons = [f"must be above minimum ({minimum})"] if minimum >= maximum else []
        if points not in LIKERT_POINTS:
            reasons.append(
                f"makes a scale of {points} points; {LIKERT_POINTS.start} to {LIKERT_POINTS.stop - 1} can be answered "
                'by key (two are kind = "yes_no")'
            )
        if reasons:
            raise RefusedError(*reasons)
        return maximum


class YesNoPlan(_QuestionPlan):
    """Yes is 1 and no is 0."""

    kind: Literal["yes_no"]


def _can_be_chosen_from(options: tuple[str, ...]) -> tuple[str, ...]:
    reasons = [
        f"has one of {len(option)} characters; {OPTION_LENGTH} is the most"
        for option in options
        if len(option) > OPTION_LENGTH
    ]
    if len(options) not in OPTIONS:
        reasons.append(f"has {len(options)} entries; {OPTIONS.start} to {OPTIONS.stop - 1} can be chosen from")
    if reasons:
        raise RefusedError(*reasons)
    return options


class ChoicePlan(_QuestionPlan):
    """One of several options, counted from 1."""

    kind: Literal["choice"]
    options: Annotated[SomeNames, AfterValidator(_can_be_chosen_from)]

    def columns(self) -> dict[str, Any]:
        return {**super().columns(), "minimum": 1, "maximum": len(self.options)}


class TextPlan(_QuestionPlan):
    """Words."""

    kind: Literal["text"]


class LocationPlan(_QuestionPlan):
    """A point or a box on the X-ray."""

    kind: Literal["location"]
    shape: Literal["point", "box"] = "point"


def _with_kind(question: object) -> object:
    """A question is a scale unless it says otherwise."""
    return {"kind": Kind.LIKERT.value, **question} if isinstance(question, dict) else question


QuestionPlan = Annotated[
    Annotated[LikertPlan | YesNoPlan | ChoicePlan | TextPlan | LocationPlan, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]


def comment_plan() -> TextPlan:
    """What `comment = true` adds: a text field that may stay empty."""
    return TextPlan(key=COMMENT, text="Comment", kind="text", required=False)
