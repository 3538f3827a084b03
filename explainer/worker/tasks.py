"""Celery tasks: the only module here that knows Celery or the application. Each makes one domain call before and after.

torch is loaded inside the tasks: only the worker's child processes have it, and none of its threads exist at a fork.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.db import connections

from explainer.catalogue.artefacts import Kind
from explainer.catalogue.methods import METHODS
from explainer.catalogue.parameters import EIGHT_BITS, Parameters
from explainer.errors import ExplainerError, MemoryExhaustedError, SettingsError
from explainer.memory import keep_memory
from explainer.types import Box, ExplanationRequest
from readerstudy.lib.clock import shared_now
from readerstudy.lib.media import media_present
from readerstudy.work import beat, faults
from readerstudy.work.faults import anew
from readerstudy.work.heartbeat import Heartbeat
from readerstudy.work.pool.process import name_of
from readerstudy.work.pulse import LEASE_INTERVAL
from readerstudy.work.queues import GPU

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from explainer.types import Explanation
    from readerstudy.explanations.services import ExplanationJob, ExplanationResult
    from readerstudy.studies.selectors import ScoreBatch

logger = logging.getLogger(__name__)


@beat.reap_with(GPU)
def requeue(now: datetime, idle: bool) -> int:
    """Send again the cases that nobody works on any more."""
    from readerstudy.explanations import services

    return services.stale_requeue(now=now, idle=idle)


@beat.reap_with(GPU)
def requeue_scores(now: datetime, idle: bool) -> int:
    """Send again the images that nobody scores any more."""
    from readerstudy.studies import services

    return services.scores_requeue(now=now, idle=idle)


@shared_task(name="explainer.tasks.explain_case", acks_late=True)
def explain_case(explanation_id: str) -> str:
    """Explain a case unless that is done or under way, and on a GPU some that wait for the same models with it.

    An error is stored on the case that it belongs to and never ends the worker. Returns what became of the case.
    """
    from readerstudy.explanations import services

    worker = name_of(os.getpid())
    job = anew(lambda: services.explanation_claim(explanation_id=explanation_id, worker=worker, now=shared_now()))
    if job is None:
        return "nothing to do"
    held, outcomes = [job], dict[uuid.UUID, str]()

    def extend() -> None:
        for one in list(held):
            services.explanation_heartbeat(explanation_id=one.explanation_id, token=one.token, now=shared_now())

    with Heartbeat(LEASE_INTERVAL, extend, finished=connections.close_all, name="lease"):
        try:
            held += services.explanation_claim_beside(
                job=job, limit=cases_together() - 1, worker=worker, now=shared_now()
            )
            for one, outcome in make_results(held):
                outcomes[one.explanation_id] = _stored(one, outcome)
        except Exception as error:  # not of one case, or not foreseen: whose it is shows when each is tried alone
            logger.warning("%s cases could not be explained together", len(held), exc_info=error)
            for one in held:
                if one.explanation_id not in outcomes:
                    outcomes[one.explanation_id] = _stored(one, error) if len(held) == 1 else _stored_alone(one)
    return outcomes[job.explanation_id]


def _stored_alone(job: ExplanationJob) -> str:
    outcome: ExplanationResult | Exception
    try:
        ((_, outcome),) = make_results([job])
    except Exception as error:
        logger.warning("Case %s could not be explained alone", job.explanation_id, exc_info=error)
        outcome = error
    return _stored(job, outcome)


def _stored(job: ExplanationJob, outcome: ExplanationResult | Exception) -> str:
    """Store a result or an error, if the worker still holds the case."""
    from readerstudy.explanations import services

    if isinstance(outcome, Exception):
        return _failed(job, outcome)
    try:
        stored = anew(
            lambda: services.explanation_store(
                explanation_id=job.explanation_id, token=job.token, result=outcome, now=shared_now()
            )
        )
    except Exception as error:  # whatever went wrong belongs to this case, and the next one goes on
        logger.warning("The result of case %s could not be stored", job.explanation_id, exc_info=error)
        return _failed(job, error)
    return "explained" if stored else "lease lost"


def _failed(job: ExplanationJob, error: Exception) -> str:
    from readerstudy.explanations import services

    held = {"explanation_id": job.explanation_id, "token": job.token}
    if fault := passing_fault(error):
        logger.warning("Case %s waits for another try: %s", job.explanation_id, fault.words, exc_info=error)
        waits = anew(lambda: services.explanation_postpone(**held, fault=fault, now=shared_now()))
        return "postponed" if waits else "lease lost"
    text = describe_error(error)
    logger.warning("Case %s could not be explained: %s", job.explanation_id, text, exc_info=error)
    failed = anew(lambda: services.explanation_fail(**held, error=text, now=shared_now()))
    return "failed" if failed else "lease lost"


@shared_task(name="explainer.tasks.score_image_batch", acks_late=True)
def score_image_batch(study_id: int, image_ids: Sequence[int]) -> int:
    """Score those of these images of a study that wait for it; returns how many got one."""
    from readerstudy.studies import services

    worker = name_of(os.getpid())
    batch = anew(lambda: services.scores_claim(study_id=study_id, image_ids=image_ids, worker=worker, now=shared_now()))
    if batch is None:
        return 0

    def extend() -> None:
        services.scores_heartbeat(batch=batch, now=shared_now())

    errors: dict[int, Exception] = {}
    stored = 0
    with Heartbeat(LEASE_INTERVAL, extend, finished=connections.close_all, name="lease"):
        try:
            scores, weights_sha256 = make_scores(batch, errors)
            stored = anew(
                lambda: services.scores_store(batch=batch, weights_sha256=weights_sha256, rows=scores, now=shared_now())
            )
        except Exception as error:  # whatever went wrong belongs to these images, and other batches go on
            logger.warning("Images of study %s could not be scored", study_id, exc_info=error)
            errors = {image.image_id: error for image in batch.images} | errors
        anew(lambda: _scores_failed(batch, errors))
    return stored


def make_scores(batch: ScoreBatch, errors: dict[int, Exception]) -> tuple[list[tuple[int, dict[str, float]]], str]:
    """Scores by image and target, and the SHA-256 of the weights; what is wrong with an image goes into `errors`."""
    prepare_torch()
    from explainer import scores
    from explainer.devices import choose_device
    from explainer.loaded import classifier_of_process

    by_path = {image.path: image.image_id for image in batch.images}

    def report(path: Path, error: ExplainerError) -> None:
        errors[by_path[path]] = error

    classifier = classifier_of_process(batch.classifier, choose_device("auto"))
    rows = [(by_path[path], found) for path, found in scores.score(list(by_path), classifier, on_error=report)]
    return rows, classifier.weights_sha256


def _scores_failed(batch: ScoreBatch, errors: dict[int, Exception]) -> None:
    from readerstudy.studies import services

    failed: dict[int, str] = {}
    postponed: dict[faults.Fault, list[int]] = {}
    for image_id, error in errors.items():
        if fault := passing_fault(error):
            postponed.setdefault(fault, []).append(image_id)
        else:
            failed[image_id] = describe_error(error)
    services.scores_fail(batch=batch, errors=failed, now=shared_now())
    for fault, image_ids in postponed.items():
        services.scores_postpone(batch=batch, image_ids=image_ids, fault=fault, now=shared_now())


def cases_together() -> int:
    """How many cases a worker explains at a time: `EXPLAINER_BATCH`, or what suits the device."""
    prepare_torch()
    from explainer import devices

    text = os.environ.get("EXPLAINER_BATCH", "")
    if not text:
        return devices.cases_together("auto")
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"EXPLAINER_BATCH must be a number of cases above zero, not {text!r}.")
    return int(text)


def make_results(
    jobs: Sequence[ExplanationJob],
) -> Iterator[tuple[ExplanationJob, ExplanationResult | Exception]]:
    """Everything that is stored of each case, or what went wrong with it, in any order.

    Pictures are drawn and encoded in threads while the next cases are computed.
    """
    prepare_torch()
    from explainer import pipeline, run

    asked = [_Asked.of(job) for job in jobs]
    by_request = {id(one.request): one for one in asked}
    failed: list[tuple[ExplanationJob, Exception]] = []

    def report(request: ExplanationRequest, error: ExplainerError) -> None:
        failed.append((by_request[id(request)].job, error))

    start = time.perf_counter()
    explained = run.explain_many([one.request for one in asked], batch_size=len(asked), on_error=report)
    for (request, _), drawn in pipeline.overlapped(explained, lambda pair: _drawn(by_request[id(pair[0])], pair[1])):
        job, error = by_request[id(request)].job, drawn.exception()
        if isinstance(error, Exception):
            yield job, error
        else:
            yield job, replace(drawn.result(), seconds=(time.perf_counter() - start) / len(asked))
    yield from failed


@dataclass(frozen=True)
class _Asked:
    """A case and what is asked of the engine and of the pictures for it."""

    job: ExplanationJob
    request: ExplanationRequest
    parameters: Parameters

    @classmethod
    def of(cls, job: ExplanationJob) -> _Asked:
        parameters = Parameters.of(job.parameters)
        return cls(job, request_of(job, parameters), parameters)


def _drawn(asked: _Asked, explanation: Explanation) -> ExplanationResult:
    from explainer import images, rendering
    from readerstudy.explanations.services import ExplanationResult

    drawn = asked.parameters
    xray, _ = images.load_array(asked.job.image_path, size=drawn.display_size, input_range=rendering.INPUT_RANGE)
    files = {("", Kind.XRAY): rendering.png(rendering.to_grey(xray))}
    if drawn.display_bits > EIGHT_BITS:
        files["", Kind.DEEP] = rendering.deep(xray)
    maps, scales = half_precision(explanation)
    files |= rendering.render(explanation, percent=drawn.percent)
    files |= {(method, Kind.RAW): rendering.npy(values) for method, values in maps.items()}
    summary = rendering.summary(explanation)
    return ExplanationResult(
        files=files,
        ious=summary["iou"],
        measures={name: summary[name] for name in ("scores", "reconstruction", "mask_area")} | {"map_maximum": scales},
        provenance=summary["provenance"]
        | {"percent": drawn.percent, "display_size": drawn.display_size, "display_bits": drawn.display_bits},
        seconds=0.0,
    )


def request_of(job: ExplanationJob, parameters: Parameters) -> ExplanationRequest:
    """What is asked of the engine for a case."""
    return ExplanationRequest(
        image=job.image_path,
        target=job.target,
        classifier=job.classifier,
        autoencoder=job.autoencoder or None,
        methods=tuple(method for method in METHODS if method in job.methods) or job.methods,
        parameters=parameters.methods,
        annotations=tuple(
            annotation
            if isinstance(annotation, Path)
            else Box(x=annotation.x, y=annotation.y, width=annotation.width, height=annotation.height)
            for annotation in job.annotations
        ),
        scoring=parameters.scoring,
    )


def half_precision(explanation: Explanation) -> tuple[dict[str, Any], dict[str, float]]:
    """Maps as float16, each divided by its maximum, and those maxima: gradients alone are too small for float16."""
    import numpy as np

    maxima = {method: float(values.max()) for method, values in explanation.maps.items()}
    return {method: (values / maxima[method]).astype(np.float16) for method, values in explanation.maps.items()}, maxima


def passing_fault(error: Exception) -> faults.Fault | None:
    """The fault behind an error that will pass by itself: what met it waits for another try."""
    from explainer.batching import is_out_of_memory

    if isinstance(error, MemoryExhaustedError) or is_out_of_memory(error):
        return faults.MEMORY
    return faults.passing(error) or (None if media_present() else faults.FILES)


def describe_error(error: Exception) -> str:
    """What a coordinator reads: our own errors speak for themselves, of others the type helps whoever looks into it."""
    return str(error) if isinstance(error, ExplainerError) else f"{type(error).__name__}: {error}"


def prepare_torch() -> None:
    """Load torch so that it shares the machine: its threads sleep while they wait for each other.

    By default they spin, and beside other work on two cores that made a case take five times as long.
    `EXPLAINER_THREADS` says how many there are; by default one for each core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch's OpenMP is loaded
    import torch

    keep_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(int(os.environ.get("EXPLAINER_THREADS") or cores))
