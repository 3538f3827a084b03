"""Input gradient, guided backprop, integrated gradients and iterative delete against answers worked out by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer.batching import Batch
from explainer.catalogue.methods.integrated_gradients import IntegratedGradientsSettings
from explainer.catalogue.methods.iterative_delete import IterativeDeleteSettings
from explainer.catalogue.settings import settings_from
from explainer.classifiers import Classifier
from explainer.errors import GuidedBackpropError, NoGradientError, SettingsError
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import (
    integrated_gradients,
)
from explainer.methods.iterative_delete import iterative_delete
from explainer.networks import SmallDenseNet
from tests.explainer.models import CLASSIFIER, SIZE, Linear, classifier_of, seeded

FIRST = torch.tensor([0])


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
        found: Tensor = (self.relu(x.flatten(1) @ self.get_buffer("w").T) @ self.get_buffer("a"))[:, None]
        return found


class Functional(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        return (torch.relu(x.flatten(1) @ self.get_buffer("w").T) @ self.get_buffer("a"))[:, None]


class FunctionalInPlace(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        return ((x.flatten(1) @ self.get_buffer("w").T).relu_() @ self.get_buffer("a"))[:, None]


class Leaky(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        before = nn.functional.leaky_relu(x.flatten(1) @ self.get_buffer("w").T)
        return (before @ self.get_buffer("a"))[:, None]


class OneReachedOneNot(Rectified):
    """A module that is called where nothing follows must not make up for the function that matters."""

    def forward(self, x: Tensor) -> Tensor:
        before = x.flatten(1) @ self.get_buffer("w").T
        self.relu(before)
        return (torch.relu(before) @ self.get_buffer("a"))[:, None]


def doubled(x: Tensor) -> Tensor:
    return torch.relu(x * 2) / 2


class PartlyScripted(Rectified):
    """TorchScript joins its operations into one that shows nothing of what is in it, from the second call on."""

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            # torch deprecates TorchScript; people still have it.
            warnings.simplefilter("ignore")
            self.function = torch.jit.script(doubled)

    def forward(self, x: Tensor) -> Tensor:
        after: Tensor = self.function(x.flatten(1) @ self.get_buffer("w").T)
        return (after @ self.get_buffer("a"))[:, None]


class Preactivated(Rectified):
    """Logit = a . (relu(h) + c * h) with h = W x: a skip connection reads what the ReLU reads."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("c", torch.tensor([-1.0, 0.5, 2.0, -0.3, 0.1, -2.0]))

    def forward(self, x: Tensor) -> Tensor:
        before = x.flatten(1) @ self.get_buffer("w").T
        found: Tensor = ((self.relu(before) + self.get_buffer("c") * before) @ self.get_buffer("a"))[:, None]
        return found


class WithConstantBranch(Rectified):
    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x) + self.relu(self.get_buffer("a")).sum()
        return found


def small() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return classifier_of(SmallDenseNet(n_targets=2, **CLASSIFIER), targets=2, size=32)


def slope(network: Rectified, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Input h = W x of the ReLU, the gradient of the probability that arrives at its output, and W."""
    before = x.flatten() @ network.get_buffer("w").T
    probability = torch.sigmoid(network(x))[0, 0]
    return before, probability * (1 - probability) * network.get_buffer("a"), network.get_buffer("w")


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
    torch.testing.assert_close(one, many, rtol=1e-4, atol=1e-5 * float(one.max()))


def test_no_more_steps_are_computed_together_than_the_batch_allows_however_many_images_there_are() -> None:
    classifier = small()
    sizes: list[int] = []
    classifier.network.register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))
    targets = torch.zeros(5, dtype=torch.long)
    integrated_gradients(classifier, images(5, size=32), targets, IntegratedGradientsSettings(steps=7), batch=Batch(3))
    assert max(sizes) == 3
    assert sum(sizes) == 5 * 7


def test_guided_backprop_passes_only_positive_gradients_through_each_relu() -> None:
    network, x = Rectified(), images()
    classifier = classifier_of(network)
    before, arriving, w = slope(network, x)
    expected = ((arriving.clamp(min=0) * (before > 0)) @ w).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(guided_backprop(classifier, x, FIRST), expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("kind", [Functional, FunctionalInPlace, OneReachedOneNot])
def test_a_relu_that_is_called_as_a_function_is_guided_as_a_module_is(kind: type[Rectified]) -> None:
    network, x = kind(), images()
    classifier = classifier_of(network)
    before, arriving, w = slope(network, x)
    expected = ((arriving.clamp(min=0) * (before > 0)) @ w).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(guided_backprop(classifier, x, FIRST), expected, rtol=1e-5, atol=1e-12)


def test_guided_backprop_leaves_the_gradient_of_a_skip_connection_as_it_is() -> None:
    network, x = Preactivated(), images()
    classifier = classifier_of(network)
    before, arriving, w = slope(network, x)
    through_relu = arriving.clamp(min=0) * (before > 0)
    expected = ((through_relu + network.get_buffer("c") * arriving) @ w).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(guided_backprop(classifier, x, FIRST), expected, rtol=1e-5, atol=1e-12)


def test_a_relu_that_the_image_does_not_reach_changes_nothing() -> None:
    network, x = WithConstantBranch(), images()
    classifier = classifier_of(network)
    before, arriving, w = slope(network, x)
    expected = ((arriving.clamp(min=0) * (before > 0)) @ w).abs().reshape(1, SIZE, SIZE)
    torch.testing.assert_close(guided_backprop(classifier, x, FIRST), expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Leaky(), "1 of the 1 rectifiers of tiny are no ReLUs"),
        (Linear(seeded(1, SIZE * SIZE)), "has no ReLU"),
    ],
)
def test_guided_backprop_refuses_what_it_cannot_hook_with_the_reason(network: nn.Module, reason: str) -> None:
    with pytest.raises(GuidedBackpropError, match=reason):
        guided_backprop(classifier_of(network), images(), FIRST)


def test_guided_backprop_refuses_a_network_whose_relus_are_hidden_in_a_scripted_function() -> None:
    classifier = classifier_of(PartlyScripted())
    x = images()
    for _ in range(3):
        classifier(x.clone().requires_grad_())
    with pytest.raises(GuidedBackpropError, match="is compiled or scripted in part"):
        guided_backprop(classifier, x, FIRST)


class OneImage(nn.Module):
    """Logit = sum(w * x * x) / 2: the gradient at a pixel is w * x, and vanishes where the pixel is deleted."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights))

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).square() @ self.get_buffer("weights") / 2)[:, None]


