"""Celery tasks of the engine: a case is explained, a batch of images is scored.

torch is loaded inside the tasks: only the worker's computing processes have it.
"""

from __future__ import annotations

from collections.abc import Sequence

from explainer.errors import ExplainerError, MemoryExhaustedError
from explainer.worker.explanations import make_results
from explainer.worker.scores import make_scores
from explainer.worker.torch_process import cases_together
from readerstudy.explanations.services import EXPLAINING, ExplanationJob, explanation_claim_beside
from readerstudy.lib.clock import shared_now
from readerstudy.lib.media import media_present
from readerstudy.studies.services import SCORING, StudyError
from readerstudy.work import faults
from readerstudy.work.frame import Computing, leased_task


def passing_fault(error: Exception) -> faults.Fault | None:
    """The fault behind an error that will pass by itself: what met it waits for another try."""
    from explainer.batching import is_out_of_memory

    if isinstance(error, MemoryExhaustedError) or is_out_of_memory(error):
        return faults.MEMORY
    return faults.passing(error) or (None if media_present() else faults.FILES)


def _beside(job: ExplanationJob, worker: str) -> list[ExplanationJob]:
    return explanation_claim_beside(job=job, limit=cases_together() - 1, worker=worker, now=shared_now())


OWN = (ExplainerError, StudyError)
EXPLANATIONS = Computing(kind=EXPLAINING, compute=make_results, beside=_beside, own=OWN, passing=passing_fault)
SCORES = Computing(kind=SCORING, compute=make_scores, own=OWN, passing=passing_fault)


@leased_task(EXPLAINING)
def explain_case(explanation_id: str) -> str:
    """Explain a case unless that is done or under way, and on a GPU some that wait for the same models with it.

    Returns what became of the case.
    """
    return next(iter(EXPLANATIONS.work(explanation_id).values()), "nothing to do")


@leased_task(SCORING)
def score_image_batch(study_id: int, image_ids: Sequence[int]) -> int:
    """Score those of these images of a study that wait for it; returns how many got one."""
    return list(SCORES.work(study_id, image_ids).values()).count(SCORING.verb)
