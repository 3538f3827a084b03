"""Folding batch normalisation changes no number beyond rounding, and leaves none that could be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from explainer.folding import fold_batch_norms
from explainer.networks import SmallDenseNet
from explainer.sources.xrv.package import quiet_import
from tests.explainer.models import CLASSIFIER, seeded

if TYPE_CHECKING:
    from collections.abc import Callable


def densenet() -> nn.Module:
    """TorchXRayVision's DenseNet with two short blocks."""
    models = quiet_import("torchxrayvision.models")
    found: nn.Module = models.DenseNet(
        growth_rate=4, block_config=(2, 2), num_init_features=8, bn_size=2, num_classes=3
    )
    return found


def resnet_autoencoder() -> nn.Module:
    autoencoders = quiet_import("torchxrayvision.autoencoders")
    found: nn.Module = autoencoders._ResNetAE(autoencoders.Bottleneck, autoencoders.DeconvBottleneck, [1, 1, 1, 1], 1)
    return found


def resnet() -> nn.Module:
    models = quiet_import("torchvision.models")
    found: nn.Module = models.resnet18(weights=None, num_classes=3)
    return found


def small() -> nn.Module:
    return SmallDenseNet(n_targets=2, **CLASSIFIER)


def with_statistics(network: nn.Module) -> nn.Module:
    """The network with normalisations that do something."""
    for index, module in enumerate(network.modules()):
        if isinstance(module, nn.BatchNorm2d):
            count = module.num_features
            module.running_mean = seeded(count, seed=index) / 4
            module.running_var = seeded(count, seed=index + 1).abs() + 0.5
            module.weight.data = seeded(count, seed=index + 2) / 4 + 1
            module.bias.data = seeded(count, seed=index + 3) / 4
    return network.eval()


def normalisations(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(("build", "channels"), [(densenet, 1), (small, 1), (resnet, 3), (resnet_autoencoder, 1)])
def test_a_folded_network_returns_the_same(build: Callable[[], nn.Module], channels: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = with_statistics(build())
    x = seeded(2, channels, 224, 224, seed=7)
    run: Any = network.encode if build is resnet_autoencoder else network
    decode: Any = network.decode if build is resnet_autoencoder else None
    with torch.no_grad():
        before = run(x)
        decoded = decode(before) if decode is not None else None
        assert fold_batch_norms(network) is network
        after = run(x)
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5 * float(before.abs().max()))
        if decoded is not None:
            again = decode(before)
            torch.testing.assert_close(again, decoded, rtol=1e-4, atol=1e-5 * float(decoded.abs().max()))
    assert normalisations(network) == 0


def test_factors_that_are_not_positive_stay_before_their_relu() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = with_statistics(densenet())
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data[0], module.weight.data[1] = -1, 0
    x = seeded(2, 1, 64, 64, seed=7)
    with torch.no_grad():
        before = network.get_submodule("features")(x)
        after = fold_batch_norms(network).get_submodule("features")(x)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5 * float(before.abs().max()))


def test_a_block_of_another_make_keeps_its_order() -> None:
    class Reversed(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self[0](self[1](x))
            return found

    block = with_statistics(Reversed(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)))
    before = block(seeded(1, 2, 4, 4))
    torch.testing.assert_close(fold_batch_norms(block)(seeded(1, 2, 4, 4)), before)


def test_a_normalisation_by_the_batch_is_left_alone() -> None:
    block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
    assert normalisations(fold_batch_norms(block)) == 1
