"""Classifiers by identifier, all with one interface: images in [-1024, 1024] to calibrated probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from explainer import xrv
from explainer.errors import InputError, PredictionError, SettingsError, TargetError, UnknownModelError, WeightsError
from explainer.networks import SmallDenseNet
from explainer.types import SCORINGS, Scoring
from explainer.weights import CLASSIFIER_FILE, Pair, find_pair, load_network, shipped_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

JFHEALTHCARE = "jfhealthcare"
IMAGE_DIMENSIONS = 4
#: Resampling and reconstruction overshoot a little; an image on another scale ([0, 1], [0, 255]) is off by far more.
RANGE_MARGIN = 0.5


class Classifier(nn.Module):
    """A frozen network with its calibration.

    `clf(x)` takes float32 (N, 1, `input_size`, `input_size`) in `input_range` and returns float32 (N, len(`targets`)):
    probabilities scaled piecewise linearly so that 0.5 is the operating point, as TorchXRayVision's `op_norm` does.
    With `scoring="paper"` the sigmoid of those. Raises InputError for tensors of another shape or type and
    PredictionError if the network returns NaN.
    """

    operating_points: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        identifier: str,
        targets: Sequence[str],
        operating_points: Sequence[float],
        input_size: int = 224,
        input_range: tuple[float, float] = (-1024.0, 1024.0),
        weights_sha256: str = "",
        scoring: Scoring = "calibrated",
    ) -> None:
        super().__init__()
        if len(operating_points) != len(targets) or not all(0 < point < 1 for point in operating_points):
            raise WeightsError(
                f"{identifier} needs one operating point between 0 and 1 for each of its {len(targets)} targets."
            )
        if scoring not in SCORINGS:
            raise SettingsError(f"There is no scoring '{scoring}'; choose one of {', '.join(SCORINGS)}.")
        self.network = network
        self.id = identifier
        self.targets = tuple(targets)
        self.input_size = input_size
        self.input_range = input_range
        self.weights_sha256 = weights_sha256
        self.scoring = scoring
        self.register_buffer("operating_points", torch.tensor(operating_points, dtype=torch.float32), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.ReLU):
                # Same values, and hooks see the input that the ReLU saw.
                module.inplace = False
        # A fifth faster on the CPU with one-channel images, and no slower anywhere.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks this form
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

    def check_input(self, x: Tensor) -> None:
        """Raise InputError unless `x` is a batch of images of the right size, type and scale, all finite."""
        self._check_shape(x)
        low, high = self.input_range
        margin = (high - low) * RANGE_MARGIN
        if not torch.isfinite(x).all() or x.min() < low - margin or x.max() > high + margin:
            raise InputError(f"{self.id} takes finite values in [{low:g}, {high:g}], not [{x.min():g}, {x.max():g}].")

    def _check_shape(self, x: Tensor) -> None:
        size = self.input_size
        if x.dim() != IMAGE_DIMENSIONS or tuple(x.shape[1:]) != (1, size, size) or not x.is_floating_point():
            raise InputError(f"{self.id} takes float images of shape (N, 1, {size}, {size}), not {_describe(x)}.")

    def forward(self, x: Tensor) -> Tensor:
        self._check_shape(x)
        probability = torch.sigmoid(self.network(x))
        if probability.dim() != 2 or probability.shape[1] != len(self.targets):
            raise PredictionError(f"{self.id} returned {_describe(probability)} for {len(self.targets)} targets.")
        score = calibrate(probability, self.operating_points)
        return torch.sigmoid(score) if self.scoring == "paper" else score


def _describe(x: Tensor) -> str:
    return f"{str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"


def calibrate(probability: Tensor, operating_points: Tensor) -> Tensor:
    """Piecewise linear map of [0, 1] onto itself that puts each operating point at 0.5 (TorchXRayVision's op_norm)."""
    below = probability / (2 * operating_points)
    above = 1 - (1 - probability) / (2 * (1 - operating_points))
    return torch.where(probability < operating_points, below, above)


def classifier_ids() -> tuple[str, ...]:
    """Identifiers that `load_classifier` knows, besides paths of pair folders."""
    return (*shipped_pairs(), *xrv.RELEASED, JFHEALTHCARE)


def load_classifier(id_or_path: str, device: str = "cpu", *, scoring: Scoring = "calibrated") -> Classifier:
    """Classifier by identifier (see `classifier_ids`) or path of a pair folder, ready for inference on `device`.

    Raises UnknownModelError for an unknown identifier and WeightsError if weights are absent, damaged or exchanged.
    """
    if id_or_path in xrv.RELEASED or id_or_path == JFHEALTHCARE:
        loaded = xrv.load_jfhealthcare() if id_or_path == JFHEALTHCARE else xrv.load_released(id_or_path)
        classifier = Classifier(
            loaded.logits,
            identifier=id_or_path,
            targets=loaded.targets,
            operating_points=loaded.operating_points,
            input_size=loaded.input_size,
            weights_sha256=loaded.weights_sha256,
            scoring=scoring,
        )
    else:
        try:
            pair = find_pair(id_or_path)
        except UnknownModelError as error:
            known = ", ".join(classifier_ids())
            raise UnknownModelError(
                f"There is no classifier '{id_or_path}'. Known: {known}, or the path of a pair folder."
            ) from error
        classifier = _from_pair(pair, scoring)
    return classifier.to(device)


def _from_pair(pair: Pair, scoring: Scoring) -> Classifier:
    described = pair.metadata["classifier"]
    network, digest = load_network(pair, "classifier", CLASSIFIER_FILE, SmallDenseNet)
    low, high = pair.metadata["input_range"]
    return Classifier(
        network,
        identifier=pair.id,
        targets=described["targets"],
        operating_points=described["operating_points"],
        input_size=int(pair.metadata["input_size"]),
        input_range=(float(low), float(high)),
        weights_sha256=digest,
        scoring=scoring,
    )
