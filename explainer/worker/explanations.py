"""What a worker makes of a case: maps by method, and the pictures of them that the study shows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.catalogue.artefacts import Kind
from explainer.catalogue.methods import METHODS
from explainer.catalogue.parameters import EIGHT_BITS, Parameters
from explainer.errors import ExplainerError
from explainer.types import Box, ExplanationRequest
from explainer.worker.torch_process import prepare_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from explainer.types import Explanation
    from readerstudy.explanations.types import ExplanationJob, ExplanationResult


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
    from readerstudy.explanations.types import ExplanationResult

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
