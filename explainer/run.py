"""From images and targets to maps, counterfactuals, IoU and provenance: `explain` one, or `explain_many` in batches.

Cases with the same models, methods and settings go through the networks together; files are read while the batch
before is computed. A case that fails says so and does not keep the others of its batch from their results.
"""

from __future__ import annotations

import platform
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from explainer.autoencoders import Autoencoder
from explainer.batching import Batches, in_batches
from explainer.catalogue.settings import LatentShiftSettings, method_settings
from explainer.classifiers import Classifier
from explainer.errors import ExplainerError, ImageError, PredictionError, SettingsError
from explainer.evaluation.iou import annotation_mask, map_iou
from explainer.images import load_array
from explainer.memory import give_back_memory
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import integrated_gradients
from explainer.methods.iterative_delete import iterative_delete
from explainer.methods.latent_shift import latent_shift, latent_shift_map
from explainer.sources import load_autoencoder, load_classifier
from explainer.types import (
    GUIDED_BACKPROP,
    INPUT_GRADIENT,
    INTEGRATED_GRADIENTS,
    ITERATIVE_DELETE,
    LATENT_SHIFT,
    METHODS,
    Counterfactual,
    Explanation,
    ExplanationRequest,
    FloatMap,
    Geometry,
    Provenance,
    Reconstruction,
    Scoring,
)
from explainer.weights import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


_TRADITIONAL: dict[str, Callable[..., Tensor]] = {
    INPUT_GRADIENT: input_gradient,
    GUIDED_BACKPROP: guided_backprop,
    INTEGRATED_GRADIENTS: integrated_gradients,
    ITERATIVE_DELETE: iterative_delete,
}
#: Cases explained together, unless the caller says how many.
CASES_ON_CPU = 1
CASES_ON_CUDA = 16
#: Threads that read image files.
_READERS = 4
_RECORDED_PACKAGES = ("torch", "captum", "torchxrayvision", "numpy", "pillow")


def choose_device(name: str) -> str:
    """`auto` is a CUDA device where there is one, else the CPU. Raises SettingsError for a device that is not here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    # A torch without CUDA asserts where another one raises.
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"The device '{name}' cannot be used here: choose cpu, or auto.") from error
    return name


@lru_cache(maxsize=2)
def classifier_of_process(id_or_path: str, device: str, scoring: Scoring = "calibrated") -> Classifier:
    """Classifier that is loaded once per process; callers must not change it."""
    return load_classifier(id_or_path, device, scoring=scoring)


@lru_cache(maxsize=2)
def autoencoder_of_process(id_or_path: str, device: str) -> Autoencoder:
    """Autoencoder that is loaded once per process; callers must not change it."""
    return load_autoencoder(id_or_path, device)


def explain(request: ExplanationRequest) -> Explanation:
    """Every requested map of one image and target, computed with models that stay loaded in this process.

    Raises an ExplainerError that says what was wrong with the image, the models, the target or the settings.
    """
    return next(explain_many([request]))[1]


def explain_many(
    requests: Iterable[ExplanationRequest],
    *,
    batch_size: int | None = None,
    on_error: Callable[[ExplanationRequest, ExplainerError], None] | None = None,
) -> Iterator[tuple[ExplanationRequest, Explanation]]:
    """Explanation of each request, in the order given, `batch_size` of a kind at a time.

    Without `batch_size`, 1 on a CPU, which a single case keeps busy, and 16 on a GPU. Results are those of each case
    alone, to rounding. A case that cannot be explained is handed to `on_error` and left out; without `on_error` its
    ExplainerError is raised.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        ahead: deque[_Loading] = deque()
        for chunk in _chunks(requests, batch_size):
            ahead.append(_Loading(chunk, readers))
            if len(ahead) > 1:
                yield from _delivered(ahead.popleft(), on_error)
        for loading in ahead:
            yield from _delivered(loading, on_error)


def _chunks(requests: Iterable[ExplanationRequest], batch_size: int | None) -> Iterator[list[ExplanationRequest]]:
    """Consecutive requests that differ in image, target and annotations only, as many as go together."""
    for _, alike in groupby(requests, key=_kind):
        waiting = list(alike)
        count = batch_size or (CASES_ON_CUDA if on_cuda(waiting[0].device) else CASES_ON_CPU)
        for start in range(0, len(waiting), count):
            yield waiting[start : start + count]


def _kind(request: ExplanationRequest) -> ExplanationRequest:
    return replace(request, image=Path(), target="", annotations=())


def on_cuda(device: str) -> bool:
    """Whether a device as it is asked for, `auto` included, will be a GPU."""
    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


