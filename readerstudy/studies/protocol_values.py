"""What stands in a protocol file: texts, names and keys, none longer or stranger than a study can take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from explainer.problems import RefusedError, Text, shown
from readerstudy.lib.texts import unstorable

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.IGNORECASE)
#: More than any study needs, and less than a page, a list or a column can take.
TEXT_LENGTH = 50_000
WORDS = 100
WORD_LENGTH = 100
TABLES = 100


def _stripped(text: str) -> str:
    if what := unstorable(text):
        raise RefusedError(f"holds {what}, which cannot be stored: remove it")
    return text.strip()


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise RefusedError(f"is {shown(text)}; use letters, digits and single hyphens or underscores")
    return text


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    reasons = [f"has {len(names)} names; {WORDS} are the most"] if len(names) > WORDS else []
    for name in names[:WORDS]:
        if len(name) > WORD_LENGTH:
            reasons.append(f"has {len(name)} characters; {WORD_LENGTH} is the most")
        if what := unstorable(name):
            reasons.append(f"holds {what}, which cannot be stored: remove it")
    names = tuple(name.strip() for name in names)
    if len(set(names)) != len(names):
        reasons.append("names something twice: name each once")
    if reasons:
        raise RefusedError(*reasons)
    return names


@dataclass(frozen=True)
class Among:
    """Names of which each is one of the `known`; `otherwise` leads from one that is not to those that there are."""

    known: Sequence[str]
    otherwise: str

    def check(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in self.known]:
            raise RefusedError(*(f"names {name!r}{self.otherwise}: {', '.join(self.known)}" for name in unknown))
        return names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "items": {"type": "string", "enum": list(self.known)}}


Free = Annotated[Text, AfterValidator(_stripped), Field(max_length=TEXT_LENGTH)]
Required = Annotated[Text, Field(pattern=r"\S"), AfterValidator(_stripped)]
Slug = Annotated[Required, AfterValidator(_slug)]
_Name = Annotated[Text, Field(pattern=r"\S")]
Names = Annotated[tuple[_Name, ...], AfterValidator(_names)]
SomeNames = Annotated[tuple[_Name, ...], Field(min_length=1), AfterValidator(_names)]
