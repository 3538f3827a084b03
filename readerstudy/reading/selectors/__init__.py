"""Reads about readings."""

from readerstudy.reading.selectors.blind import (
    BlindReading,
    Scale,
    blind_reading,
    reading_artefact,
    reading_assets,
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
from readerstudy.reading.selectors.standing import (
    NextStep,
    Standing,
    Work,
    standing_of,
    work_of,
)
from readerstudy.reading.selectors.training import XRAY_NAME, Feedback, feedback_of, still_of, truth_of

__all__ = [
    "CORRECTION_TIME",
    "XRAY_NAME",
    "BlindReading",
    "Feedback",
    "NextStep",
    "PeriodProgress",
    "PeriodState",
    "ReaderProgress",
    "Scale",
    "Standing",
    "Step",
    "StudyEntry",
    "Work",
    "allocation_of",
    "blind_reading",
    "feedback_of",
    "first_unanswered",
    "is_accessible",
    "periods_of",
    "readers_progress",
    "reading_artefact",
    "reading_assets",
    "reading_of",
    "standing_of",
    "still_of",
    "studies_of",
    "truth_of",
    "work_of",
]