class _Loading:
    """Requests of a kind whose images are being read."""

    def __init__(self, requests: Sequence[ExplanationRequest], readers: ThreadPoolExecutor) -> None:
        self.requests = requests
        self._models: _Models | ExplainerError
        try:
            self._models = _Models.of(requests[0])
        except ExplainerError as error:
            self._models = error
            return
        classifier = self._models.classifier
        self._reads = [
            readers.submit(load_array, request.image, size=classifier.input_size, input_range=classifier.input_range)
            for request in requests
        ]

    def outcomes(self) -> list[Explanation | ExplainerError]:
        """An explanation, or the reason why there is none, for each request."""
        if isinstance(self._models, ExplainerError):
            return [self._models] * len(self.requests)
        outcomes: dict[int, Explanation | ExplainerError] = {}
        cases: dict[int, _Case] = {}
        for index, (request, read) in enumerate(zip(self.requests, self._reads, strict=True)):
            try:
                cases[index] = _Case(request, self._models.classifier.index(request.target), *read.result())
            except ExplainerError as error:
                outcomes[index] = error
        if cases:
            explained = self._models.explain(list(cases.values()))
            outcomes |= dict(zip(cases, explained, strict=True))
        return [outcomes[index] for index in range(len(self.requests))]


def _delivered(
    loading: _Loading, on_error: Callable[[ExplanationRequest, ExplainerError], None] | None
) -> Iterator[tuple[ExplanationRequest, Explanation]]:
    for request, outcome in zip(loading.requests, loading.outcomes(), strict=True):
        if isinstance(outcome, Explanation):
            yield request, outcome
        elif on_error is None:
            raise outcome
        else:
            on_error(request, outcome)


@dataclass(frozen=True)
class _Case:
    """A request whose image is read: `array` (H, W) on the classifier's scale."""

    request: ExplanationRequest
    column: int
    array: FloatMap
    geometry: Geometry


@dataclass(frozen=True)
class _Models:
    """Models, methods and settings that some requests share."""

    device: str
    methods: tuple[str, ...]
    settings: Mapping[str, Any]
    classifier: Classifier
    autoencoder: Autoencoder | None
    batches: Batches

    @classmethod
    def of(cls, request: ExplanationRequest) -> _Models:
        device = choose_device(request.device)
        settings = _settings(request)
        classifier = classifier_of_process(request.classifier, device, request.scoring)
        return cls(
            device=device,
            methods=request.methods,
            settings=settings,
            classifier=classifier,
            autoencoder=(None if request.autoencoder is None else autoencoder_of_process(request.autoencoder, device)),
            batches=Batches.for_device(device, classifier.input_size),
        )

    def explain(self, cases: Sequence[_Case]) -> list[Explanation | ExplainerError]:
        """All cases together; where that fails, the halves apart, down to the case that is at fault."""
        try:
            return list(self._explain(cases))
        except ExplainerError as error:
            if len(cases) == 1:
                return [error]
        half = len(cases) // 2
        return [*self.explain(cases[:half]), *self.explain(cases[half:])]

    def _explain(self, cases: Sequence[_Case]) -> list[Explanation]:
        images = torch.from_numpy(np.stack([case.array[None] for case in cases])).to(self.device)
        columns = torch.tensor([case.column for case in cases], device=self.device)
        scores = self._scores(images)
        maps: dict[str, Sequence[FloatMap]] = {}
        seconds: dict[str, float] = {}
        counterfactuals: Sequence[Counterfactual | None] = [None] * len(cases)
        for method in self.methods:
            start = time.perf_counter()
            settings = self.settings[method]
            # Without an autoencoder, Latent Shift was refused before.
            if self.autoencoder is not None and isinstance(settings, LatentShiftSettings):
                sequences = latent_shift(
                    self.classifier, self.autoencoder, images, columns, settings, batches=self.batches
                )
                maps[method] = [latent_shift_map(self.classifier, one, settings.projection) for one in sequences]
                counterfactuals = sequences
            else:
                maps[method] = self._traditional(method, images, columns)
            seconds[method] = (time.perf_counter() - start) / len(cases)
            give_back_memory()
        return [
            self._explanation(
                case,
                {method: found[index] for method, found in maps.items()},
                scores[index],
                counterfactuals[index],
                seconds,
            )
            for index, case in enumerate(cases)
        ]

    @torch.inference_mode()
    def _scores(self, images: Tensor) -> list[dict[str, float]]:
        parts = in_batches(len(images), self.batches.forward, lambda part: self.classifier(images[part]).cpu().tolist())
        return [dict(zip(self.classifier.targets, row, strict=True)) for _, rows in parts for row in rows]

    def _traditional(self, method: str, images: Tensor, columns: Tensor) -> Sequence[FloatMap]:
        attributed = _TRADITIONAL[method](
            self.classifier, images, columns, self.settings[method], batch=self.batches.gradient
        )
        maps: FloatMap = attributed.cpu().numpy()
        return list(maps)

    def _explanation(
        self,
        case: _Case,
        maps: Mapping[str, FloatMap],
        scores: Mapping[str, float],
        counterfactual: Counterfactual | None,
        seconds: Mapping[str, float],
    ) -> Explanation:
        request, classifier, autoencoder = case.request, self.classifier, self.autoencoder
        ious, mask_area = _overlap(request, maps, case.geometry, classifier.input_size)
        return Explanation(
            image=case.array,
            maps=maps,
            scores=scores,
            counterfactual=counterfactual,
            reconstruction=(
                None if counterfactual is None else _reconstruction(case.array, counterfactual, scores[request.target])
            ),
            ious=ious,
            mask_area=mask_area,
            provenance=Provenance(
                target=request.target,
                classifier=classifier.id,
                classifier_sha256=classifier.weights_sha256,
                autoencoder=None if autoencoder is None else autoencoder.id,
                autoencoder_sha256=None if autoencoder is None else autoencoder.weights_sha256,
                scoring=classifier.scoring,
                parameters={method: asdict(self.settings[method]) for method in self.methods},
                image_sha256=sha256_of(request.image),
                geometry=case.geometry,
                device=_device_name(self.device),
                versions=_versions(),
                seconds=seconds,
            ),
        )


