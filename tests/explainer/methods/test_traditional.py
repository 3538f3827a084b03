"""Input gradient, guided backprop and integrated gradients against answers worked out without captum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainer.batching import Batch
from explainer.classifiers import Classifier
from explainer.errors import GuidedBackpropError, InputError, NoGradientError, PredictionError, SettingsError
from explainer.methods.base import settings_from
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import IntegratedGradientsSettings, integrated_gradients
from explainer.networks import SmallDenseNet
from tests.explainer.models import CLASSIFIER, SIZE, Linear, classifier_of, seeded

FIRST = torch.tensor([0])
METHODS = [input_gradient, guided_backprop, integrated_gradients]


def images(count: int = 1, *, size: int = SIZE) -> Tensor:
    return seeded(count, 1, size, size, seed=3) * 300


class Rectified(nn.Module):
    """Logit = a . relu(W x), small enough to differentiate by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", seeded(6, SIZE * SIZE, seed=5) / 2000)
        self.register_buffer("a", torch.tensor([1.0, -2.0, 0.5, 1.5, -0.5, 2.0]))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return (self.relu(x.flatten(1) @ self.get_buffer("w").T) @ self.get_buffer("a"))[:, None]


class Functional(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        return (torch.relu(x.flatten(1) @ self.get_buffer("w").T) @ self.get_buffer("a"))[:, None]


class Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return (self.relu(x).flatten(1).sum(1) * 0 + self.value)[:, None]


class Detached(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


def small() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return classifier_of(SmallDenseNet(n_targets=2, **CLASSIFIER), targets=2, size=32)  # type: ignore[arg-type]


def hook_count(module: nn.Module) -> int:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, name)) for part in module.modules() for name in names)


def test_the_input_gradient_of_a_linear_model_is_its_weights_times_the_slope_of_the_probability() -> None:
    weights = seeded(1, SIZE * SIZE) / 3000
    x = images()
    probability = torch.sigmoid(x.flatten() @ weights[0])
    expected = (probability * (1 - probability) * weights[0]).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(input_gradient(classifier_of(Linear(weights)), x, FIRST), expected, rtol=1e-5, atol=0)


def test_the_gradient_is_that_of_the_calibrated_probability_taken_once() -> None:
    weights = seeded(1, SIZE * SIZE) / 3000
    x = images()
    plain = input_gradient(classifier_of(Linear(weights, bias=-3.0)), x, FIRST)
    calibrated = input_gradient(classifier_of(Linear(weights, bias=-3.0), points=[0.4]), x, FIRST)
    # Below the operating point the calibration is division by twice the operating point.
    torch.testing.assert_close(calibrated, plain / 0.8, rtol=1e-5, atol=0)


def test_integrated_gradients_of_a_model_that_is_linear_in_effect_are_complete() -> None:
    classifier = classifier_of(Linear(seeded(1, SIZE * SIZE).abs() / 1e6))
    x = images().abs()
    total = integrated_gradients(classifier, x, FIRST).sum()
    # All terms are positive, so the absolute values add up to f(x) - f(0).
    expected = (classifier(x) - classifier(torch.zeros_like(x))).squeeze()
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=0)


def test_integrated_gradients_equal_the_integral_computed_directly() -> None:
    classifier = small()
    x = images(size=32)
    nodes = (torch.arange(400) + 0.5) / 400
    path = (nodes[:, None, None, None] * x).requires_grad_()
    (gradient,) = torch.autograd.grad(classifier(path)[:, 1].sum(), path)
    expected = (gradient.mean(0, keepdim=True) * x).abs()[:, 0]
    found = integrated_gradients(classifier, x, torch.tensor([1]))
    assert float((found - expected).abs().max() / expected.max()) < 0.01


def test_the_batch_size_of_integrated_gradients_changes_memory_and_not_the_result() -> None:
    classifier = small()
    x = images(2, size=32)
    targets = torch.tensor([0, 1])
    one = integrated_gradients(classifier, x, targets, batch=Batch(1))
    many = integrated_gradients(classifier, x, targets, batch=Batch(200))
    torch.testing.assert_close(one, many, rtol=1e-4, atol=1e-9)


