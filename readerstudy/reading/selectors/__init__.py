"""Reads about readings."""

from readerstudy.reading.selectors.blind import (
    BlindReading,
    Scale,
    Step,
    blind_reading,
    reading_artefacts,
    reading_assets,
)
from readerstudy.reading.selectors.exposure import (
    EVENT_COLUMNS,
    EXPOSURE_COLUMNS,
    active_seconds,
    events_of,
    exposure_of,
)
from readerstudy.reading.selectors.overview import (
    ReaderProgress,
    StudyEntry,
    readers_progress,
    studies_of,
)
from readerstudy.reading.selectors.progress import (
    CORRECTION_TIME,
    PeriodProgress,
    PeriodState,
    allocation_of,
    first_unanswered,
    is_accessible,
    periods_of,
    reading_of,
)

__all__ = [
    "CORRECTION_TIME",
    "EVENT_COLUMNS",
    "EXPOSURE_COLUMNS",
    "BlindReading",
    "PeriodProgress",
    "PeriodState",
    "ReaderProgress",
    "Scale",
    "Step",
    "StudyEntry",
    "active_seconds",
    "allocation_of",
    "blind_reading",
    "events_of",
    "exposure_of",
    "first_unanswered",
    "is_accessible",
    "periods_of",
    "readers_progress",
    "reading_artefacts",
    "reading_assets",
    "reading_of",
    "studies_of",
]
