"""Writes about readings: allocation, answers, time and exposure. Whatever a browser sends twice is stored once."""

from readerstudy.reading.services.allocation import readers_allocate
from readerstudy.reading.services.answers import Stored, answer_store, submission_store
from readerstudy.reading.services.closing import StudyCloseError, study_close
from readerstudy.reading.services.opening import instructions_acknowledge, reading_open
from readerstudy.reading.services.unlocks import unlock_decline, unlock_grant, unlock_request
from readerstudy.reading.services.visits import VisitTime, events_store, visit_store

__all__ = [
    "Stored",
    "StudyCloseError",
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
