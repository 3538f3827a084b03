"""All that changes explanations: asking for them, working on them under a lease, storing each exactly once."""

from readerstudy.explanations.services.explaining import EXPLAINING, explanation_claim_beside
from readerstudy.explanations.services.request import ExplanationError, explanation_retry, explanations_request
from readerstudy.explanations.services.store import explanation_store, orphans_remove
from readerstudy.explanations.types import Box, ExplanationJob, ExplanationResult

__all__ = [
    "EXPLAINING",
    "Box",
    "ExplanationError",
    "ExplanationJob",
    "ExplanationResult",
    "explanation_claim_beside",
    "explanation_retry",
    "explanation_store",
    "explanations_request",
    "orphans_remove",
]
