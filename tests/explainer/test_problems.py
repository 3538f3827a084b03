"""Untyped input against a model: every problem at once, with its place and a sentence about what may stand there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field

from explainer.problems import Flag, Input, Number, ProblemsError, RefusedError, Text, Whole, read


def _even(count: int) -> int:
    if count % 2:
        raise RefusedError("must be even")
    return count


class Circle(Input):
    kind: Literal["circle"]
    radius: Annotated[Number, Field(gt=0)]


class Square(Input):
    kind: Literal["square"]
    side: Annotated[Number, Field(gt=0, lt=1)]


class Drawing(Input):
    title: Annotated[Text, Field(max_length=5)]
    count: Annotated[Whole, Field(ge=0, le=10), AfterValidator(_even)] = 0
    grey: Flag = False
    colour: Literal["red", "blue"] = "red"
    names: tuple[Text, ...] = ()
    level: Annotated[Whole | None, Field(description="a level of the house")] = None
    shapes: tuple[Annotated[Circle | Square, Field(discriminator="kind")], ...] = ()
    others: dict[str, Text] = Field(default_factory=dict)


SQUARE_HAS = "is not known; the keys here are: kind, side"


def told(values: object) -> dict[str, str]:
    with pytest.raises(ProblemsError) as caught:
        read(Drawing, values)
    return {".".join(map(str, one.place)): one.reason for one in caught.value.problems}


@pytest.mark.parametrize(
    ("values", "place", "reason"),
    [
        ({"count": True}, "count", "is True; it must be a whole number from 0 to 10"),
        ({"count": 11}, "count", "is 11; it must be a whole number from 0 to 10"),
        ({"count": 3}, "count", "must be even"),
        ({"title": "longer"}, "title", "has 6 characters; 5 is the most"),
        ({"title": 1}, "title", "is 1; it must be text"),
        ({"grey": 1}, "grey", "is 1; it must be true or false"),
        ({"colour": "green"}, "colour", "is 'green'; it must be one of: red, blue"),
        ({"names": ["a", 2]}, "names", 'has 2; it must be a list of names, as in ["Effusion", "Mass"]'),
        ({"names": "a"}, "names", "is 'a'; it must be a list of names, as in [\"Effusion\", \"Mass\"]"),
        ({"level": "up"}, "level", "is 'up'; it must be a level of the house"),
        ({"shapes": {}}, "shapes", "is {}; it must be a list of tables: write [[shapes]] before each"),
        ({"shapes": [{"kind": "oval"}]}, "shapes.0.kind", "is 'oval'; it must be one of: circle, square"),
        ({"shapes": [{"kind": "circle", "radius": 0}]}, "shapes.0.radius", "is 0; it must be a number above 0"),
        ({"shapes": [{"kind": "square"}]}, "shapes.0.side", "is missing: it must be a number between 0 and 1"),
        ({"others": {"a": 1}}, "others.a", "is 1; it must be text"),
        ({"others": 1}, "others", "is 1; it must be a table: write [others]"),
        ({"shapes": [{"kind": "square", "side": 0.5, "x": 1}]}, "shapes.0.x", SQUARE_HAS),
        ({"colours": "red"}, "colours", "is not known; colour is: is that meant?"),
    ],
)  # fmt: skip
def test_a_problem_says_what_is_there_and_what_may_be(values: dict[str, Any], place: str, reason: str) -> None:
    assert told({"title": "t", **values}) == {place: reason}


def test_all_problems_come_at_once_and_a_misspelt_key_is_one_of_them() -> None:
    assert told({"titel": "t", "count": -2, "grey": "no"}) == {
        "titel": "is not known; title is: is that meant?",
        "count": "is -2; it must be a whole number from 0 to 10",
        "grey": "is 'no'; it must be true or false",
    }


def test_what_is_no_table_at_all_is_said() -> None:
    assert told(["title"]) == {"": "is ['title']; it must be a table of names and values"}
