"""Latent Shift: counterfactual images along the gradient of the prediction in an autoencoder's latent space.

z = E(x); g = d f(D(z)) / dz; x'(lambda) = D(z + lambda g). The range of lambda is searched until the prediction has
dropped by `drop` and risen by `rise` from that of the unshifted reconstruction; the images over that range are the
counterfactual, and their difference to the reconstruction is the attribution map (Cohen et al. 2021).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explainer.batching import Batches
from explainer.catalogue.methods.latent_shift import (
    METHOD,
    PROJECTIONS,
    PUBLISHED_BOUND,
    SEARCHES_BY_CODE,
    LatentShiftSettings,
    Projection,
)
from explainer.errors import NoGradientError, PredictionError, SettingsError
from explainer.methods.base import Models, check_fit, check_maps, check_targets
from explainer.methods.lambda_search import (
    FIXED,
    Goal,
    Measured,
    Search,
    Side,
    code_steps,
    equal_steps,
    overlooked,
    published_search,
    search_side,
)
from explainer.methods.latent_line import LatentLine, Names
from explainer.types import Counterfactual, FloatMap, MethodResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explainer.autoencoders import Autoencoder
    from explainer.classifiers import Classifier
    from explainer.methods.latent_line import Measurement

#: Parts into which the paper's code divides the range of lambda.
_CODE_PARTS = 10
#: Steps between the numbers that a prediction can have which a drop or rise has to be worth at least.
_RESOLVED = 4
#: Where the number of frames on a side is rounded up: a little below a half.
_TIE = 0.51
#: How often the frames may show that the search has overlooked an earlier end.
_SWEEPS = 4
_DOWN, _UP = -1, 1
#: One side of one case.
_Key = tuple[int, int]


def latent_shift(
    classifier: Classifier,
    autoencoder: Autoencoder,
    images: Tensor,
    targets: Tensor,
    settings: LatentShiftSettings | None = None,
    *,
    batches: Batches | None = None,
) -> list[Counterfactual]:
    """Counterfactual of each image (N, 1, H, W) for its target column (N,), with frames (F, H, W).

    All images and many lambdas go through decoder and classifier together, as many as `batches` says. Raises InputError
    if the models do not fit each other or the images, NoGradientError if a prediction does not depend on the latent,
    PredictionError for NaN.
    """
    check_fit(classifier, autoencoder)
    check_targets(classifier, images, targets)

    def predict(shifted: Tensor, cases: Tensor) -> Tensor:
        predictions: Tensor = classifier(shifted)
        return predictions.gather(1, targets[cases, None])[:, 0]

    line = LatentLine(
        autoencoder,
        predict,
        images,
        batches=batches or Batches.for_device(images.device, images.shape[-1]),
        names=Names(classifier.id, autoencoder.id),
    )
    low, high = classifier.input_range
    found = counterfactuals(line, settings or LatentShiftSettings(), [high - low] * len(images), limits=(0.0, 1.0))
    return [replace(one, frames=one.frames[:, 0]) for one in found]


def counterfactuals(
    line: LatentLine, settings: LatentShiftSettings, spans: Sequence[float], *, limits: tuple[float, float]
) -> list[Counterfactual]:
    """Search the range of lambda of every case on a line and look along it; frames are (F, C, H, W).

    `spans`: width of each image's range, of which `max_image_change` is a fraction. `limits`: the lowest and the
    highest prediction that there can be.
    """
    _check_resolution(line, settings)
    search = _RangeSearch(line, settings, spans, limits)
    searches, cases = search.start(), list(range(len(line.start)))
    made: dict[int, Counterfactual] = {}
    for _ in range(_SWEEPS):
        search.run(searches)
        seen = {}
        for case, (sequence, frames) in _sweep(line, settings, search.sides, cases).items():
            made[case], seen[case] = sequence, frames
        searches = search.overlooked(seen)
        cases = sorted({case for case, _ in searches})
        if not cases:
            break
    return [replace(made[case], evaluations=line.evaluations[case]) for case in sorted(made)]


def _check_resolution(line: LatentLine, settings: LatentShiftSettings) -> None:
    """Raise PredictionError where a prediction is so large that its number type cannot show the change looked for."""
    drop, rise = settings.goals
    searched = [
        (name, wanted)
        for name, wanted, end in (("drop", drop, settings.lower), ("rise", rise, settings.upper))
        if end is None
    ]
    for start, resolution in zip(line.start, line.resolution, strict=True):
        for name, wanted in searched:
            if wanted < _RESOLVED * resolution:
                raise PredictionError(
                    f"The prediction is {start:g}, where the next number of its type is {resolution:g} away: a {name} "
                    f"of {wanted:g} cannot be seen. Explain a probability, or choose {name} in the output's units."
                )


class _RangeSearch:
    """Both sides of every case; each round of all searches is one pool of images."""

    def __init__(
        self, line: LatentLine, settings: LatentShiftSettings, spans: Sequence[float], limits: tuple[float, float]
    ) -> None:
        self._line, self._settings, self._spans = line, settings, spans
        self._goals: dict[_Key, Goal] = {}
        self.sides: dict[_Key, Side] = {}
        drop, rise = settings.goals
        for case, start in enumerate(line.start):
            for sign, wanted, room in ((_DOWN, drop, start - limits[0]), (_UP, rise, limits[1] - start)):
                self._goals[case, sign] = Goal(
                    progress=wanted,
                    room=room,
                    tolerance=settings.tolerance,
                    turn=settings.turn,
                    max_change=settings.max_image_change,
                    max_distance=self._bound(case),
                )

    def _bound(self, case: int) -> float:
        settings, line = self._settings, self._line
        if settings.max_lambda is not None:
            return settings.max_lambda
        if settings.search == "paper":
            return PUBLISHED_BOUND
        return settings.max_latent_change * max(line.latent_norms[case], 1e-12) / line.gradient_norms[case]

    def start(self) -> dict[_Key, Search]:
        """A search for every side whose end is not given."""
        ends = {_DOWN: self._settings.lower, _UP: self._settings.upper}
        searches: dict[_Key, Search] = {}
        for key in self._goals:
            end = ends[key[1]]
            if end is not None:
                self.sides[key] = Side(abs(end), FIXED, ())
            else:
                searches[key] = self._search(key)
        return searches

    def _search(self, key: _Key, known: Sequence[Measured] = ()) -> Search:
        goal = self._goals[key]
        if self._settings.search == "paper":
            return published_search(goal, equal_steps(self._settings.step))
        if self._settings.search in SEARCHES_BY_CODE:
            return published_search(goal, code_steps(self._settings.step))
        # To first order the prediction moves by |g|^2 per unit of lambda, whatever the decoder's scale.
        return search_side(goal, goal.progress / self._line.gradient_norms[key[0]] ** 2, known)

    def run(self, searches: Mapping[_Key, Search]) -> None:
        """Carry searches to their ends."""
        asked = {key: next(search) for key, search in searches.items()}
        while asked:
            points = [(key, distance) for key, distances in asked.items() for distance in distances]
            measured = self._line.measure([(case, sign * distance) for (case, sign), distance in points])
            answers: dict[_Key, list[Measured]] = {key: [] for key in asked}
            for (key, distance), found in zip(points, measured, strict=True):
                answers[key].append(self._measured(key, distance, found))
            asked = {}
            for key, answer in answers.items():
                try:
                    asked[key] = searches[key].send(answer)
                except StopIteration as stop:
                    self.sides[key] = stop.value

    def _measured(self, key: _Key, distance: float, found: Measurement) -> Measured:
        case, sign = key
        return Measured(distance, sign * (found.prediction - self._line.start[case]), found.change / self._spans[case])

    def overlooked(self, seen: Mapping[int, Sequence[tuple[float, Measurement]]]) -> dict[_Key, Search]:
        """New searches for the sides of which frames (lambda, measurement) show that they ended too late."""
        searches = {}
        for case, frames in seen.items():
            for sign in (_DOWN, _UP):
                key = (case, sign)
                side, goal = self.sides[key], self._goals[key]
                found = [self._measured(key, sign * value, one) for value, one in frames if sign * value > 0]
                if side.points and self._settings.search == "adaptive" and overlooked(side, goal, found):
                    searches[key] = self._search(key, (*side.points, *found))
        return searches


def _sweep(
    line: LatentLine, settings: LatentShiftSettings, sides: Mapping[_Key, Side], cases: Sequence[int]
) -> dict[int, tuple[Counterfactual, list[tuple[float, Measurement]]]]:
    """The frames of cases between the ends of their sides, and what was measured at each but the reconstruction."""
    for case in cases:
        if sides[case, _DOWN].distance == sides[case, _UP].distance == 0:
            raise NoGradientError(line.unmoved)
    spaced = {case: _lambdas(-sides[case, _DOWN].distance, sides[case, _UP].distance, settings) for case in cases}
    points = [(case, value) for case in cases for value in spaced[case][0] if value != 0]
    images, measured = line.images(points)
    reconstructions = line.reconstructions.float().cpu().numpy()
    made, start = {}, 0
    for case in cases:
        lambdas, zero = spaced[case]
        stop = start + len(lambdas) - 1
        seen = [(value, found) for (_, value), found in zip(points[start:stop], measured[start:stop], strict=True)]
        predictions = [found.prediction for _, found in seen]
        # The reconstruction itself was decoded at the start.
        sequence = Counterfactual(
            lambdas=tuple(lambdas),
            predictions=(*predictions[:zero], line.start[case], *predictions[zero:]),
            frames=np.concatenate(
                [images[start : start + zero], reconstructions[case, None], images[start + zero : stop]]
            ),
            zero=zero,
            stop_reason={"lower": sides[case, _DOWN].reason, "upper": sides[case, _UP].reason},
            evaluations=line.evaluations[case],
        )
        made[case] = sequence, seen
        start = stop
    return made


def _lambdas(lower: float, upper: float, settings: LatentShiftSettings) -> tuple[list[float], int]:
    """The lambdas of the frames, with 0 among them, and the index of 0."""
    if settings.frames is not None:
        return spaced_lambdas(lower, upper, settings.frames)
    # Until March 2021 the code went a little beyond the upper end; from June on it ended before 0.
    stop = upper if settings.search == "published-2021-06" else upper + 1
    width = (upper - lower) / _CODE_PARTS
    found = [float(value) for value in np.arange(lower, stop, width)]
    # A sum of steps misses the 0 that it means by a rounding error.
    others = [value for value in found if abs(value) > width * 1e-6]
    return sorted([*others, 0.0]), sum(value < 0 for value in others)


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
        # Sides of equal length, as bounds make them, must not be told apart by their last digits: no tie at a half.
        below = min(max(math.floor(steps * -lower / (upper - lower) + _TIE), 1), steps - 1)
    left = [lower * (below - i) / below for i in range(below)]
    right = [upper * (i + 1) / (steps - below) for i in range(steps - below)]
    return [*left, 0.0, *right], below


def project(counterfactual: Counterfactual, projection: Projection = "max") -> FloatMap:
    """2D map float32 (H, W), non-negative, from the sequence (Section 3.2 and Appendix B of the paper).

    `max` and `mean`: largest and mean absolute difference to the unshifted reconstruction; `minmax`: absolute
    difference between the two ends; `sliding`: mean absolute difference between neighbours. `published`: absolute
    difference of the reconstruction and the image at the lowest lambda, which the paper's code computed as its `max`.
    """
    frames = counterfactual.frames
    difference = np.abs(frames - frames[counterfactual.zero])
    if projection == "max":
        projected = difference.max(axis=0)
    elif projection == "mean":
        projected = difference.mean(axis=0)
    elif projection == "minmax":
        projected = np.abs(frames[0] - frames[-1])
    elif projection == "published":
        projected = difference[0]
    elif projection == "sliding":
        projected = np.abs(np.diff(frames, axis=0)).mean(axis=0)
    else:
        raise SettingsError(f"There is no projection '{projection}'; choose one of {', '.join(PROJECTIONS)}.")
    return np.asarray(projected, dtype=np.float32)


def latent_shift_map(classifier: Classifier, counterfactual: Counterfactual, projection: Projection) -> FloatMap:
    """`project`, refused where it would be blank (NoGradientError)."""
    projected = project(counterfactual, projection)
    check_maps(METHOD.key, classifier, torch.from_numpy(projected)[None])
    return projected


def compute(models: Models, images: Tensor, targets: Tensor, settings: LatentShiftSettings) -> list[MethodResult]:
    """Map and counterfactual of each image. Raises SettingsError without an autoencoder."""
    if models.autoencoder is None:
        raise SettingsError(METHOD.without_autoencoder)
    found = latent_shift(models.classifier, models.autoencoder, images, targets, settings, batches=models.batches)
    return [
        MethodResult(map=latent_shift_map(models.classifier, one, settings.projection), counterfactual=one)
        for one in found
    ]
