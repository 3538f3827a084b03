"""Deeds in the audit record are of one enumeration, whose stored values never change."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import readerstudy
from readerstudy.studies.actions import Action

SOURCES = [path for path in sorted(Path(readerstudy.__file__).parent.rglob("*.py")) if "migrations" not in path.parts]
#: Functions that write entries, and queries that look for them.
CALLS = ("audit", "filter", "get", "exclude", "create")


def actions_given() -> list[tuple[str, ast.expr]]:
    """What the application gives as an action of an entry, with its place."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in CALLS:
                given = [word.value for word in node.keywords if word.arg and word.arg.split("__")[0] == "action"]
                found += [(f"{path}:{node.lineno}", value) for value in given]
    return found


def test_no_entry_is_written_or_looked_for_by_a_plain_string() -> None:
    given = actions_given()
    assert len(given) > 25
    # `AuditEntry.objects.create` hands on what the one function that writes entries was given.
    plain = [place for place, value in given if not ast.unparse(value).startswith(("Action.", "DECIDED["))]
    assert [Path(place.split(":")[0]).name for place in plain] == ["audit.py"]


def test_every_action_is_written_somewhere() -> None:
    source = "\n".join(path.read_text() for path in SOURCES if path.name != "actions.py")
    assert [action.name for action in Action if f"Action.{action.name}" not in source] == []


@pytest.mark.parametrize(
    ("action", "stored"),
    [(Action.STUDY_CREATED, "study_create"), (Action.STUDY_OPENED, "study_opened"), (Action.IMAGE_KEPT, "image_keep")],
)
def test_rows_that_were_stored_before_are_of_the_same_action(action: Action, stored: str) -> None:
    assert Action(stored) is action


def test_actions_are_named_in_the_past_tense() -> None:
    participles = ("ED", "DRAWN", "SEEN", "KEPT")
    assert [action.name for action in Action if not action.name.endswith(participles)] == []
