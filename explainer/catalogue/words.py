"""Words that a page shows are marked for translation where they stand, without Django."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """The text as it is: Django's makemessages finds it by this name, and templates translate it."""
    return text
