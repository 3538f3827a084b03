"""Cases with the same models, methods and settings, explained together: results, scores, IoU and provenance of each.

A case that fails says so and does not keep the others from their results.
"""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explainer.batching import Batches, in_batches
from explainer.catalogue.methods import method_of
from explainer.devices import choose_device, device_name
from explainer.errors import ExplainerError, SettingsError
from explainer.iou import annotation_mask, map_iou
from explainer.loaded import autoencoder_of_process, classifier_of_process
from explainer.memory import give_back_memory
from explainer.methods.base import ChosenMethod, Models
from explainer.methods.registry import chosen_method
from explainer.types import (
    Counterfactual,
    Explanation,
    ExplanationRequest,
    FloatMap,
    Geometry,
    MethodResult,
    Provenance,
    Reconstruction,
)
from explainer.weights import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RECORDED_PACKAGES = ("torch", "captum", "torchxrayvision", "numpy", "pillow")


@dataclass(frozen=True)
class Case:
    """A request whose image is read: `array` (H, W) on the classifier's scale."""

    request: ExplanationRequest
    column: int
    array: FloatMap
    geometry: Geometry


@dataclass
class Outcomes:
    """What became of cases, by their place: each is explained, or failed."""

    explained: dict[int, Explanation] = field(default_factory=dict)
    failed: dict[int, ExplainerError] = field(default_factory=dict)


@dataclass(frozen=True)
class Together:
    """Models, methods and settings that some requests share."""

    device: str
    methods: tuple[ChosenMethod, ...]
    models: Models

    @classmethod
    def of(cls, request: ExplanationRequest) -> Together:
        """Those of a request, loaded. Raises an ExplainerError that says what cannot be."""
        device = choose_device(request.device)
        methods = _chosen(request)
        classifier = classifier_of_process(request.classifier, device, request.scoring)
        autoencoder = None if request.autoencoder is None else autoencoder_of_process(request.autoencoder, device)
        return cls(device, methods, Models(classifier, autoencoder, Batches.for_device(device, classifier.input_size)))

    def explain(self, cases: Mapping[int, Case], outcomes: Outcomes) -> None:
        """Explain all cases together; where that fails, the halves apart, down to the case that is at fault."""
        places = list(cases)
        try:
            outcomes.explained |= zip(places, self._explain(list(cases.values())), strict=True)
        except ExplainerError as error:
            if len(places) == 1:
                outcomes.failed[places[0]] = error
                return
        else:
            return
        half = len(places) // 2
        for part in (places[:half], places[half:]):
            self.explain({place: cases[place] for place in part}, outcomes)

    def _explain(self, cases: Sequence[Case]) -> list[Explanation]:
        images = torch.from_numpy(np.stack([case.array[None] for case in cases])).to(self.device)
        columns = torch.tensor([case.column for case in cases], device=self.device)
        scores = self._scores(images)
        results: dict[str, Sequence[MethodResult]] = {}
        seconds: dict[str, float] = {}
        for method in self.methods:
            start = time.perf_counter()
            results[method.info.key] = method.compute(self.models, images, columns, method.settings)
            seconds[method.info.key] = (time.perf_counter() - start) / len(cases)
            give_back_memory()
        return [
            self._explanation(case, {key: made[index] for key, made in results.items()}, scores[index], seconds)
            for index, case in enumerate(cases)
        ]

    @torch.inference_mode()
    def _scores(self, images: Tensor) -> list[dict[str, float]]:
        classifier, batch = self.models.classifier, self.models.batches.forward
        parts = in_batches(len(images), batch, lambda part: classifier(images[part]).cpu().tolist())
        return [dict(zip(classifier.targets, row, strict=True)) for _, rows in parts for row in rows]

    def _explanation(
        self,
        case: Case,
        results: Mapping[str, MethodResult],
        scores: Mapping[str, float],
        seconds: Mapping[str, float],
    ) -> Explanation:
        request, classifier, autoencoder = case.request, self.models.classifier, self.models.autoencoder
        ious, mask_area = _overlap(request, results, case.geometry, classifier.input_size)
        return Explanation(
            image=case.array,
            results=results,
            scores=scores,
            reconstruction=_reconstruction(case.array, results, scores[request.target]),
            ious=ious,
            mask_area=mask_area,
            provenance=Provenance(
                target=request.target,
                classifier=classifier.id,
                classifier_sha256=classifier.weights_sha256,
                autoencoder=None if autoencoder is None else autoencoder.id,
                autoencoder_sha256=None if autoencoder is None else autoencoder.weights_sha256,
                scoring=classifier.scoring,
                parameters={method.info.key: asdict(method.settings) for method in self.methods},
                image_sha256=sha256_of(request.image),
                geometry=case.geometry,
                device=device_name(self.device),
                versions=_versions(),
                seconds=seconds,
            ),
        )


def _chosen(request: ExplanationRequest) -> tuple[ChosenMethod, ...]:
    for key in (*request.methods, *request.parameters):
        method = method_of(key)
        if method.needs_autoencoder and key in request.methods and request.autoencoder is None:
            raise SettingsError(method.without_autoencoder)
    return tuple(chosen_method(key, request.parameters.get(key)) for key in request.methods)


def _reconstruction(array: FloatMap, results: Mapping[str, MethodResult], score: float) -> Reconstruction | None:
    """What the first counterfactual shows of the autoencoder; None without one."""
    made: Counterfactual | None = next((one.counterfactual for one in results.values() if one.counterfactual), None)
    if made is None:
        return None
    return Reconstruction(
        mean_absolute_error=float(abs(made.frames[made.zero] - array).mean()),
        score_image=score,
        score_reconstruction=made.predictions[made.zero],
    )


def _overlap(
    request: ExplanationRequest, results: Mapping[str, MethodResult], geometry: Geometry, size: int
) -> tuple[dict[str, float], float | None]:
    """IoU of every map that is scored with the annotations, and the share of the pixels that these cover."""
    if not request.annotations:
        return {}, None
    mask = annotation_mask(request.annotations, geometry, size)
    if not mask.any():  # an annotation that the crop cut off says nothing about any map
        return {}, None
    ious = {key: map_iou(result.map, mask) for key, result in results.items() if method_of(key).scored}
    return ious, float(mask.mean())


@lru_cache(maxsize=1)
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
