"""Time and exposure by arm, for the results page; the export holds every reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from readerstudy.reading.selectors import EXPOSURE_COLUMNS, exposure_of
from readerstudy.results.blinding import Coding
from readerstudy.studies.models import Study


@dataclass(frozen=True)
class ArmExposure:
    """Analysed readings of one arm that were opened: medians of time in seconds, percent of readings with something.

    `looked` is None where it would tell a masked arm.
    """

    arm: str
    readings: int
    seconds: float
    seconds_first: float | None
    hidden: float
    looked: Looked | None


@dataclass(frozen=True)
class Looked:
    """What was done with the pictures of an arm."""

    animated: float
    loops: float
    scrubbed: float
    windowed: float
    helped: float


def exposure_by_arm(study: Study, coding: Coding) -> list[ArmExposure]:
    """In the order of the contrast; an arm in which no time was recorded is left out."""
    rows = [dict(zip(EXPOSURE_COLUMNS, row, strict=True)) for row in exposure_of(study)]
    timed = [row for row in rows if row["seconds"] is not None and not row["excluded"]]
    arms = ((arm.key, [row for row in timed if row["arm"] == own]) for own, arm in coding.arms.items())
    return [_summary(key, readings, masked=coding.is_masked) for key, readings in arms if readings]


def _summary(arm: str, readings: list[dict[str, Any]], *, masked: bool) -> ArmExposure:
    first = [row["seconds_first"] for row in readings if row["seconds_first"] is not None]
    return ArmExposure(
        arm=arm,
        readings=len(readings),
        seconds=median(row["seconds"] for row in readings),
        seconds_first=median(first) if first else None,
        hidden=_percent(readings, lambda row: row["tab_hidden"] > 0),
        looked=None if masked else _looked(readings),
    )


def _looked(readings: list[dict[str, Any]]) -> Looked:
    return Looked(
        animated=_percent(readings, lambda row: row["animation_started"] > 0),
        loops=median(row["loops"] for row in readings),
        scrubbed=_percent(readings, lambda row: row["frames_scrubbed"] > 0),
        windowed=_percent(readings, lambda row: row["window_changes"] > 0),
        helped=_percent(readings, lambda row: row["help_opened"] > 0),
    )


def _percent(readings: list[dict[str, Any]], happened: Callable[[dict[str, Any]], bool]) -> float:
    return 100 * sum(map(happened, readings)) / len(readings)
