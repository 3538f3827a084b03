"""What a reader looked at: the kinds of events that a rating page may record, and how a batch of them is checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
_PANEL = re.compile(r"[\w.-]{0,40}", re.ASCII)


class EventError(Exception):
    """An event that no page of ours records, or a batch that is none."""


@dataclass(frozen=True)
class Record:
    """One event as the page sent it: the `sequence`-th of its visit, after `seconds` of active time there.

    `count` is how many of its kind it stands for: while something is dragged, one record a second tells of all.
    """

    sequence: int
    kind: str
    panel: str
    value: dict[str, Any]
    count: int
    seconds: float


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
            records.append(_record(event))
        except EventError as error:
            refused.append(Refused(place=place, why=str(error)))
    return records, refused


def _record(event: object) -> Record:
    if not isinstance(event, dict):
        raise EventError("An event must be a JSON object.")
    kind, panel, value = event.get("kind"), event.get("panel", ""), event.get("value", {})
    if not isinstance(kind, str) or kind not in KINDS:
        raise EventError(f"There is no kind of event {str(kind)[:40]!r}.")
    if not isinstance(panel, str) or not _PANEL.fullmatch(panel):
        raise EventError("The panel of an event is a short name.")
    if not isinstance(value, dict) or not _fits(value):
        raise EventError(f"The value of an event is a JSON object of at most {VALUE_BYTES} bytes.")
    return Record(
        sequence=_whole(event.get("sequence"), "sequence", SEQUENCE_LIMIT),
        kind=kind,
        panel=panel,
        value=value,
        count=_whole(event.get("count", 1), "count", COUNT_LIMIT),
        seconds=_seconds(event.get("seconds")),
    )


def _fits(value: dict[str, Any]) -> bool:
    """Small enough, and something that the database can hold: no NaN, no NUL, no half of a surrogate pair."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return len(text.encode()) <= VALUE_BYTES and "\\u0000" not in text
    except (ValueError, RecursionError):  # UnicodeEncodeError is a ValueError
        return False


def _whole(value: object, name: str, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
        raise EventError(f"The {name} of an event is a whole number from 1 to {limit}.")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise EventError("The seconds of an event are a number, 0 or more.")
    return float(value)
