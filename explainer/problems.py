"""Untyped input read by a pydantic model: all that is wrong with it, each with its place and in words. Loads no torch.

A sentence says what stands there and what may stand there, which is told from the model's JSON Schema: a field's
`description` where it has one, else its type and limits.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
Schema = dict[str, Any]
Place = tuple[str | int, ...]
#: Nothing is taken for what it is not: no text for a number, no 1 for true.
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
#: Of a value in a message.
_SHOWN = 60


class Input(BaseModel):
    """Base of models of untyped input: takes no key that it does not know, and no number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RefusedError(ValueError):
    """Raised by a validator. `reasons` go on after the name of the field, or of the keys in it that come with them."""

    def __init__(self, *reasons: str, **by_key: str) -> None:
        self.reasons: tuple[tuple[str | None, str], ...] = (
            *((None, reason) for reason in reasons),
            *by_key.items(),
        )
        super().__init__("; ".join(reason for _, reason in self.reasons))


@dataclass(frozen=True)
class Problem:
    """Something wrong at `place`, keys and indices from the outside in; `reason` goes on after the name of the last."""

    place: Place
    reason: str
    kind: Literal["missing", "unknown", "wrong"] = "wrong"
    #: The key that an unknown one is a misspelling of, if there is one.
    near: str = ""


class ProblemsError(Exception):
    """Input that a model does not take."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{'.'.join(map(str, one.place))} {one.reason}" for one in problems))


def read(model: type[M], values: object) -> M:
    """`values` as the model takes them. Raises ProblemsError with all that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ProblemsError(_problems(error, _schema(model), values)) from error


@cache
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _problems(error: ValidationError, schema: Schema, values: object) -> list[Problem]:
    found: list[Problem] = []
    for one in error.errors(include_url=False):
        place, node = _at(schema, one["loc"])
        if one["type"] == "missing" and isinstance(one["loc"][-1], str):
            found.append(Problem(place, f"is missing: it must be {_wanted(schema, node, place)}", "missing"))
        elif one["type"] == "extra_forbidden":
            known = tuple(_at(schema, one["loc"][:-1])[1].get("properties", ()))
            found.append(_unknown(place, known, _value(values, place[:-1])))
        else:
            found += _wrong(schema, node, place, one)
    # A key that is misspelt is one problem, not two.
    meant = {(*one.place[:-1], one.near) for one in found if one.near}
    return [one for one in found if one.kind != "missing" or one.place not in meant]


def _unknown(place: Place, known: Sequence[str], table: Mapping[str, Any]) -> Problem:
    absent = [name for name in known if name not in table]
    near = [match for names in (absent, known) for match in difflib.get_close_matches(str(place[-1]), names, 1, 0.7)]
    if near:
        return Problem(place, f"is not known; {near[0]} is: is that meant?", "unknown", near[0])
    return Problem(place, f"is not known; the keys here are: {', '.join(sorted(known))}", "unknown")


def _wrong(schema: Schema, node: Schema, place: Place, one: ErrorDetails) -> Iterator[Problem]:
    refused = one.get("ctx", {}).get("error")
    if isinstance(refused, RefusedError):
        for key, reason in refused.reasons:
            yield Problem(place if key is None else (*place, key), reason)
    elif one["type"] in {"string_too_long", "too_long"} and isinstance(one["input"], str):
        yield Problem(place, f"has {len(one['input'])} characters; {one['ctx']['max_length']} is the most")
    elif one["type"] == "union_tag_invalid":
        key, tags = node["discriminator"]["propertyName"], _tags(node)
        reason = f"is {shown(one['input'].get(key))}; it must be one of: {', '.join(tags)}"
        yield Problem((*place, key), reason)
    else:
        verb = "has" if one["loc"] and isinstance(one["loc"][-1], int) else "is"  # an item is told of its list
        yield Problem(place, f"{verb} {shown(one['input'])}; it must be {_wanted(schema, node, place)}")


def _tags(node: Schema) -> list[str]:
    """The kinds of a union of tables, in its order."""
    kinds = {reference: kind for kind, reference in node["discriminator"]["mapping"].items()}
    return [kinds[option["$ref"]] for option in node["oneOf"]]


def _value(values: Any, place: Place) -> Any:
    for part in place:
        values = values[part]
    return values


def _at(schema: Schema, location: Place) -> tuple[Place, Schema]:
    """Where pydantic's location is in the input, and what the schema says of it.

    There are no tags of unions in the input; and an item that is no table counts as its whole list.
    """
    node = _resolved(schema, schema)
    place: Place = ()
    for part in location:
        if "discriminator" in node:
            node = _resolved(schema, {"$ref": node["discriminator"]["mapping"][part]})
            continue
        if isinstance(part, str):
            field = node.get("properties", {}).get(part, node.get("additionalProperties") or {})
            node, place = _resolved(schema, field), (*place, part)
            continue
        item = _resolved(schema, node.get("items", {}))
        if "properties" not in item and "discriminator" not in item:
            break
        node, place = item, (*place, part)
    return place, node


def _resolved(schema: Schema, node: Schema) -> Schema:
    """A node itself, with what it refers to, and without the null of a field that may be absent."""
    for option in node.get("anyOf", ()):
        if option.get("type") != "null":
            node = {**option, **{key: value for key, value in node.items() if key != "anyOf"}}
    if "$ref" in node:
        # What a class says of itself is no description of a field.
        return {**schema["$defs"][node["$ref"].rpartition("/")[2]], "description": None, **node}
    return node


def _wanted(schema: Schema, node: Schema, place: Place) -> str:
    """What may stand there, as words that follow "it must be"."""
    name = ".".join(str(part) for part in place if isinstance(part, str))
    if not place:
        return "a table of names and values"
    if node.get("description"):
        return str(node["description"])
    if "properties" in node or node.get("type") == "object":
        items = isinstance(place[-1], int)
        return f"a list of tables: write [[{name}]] before each" if items else f"a table: write [{name}]"
    if "enum" in node:
        return f"one of: {', '.join(map(str, node['enum']))}"
    if node.get("type") == "array":
        item = _resolved(schema, node.get("items", {}))
        if item.get("type") == "string":
            return 'a list of names, as in ["Effusion", "Mass"]'
        return _wanted(schema, {"type": "object"}, (*place, 0))
    return {"boolean": "true or false", "string": "text"}.get(str(node.get("type"))) or _number(node)


def _number(node: Schema) -> str:
    kind = "a whole number" if node.get("type") == "integer" else "a number"
    if "minimum" in node and "maximum" in node:
        return f"{kind} from {node['minimum']} to {node['maximum']}"
    if "exclusiveMinimum" in node and "exclusiveMaximum" in node:
        return f"{kind} between {node['exclusiveMinimum']:g} and {node['exclusiveMaximum']:g}"
    if "exclusiveMinimum" in node:
        return f"{kind} above {node['exclusiveMinimum']:g}"
    return kind


def shown(value: object) -> str:
    """A value as a message may show it."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