def test_guided_backprop_passes_only_positive_gradients_through_each_relu() -> None:
    network = Rectified()
    x = images()
    w, a = network.get_buffer("w"), network.get_buffer("a")
    before = x.flatten() @ w.T
    probability = torch.sigmoid(before.clamp(min=0) @ a)
    arriving = probability * (1 - probability) * a
    expected = ((arriving.clamp(min=0) * (before > 0)) @ w).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(guided_backprop(classifier_of(network), x, FIRST), expected, rtol=1e-5, atol=1e-12)


def test_guided_backprop_refuses_a_relu_that_it_cannot_hook() -> None:
    with pytest.raises(GuidedBackpropError, match="1 of its 1 rectifiers as functions"):
        guided_backprop(classifier_of(Functional()), images(), FIRST)


def test_guided_backprop_refuses_a_network_without_relu() -> None:
    with pytest.raises(GuidedBackpropError, match="has no ReLU"):
        guided_backprop(classifier_of(Linear(seeded(1, SIZE * SIZE))), images(), FIRST)


def test_hooks_are_gone_after_success_and_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = small()
    guided_backprop(classifier, images(size=32), FIRST)
    assert hook_count(classifier) == 0

    calls = 0
    forward = type(classifier).forward

    def fail_after_the_first(self: Classifier, x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        output = forward(self, x)
        if calls > 1:
            raise ZeroDivisionError
        return output

    monkeypatch.setattr(Classifier, "forward", fail_after_the_first)
    with pytest.raises(ZeroDivisionError):
        guided_backprop(classifier, images(size=32), FIRST)
    assert calls == 2
    assert hook_count(classifier) == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_case_alone_has_the_map_that_it_has_among_others(method: object) -> None:
    classifier = small()
    x = images(3, size=32)
    targets = torch.tensor([1, 0, 1])
    together = method(classifier, x, targets)  # type: ignore[operator]
    for i in range(3):
        alone = method(classifier, x[i : i + 1], targets[i : i + 1])  # type: ignore[operator]
        torch.testing.assert_close(together[i], alone[0], rtol=1e-4, atol=1e-5 * float(alone.max()))


@pytest.mark.parametrize("method", METHODS)
def test_a_prediction_that_ignores_the_image_is_refused_instead_of_a_blank_map(method: object) -> None:
    with pytest.raises(NoGradientError, match="zero everywhere"):
        method(classifier_of(Constant(0.3)), images(), FIRST)  # type: ignore[operator]


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_cannot_be_differentiated_is_refused(method: object) -> None:
    with pytest.raises(NoGradientError, match="not differentiable"):
        method(classifier_of(Detached()), images(), FIRST)  # type: ignore[operator]


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_returns_nan_is_refused(method: object) -> None:
    with pytest.raises(PredictionError, match="not finite"):
        method(classifier_of(Constant(float("nan"))), images(), FIRST)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (images(size=9), "shape"),
        (images().int(), "int32"),
        (images() * float("nan"), "finite values"),
        (images() * 100, r"in \[-1024, 1024\]"),
    ],
)
def test_unfit_images_are_refused(x: Tensor, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        input_gradient(classifier_of(Linear(seeded(1, SIZE * SIZE))), x, FIRST)


@pytest.mark.parametrize("targets", [torch.tensor([1]), torch.tensor([-1]), torch.tensor([0, 0]), torch.tensor([0.0])])
def test_unfit_target_columns_are_refused(targets: Tensor) -> None:
    with pytest.raises(InputError, match="arget columns"):
        input_gradient(classifier_of(Linear(seeded(1, SIZE * SIZE))), images(), targets)


def test_an_unknown_setting_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="has no setting stepz; it has steps, baseline"):
        settings_from(IntegratedGradientsSettings, {"stepz": 3}, method="integrated_gradients")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"steps": "many"}, "steps of integrated_gradients must be a whole number, not 'many'"),
        ({"steps": 2.5}, "steps of integrated_gradients must be a whole number, not 2.5"),
        ({"steps": True}, "must be a whole number, not True"),
        ({"baseline": "black"}, "baseline of integrated_gradients must be a number, not 'black'"),
        (100, "must be a table of names and values, not 100"),
    ],
)
def test_a_setting_of_another_type_is_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        settings_from(IntegratedGradientsSettings, values, method="integrated_gradients")


def test_a_whole_number_does_where_any_number_does() -> None:
    assert (
        settings_from(IntegratedGradientsSettings, {"baseline": -1024}, method="integrated_gradients").baseline == -1024
    )
