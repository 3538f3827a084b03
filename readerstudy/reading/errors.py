"""Why what a reader asks for or sends cannot be: the message is for them."""

from __future__ import annotations


class ReadingNotFoundError(Exception):
    """No reading of this id belongs to the user."""


class ReadingClosedError(Exception):
    """The reading exists, but its period is not open to the reader now, or the case is locked."""


class AnswerRefusedError(Exception):
    """What is no answer to the question that was asked: unknown question, value off the scale. Never for its time."""


class ReasonMissingError(AnswerRefusedError):
    """A change to a submitted case that does not say why."""


class AnswerConflictError(Exception):
    """The id of this answer or visit already stands for something else."""


class UnlockAnswerError(Exception):
    """What the coordinator answers to a request to unlock cannot stand; the message says why."""
