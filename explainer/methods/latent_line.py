"""x'(lambda) = D(z + lambda g): images along the gradient of a prediction in a latent space, many cases at a time.

Nothing here knows what a classifier's targets are or how lambda is chosen: `predict` gives one number per image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from explainer.batching import Batches, in_batches
from explainer.errors import InputError, NoGradientError, PredictionError
from explainer.methods.outputs import only_tensor
from explainer.types import FloatMap

#: Images (B, C, H, W) and the number of the case that each belongs to (B,) -> one prediction each (B,).
Predict = Callable[[Tensor, Tensor], Tensor]
#: A case by its number, and a lambda.
Point = tuple[int, float]


class EncoderDecoder(Protocol):
    """What Latent Shift needs of an autoencoder; `decode` must be differentiable.

    Each returns a tensor, or anything in which `explainer.methods.outputs.only_tensor` finds one.
    """

    def encode(self, x: Tensor, /) -> Any:
        """Latents (N, ...) of images (N, C, H, W)."""

    def decode(self, z: Tensor, /) -> Any:
        """Images (N, C, H, W) of latents (N, ...)."""


@dataclass(frozen=True)
class Names:
    """What errors call the two models."""

    model: str
    autoencoder: str


@dataclass(frozen=True)
class Measurement:
    """Prediction at a point of the line, and mean absolute difference of its image to the reconstruction."""

    prediction: float
    change: float


class LatentLine:
    """The line of every image: where it starts, which way it goes, and what is to be seen along it.

    `images` (N, C, H, W). Raises InputError if the decoder's images have another shape, NoGradientError if a
    prediction does not depend on the latent, PredictionError for NaN.
    """

    def __init__(
        self, autoencoder: EncoderDecoder, predict: Predict, images: Tensor, *, batches: Batches, names: Names
    ) -> None:
        self._autoencoder, self._predict, self._batches, self._names = autoencoder, predict, batches, names
        started = [
            start for _, start in in_batches(len(images), batches.gradient, lambda part: self._start(images, part))
        ]
        self._z, self._g, self.reconstructions, predictions = (torch.cat(parts) for parts in zip(*started, strict=True))
        #: Predictions of the unshifted reconstructions, and Euclidean norms of g and z, by case.
        self.start: list[float] = predictions.double().tolist()
        #: Distance to the next number that a prediction of this type and size can have, by case.
        self.resolution: list[float] = (predictions.double().abs() * torch.finfo(predictions.dtype).eps).tolist()
        self.gradient_norms: list[float] = self._g.flatten(1).double().norm(dim=1).tolist()
        self.latent_norms: list[float] = self._z.flatten(1).double().norm(dim=1).tolist()
        #: How many images have been decoded and classified, by case.
        self.evaluations = [1] * len(images)
        self._check_start()

    def _start(self, images: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        chunk = images[part]
        with torch.no_grad():
            z = only_tensor(self._autoencoder.encode(chunk), len(chunk), f"encode of {self._names.autoencoder}")
        if len(z) != len(chunk):
            raise InputError(
                f"{self._names.autoencoder} makes {len(z)} latents of {len(chunk)} images; each image needs one."
            )
        # A clone of what was made in inference mode is an ordinary tensor.
        z = z.detach().clone().requires_grad_()
        with torch.enable_grad():
            decoded = self._decode(z)
            if decoded.shape != chunk.shape:
                raise InputError(
                    f"{self._names.autoencoder} makes images of shape {tuple(decoded.shape[1:])} from images of shape "
                    f"{tuple(chunk.shape[1:])}: choose an autoencoder for images of this size."
                )
            if not decoded.requires_grad:
                raise NoGradientError(
                    f"decode of {self._names.autoencoder} passes no gradient on: it runs under torch.no_grad or "
                    "inference_mode, detaches a tensor or leaves torch."
                )
            prediction = self._predict(decoded, torch.arange(part.start, part.stop, device=chunk.device))
            gradient = self._gradient(prediction, z)
        return z.detach(), gradient.detach(), decoded.detach(), prediction.detach()

    def _gradient(self, prediction: Tensor, z: Tensor) -> Tensor:
        gradient: Tensor | None = None
        if prediction.requires_grad:
            # Each prediction depends on its own latent only, so the sum's gradient holds every one's.
            (gradient,) = torch.autograd.grad(prediction.sum(), z, allow_unused=True)
        if gradient is None:
            raise NoGradientError(
                f"{self._names.model} is not differentiable with respect to the latent of {self._names.autoencoder}."
            )
        return gradient

    def _decode(self, z: Tensor) -> Tensor:
        return only_tensor(self._autoencoder.decode(z), len(z), f"decode of {self._names.autoencoder}")

    def _check_start(self) -> None:
        for prediction, norm in zip(self.start, self.gradient_norms, strict=True):
            if not (math.isfinite(prediction) and math.isfinite(norm)):
                raise PredictionError(
                    f"{self._names.model} returns NaN for a reconstruction of {self._names.autoencoder}."
                )
            if norm == 0:
                raise NoGradientError(self.unmoved)

    @property
    def unmoved(self) -> str:
        """What is said of a case that has no counterfactual."""
        return f"The prediction of {self._names.model} does not change with the latent of {self._names.autoencoder}."

    def measure(self, points: Sequence[Point]) -> list[Measurement]:
        """What is found at each point."""
        measured: list[Measurement] = []
        for _, (_, found) in self._evaluated(points):
            measured += found
        return measured

    def images(self, points: Sequence[Point]) -> tuple[FloatMap, list[Measurement]]:
        """Images float32 (P, C, H, W) of the points, and what is found there."""
        frames = np.empty((len(points), *self.reconstructions.shape[1:]), dtype=np.float32)
        measured: list[Measurement] = []
        for part, (shifted, found) in self._evaluated(points):
            frames[part] = shifted.float().cpu().numpy()
            measured += found
        return frames, measured

    def _evaluated(self, points: Sequence[Point]) -> Iterator[tuple[slice, tuple[Tensor, list[Measurement]]]]:
        for case, _ in points:
            self.evaluations[case] += 1
        return in_batches(len(points), self._batches.forward, lambda part: self._evaluate(points[part]))

    @torch.no_grad()
    def _evaluate(self, points: Sequence[Point]) -> tuple[Tensor, list[Measurement]]:
        device = self._z.device
        cases = torch.tensor([case for case, _ in points], device=device)
        weights = torch.tensor([value for _, value in points], dtype=self._z.dtype, device=device)
        shifted = self._decode(self._z[cases] + weights.reshape(-1, *[1] * (self._z.dim() - 1)) * self._g[cases])
        predictions = self._predict(shifted, cases).double()
        differences = (shifted - self.reconstructions[cases]).abs().flatten(1)
        # The mean of half-precision numbers is taken in single.
        changes = differences.mean(dim=1, dtype=torch.promote_types(differences.dtype, torch.float32)).double()
        # One transfer from the device for both.
        numbers = torch.stack([predictions, changes]).T.tolist()
        if not all(math.isfinite(value) for pair in numbers for value in pair):
            raise PredictionError(f"{self._names.model} returns NaN for a shifted image of {self._names.autoencoder}.")
        return shifted, [Measurement(prediction, change) for prediction, change in numbers]
