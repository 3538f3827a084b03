"""What stands in a protocol file: texts, names and keys, none longer or stranger than a study can take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

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


def among(known: Iterable[str], otherwise: str) -> AfterValidator:
    """Names of which each is one of the `known`; `otherwise` leads from one that is not to those that there are."""
    words = tuple(known)

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in words]:
            raise RefusedError(*(f"names {name!r}{otherwise}: {', '.join(words)}" for name in unknown))
        return names

    return AfterValidator(check)


Free = Annotated[Text, AfterValidator(_stripped), Field(max_length=TEXT_LENGTH)]
Required = Annotated[Text, Field(pattern=r"\S"), AfterValidator(_stripped)]
Slug = Annotated[Required, AfterValidator(_slug)]
_Name = Annotated[Text, Field(pattern=r"\S")]
Names = Annotated[tuple[_Name, ...], AfterValidator(_names)]
SomeNames = Annotated[Names, Field(min_length=1)]
