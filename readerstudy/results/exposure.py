"""Time and exposure by arm, for the results page; the export holds every reading."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from readerstudy.reading.selectors import EXPOSURE_COLUMNS, exposure_of
from readerstudy.studies.models import Study


@dataclass(frozen=True)
class ArmExposure:
    """The readings of one arm that were opened: medians of time in seconds, and percent of readings with something."""

    arm: str
    readings: int
    seconds: float
    seconds_first: float | None
    animated: float
    loops: float
    scrubbed: float
    windowed: float
    helped: float
    hidden: float


def exposure_by_arm(study: Study) -> list[ArmExposure]:
    """In the order of the protocol; an arm in which no time was recorded is left out."""
    rows = [dict(zip(EXPOSURE_COLUMNS, row, strict=True)) for row in exposure_of(study)]
    timed = [row for row in rows if row["seconds"] is not None]
    arms = ([row for row in timed if row["arm"] == arm.key] for arm in study.arms.order_by("position"))
    return [_summary(readings) for readings in arms if readings]


def _summary(readings: list[dict[str, Any]]) -> ArmExposure:
    def percent(happened: Callable[[dict[str, Any]], bool]) -> float:
        return 100 * sum(map(happened, readings)) / len(readings)

    first = [row["seconds_first"] for row in readings if row["seconds_first"] is not None]
    return ArmExposure(
        arm=readings[0]["arm"],
        readings=len(readings),
        seconds=median(row["seconds"] for row in readings),
        seconds_first=median(first) if first else None,
        animated=percent(lambda row: row["animation_started"] > 0),
        loops=median(row["loops"] for row in readings),
        scrubbed=percent(lambda row: row["frames_scrubbed"] > 0),
        windowed=percent(lambda row: row["window_changes"] > 0),
        helped=percent(lambda row: row["help_opened"] > 0),
        hidden=percent(lambda row: row["tab_hidden"] > 0),
    )
