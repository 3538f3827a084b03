"""Latent Shift: counterfactual images along the gradient of the prediction in an autoencoder's latent space.

z = E(x); g = d f(D(z)) / dz; x'(lambda) = D(z + lambda g). The range of lambda is searched until the prediction has
dropped by `drop` and risen by `rise` from that of the unshifted reconstruction; the images over that range are the
counterfactual, and their difference to the reconstruction is the attribution map (Cohen et al. 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from explainer.errors import InputError, NoGradientError, PredictionError, SettingsError
from explainer.methods.base import check_maps, check_targets
from explainer.methods.lambda_search import Goal, Measured, Search, Side, search_side
from explainer.types import LATENT_SHIFT, Counterfactual, FloatMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.autoencoders import Autoencoder
    from explainer.classifiers import Classifier

Projection = Literal["max", "mean", "minmax", "sliding"]
PROJECTIONS: tuple[Projection, ...] = get_args(Projection)
_FEWEST_FRAMES = 3


@dataclass(frozen=True)
class LatentShiftSettings:
    """How far to go and what to keep.

    `drop`, `rise`: change of the prediction that ends each side, hit within `tolerance` where it can be reached.
    `turn`: how far the prediction may fall back from its best before the side ends there. `max_image_change`: largest
    mean absolute difference to the reconstruction, as a fraction of the input range. `max_latent_change`: largest
    norm of the shift relative to the norm of z, which bounds lambda for any decoder; `max_lambda`: the same as
    a number, where one is known. `frames`: images kept, evenly spaced in lambda, with lambda = 0 among them.
    `projection`: how they become a map. `batch_size`: images decoded together (memory, not results).
    """

    drop: float = 0.30
    rise: float = 0.05
    tolerance: float = 0.005
    turn: float = 0.01
    max_image_change: float = 0.15
    max_latent_change: float = 4.0
    max_lambda: float | None = None
    frames: int = 24
    projection: Projection = "max"
    batch_size: int = 32

    def __post_init__(self) -> None:
        positive = {
            name: getattr(self, name)
            for name in ("drop", "rise", "tolerance", "turn", "max_image_change", "max_latent_change", "batch_size")
        } | ({} if self.max_lambda is None else {"max_lambda": self.max_lambda})
        for name, value in positive.items():
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise SettingsError(f"{name} of Latent Shift must be a positive number, not {value!r}.")
        if self.frames < _FEWEST_FRAMES:
            raise SettingsError(f"Latent Shift needs at least {_FEWEST_FRAMES} frames, not {self.frames}.")
        if self.projection not in PROJECTIONS:
            raise SettingsError(f"There is no projection '{self.projection}'; choose one of {', '.join(PROJECTIONS)}.")


def latent_shift(
    classifier: Classifier,
    autoencoder: Autoencoder,
    images: Tensor,
    targets: Tensor,
    settings: LatentShiftSettings | None = None,
) -> list[Counterfactual]:
    """Counterfactual of each image (N, 1, H, W) for its target column (N,).

    All images and many lambdas go through decoder and classifier together. Raises InputError if the models do not fit
    each other or the images, NoGradientError if a prediction does not depend on the latent, PredictionError for NaN.
    """
    chosen = settings or LatentShiftSettings()
    check_fit(classifier, autoencoder)
    check_targets(classifier, images, targets)
    line = _Line(classifier, autoencoder, images, targets, chosen.batch_size)
    sides = _search(line, chosen)
    return [_sweep(line, case, lower, upper, chosen.frames) for case, (lower, upper) in enumerate(sides)]


def check_fit(classifier: Classifier, autoencoder: Autoencoder) -> None:
    """Raise InputError unless the autoencoder's images are those that the classifier takes."""
    ours, theirs = (autoencoder.input_size, autoencoder.input_range), (classifier.input_size, classifier.input_range)
    if ours != theirs:
        advice = (
            f"add @{theirs[0]} to the autoencoder's identifier, which resizes its images, or choose another"
            if ours[1] == theirs[1]
            else "choose an autoencoder of the classifier's range"
        )
        raise InputError(
            f"{autoencoder.id} makes images of {ours[0]} px in {ours[1]}, but {classifier.id} takes {theirs[0]} px in "
            f"{theirs[1]}: {advice}."
        )


