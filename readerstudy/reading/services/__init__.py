"""Writes about readings: allocation, answers, time and exposure. Whatever a browser sends twice is stored once."""

from readerstudy.reading.services.answers import (
    Stored,
    answer_store,
    submission_store,
    unlock_decline,
    unlock_grant,
    unlock_request,
)
from readerstudy.reading.services.own import (
    AnswerConflictError,
    AnswerRefusedError,
    ReadingClosedError,
    ReadingNotFoundError,
    ReasonMissingError,
    UnlockAnswerError,
)
from readerstudy.reading.services.study import (
    StudyCloseError,
    instructions_acknowledge,
    readers_allocate,
    reading_open,
    study_close,
)
from readerstudy.reading.services.visits import VisitTime, events_store, visit_store

__all__ = [
    "AnswerConflictError",
    "AnswerRefusedError",
    "ReadingClosedError",
    "ReadingNotFoundError",
    "ReasonMissingError",
    "Stored",
    "StudyCloseError",
    "UnlockAnswerError",
    "VisitTime",
    "answer_store",
    "events_store",
    "instructions_acknowledge",
    "readers_allocate",
    "reading_open",
    "study_close",
    "submission_store",
    "unlock_decline",
    "unlock_grant",
    "unlock_request",
    "visit_store",
]
