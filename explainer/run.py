"""`explain(request)`: the single entry point from an image and a target to maps, counterfactual, IoU and provenance."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from explainer.autoencoders import Autoencoder, load_autoencoder
from explainer.classifiers import Classifier, load_classifier
from explainer.errors import ImageError, SettingsError
from explainer.evaluation.iou import annotation_mask, map_iou
from explainer.images import load_array
from explainer.methods.base import settings_from
from explainer.methods.guided_backprop import GuidedBackpropSettings, guided_backprop
from explainer.methods.input_gradient import InputGradientSettings, input_gradient
from explainer.methods.integrated_gradients import IntegratedGradientsSettings, integrated_gradients
from explainer.methods.iterative_delete import IterativeDeleteSettings, iterative_delete
from explainer.methods.latent_shift import LatentShiftSettings, latent_shift, latent_shift_map
from explainer.types import (
    GUIDED_BACKPROP,
    INPUT_GRADIENT,
    INTEGRATED_GRADIENTS,
    ITERATIVE_DELETE,
    LATENT_SHIFT,
    METHODS,
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
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class _Traditional:
    settings: type
    maps: Callable[[Classifier, Tensor, Tensor, Any], Tensor]


_TRADITIONAL = {
    INPUT_GRADIENT: _Traditional(InputGradientSettings, input_gradient),
    GUIDED_BACKPROP: _Traditional(GuidedBackpropSettings, guided_backprop),
    INTEGRATED_GRADIENTS: _Traditional(IntegratedGradientsSettings, integrated_gradients),
    ITERATIVE_DELETE: _Traditional(IterativeDeleteSettings, iterative_delete),
}
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
    device = choose_device(request.device)
    settings = _settings(request)
    classifier = classifier_of_process(request.classifier, device, request.scoring)
    autoencoder = None if request.autoencoder is None else autoencoder_of_process(request.autoencoder, device)
    array, geometry = load_array(request.image, size=classifier.input_size, input_range=classifier.input_range)
    image = torch.from_numpy(array)[None, None].to(device)
    column = torch.tensor([classifier.index(request.target)], device=device)
    scores = _scores(classifier, image)

    maps: dict[str, FloatMap] = {}
    seconds: dict[str, float] = {}
    counterfactual = reconstruction = None
    for method in request.methods:
        start = time.perf_counter()
        chosen = settings[method]
        # Without an autoencoder, Latent Shift was refused above.
        if autoencoder is not None and isinstance(chosen, LatentShiftSettings):
            counterfactual = latent_shift(classifier, autoencoder, image, column, chosen)[0]
            maps[method] = latent_shift_map(classifier, counterfactual, chosen.projection)
            reconstruction = Reconstruction(
                mean_absolute_error=float(abs(counterfactual.frames[counterfactual.zero] - array).mean()),
                score_image=scores[request.target],
                score_reconstruction=counterfactual.predictions[counterfactual.zero],
            )
        else:
            maps[method] = _TRADITIONAL[method].maps(classifier, image, column, chosen)[0].cpu().numpy()
        seconds[method] = time.perf_counter() - start

    return Explanation(
        image=array,
        maps=maps,
        scores=scores,
        counterfactual=counterfactual,
        reconstruction=reconstruction,
        ious=_ious(request, maps, geometry, classifier.input_size),
        provenance=Provenance(
            target=request.target,
            classifier=classifier.id,
            classifier_sha256=classifier.weights_sha256,
            autoencoder=None if autoencoder is None else autoencoder.id,
            autoencoder_sha256=None if autoencoder is None else autoencoder.weights_sha256,
            scoring=classifier.scoring,
            parameters={method: asdict(settings[method]) for method in request.methods},
            image_sha256=sha256_of(request.image),
            geometry=geometry,
            device=_device_name(device),
            versions=_versions(),
            seconds=seconds,
        ),
    )


def score(
    paths: Sequence[Path],
    classifier: Classifier,
    *,
    batch_size: int = 16,
    on_error: Callable[[Path, ImageError], None] | None = None,
) -> Iterator[tuple[Path, dict[str, float]]]:
    """Calibrated score of every target for each image, in the order given, `batch_size` images at a time.

    An image that cannot be read is handed to `on_error` and left out; without `on_error` its ImageError is raised.
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
        if not arrays:
            continue
        batch = torch.stack([torch.from_numpy(array)[None] for array in arrays.values()]).to(classifier.device)
        with torch.inference_mode():
            rows = classifier(batch).cpu().tolist()
        for path, row in zip(arrays, rows, strict=True):
            yield path, dict(zip(classifier.targets, row, strict=True))


def _settings(request: ExplanationRequest) -> Mapping[str, Any]:
    for method in (*request.methods, *request.parameters):
        if method not in METHODS:
            raise SettingsError(f"There is no method '{method}'; choose from {', '.join(METHODS)}.")
    if LATENT_SHIFT in request.methods and request.autoencoder is None:
        raise SettingsError("Latent Shift needs an autoencoder: name one, or leave this method out.")
    kinds = {name: traditional.settings for name, traditional in _TRADITIONAL.items()} | {
        LATENT_SHIFT: LatentShiftSettings
    }
    return {
        method: settings_from(kinds[method], request.parameters.get(method, {}), method=method)
        for method in request.methods
    }


@torch.inference_mode()
def _scores(classifier: Classifier, image: Tensor) -> dict[str, float]:
    return dict(zip(classifier.targets, classifier(image)[0].cpu().tolist(), strict=True))


def _ious(request: ExplanationRequest, maps: Mapping[str, FloatMap], geometry: Geometry, size: int) -> dict[str, float]:
    if not request.annotations:
        return {}
    mask = annotation_mask(request.annotations, geometry, size)
    # An annotation that the crop cut off says nothing about any map.
    return {method: map_iou(values, mask) for method, values in maps.items()} if mask.any() else {}


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