class _Line:
    """x'(lambda) = D(z + lambda g) of a batch of images, and the predictions along it."""

    def __init__(
        self, classifier: Classifier, autoencoder: Autoencoder, images: Tensor, targets: Tensor, batch_size: int
    ) -> None:
        self._classifier, self._autoencoder, self._batch_size = classifier, autoencoder, batch_size
        self._targets = targets
        self.input_range = classifier.input_range
        self.evaluations = [1] * len(images)
        gradients, latents, reconstructions, predictions = [], [], [], []
        for first in range(0, len(images), batch_size):
            chunk, columns = images[first : first + batch_size], targets[first : first + batch_size]
            with torch.no_grad():
                z = autoencoder.encode(chunk)
            z = z.detach().requires_grad_()
            with torch.enable_grad():
                decoded = autoencoder.decode(z)
                prediction = _of_targets(classifier(decoded), columns)
                if not prediction.requires_grad:
                    raise NoGradientError(
                        f"{classifier.id} is not differentiable with respect to {autoencoder.id}'s latent."
                    )
                # Each prediction depends on its own latent only, so the sum's gradient holds every one's.
                (gradient,) = torch.autograd.grad(prediction.sum(), z)
            latents.append(z.detach())
            gradients.append(gradient.detach())
            reconstructions.append(decoded.detach())
            predictions.append(prediction.detach())
        self._z, self._g = torch.cat(latents), torch.cat(gradients)
        self._reconstructions = torch.cat(reconstructions)
        self.start = torch.cat(predictions).double().tolist()
        self.gradient_norms = self._g.flatten(1).double().norm(dim=1).tolist()
        self.latent_norms = self._z.flatten(1).double().norm(dim=1).tolist()
        for prediction, norm in zip(self.start, self.gradient_norms, strict=True):
            if not (math.isfinite(prediction) and math.isfinite(norm)):
                raise PredictionError(f"{classifier.id} returns NaN for a reconstruction of {autoencoder.id}.")
            if norm == 0:
                raise NoGradientError(
                    f"The prediction of {classifier.id} does not change with the latent of {autoencoder.id}."
                )

    def measure(self, points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
        """Prediction, and mean absolute change of the image on its own scale, at (case, lambda) each."""
        measured: list[tuple[float, float]] = []
        for start in range(0, len(points), self._batch_size):
            chunk = points[start : start + self._batch_size]
            cases = torch.tensor([case for case, _ in chunk], device=self._z.device)
            shifted, predictions = self._evaluate(cases, [value for _, value in chunk])
            change = (shifted - self._reconstructions[cases]).abs().flatten(1).mean(dim=1)
            measured += zip(predictions.double().tolist(), change.double().tolist(), strict=True)
        for case, _ in points:
            self.evaluations[case] += 1
        if not all(math.isfinite(value) for pair in measured for value in pair):
            raise PredictionError(f"{self._classifier.id} returns NaN for a shifted image of {self._autoencoder.id}.")
        return measured

    def images(self, case: int, lambdas: Sequence[float]) -> tuple[FloatMap, list[float]]:
        """Frames float32 (F, H, W) and their predictions."""
        frames, predictions = [], []
        for start in range(0, len(lambdas), self._batch_size):
            chunk = lambdas[start : start + self._batch_size]
            cases = torch.full((len(chunk),), case, device=self._z.device)
            shifted, prediction = self._evaluate(cases, chunk)
            frames.append(shifted[:, 0].cpu().numpy())
            predictions += prediction.double().tolist()
        self.evaluations[case] += len(lambdas)
        return np.concatenate(frames), predictions

    @torch.no_grad()
    def _evaluate(self, cases: Tensor, lambdas: Sequence[float]) -> tuple[Tensor, Tensor]:
        weights = torch.tensor(lambdas, dtype=self._z.dtype, device=self._z.device)
        weights = weights.reshape(-1, *[1] * (self._z.dim() - 1))
        shifted = self._autoencoder.decode(self._z[cases] + weights * self._g[cases])
        return shifted, _of_targets(self._classifier(shifted), self._targets[cases])


def _of_targets(predictions: Tensor, columns: Tensor) -> Tensor:
    return predictions.gather(1, columns[:, None])[:, 0]


def _search(line: _Line, settings: LatentShiftSettings) -> list[tuple[Side, Side]]:
    """Lower and upper side of every case; each round of all searches is one pool of images."""
    low, high = line.input_range
    searches: dict[tuple[int, int], Search] = {}
    for case, start in enumerate(line.start):
        norm = line.gradient_norms[case]
        furthest = settings.max_lambda or settings.max_latent_change * max(line.latent_norms[case], 1e-12) / norm
        for sign, wanted, room in ((-1, settings.drop, start), (1, settings.rise, 1 - start)):
            goal = Goal(wanted, room, settings.tolerance, settings.turn, settings.max_image_change, furthest)
            # To first order the prediction moves by |g|^2 per unit of lambda, whatever the decoder's scale.
            searches[case, sign] = search_side(goal, first=wanted / norm**2)
    asked = {key: next(search) for key, search in searches.items()}
    ended: dict[tuple[int, int], Side] = {}
    while asked:
        points = [(key, distance) for key, distances in asked.items() for distance in distances]
        measured = line.measure([(case, sign * distance) for (case, sign), distance in points])
        answers: dict[tuple[int, int], list[Measured]] = {key: [] for key in asked}
        for (key, distance), (prediction, change) in zip(points, measured, strict=True):
            case, sign = key
            answers[key].append(Measured(distance, sign * (prediction - line.start[case]), change / (high - low)))
        asked = {}
        for key, answer in answers.items():
            try:
                asked[key] = searches[key].send(answer)
            except StopIteration as stop:
                ended[key] = stop.value
    return [(ended[case, -1], ended[case, 1]) for case in range(len(line.start))]


def _sweep(line: _Line, case: int, lower: Side, upper: Side, frames: int) -> Counterfactual:
    lambdas, zero = spaced_lambdas(-lower.distance, upper.distance, frames)
    images, predictions = line.images(case, lambdas)
    return Counterfactual(
        lambdas=tuple(lambdas),
        predictions=tuple(predictions),
        frames=images,
        zero=zero,
        stop_reason={"lower": lower.reason, "upper": upper.reason},
        evaluations=line.evaluations[case],
    )


def spaced_lambdas(lower: float, upper: float, frames: int) -> tuple[list[float], int]:
    """`frames` values from `lower` <= 0 to `upper` >= 0, evenly spaced on each side of an exact 0, and the index of 0.

    The sides share the frames by their length, so the spacing is the same to within one frame.
    """
    steps = frames - 1
    if upper <= 0:
        below = steps
    elif lower >= 0:
        below = 0
    else:
        below = min(max(round(steps * -lower / (upper - lower)), 1), steps - 1)
    left = [lower * (below - i) / below for i in range(below)]
    right = [upper * (i + 1) / (steps - below) for i in range(steps - below)]
    return [*left, 0.0, *right], below


def project(counterfactual: Counterfactual, projection: Projection = "max") -> FloatMap:
    """2D map float32 (H, W), non-negative, from the sequence (Section 3.2 and Appendix B of the paper).

    `max` and `mean`: largest and mean absolute difference to the unshifted reconstruction; `minmax`: absolute
    difference between the two ends; `sliding`: mean absolute difference between neighbours.
    """
    frames = counterfactual.frames
    difference = np.abs(frames - frames[counterfactual.zero])
    if projection == "max":
        projected = difference.max(axis=0)
    elif projection == "mean":
        projected = difference.mean(axis=0)
    elif projection == "minmax":
        projected = np.abs(frames[0] - frames[-1])
    elif projection == "sliding":
        projected = np.abs(np.diff(frames, axis=0)).mean(axis=0)
    else:
        raise SettingsError(f"There is no projection '{projection}'; choose one of {', '.join(PROJECTIONS)}.")
    return np.asarray(projected, dtype=np.float32)


def latent_shift_map(classifier: Classifier, counterfactual: Counterfactual, projection: Projection) -> FloatMap:
    """`project`, refused where it would be blank (NoGradientError)."""
    projected = project(counterfactual, projection)
    check_maps(LATENT_SHIFT, classifier, torch.from_numpy(projected)[None])
    return projected
