"""Reads about readings."""

from readerstudy.reading.selectors.asked import (
    AskedQuestion,
    Lock,
    asked_questions,
    current_answers,
    lock_of,
    unlocks_waiting,
)
from readerstudy.reading.selectors.blind import (
    BlindReading,
    Step,
    blind_reading,
    following_assets,
    reading_artefacts,
    reading_assets,
)
from readerstudy.reading.selectors.drawing import allocated_by_seed, allocation_record
from readerstudy.reading.selectors.exclusion import exclusion
from readerstudy.reading.selectors.exposure import (
    EVENT_COLUMNS,
    EXPOSURE_COLUMNS,
    active_seconds,
    events_of,
    exposure_of,
)
from readerstudy.reading.selectors.overview import StudyEntry, studies_of
from readerstudy.reading.selectors.progress import (
    CORRECTION_TIME,
    PeriodProgress,
    PeriodState,
    ReadingRow,
    allocation_of,
    ends_a_period,
    first_unanswered,
    is_accessible,
    periods_by_allocation,
    periods_of,
    reading_of,
    reading_rows,
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
    "EVENT_COLUMNS",
    "EXPOSURE_COLUMNS",
    "XRAY_NAME",
    "AskedQuestion",
    "BlindReading",
    "Feedback",
    "Lock",
    "NextStep",
    "PeriodProgress",
    "PeriodState",
    "ReadingRow",
    "Standing",
    "Step",
    "StudyEntry",
    "Work",
    "active_seconds",
    "allocated_by_seed",
    "allocation_of",
    "allocation_record",
    "asked_questions",
    "blind_reading",
    "current_answers",
    "ends_a_period",
    "events_of",
    "exclusion",
    "exposure_of",
    "feedback_of",
    "first_unanswered",
    "following_assets",
    "is_accessible",
    "lock_of",
    "periods_by_allocation",
    "periods_of",
    "reading_artefacts",
    "reading_assets",
    "reading_of",
    "reading_rows",
    "standing_of",
    "still_of",
    "studies_of",
    "truth_of",
    "unlocks_waiting",
    "work_of",
]
