"""A classifier: images in its range to calibrated probabilities, whatever network is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from explainer.catalogue.models.descriptions import OUTPUTS, Output
from explainer.catalogue.parameters import SCORINGS, Scoring
from explainer.errors import (
    InputError,
    ModelDescriptionError,
    PredictionError,
    SettingsError,
    TargetError,
)
from explainer.graphs import to_channels_last, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE_DIMENSIONS = 4
#: How far a probability may lie outside [0, 1] by rounding alone.
_ROUNDING = 1e-4


class Classifier(nn.Module):
    """A frozen network with its calibration.

    `clf(x)` takes float32 (N, 1, `input_size`, `input_size`) in `input_range` and returns float32 (N, len(`targets`)):
    probabilities scaled piecewise linearly so that 0.5 is the operating point, as TorchXRayVision's `op_norm` does;
    without `operating_points` they are as the network makes them. With `scoring="paper"` the sigmoid of those.

    `network` is any module that takes such images and returns (N, len(`targets`)) as `output` says. The classifier
    takes it over: it is put into evaluation mode, and its weights are frozen. Raises InputError for tensors of another
    shape or type, and PredictionError if the network returns another shape, NaN, or no probabilities where `output`
    says that it does.
    """

    operating_points: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        identifier: str,
        targets: Sequence[str],
        operating_points: Sequence[float] | None = None,
        input_size: int = 224,
        input_range: tuple[float, float] = (-1024.0, 1024.0),
        output: Output = "logits",
        weights_sha256: str = "",
        scoring: Scoring = "calibrated",
    ) -> None:
        super().__init__()
        points = [0.5] * len(targets) if operating_points is None else list(operating_points)
        if not targets or len(points) != len(targets) or not all(0 < point < 1 for point in points):
            raise ModelDescriptionError(
                f"{identifier} needs one operating point between 0 and 1 for each of its {len(targets)} targets."
            )
        if output not in OUTPUTS:
            raise ModelDescriptionError(f"{identifier} cannot return '{output}'; choose one of {', '.join(OUTPUTS)}.")
        if scoring not in SCORINGS:
            raise SettingsError(f"There is no scoring '{scoring}'; choose one of {', '.join(SCORINGS)}.")
        self.network = wrapped(network, identifier)
        self.id = identifier
        self.targets = tuple(targets)
        self.input_size = input_size
        self.input_range = input_range
        self.output: Output = output
        self.weights_sha256 = weights_sha256
        self.scoring = scoring
        self.register_buffer("operating_points", torch.tensor(points, dtype=torch.float32), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.ReLU):
                # Same values, and hooks see the input that the ReLU saw.
                module.inplace = False
        # A fifth faster on the CPU with one-channel images, and no slower anywhere.
        to_channels_last(self.network)
        # Explanations differentiate images and latents only; without this the weights' gradients cost a third more.
        self.requires_grad_(requires_grad=False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.operating_points.device

    def index(self, target: str) -> int:
        """Column of a target. Raises TargetError."""
        if target not in self.targets:
            raise TargetError(f"{self.id} does not predict '{target}'; it predicts {', '.join(self.targets)}.")
        return self.targets.index(target)

    def _check_shape(self, x: Tensor) -> None:
        size = self.input_size
        if x.dim() != IMAGE_DIMENSIONS or tuple(x.shape[1:]) != (1, size, size) or not x.is_floating_point():
            raise InputError(f"{self.id} takes float images of shape (N, 1, {size}, {size}), not {_describe(x)}.")

    def forward(self, x: Tensor) -> Tensor:
        self._check_shape(x)
        probability = self._probability(self.network(x), len(x))
        score = calibrate(probability, self.operating_points)
        return torch.sigmoid(score) if self.scoring == "paper" else score

    def _probability(self, returned: Any, count: int) -> Tensor:
        wanted = (count, len(self.targets))
        if not isinstance(returned, Tensor) or tuple(returned.shape) != wanted:
            found = _describe(returned) if isinstance(returned, Tensor) else type(returned).__name__
            raise PredictionError(f"{self.id} returned {found} and not {wanted}, for {wanted[1]} targets.")
        if self.output == "softmax":
            probability = torch.softmax(returned, dim=1)
        else:
            probability = returned if self.output == "probabilities" else torch.sigmoid(returned)
        # Also false for NaN. A program that is being compiled has no values yet.
        if not torch.compiler.is_compiling() and not _within(probability, -_ROUNDING, 1 + _ROUNDING):
            raise PredictionError(self._complaint(probability))
        return probability

    def _complaint(self, probability: Tensor) -> str:
        bad = int((~torch.isfinite(probability)).any(dim=1).sum())
        if bad:
            return (
                f"The output of {self.id} is not finite (NaN) for {bad} of {len(probability)} images: its weights are "
                "damaged, or it cannot cope with these images."
            )
        return (
            f"{self.id} returned values in [{probability.min():g}, {probability.max():g}], which are no probabilities: "
            'if these are logits, say output = "logits" or "softmax".'
        )


def _within(values: Tensor, low: float, high: float) -> bool:
    return bool(((values >= low) & (values <= high)).all())


def _describe(x: Tensor) -> str:
    return f"{str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"


def calibrate(probability: Tensor, operating_points: Tensor) -> Tensor:
    """Piecewise linear map of [0, 1] onto itself that puts each operating point at 0.5 (TorchXRayVision's op_norm)."""
    below = probability / (2 * operating_points)
    above = 1 - (1 - probability) / (2 * (1 - operating_points))
    return torch.where(probability < operating_points, below, above)
