"""Whom the files of a study name: readers by their codes, everybody else by role and number; no name, no address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from readerstudy.accounts.models import User
from readerstudy.studies.models import Membership, Study

Role = Membership.Role
#: What a code begins with; readers have codes of their own, R1, R2, ... And for who has left no role in the study.
LETTERS = {Role.COORDINATOR: "C", Role.ANALYST: "A"}
FORMER = "P"
SHARED = "somebody"  # a name that two people have
USER = "user"  # key of an audit entry's detail that holds a person's id
# A part of a name that is shorter stands in too many other words, or is an initial.
SHORTEST_NAME = 3


@dataclass(frozen=True)
class Pseudonyms:
    """The codes of all who have to do with a study, by their ids, and by what else is written of them."""

    codes: Mapping[int, str]
    written: Mapping[str, str]  # in any case: addresses and full names
    parts: Mapping[str, str]  # in this case only: parts of names, which are words too (Mark, Rose)

    def actor(self, user_id: int | None) -> str:
        """Who did something; empty for the command line."""
        return "" if user_id is None else self.codes[user_id]

    def text(self, text: str) -> str:
        """What somebody wrote, with codes for the names and addresses of the study's people."""
        text = _replaced(text, self.written, re.IGNORECASE)
        return _replaced(text, self.parts, re.NOFLAG)

    def content(self, content: Any) -> Any:
        """The same of every text in a JSON value, whatever it is nested in."""
        if isinstance(content, str):
            return self.text(content)
        if isinstance(content, Mapping):
            return {name: self.content(value) for name, value in content.items()}
        return [self.content(value) for value in content] if isinstance(content, list) else content

    def audit_detail(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        """The detail of an audit entry: people in it by their codes."""
        return {
            name: self.codes.get(value, value) if name == USER and isinstance(value, int) else self.content(value)
            for name, value in detail.items()
        }


def pseudonyms_of(study: Study) -> Pseudonyms:
    """The pseudonyms of a study's members and of whoever else its audit record names."""
    members = list(study.memberships.select_related("user").order_by("created_at", "pk"))
    taken = {member.code for member in members}
    codes = {member.user_id: member.code for member in members if member.code}
    for role, letter in LETTERS.items():
        numbered = (code for number in count(1) if (code := f"{letter}{number}") not in taken)
        for member in members:
            if member.role == role and member.user_id not in codes:
                codes[member.user_id] = next(numbered)
    known = study.audit.filter(actor__isnull=False).exclude(actor__in=codes).order_by("actor")
    former = list(known.values_list("actor", flat=True).distinct())
    numbered = (code for number in count(1) if (code := f"{FORMER}{number}") not in taken)
    codes |= dict(zip(former, numbered, strict=False))
    return _with_names(codes)


def _with_names(codes: Mapping[int, str]) -> Pseudonyms:
    written: dict[str, str] = {}
    parts: dict[str, str] = {}
    for user in User.objects.filter(pk__in=codes):
        code, name = codes[user.pk], user.get_full_name()
        written[user.email.casefold()] = code
        if " " in name:
            written[name.casefold()] = code
        for part in {user.first_name, user.last_name, *name.split()}:
            if len(part) >= SHORTEST_NAME:
                for word in {part, part.upper()}:
                    parts[word] = code if parts.get(word, code) == code else SHARED
    return Pseudonyms(codes, written, parts)


def _replaced(text: str, words: Mapping[str, str], flags: re.RegexFlag) -> str:
    if not words:
        return text
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(
        rf"(?<!\w)(?:{longest_first})(?!\w)",
        lambda found: words.get(found[0]) or words[found[0].casefold()],
        text,
        flags=flags,
    )
