"""Reads about readings."""

from readerstudy.reading.selectors.access import (
    allocation_of,
    ends_a_period,
    first_unanswered,
    is_accessible,
    reading_of,
    require_open,
)
from readerstudy.reading.selectors.allocation import allocated_by_seed, allocation_record
from readerstudy.reading.selectors.blinding import (
    BlindReading,
    Step,
    blind_reading,
    following_assets,
    reading_artefacts,
    reading_assets,
)
from readerstudy.reading.selectors.exclusion import exclusion
from readerstudy.reading.selectors.exposure import (
    EVENT_COLUMNS,
    EXPOSURE_COLUMNS,
    active_seconds,
    events_of,
    exposure_of,
)
from readerstudy.reading.selectors.feedback import Feedback, expert_annotations, feedback_of, still_of, stills
from readerstudy.reading.selectors.locks import Lock, lock_of, unlocks_waiting
from readerstudy.reading.selectors.memberships import StudyEntry, studies_of
from readerstudy.reading.selectors.progress import (
    CORRECTION_TIME,
    PeriodProgress,
    PeriodState,
    ReadingRow,
    periods_by_allocation,
    periods_of,
    reading_rows,
)
from readerstudy.reading.selectors.questions import AskedQuestion, asked_questions, current_answers
from readerstudy.reading.selectors.standing import Contribution, NextStep, Standing, contribution_of, standing_of

__all__ = [
    "CORRECTION_TIME",
    "EVENT_COLUMNS",
    "EXPOSURE_COLUMNS",
    "AskedQuestion",
    "BlindReading",
    "Contribution",
    "Feedback",
    "Lock",
    "NextStep",
    "PeriodProgress",
    "PeriodState",
    "ReadingRow",
    "Standing",
    "Step",
    "StudyEntry",
    "active_seconds",
    "allocated_by_seed",
    "allocation_of",
    "allocation_record",
    "asked_questions",
    "blind_reading",
    "contribution_of",
    "current_answers",
    "ends_a_period",
    "events_of",
    "exclusion",
    "expert_annotations",
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
    "require_open",
    "standing_of",
    "still_of",
    "stills",
    "studies_of",
    "unlocks_waiting",
]