def test_iterative_delete_removes_the_top_pixels_one_share_after_the_other() -> None:
    seen: list[list[float]] = []
    # Gradients in the ratio 1 : 4 : -6 : 2; a quarter of four pixels is one.
    classifier = classifier_of(OneImage([0.1, 0.2, -0.2, 0.05]), size=2)
    classifier.network.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].flatten().tolist()))
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    settings = IterativeDeleteSettings(iterations=6, percent=25)
    found = iterative_delete(classifier, x, FIRST, settings)
    # The largest by absolute value goes first. After the fourth nothing is left, and the gradient is zero.
    assert seen == [[1, 2, 3, 4], [1, 2, 0, 4], [1, 0, 0, 4], [1, 0, 0, 0], [0, 0, 0, 0]]
    expected = torch.zeros(2, 2)
    for pixels in seen:
        values = torch.tensor(pixels)
        logit = (values.square() @ torch.tensor([0.1, 0.2, -0.2, 0.05])) / 2
        probability = torch.sigmoid(logit)
        expected += (probability * (1 - probability) * torch.tensor([0.1, 0.2, -0.2, 0.05]) * values).reshape(2, 2)
    torch.testing.assert_close(found[0], (expected / 6).abs())


def test_deleted_pixels_get_the_grey_value_that_is_asked_for() -> None:
    seen: list[Tensor] = []
    classifier = classifier_of(Linear(seeded(1, SIZE * SIZE) / 3000))
    classifier.network.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].detach().clone()))
    iterative_delete(classifier, images(), FIRST, IterativeDeleteSettings(iterations=3, percent=10, fill=-1024))
    # Six pixels of 64 are a tenth.
    assert [int((image == -1024).sum()) for image in seen] == [0, 6, 12]


def test_the_papers_variant_equals_the_published_procedure_as_a_plain_loop() -> None:
    classifier = small()
    x = images(2, size=32)
    settings = IterativeDeleteSettings(variant="paper")
    found = iterative_delete(classifier, x, torch.tensor([1, 0]), settings)
    for i, column in enumerate((1, 0)):
        image, collected = x[i : i + 1].clone(), []
        for _ in range(20):
            image.requires_grad_()
            (gradient,) = torch.autograd.grad(classifier(image)[:, column].abs().sum(), image)
            values = gradient.numpy()[0, 0]
            collected.append(values)
            kept = (values * (values > np.percentile(values, 98))) > 0
            image = (image * torch.from_numpy(kept.astype(np.float32))).detach()
        np.testing.assert_allclose(
            found[i].numpy(), np.abs(np.mean(collected, 0)), rtol=1e-4, atol=1e-6 * float(found[i].max())
        )
    assert not torch.allclose(found, iterative_delete(classifier, x, torch.tensor([1, 0])), rtol=0.01)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"iterations": 0}, "at least one iteration"),
        ({"percent": 0.0}, "between 0 and 100, not 0"),
        ({"percent": float("nan")}, "between 0 and 100, not nan"),
        ({"fill": float("inf")}, "must be a grey value, not inf"),
        ({"variant": "keep"}, "choose one of delete, paper"),
    ],
)
def test_settings_of_iterative_delete_out_of_range_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        IterativeDeleteSettings(**settings)  # type: ignore[arg-type]


def test_an_image_without_any_gradient_at_the_start_is_refused_and_not_deleted_at_random() -> None:
    classifier = classifier_of(OneImage([0.0, 0.0, 0.0, 0.0]), size=2)
    with pytest.raises(NoGradientError, match="iterative_delete of tiny is zero everywhere"):
        iterative_delete(classifier, torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), FIRST)


def test_a_baseline_that_is_no_grey_value_is_refused() -> None:
    with pytest.raises(SettingsError, match="must be a grey value, not nan"):
        IntegratedGradientsSettings(baseline=float("nan"))


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
