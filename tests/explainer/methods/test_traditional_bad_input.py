"""Every method x everything that can be wrong: an error type of its own, never a blank map, no hook left behind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from explainer.batching import Batches
from explainer.catalogue import methods as catalogue
from explainer.classifiers import Classifier
from explainer.errors import (
    BlankImageError,
    DtypeError,
    ExplainerError,
    GuidedBackpropError,
    InputError,
    NoGradientError,
    NotFiniteError,
    PredictionError,
    RangeError,
    ShapeError,
    TargetError,
)
from explainer.methods.base import Models
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import integrated_gradients
from explainer.methods.iterative_delete import iterative_delete
from explainer.methods.latent_shift import latent_shift
from explainer.methods.registry import chosen_method
from tests.explainer.models import SIZE, Identity, autoencoder_of, classifier_of, seeded

Explain = Callable[[Classifier, Tensor, Tensor], object]


def shifted(classifier: Classifier, images: Tensor, targets: Tensor) -> object:
    return latent_shift(classifier, autoencoder_of(Identity()), images, targets)


TRADITIONAL: list[Explain] = [input_gradient, guided_backprop, integrated_gradients, iterative_delete]
METHODS: list[Explain] = [*TRADITIONAL, shifted]
FIRST = torch.tensor([0])


def images(count: int = 1, *, size: int = SIZE) -> Tensor:
    return seeded(count, 1, size, size, seed=3) * 300


class Body(nn.Module):
    """Two logits from a hidden layer with a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", seeded(6, SIZE * SIZE, seed=5) / 2000)
        self.register_buffer("a", seeded(6, 2, seed=6))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.relu(x.flatten(1) @ self.get_buffer("w").T) @ self.get_buffer("a")
        return found


class Ignoring(Body):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 0 + 0.3


class Saturated(Body):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 200


class Detached(Body):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


class Constant(Body):
    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x), 2), 0.3)


class WithoutGradients(Body):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(x)


class NotANumber(Body):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float("nan")


class OtherOutputs(Body):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :1]


class _Failing(torch.autograd.Function):
    @staticmethod
    def forward(context: object, x: Tensor, error: BaseException) -> Tensor:
        context.error = error  # type: ignore[attr-defined]
        return x.clone()

    @staticmethod
    def backward(context: object, *_gradients: Tensor) -> tuple[Tensor, None]:
        raise context.error  # type: ignore[attr-defined]


