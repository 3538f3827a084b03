"""What a worker makes of a case: maps by method, and the pictures of them that the study shows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.errors import ExplainerError, SettingsError
from explainer.types import METHODS, Box, ExplanationRequest
from explainer.worker.torch_process import prepare_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from explainer.types import Explanation
    from readerstudy.explanations.types import ExplanationJob, ExplanationResult

#: Pixels per side of the X-ray beside the maps, and bits per pixel, where the application does not say. Both are the
#: same for every image of a study, since size, sharpness and depth can tell which data set, and so which label, it has.
DISPLAY_SIZE = 1024
DISPLAY_BITS = 8


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
    percent: float
    display_size: int
    display_bits: int

    @classmethod
    def of(cls, job: ExplanationJob) -> _Asked:
        from explainer import rendering

        parameters = dict(job.parameters)
        percent = float(parameters.pop("percent", rendering.TOP_PERCENT))
        display_size = int(parameters.pop("display_size", DISPLAY_SIZE))
        display_bits = int(parameters.pop("display_bits", DISPLAY_BITS))
        if display_bits not in (8, 16):
            raise SettingsError(f"display_bits must be 8 or 16, not {display_bits}.")
        return cls(job, request_of(job, parameters), percent, display_size, display_bits)


def _drawn(asked: _Asked, explanation: Explanation) -> ExplanationResult:
    from explainer import images, rendering
    from readerstudy.explanations.types import ExplanationResult

    rendered = rendering.render(explanation, percent=asked.percent)
    xray, _ = images.load_array(asked.job.image_path, size=asked.display_size, input_range=rendering.INPUT_RANGE)
    maps, scales = half_precision(explanation)
    summary = rendering.summary(explanation)
    return ExplanationResult(
        maps=maps,
        overlays=rendered.overlays,
        xray=rendering.png(rendering.to_grey(xray)),
        deep=rendering.deep(xray) if asked.display_bits > DISPLAY_BITS else b"",
        filmstrip=rendered.filmstrip or b"",
        curve=rendered.curve or {},
        video=rendered.mp4 or b"",
        ious=summary["iou"],
        measures={name: summary[name] for name in ("scores", "reconstruction", "mask_area")} | {"map_maximum": scales},
        provenance=summary["provenance"]
        | {"percent": asked.percent, "display_size": asked.display_size, "display_bits": asked.display_bits},
        seconds=0.0,
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
