"""What a reader looked at: the kinds of events that a rating page may record, and how a batch of them is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from explainer.problems import Input, Number, ProblemsError, RefusedError, Text, Whole, read

BATCH_LIMIT = 200
VALUE_BYTES = 500
SEQUENCE_LIMIT = 10_000  # of one visit; a page left open for hours stays far below
COUNT_LIMIT = 100_000
KINDS: Mapping[str, str] = {
    "shown": "The pictures were painted: the size of each, in pixels of the page and of the screen, and its window.",
    "animation_started": "The counterfactual began to play, by itself or by the reader.",
    "animation_paused": "The reader paused it.",
    "loop": "The counterfactual went there and back again once.",
    "frame": "The reader moved to a frame of the counterfactual.",
    "map_opacity": "The opacity of a map was changed.",
    "map_threshold": "The threshold of a map was changed.",
    "window": "Window or level of the X-ray was changed.",
    "zoom": "The pictures were zoomed or moved.",
    "invert": "Black and white were exchanged, or back.",
    "compare": "The counterfactual was compared with the original.",
    "magnifier": "The magnifier was switched on.",
    "reset": "The pictures were set back to how they were shown first.",
    "help_opened": "The reader opened what is said about a method, or the list of keys.",
    "instructions_opened": "The reader opened the study's instructions beside the case.",
    "tab_hidden": "The page went out of view: another tab, another window, the screen locked.",
    "tab_shown": "The page came back into view.",
}


class EventError(Exception):
    """What is no batch of events."""


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise RefusedError("is no kind of event")
    return kind


def _small(value: dict[str, Any]) -> dict[str, Any]:
    """What the database can hold: no NaN, no NUL, no half of a surrogate pair."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        fits = len(text.encode()) <= VALUE_BYTES and "\\u0000" not in text
    except (ValueError, RecursionError):  # UnicodeEncodeError is a ValueError
        fits = False
    if not fits:
        raise RefusedError(f"must be a JSON object of at most {VALUE_BYTES} bytes")
    return value


class Record(Input):
    """One event as the page sent it: the `sequence`-th of its visit, after `seconds` of active time there.

    `count` is how many of its kind it stands for: while something is dragged, one record a second tells of all. What
    an event has besides is left out: pages are older or newer than the server.
    """

    model_config = ConfigDict(extra="ignore")

    sequence: Annotated[Whole, Field(ge=1, le=SEQUENCE_LIMIT)]
    kind: Annotated[Text, AfterValidator(_known)]
    panel: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_.-]{0,40}$", description="a short name")] = ""
    value: Annotated[dict[str, Any], AfterValidator(_small)] = Field(default_factory=dict, description="a JSON object")
    count: Annotated[Whole, Field(ge=1, le=COUNT_LIMIT)] = 1
    seconds: Annotated[Number, Field(ge=0, description="a number, 0 or more")]


@dataclass(frozen=True)
class Refused:
    """An event that is no record: its place in the batch, and why not."""

    place: int
    why: str


def records_from(events: object) -> tuple[list[Record], list[Refused]]:
    """The batch that a page sent: what can be recorded, and what cannot. Raises EventError for what is no batch.

    One event that is wrong takes no other with it.
    """
    if not isinstance(events, list):
        raise EventError("events must be a list.")
    if len(events) > BATCH_LIMIT:
        raise EventError(f"At most {BATCH_LIMIT} events are taken at once.")
    records: list[Record] = []
    refused: list[Refused] = []
    for place, event in enumerate(events):
        try:
            records.append(read(Record, event))
        except ProblemsError as error:
            refused.append(Refused(place=place, why=str(error)))
    return records, refused