class FailingForward(Body):
    """Fails after its ReLU has run, when all hooks are in place."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        super().forward(x)
        raise self.error


class FailingBackward(FailingForward):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = Body.forward(self, _Failing.apply(x, self.error))
        return logits


BLANK = torch.full((1, 1, SIZE, SIZE), 100.0)


@pytest.mark.parametrize("key", catalogue.METHODS)
@pytest.mark.parametrize(
    ("x", "targets", "error", "reason"),
    [
        (images(size=9), FIRST, ShapeError, r"shape \(N, 1, 8, 8\), not \(1, 1, 9, 9\): load them with load_image"),
        (images()[0], FIRST, ShapeError, r"not \(1, 8, 8\)"),
        (images().repeat(1, 3, 1, 1), FIRST, ShapeError, r"not \(1, 3, 8, 8\)"),
        (images()[:0], FIRST[:0], ShapeError, r"not \(0, 1, 8, 8\)"),
        (images().int(), FIRST, DtypeError, "float32 images, not int32: convert them"),
        (images().double(), FIRST, DtypeError, "float32 images, not float64"),
        (images() * float("nan"), FIRST, NotFiniteError, "finite values, but these hold NaN"),
        (images() / 0, FIRST, NotFiniteError, "NaN or infinity"),
        (images() * 100, FIRST, RangeError, r"values in \[-1024, 1024\], not \[.*\]: scale the images"),
        (BLANK, FIRST, BlankImageError, "Image 0 of 1 is blank: every pixel is 100"),
        (torch.cat([images(), BLANK * 0]), FIRST.repeat(2), BlankImageError, "Image 1 of 2 is blank"),
        (images(), torch.tensor([2]), TargetError, "no target column 2; its columns are 0 to 1: target 0, target 1"),
        (images(), torch.tensor([-1]), TargetError, "no target column -1"),
        (images(), torch.tensor([0, 0]), InputError, "1 images need as many target columns"),
        (images(), torch.tensor([0.0]), InputError, "target columns"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_the_reason_by_every_method(
    key: str, x: Tensor, targets: Tensor, error: type[ExplainerError], reason: str
) -> None:
    method, classifier = chosen_method(key), classifier_of(Body(), targets=2)
    models = Models(classifier, autoencoder_of(Identity()), Batches.of(2))
    with pytest.raises(error, match=reason) as raised:
        method.compute(models, x, targets, method.settings)
    assert raised.type is error


@pytest.mark.parametrize("method", TRADITIONAL)
@pytest.mark.parametrize(
    ("network", "error", "reason"),
    [
        (Ignoring(), NoGradientError, "zero everywhere: its prediction does not depend on this image"),
        (Saturated(), NoGradientError, "so near to 0 or 1"),
        (Detached(), NoGradientError, "not differentiable"),
        (Constant(), NoGradientError, "not differentiable"),
        (WithoutGradients(), NoGradientError, "not differentiable"),
        (NotANumber(), PredictionError, r"not finite \(NaN\)"),
        (OtherOutputs(), PredictionError, r"returned float32 \(\d+, 1\) and not \(\d+, 2\), for 2 targets"),
    ],
)
def test_a_classifier_without_a_usable_gradient_is_refused_instead_of_a_blank_map(
    method: Explain, network: nn.Module, error: type[ExplainerError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        method(classifier_of(network, targets=2), images(), FIRST)


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (Ignoring(), NoGradientError),
        (Saturated(), NoGradientError),
        (Detached(), NoGradientError),
        (Constant(), NoGradientError),
        (WithoutGradients(), NoGradientError),
        (NotANumber(), PredictionError),
        (OtherOutputs(), PredictionError),
    ],
)
def test_latent_shift_refuses_the_same_classifiers(network: nn.Module, error: type[ExplainerError]) -> None:
    with pytest.raises(error):
        shifted(classifier_of(network, targets=2), images(), FIRST)


def test_a_target_that_the_classifier_does_not_predict_is_answered_with_those_that_it_does() -> None:
    with pytest.raises(TargetError, match="tiny does not predict 'Hernia'; it predicts target 0, target 1"):
        classifier_of(Body(), targets=2).index("Hernia")


def test_a_blank_image_can_be_scored() -> None:
    assert torch.isfinite(classifier_of(Body(), targets=2)(BLANK)).all()


def hooks_of(module: nn.Module) -> int:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, name)) for part in module.modules() for name in names)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [FailingForward, FailingBackward])
@pytest.mark.parametrize("error", [ZeroDivisionError, RuntimeError, KeyboardInterrupt])
def test_hooks_are_gone_after_an_error_and_the_callers_tensor_is_as_it_was(
    method: Explain, network: type[FailingForward], error: type[BaseException]
) -> None:
    classifier = classifier_of(network(error("of the test")), targets=2)
    x = images()
    before = x.clone()
    with pytest.raises(error, match="of the test"):
        method(classifier, x, FIRST)
    assert hooks_of(classifier) == 0
    assert not x.requires_grad
    assert torch.equal(x, before)


@pytest.mark.parametrize("method", METHODS)
def test_hooks_are_gone_and_warnings_are_as_they_were_after_success(method: Explain) -> None:
    classifier = classifier_of(Body(), targets=2)
    filters = list(warnings.filters)
    method(classifier, images(), FIRST)
    assert hooks_of(classifier) == 0
    assert warnings.filters == filters


@pytest.fixture
def quiet_torchscript() -> Iterator[None]:
    """torch deprecates TorchScript loudly; people still have such files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_guided_backprop_refuses_torchscript_with_the_reason(quiet_torchscript: None) -> None:
    network = torch.jit.trace(Convolved().eval(), images())
    with pytest.raises(GuidedBackpropError, match="is TorchScript, so that guided backpropagation cannot reach"):
        guided_backprop(classifier_of(network), images(), FIRST)


def test_an_exported_network_has_the_guided_gradients_of_the_network_that_it_was() -> None:
    network = torch.export.export(Convolved().eval(), (images(),)).module(check_guards=False)
    network.eval = lambda: network  # type: ignore[method-assign]  # as a loader of such files has to do
    network.train = lambda _mode=True: network  # type: ignore[method-assign, assignment]
    found, expected = (guided_backprop(classifier_of(one), images(), FIRST) for one in (network, Convolved()))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(expected.max()))


class Convolved(nn.Sequential):
    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            layers = [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 1)]
        super().__init__(*layers)
