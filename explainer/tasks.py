"""Celery tasks: the only module here that knows Celery or the application. Each makes one domain call before and after.

torch is loaded inside the tasks: only the worker's child processes have it, and none of its threads exist at a fork.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import shared_task, signals
from django.db import connections
from django.utils import timezone

from explainer.errors import ExplainerError, ImageError
from explainer.types import METHODS, Box, ExplanationRequest
from readerstudy.lib.heartbeat import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.types import Explanation
    from readerstudy.explanations.services import ExplanationJob, ExplanationResult

logger = logging.getLogger(__name__)

#: Seconds between signs of life of a case and of a worker: several within a lease of two minutes.
CASE_INTERVAL = 20.0
WORKER_INTERVAL = 10.0
#: Pixels per side of the X-ray beside the maps. The same for every image, since size and sharpness can tell which data
#: set, and so which label, an image has.
DISPLAY_SIZE = 1024

_worker_heartbeats: dict[str, Heartbeat] = {}


@shared_task(name="explainer.tasks.explain_case", acks_late=True)
def explain_case(explanation_id: str) -> str:
    """Explain a case unless that is done or under way; an error is stored on the case and never ends the worker."""
    from readerstudy.explanations import services

    worker = f"{socket.gethostname()}:{os.getpid()}"
    job = services.explanation_claim(explanation_id=explanation_id, worker=worker, now=timezone.now())
    if job is None:
        return "nothing to do"

    def beat() -> None:
        services.explanation_heartbeat(explanation_id=job.explanation_id, token=job.token, now=timezone.now())

    with Heartbeat(CASE_INTERVAL, beat, finished=connections.close_all, name="lease"):
        try:
            result = make_result(job)
            stored = services.explanation_store(
                explanation_id=job.explanation_id, token=job.token, result=result, now=timezone.now()
            )
        except Exception as error:  # whatever went wrong belongs to this case, and the next one goes on
            text = describe_error(error)
            logger.warning("Case %s could not be explained: %s", job.explanation_id, text, exc_info=error)
            services.explanation_fail(
                explanation_id=job.explanation_id, token=job.token, error=text, now=timezone.now()
            )
            return "failed"
    return "explained" if stored else "lease lost"


@shared_task(name="explainer.tasks.score_image_batch", acks_late=True)
def score_image_batch(study_id: int, image_ids: Sequence[int]) -> int:
    """Score those of a study's images that have no score yet; returns how many got one."""
    from readerstudy.studies import services
    from readerstudy.studies.selectors import images_to_score

    batch = images_to_score(study_id, image_ids)
    by_path = {image.path: image.image_id for image in batch.images}
    if not by_path:
        return 0
    failures: dict[int, str] = {}

    def report(path: Path, error: ImageError) -> None:
        failures[by_path[path]] = str(error)

    rows: list[tuple[int, dict[str, float]]] = []
    try:
        prepare_torch()
        from explainer import run

        classifier = run.classifier_of_process(batch.classifier, run.choose_device("auto"))
        rows = [(by_path[path], scores) for path, scores in run.score(list(by_path), classifier, on_error=report)]
        services.scores_store(
            study_id=study_id,
            classifier=batch.classifier,
            weights_sha256=classifier.weights_sha256,
            rows=rows,
            now=timezone.now(),
        )
    except Exception as error:  # the coordinator reads it beside the images, and other batches go on
        text = describe_error(error)
        logger.warning("Images of study %s could not be scored: %s", study_id, text, exc_info=error)
        failures = dict.fromkeys(by_path.values(), text)
        rows = []
    for image_id, text in failures.items():
        services.scores_fail(study_id=study_id, image_ids=[image_id], error=text, now=timezone.now())
    return len(rows)


def make_result(job: ExplanationJob) -> ExplanationResult:
    """Everything that is stored of a case."""
    from readerstudy.explanations.services import ExplanationResult

    prepare_torch()
    from explainer import images, rendering, run

    start = time.perf_counter()
    display = dict(job.parameters)
    percent = float(display.pop("percent", rendering.TOP_PERCENT))
    display_size = int(display.pop("display_size", DISPLAY_SIZE))
    explanation = run.explain(request_of(job, display))
    rendered = rendering.render(explanation, percent=percent)
    xray, _ = images.load_array(job.image_path, size=display_size, input_range=rendering.INPUT_RANGE)
    maps, scales = half_precision(explanation)
    summary = rendering.summary(explanation)
    return ExplanationResult(
        maps=maps,
        overlays=rendered.overlays,
        xray=rendering.png(rendering.to_grey(xray)),
        filmstrip=rendered.filmstrip or b"",
        curve=rendered.curve or {},
        video=rendered.mp4 or b"",
        ious=summary["iou"],
        measures={"scores": summary["scores"], "reconstruction": summary["reconstruction"], "map_maximum": scales},
        provenance=summary["provenance"] | {"percent": percent, "display_size": display_size},
        seconds=time.perf_counter() - start,
    )


def request_of(job: ExplanationJob, parameters: dict[str, Any]) -> ExplanationRequest:
    """What is asked of the engine for a case. The study's parameters are settings by method, and `scoring`."""
    scoring = parameters.pop("scoring", "calibrated")
    return ExplanationRequest(
        image=job.image_path,
        target=job.target,
        classifier=job.classifier,
        autoencoder=job.autoencoder or None,
        methods=tuple(method for method in METHODS if method in job.methods) or job.methods,
        parameters=parameters,
        annotations=tuple(
            annotation
            if isinstance(annotation, Path)
            else Box(x=annotation.x, y=annotation.y, width=annotation.width, height=annotation.height)
            for annotation in job.annotations
        ),
        scoring=scoring,
    )


def half_precision(explanation: Explanation) -> tuple[dict[str, Any], dict[str, float]]:
    """Maps as float16, each divided by its maximum, and those maxima: gradients alone are too small for float16."""
    import numpy as np

    maxima = {method: float(values.max()) for method, values in explanation.maps.items()}
    return {method: (explanation.maps[method] / top).astype(np.float16) for method, top in maxima.items()}, maxima


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

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(int(os.environ.get("EXPLAINER_THREADS") or cores))


@signals.worker_ready.connect
def start_worker_heartbeat(sender: Any, **_: Any) -> None:
    """The worker's main process reports itself and sends again what nobody works on any more."""
    from readerstudy.explanations import services

    name, queues = str(sender.hostname), ",".join(sorted(sender.app.amqp.queues.consume_from))

    def beat() -> None:
        try:
            now = timezone.now()
            services.worker_seen(name=name, queues=queues, host=socket.gethostname(), pid=os.getpid(), now=now)
            services.stale_requeue(now=now)
        finally:
            # A child process that is forked later must not share this connection.
            connections.close_all()

    heartbeat = _worker_heartbeats[name] = Heartbeat(
        WORKER_INTERVAL, beat, finished=connections.close_all, name="worker"
    )
    heartbeat.start()


@signals.worker_shutdown.connect
def stop_worker_heartbeat(sender: Any, **_: Any) -> None:
    """The worker's main process takes its leave."""
    from readerstudy.explanations import services

    heartbeat = _worker_heartbeats.pop(str(sender.hostname), None)
    if heartbeat is not None:
        heartbeat.stop()
        services.worker_gone(name=str(sender.hostname))
        connections.close_all()