def _reconstruction(array: FloatMap, counterfactual: Counterfactual, score: float) -> Reconstruction:
    return Reconstruction(
        mean_absolute_error=float(abs(counterfactual.frames[counterfactual.zero] - array).mean()),
        score_image=score,
        score_reconstruction=counterfactual.predictions[counterfactual.zero],
    )


def score(
    paths: Sequence[Path],
    classifier: Classifier,
    *,
    batch_size: int = 16,
    on_error: Callable[[Path, ExplainerError], None] | None = None,
) -> Iterator[tuple[Path, dict[str, float]]]:
    """Calibrated score of every target for each image, in the order given, `batch_size` images at a time.

    An image that cannot be read, or of which the classifier makes no probability, is handed to `on_error` and left
    out; without `on_error` its ImageError or PredictionError is raised.
    """
    for start in range(0, len(paths), batch_size):
        arrays: dict[Path, FloatMap] = {}
        for path in paths[start : start + batch_size]:
            try:
                arrays[path] = load_array(path, size=classifier.input_size, input_range=classifier.input_range)[0]
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(path, error)
        for path, scored in _scored(arrays, classifier):
            if not isinstance(scored, PredictionError):
                yield path, scored
            elif on_error is None:
                raise scored
            else:
                on_error(path, scored)


def _scored(
    arrays: Mapping[Path, FloatMap], classifier: Classifier
) -> Iterator[tuple[Path, dict[str, float] | PredictionError]]:
    """Scores of images together; where that fails, of each alone, so that one cannot cost the others theirs."""
    if not arrays:
        return
    batch = torch.from_numpy(np.stack([array[None] for array in arrays.values()])).to(classifier.device)
    try:
        with torch.inference_mode():
            rows = classifier(batch).cpu().tolist()
    except PredictionError as error:
        if len(arrays) == 1:
            (path,) = arrays
            yield path, PredictionError(f"{path.name}: {error}")
            return
        for path, array in arrays.items():
            yield from _scored({path: array}, classifier)
        return
    for path, row in zip(arrays, rows, strict=True):
        yield path, dict(zip(classifier.targets, row, strict=True))


def _settings(request: ExplanationRequest) -> Mapping[str, Any]:
    for method in (*request.methods, *request.parameters):
        if method not in METHODS:
            raise SettingsError(f"There is no method '{method}'; choose from {', '.join(METHODS)}.")
    if LATENT_SHIFT in request.methods and request.autoencoder is None:
        raise SettingsError("Latent Shift needs an autoencoder: name one, or leave this method out.")
    return {method: method_settings(method, request.parameters.get(method, {})) for method in request.methods}


def _overlap(
    request: ExplanationRequest, maps: Mapping[str, FloatMap], geometry: Geometry, size: int
) -> tuple[dict[str, float], float | None]:
    """IoU of every map with the annotations, and the share of the pixels that these cover."""
    if not request.annotations:
        return {}, None
    mask = annotation_mask(request.annotations, geometry, size)
    if not mask.any():  # an annotation that the crop cut off says nothing about any map
        return {}, None
    return {method: map_iou(values, mask) for method, values in maps.items()}, float(mask.mean())


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


@lru_cache(maxsize=1)
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
