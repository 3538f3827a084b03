"""The small networks: shapes, ranges, and what guided backpropagation and Latent Shift need of them."""

from __future__ import annotations

import json
from collections import Counter

import torch
from torch import nn

from explainer.networks import ResNetAutoencoder, SmallDenseNet


def test_the_classifier_returns_one_logit_per_target() -> None:
    network = SmallDenseNet(n_targets=5).eval()
    logits = network(torch.zeros(2, 1, 224, 224))
    assert logits.shape == (2, 5)
    assert 200_000 < sum(parameter.numel() for parameter in network.parameters()) < 500_000


def test_every_relu_is_a_module_of_its_own_used_once_and_not_in_place() -> None:
    network = SmallDenseNet(n_targets=2).eval()
    used: Counter[nn.Module] = Counter()
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    for relu in relus:
        relu.register_forward_hook(lambda module, *_: used.update([module]))
    network(torch.zeros(1, 1, 64, 64))
    assert relus
    assert not any(relu.inplace for relu in relus)
    assert all(used[relu] == 1 for relu in relus)


def test_the_autoencoder_keeps_shape_and_makes_the_latent_a_sixteenth() -> None:
    network = ResNetAutoencoder(latent=32).eval()
    x = torch.zeros(2, 1, 224, 224)
    z = network.encode(x)
    assert z.shape == (2, 32, 14, 14)
    assert network.decode(z).shape == x.shape
    assert torch.equal(network(x), network.decode(z))


def test_gradients_flow_from_the_classifier_into_the_latent() -> None:
    torch.manual_seed(0)
    coder, classifier = ResNetAutoencoder(latent=4, widths=(8, 8, 8)).eval(), SmallDenseNet(n_targets=1).eval()
    z = torch.randn(1, 4, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(classifier(coder.decode(z)).sum(), z)
    assert gradient.abs().sum() > 0


def test_networks_can_be_rebuilt_from_json() -> None:
    arguments = json.loads(json.dumps({"latent": 4, "widths": [8, 12, 16], "encoder_blocks": [1, 1, 1]}))
    network = ResNetAutoencoder(**arguments)
    assert network(torch.zeros(1, 1, 32, 32)).shape == (1, 1, 32, 32)
