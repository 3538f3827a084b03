"""Settings of a method as a frozen dataclass, read from names and values. Loads no torch."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from explainer.errors import SettingsError

S = TypeVar("S")

_WORDS = "words"
_DESCRIBED = {int: "a whole number", float: "a number", str: "a name"}


def setting(default: Any, words: str) -> Any:
    """A field of a method's settings with its default, and what it means in a few words."""
    return dataclasses.field(default=default, metadata={_WORDS: words})


def settings_table(kind: type[Any]) -> str:
    """The settings of a method as a table in Markdown, or a sentence where there are none."""
    rows = [
        f"| `{field.name}` | {_written(field.default)} | {field.metadata[_WORDS]} |"
        for field in dataclasses.fields(kind)
    ]
    if not rows:
        return "There is nothing to set."
    return "\n".join(["| setting | default | meaning |", "|---|---:|---|", *rows])


def _written(default: object) -> str:
    return "none" if default is None else f"`{default}`" if isinstance(default, str) else f"{default:g}"


def setting_kinds(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """Name of each setting -> the types that it takes, of int, float, str and NoneType."""
    kinds = {}
    for name, hint in get_type_hints(kind).items():
        parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        kinds[name] = tuple(str if get_origin(part) is Literal else part for part in parts)
    return kinds


def settings_from(kind: type[S], values: Mapping[str, Any], *, method: str) -> S:
    """Settings dataclass from a plain mapping. Raises SettingsError for an unknown name or a value of another type."""
    if not isinstance(values, Mapping):
        raise SettingsError(f"The settings of {method} must be a table of names and values, not {values!r}.")
    known = setting_kinds(kind)
    unknown = [name for name in values if name not in known]
    if unknown:
        near = difflib.get_close_matches(str(unknown[0]), known, n=1)
        meant = f" Is {near[0]} meant?" if near else ""
        raise SettingsError(
            f"{method} has no setting {', '.join(map(str, unknown))}; it has {', '.join(known) or 'none'}.{meant}"
        )
    for name, value in values.items():
        takes = known[name]
        numbers = (int,) if float in takes else ()
        if not isinstance(value, (*takes, *numbers)) or isinstance(value, bool):
            described = " or ".join(_DESCRIBED[one] for one in takes if one in _DESCRIBED)
            raise SettingsError(f"{name} of {method} must be {described}, not {value!r}.")
    return kind(**values)
