"""Equality with captum itself, called as the published code calls it, on every kind of network that is supported."""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, Saliency
from torch import Tensor, nn

from explainer import load_image
from explainer.batching import Batch
from explainer.catalogue.methods.integrated_gradients import IntegratedGradientsSettings
from explainer.classifiers import Classifier
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import integrated_gradients
from explainer.networks import SmallDenseNet
from explainer.phantoms import draw
from explainer.sources import load_classifier
from explainer.sources.xrv.package import quiet_import
from tests.explainer.models import CLASSIFIER, WithModule, classifier_of, seeded


def captums(classifier: Classifier, x: Tensor, column: int, *, steps: int) -> dict[str, Tensor]:
    """Maps of one image by captum, without anything of ours around it."""
    x = x.clone()
    integrated = IntegratedGradients(classifier).attribute(x, target=column, n_steps=steps, internal_batch_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guided = GuidedBackprop(classifier).attribute(x.requires_grad_(), target=column)
    return {
        "input_gradient": Saliency(classifier).attribute(x.requires_grad_(), target=column, abs=False),
        "guided_backprop": guided,
        "integrated_gradients": integrated,
    }


def assert_equal_to_captum(
    classifier: Classifier, x: Tensor, column: int, *, steps: int = 100, batch: Batch | None = None
) -> None:
    """In float64, where no rounding takes a ReLU from one side of its kink to the other on some processor.

    In float32 two captums with different batches differ by as much as 3e-4 of the mass on such a network.
    """
    classifier, x = classifier.double(), x.double()
    expected = captums(classifier, x, column, steps=steps)
    target, settings = torch.tensor([column]), IntegratedGradientsSettings(steps=steps)
    found = {
        "input_gradient": input_gradient(classifier, x, target),
        "guided_backprop": guided_backprop(classifier, x, target),
        "integrated_gradients": integrated_gradients(classifier, x, target, settings, batch=batch),
    }
    for name, values in expected.items():
        theirs = values.detach().abs()[:, 0]
        scale = float(theirs.max())
        torch.testing.assert_close(found[name].double(), theirs, rtol=1e-5, atol=1e-5 * scale, msg=name)


def built(make: type[nn.Module], **options: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(**options)


def test_a_tiny_network_has_captums_maps() -> None:
    network = built(SmallDenseNet, n_targets=2, **CLASSIFIER)
    classifier = classifier_of(network, targets=2, size=32)
    for column in (0, 1):
        assert_equal_to_captum(classifier, seeded(1, 1, 32, 32) * 300, column)
        assert_equal_to_captum(classifier, seeded(1, 1, 32, 32) * 300, column, batch=Batch(1))


def test_one_step_at_a_time_is_captums_map_to_1e_5_of_its_maximum(phantom: Path) -> None:
    classifier = load_classifier("nih-small")
    assert_equal_to_captum(classifier, load_image(phantom, classifier), 0, steps=10, batch=Batch(1))


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    path = tmp_path_factory.mktemp("images") / "phantom.png"
    Image.fromarray(draw(2, 4).pixels).save(path)
    return path


# captum takes one step at a time, as the published code has it: all hundred on the smaller classifier.
@pytest.mark.parametrize(("pair", "steps"), [("phantom-small", 100), ("nih-small", 25)])
def test_the_shipped_classifiers_have_captums_maps(pair: str, steps: int, phantom: Path) -> None:
    classifier = load_classifier(pair)
    assert_equal_to_captum(classifier, load_image(phantom, classifier), 0, steps=steps)


def test_in_single_precision_the_masses_agree(phantom: Path) -> None:
    classifier = load_classifier("nih-small")
    x = load_image(phantom, classifier)
    settings, target = IntegratedGradientsSettings(steps=10), torch.tensor([0])
    found = {
        "input_gradient": input_gradient(classifier, x, target),
        "guided_backprop": guided_backprop(classifier, x, target),
        "integrated_gradients": integrated_gradients(classifier, x, target, settings),
    }
    for name, values in captums(classifier, x, 0, steps=10).items():
        theirs = values.detach().abs()[:, 0]
        assert float((found[name] - theirs).abs().sum() / theirs.sum()) < 1e-3, name


def test_the_papers_densenet_has_captums_maps() -> None:
    network = built(quiet_import("torchxrayvision.models").DenseNet, num_classes=3)
    # The scale of real weights: with fresh statistics of normalisation every score would be saturated noise.
    x = seeded(1, 1, 224, 224) * 300
    classifier = Classifier(
        settle(network, x), identifier="densenet121", targets=["a", "b", "c"], operating_points=[0.5, 0.4, 0.6]
    )
    assert_equal_to_captum(classifier, x, 1, steps=2)


def settle(network: nn.Module, x: Tensor) -> nn.Module:
    """The logits of a network whose normalisation has seen an image."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.get_submodule("features")(x)
    return WithModule(network).eval()


def resnet() -> nn.Module:
    """torchvision's ResNet for one channel; each of its blocks uses one ReLU module several times."""
    models = quiet_import("torchvision.models")
    network = built(models.ResNet, block=models.resnet.Bottleneck, layers=[1, 1, 1, 1], num_classes=2)
    network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.train()
    with torch.no_grad():
        network(seeded(4, 1, 64, 64) * 300)
    return network.eval()


class _DistinctReLUs(nn.Module):
    """The same bottleneck written out, with a ReLU of its own at every place."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        layer = self.block.get_submodule
        out = self.relus[0](layer("bn1")(layer("conv1")(x)))
        out = self.relus[1](layer("bn2")(layer("conv2")(out)))
        out = layer("bn3")(layer("conv3")(out))
        return self.relus[2](out + layer("downsample")(x))  # type: ignore[no-any-return]


def test_a_relu_module_that_is_used_several_times_is_rectified_each_time() -> None:
    shared = resnet()
    distinct = deepcopy(shared)
    for name in ("layer1", "layer2", "layer3", "layer4"):
        stage = distinct.get_submodule(name)
        stage[0] = _DistinctReLUs(stage[0])  # type: ignore[index,operator]
    x = seeded(2, 1, 64, 64, seed=1) * 300
    targets = torch.tensor([0, 1])
    one = guided_backprop(classifier_of(shared, targets=2, size=64), x, targets)
    other = guided_backprop(classifier_of(distinct, targets=2, size=64), x, targets)
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6 * float(other.max()))
    # And the two networks are the same function, rectified: not the plain gradient.
    plain = input_gradient(classifier_of(shared, targets=2, size=64), x, targets)
    assert not np.allclose(one, plain, rtol=0.1)


def test_a_resnet_has_captums_maps() -> None:
    assert_equal_to_captum(classifier_of(resnet(), targets=2, size=64), seeded(1, 1, 64, 64) * 300, 1, steps=5)


def test_torchvisions_densenet_is_guided_at_its_last_relu_too_which_it_calls_as_a_function() -> None:
    models = quiet_import("torchvision.models")
    plain = built(models.DenseNet, growth_rate=4, block_config=(1, 1), num_init_features=8, num_classes=2)
    features: Any = plain.features
    features.conv0 = nn.Conv2d(1, 8, kernel_size=7, stride=2, padding=3, bias=False)
    x = seeded(1, 1, 64, 64) * 300
    plain.train()
    with torch.no_grad():
        plain(x.repeat(4, 1, 1, 1) * seeded(4, 1, 1, 1, seed=2))
    plain.eval()
    with_modules = classifier_of(WithModule(deepcopy(plain)), targets=2, size=64)
    for column in (0, 1):
        found = guided_backprop(classifier_of(plain, targets=2, size=64), x, torch.tensor([column]))
        expected = captums(with_modules, x, column, steps=1)["guided_backprop"].detach().abs()[:, 0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.max()))
        missed = captums(classifier_of(deepcopy(plain), targets=2, size=64), x, column, steps=1)["guided_backprop"]
        assert float((missed.detach().abs()[:, 0] - expected).abs().max() / expected.max()) > 0.01
