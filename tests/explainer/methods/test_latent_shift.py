"""Latent Shift on models where the right lambda is known in closed form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer.batching import Batches
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.errors import InputError, NoGradientError, PredictionError, SettingsError
from explainer.methods.latent_shift import latent_shift, project, spaced_lambdas
from explainer.types import Counterfactual
from tests.explainer.models import SIZE, Identity, Linear, autoencoder_of, classifier_of, seeded

if TYPE_CHECKING:
    from explainer.autoencoders import Autoencoder
    from explainer.classifiers import Classifier

FIRST = torch.tensor([0])


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def linear_case(start: float, *, scale: float = 1.0) -> tuple[Classifier, Autoencoder, Tensor, Tensor]:
    """Classifier, identity autoencoder and image, with the prediction `start` for the image."""
    weights = seeded(1, SIZE * SIZE) / 1000
    x = seeded(1, 1, SIZE, SIZE, seed=1) * 300
    bias = logit(start) - float(x.flatten() @ weights[0])
    return classifier_of(Linear(weights, bias)), autoencoder_of(Identity(scale)), x, weights[0]


def shift(models: tuple[Classifier, Autoencoder, Tensor, Tensor], **settings: Any) -> Counterfactual:
    classifier, autoencoder, x, _ = models
    return latent_shift(classifier, autoencoder, x, FIRST, LatentShiftSettings(**settings))[0]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize(
    ("start", "drop", "rise"), [(0.8, 0.30, 0.05), (0.55, 0.30, 0.05), (0.7, 0.5, 0.2), (0.95, 0.3, 0.02)]
)
def test_the_range_is_that_of_the_closed_form_for_any_scale_of_the_latent(
    start: float, drop: float, rise: float, scale: float
) -> None:
    models = linear_case(start, scale=scale)
    result = shift(models, drop=drop, rise=rise, max_latent_change=1e6, max_image_change=10)
    # logit(lambda) = logit(start) + lambda |g|^2 / p', with g = p' w / (d z / d x) and p' = start (1 - start).
    slope = start * (1 - start) * float((models[3].double() * scale).square().sum())
    lower = (logit(start - drop) - logit(start)) / slope
    upper = (logit(start + rise) - logit(start)) / slope
    assert result.stop_reason == {"lower": "reached", "upper": "reached"}
    assert result.predictions[0] == pytest.approx(start - drop, abs=0.01)
    assert result.predictions[-1] == pytest.approx(start + rise, abs=0.01)
    assert result.lambdas[0] == pytest.approx(lower, rel=0.1)
    assert result.lambdas[-1] == pytest.approx(upper, rel=0.5)
    for value, prediction in zip(result.lambdas, result.predictions, strict=True):
        assert prediction == pytest.approx(1 / (1 + math.exp(-logit(start) - value * slope)), abs=1e-4)


def test_frames_are_the_decoded_shifts_and_lambda_zero_is_the_reconstruction() -> None:
    classifier, autoencoder, x, weights = linear_case(0.7)
    result = latent_shift(classifier, autoencoder, x, FIRST)[0]
    assert len(result.lambdas) == 24
    assert result.lambdas[result.zero] == 0
    np.testing.assert_array_equal(result.frames[result.zero], x[0, 0].numpy())
    gradient = (0.7 * 0.3 * weights).reshape(SIZE, SIZE).numpy()
    for value, frame in zip(result.lambdas, result.frames, strict=True):
        np.testing.assert_allclose(frame, x[0, 0].numpy() + value * gradient, rtol=1e-4, atol=0.05)


def test_the_search_takes_few_evaluations() -> None:
    result = shift(linear_case(0.7))
    # The paper's stepping takes up to a hundred for one side alone.
    assert result.evaluations - len(result.lambdas) < 60


class Valley(nn.Module):
    """Logit that falls to a minimum and rises again along its gradient."""

    def __init__(self, x: Tensor, turn_at: float) -> None:
        super().__init__()
        self.register_buffer("x", x.flatten())
        self.turn_at = turn_at

    def forward(self, x: Tensor) -> Tensor:
        along = (x.flatten(1) - self.get_buffer("x")).sum(1) / 1000
        return ((along + self.turn_at) ** 2)[:, None]


def test_the_search_stops_where_the_prediction_turns() -> None:
    x = seeded(1, 1, SIZE, SIZE) * 300
    turn_at = 0.9
    classifier, autoencoder = classifier_of(Valley(x, turn_at)), autoencoder_of(Identity())
    result = latent_shift(classifier, autoencoder, x, FIRST, LatentShiftSettings(drop=0.4, max_image_change=10))[0]
    assert result.stop_reason["lower"] == "turned"
    # sigmoid(0) is the lowest that this network can give.
    assert result.predictions[0] == pytest.approx(0.5, abs=0.002)
    assert result.stop_reason["upper"] == "reached"


def test_the_search_stops_where_the_prediction_saturates() -> None:
    result = shift(linear_case(0.97), rise=0.2, max_latent_change=1e9, max_image_change=1e9)
    assert result.stop_reason == {"lower": "reached", "upper": "flat"}
    assert result.predictions[-1] > 0.98


def test_the_search_stops_at_the_largest_lambda() -> None:
    free = shift(linear_case(0.7))
    bounded = shift(linear_case(0.7), max_lambda=-free.lambdas[0] / 4)
    assert bounded.stop_reason["lower"] == "max_lambda"
    assert bounded.lambdas[0] == pytest.approx(free.lambdas[0] / 4)


def test_the_search_stops_where_the_image_changes_too_much() -> None:
    models = linear_case(0.7)
    free = shift(models)
    change = float(np.abs(free.frames[0] - free.frames[free.zero]).mean()) / 2048
    bounded = shift(models, max_image_change=change / 3)
    assert bounded.stop_reason["lower"] == "image_change"
    reached = float(np.abs(bounded.frames[0] - bounded.frames[bounded.zero]).mean()) / 2048
    assert 0.9 * change / 3 <= reached <= change / 3


def test_a_case_alone_has_the_result_that_it_has_among_others() -> None:
    weights = seeded(2, SIZE * SIZE) / 1000
    classifier, autoencoder = classifier_of(Linear(weights, 0.3), targets=2), autoencoder_of(Identity())
    x = seeded(5, 1, SIZE, SIZE, seed=2) * 200
    targets = torch.tensor([0, 1, 1, 0, 1])
    together = latent_shift(classifier, autoencoder, x, targets, LatentShiftSettings(), batches=Batches.of(7))
    for i, result in enumerate(together):
        alone = latent_shift(classifier, autoencoder, x[i : i + 1], targets[i : i + 1])[0]
        np.testing.assert_allclose(result.lambdas, alone.lambdas, rtol=1e-4)
        np.testing.assert_allclose(result.frames, alone.frames, rtol=1e-4, atol=0.05)
        assert result.stop_reason == alone.stop_reason


def test_a_classifier_that_ignores_the_latent_is_refused() -> None:
    class Blind(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).sum(1, keepdim=True) * 0

    with pytest.raises(NoGradientError, match="does not change with the latent"):
        latent_shift(classifier_of(Blind()), autoencoder_of(Identity()), seeded(1, 1, SIZE, SIZE), FIRST)


def test_an_autoencoder_that_returns_nan_is_refused() -> None:
    class Broken(Identity):
        def decode(self, z: Tensor) -> Tensor:
            return z * float("nan")

    models = linear_case(0.7)
    with pytest.raises(PredictionError, match="NaN"):
        latent_shift(models[0], autoencoder_of(Broken()), models[2], FIRST)


def test_an_autoencoder_of_another_size_is_refused() -> None:
    models = linear_case(0.7)
    with pytest.raises(InputError, match="makes images of 16 px"):
        latent_shift(models[0], autoencoder_of(Identity(), size=16), models[2], FIRST)


@pytest.mark.parametrize(
    "settings", [{"drop": 0}, {"rise": -1}, {"frames": 2}, {"projection": "median"}, {"tolerance": math.nan}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        LatentShiftSettings(**settings)  # type: ignore[arg-type]


def sequence(frames: list[list[float]], zero: int) -> Counterfactual:
    array = np.array(frames, dtype=np.float32)[:, None, :]
    values = tuple(float(i - zero) for i in range(len(frames)))
    return Counterfactual(
        lambdas=values, predictions=values, frames=array, zero=zero, stop_reason={}, evaluations=len(frames)
    )


def test_projections_equal_their_definitions() -> None:
    made = sequence([[-3, 1, 0], [0, 0, 0], [1, 1, 0], [2, -5, 0]], zero=1)
    assert project(made, "max").tolist() == [[3, 5, 0]]
    assert project(made, "mean").tolist() == [[1.5, 1.75, 0]]
    assert project(made, "minmax").tolist() == [[5, 6, 0]]
    np.testing.assert_allclose(project(made, "sliding"), [[5 / 3, 8 / 3, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("lower", "upper", "zero"), [(-3.0, 1.0, 6), (-1.0, 0.0, 8), (0.0, 5.0, 0), (-1000.0, 0.1, 7), (-0.1, 90.0, 1)]
)
def test_lambdas_run_from_end_to_end_with_zero_among_them(lower: float, upper: float, zero: int) -> None:
    lambdas, index = spaced_lambdas(lower, upper, 9)
    assert (len(lambdas), index, lambdas[index]) == (9, zero, 0)
    assert (lambdas[0], lambdas[-1]) == (lower, upper)
    assert lambdas == sorted(set(lambdas))


def published_bounds(
    classifier: Classifier, autoencoder: Autoencoder, x: Tensor, drop: float, rise: float, step: int = 10
) -> list[int]:
    """Appendix C of the paper as a plain loop, downwards and then upwards."""
    z = autoencoder.encode(x).requires_grad_()
    (g,) = torch.autograd.grad(classifier(autoencoder.decode(z))[0, 0], z)

    def predict(value: float) -> float:
        with torch.no_grad():
            found: float = classifier(autoencoder.decode(z + value * g))[0, 0].item()
            return found

    initial = predict(0)
    bounds = []
    for sign, wanted in ((-1, drop), (1, rise)):
        bound, last = 0, initial
        while True:
            current = predict(bound)
            if (current - last) * sign < 0 or (current - initial) * sign > wanted or abs(bound) >= 100 * step:
                break
            last = current
            bound += sign * step
        bounds.append(bound)
    return bounds


@pytest.mark.parametrize(
    ("speed", "drop", "rise", "reasons"),
    [
        (20, 0.3, 0.05, ("reached", "reached")),
        (300, 0.3, 0.05, ("reached", "reached")),
        (9000, 0.3, 0.25, ("max_lambda", "max_lambda")),
        (40, 0.9, 0.25, ("max_lambda", "reached")),
    ],
)
def test_the_published_search_ends_where_the_published_loop_does(
    speed: float, drop: float, rise: float, reasons: tuple[str, str]
) -> None:
    weights = seeded(1, SIZE * SIZE)
    # |g|^2 = 1 / speed per unit of lambda, at a prediction of about 0.7.
    weights *= math.sqrt(1 / speed) / float(weights.norm()) / (0.7 * 0.3)
    x = seeded(1, 1, SIZE, SIZE, seed=1) * 300
    classifier = classifier_of(Linear(weights, logit(0.7) - float(x.flatten() @ weights[0])))
    autoencoder = autoencoder_of(Identity())
    settings = LatentShiftSettings(search="paper", drop=drop, rise=rise)
    found = latent_shift(classifier, autoencoder, x, FIRST, settings)[0]
    expected = published_bounds(classifier, autoencoder, x, drop, rise)
    assert [found.lambdas[0], found.lambdas[-1]] == expected
    assert (found.stop_reason["lower"], found.stop_reason["upper"]) == reasons


def test_the_published_search_ends_one_step_behind_the_turn() -> None:
    x = seeded(1, 1, SIZE, SIZE) * 300
    classifier, autoencoder = classifier_of(Valley(x, 0.9)), autoencoder_of(Identity())
    settings = LatentShiftSettings(search="paper", drop=0.4, step=2000, max_lambda=200_000)
    found = latent_shift(classifier, autoencoder, x, FIRST, settings)[0]
    assert found.stop_reason["lower"] == "turned"
    assert [found.lambdas[0], found.lambdas[-1]] == published_bounds(classifier, autoencoder, x, 0.4, 0.05, step=2000)


class Dip(nn.Module):
    """Logit that falls steadily along -1 but for one narrow rise, between the points of a doubling search."""

    def __init__(self, x: Tensor, at: float, width: float) -> None:
        super().__init__()
        self.register_buffer("x", x.flatten())
        self.at, self.width = at, width

    def forward(self, x: Tensor) -> Tensor:
        along = (x.flatten(1) - self.get_buffer("x")).mean(1) / 10
        return (0.8 + along + 1.5 * torch.exp(-(((along + self.at) / self.width) ** 2)))[:, None]


def test_a_rise_that_the_search_stepped_over_is_seen_in_the_frames_and_ends_the_side() -> None:
    x = seeded(1, 1, SIZE, SIZE) * 300
    classifier, autoencoder = classifier_of(Dip(x, at=0.62, width=0.08)), autoencoder_of(Identity())
    found = latent_shift(classifier, autoencoder, x, FIRST, LatentShiftSettings(max_image_change=10))[0]
    assert found.stop_reason["lower"] == "turned"
    predictions = np.array(found.predictions[: found.zero + 1])[::-1]
    # Nothing that is shown rises again by more than `turn`.
    assert (predictions - np.minimum.accumulate(predictions)).max() <= 0.01


def test_the_frames_cost_most_of_the_evaluations() -> None:
    result = shift(linear_case(0.7))
    assert result.evaluations <= len(result.lambdas) + 12


@pytest.mark.parametrize("ends", [{"lower": -40.0, "upper": 0.0}, {"lower": -3.0, "upper": 5.0}])
def test_given_ends_are_not_searched(ends: dict[str, float]) -> None:
    found = shift(linear_case(0.7), **ends)
    assert (found.lambdas[0], found.lambdas[-1]) == (ends["lower"], ends["upper"])
    assert found.stop_reason == {"lower": "fixed", "upper": "fixed"}
    assert found.evaluations == len(found.lambdas)


def test_one_given_end_leaves_the_other_to_the_search() -> None:
    found = shift(linear_case(0.7), upper=0)
    assert found.stop_reason == {"lower": "reached", "upper": "fixed"}
    assert (found.lambdas[-1], found.zero) == (0, len(found.lambdas) - 1)


class Wall(nn.Module):
    """Prediction whose gradient leads nowhere: beyond a hair's breadth it falls upwards and rises downwards."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.register_buffer("x", x.flatten())

    def forward(self, x: Tensor) -> Tensor:
        along = (x.flatten(1) - self.get_buffer("x")).sum(1)
        return (1e-6 * along - torch.tanh(along / 100) ** 3 * 3)[:, None]


def test_a_prediction_that_turns_at_once_on_both_sides_is_refused_and_not_drawn_blank() -> None:
    x = seeded(1, 1, SIZE, SIZE) * 300
    with pytest.raises(NoGradientError, match="does not change"):
        latent_shift(classifier_of(Wall(x)), autoencoder_of(Identity()), x, FIRST)


@pytest.mark.parametrize(
    "settings",
    [{"lower": 1.0}, {"upper": -1.0}, {"lower": 0, "upper": 0}, {"search": "guess"}, {"step": 0}, {"upper": math.inf}],
)
def test_ends_and_searches_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        LatentShiftSettings(**settings)  # type: ignore[arg-type]
