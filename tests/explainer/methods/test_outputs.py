"""LatentShift with networks and autoencoders as they are found: half precision, containers, distributions, mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import captum.attr
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer import LatentShift
from explainer.errors import InputError, NoGradientError, PredictionError, SettingsError, TargetError
from tests.explainer.models import Identity, seeded

SIDE = 8


def images(count: int = 3) -> Tensor:
    return seeded(count, 3, SIDE, SIDE, seed=4)


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 3), nn.Sigmoid()).eval()


@dataclass
class Output:
    """As the networks of transformers return it."""

    logits: Tensor
    hidden: None = None


class Named(NamedTuple):
    out: Tensor
    name: str


class Returning(Identity):
    """The identity, with what it returns packed by a function."""

    def __init__(self, encoded: Any = lambda z: z, decoded: Any = lambda x: x) -> None:
        super().__init__()
        self.encoded, self.decoded = encoded, decoded

    def encode(self, x: Tensor) -> Any:
        return self.encoded(x)

    def decode(self, z: Tensor) -> Any:
        return self.decoded(z)


@pytest.mark.parametrize(
    "packed",
    [
        lambda y: {"out": y, "epoch": 3},
        lambda y: (y,),
        lambda y: [y, None],
        lambda y: Output(logits=y),
        lambda y: Named(y, "densenet"),
        lambda y: {"head": {"findings": y}},
        lambda y: (y, torch.zeros(7), torch.arange(len(y))),
    ],
)
def test_an_output_is_found_in_what_a_network_returns(packed: Any) -> None:
    model = network()
    expected = LatentShift(model, Identity()).attribute(images(), target=1)
    found = LatentShift(lambda x: packed(model(x)), Identity()).attribute(images(), target=1)
    torch.testing.assert_close(found, expected)
    packed_too = Returning(encoded=packed, decoded=packed)
    torch.testing.assert_close(LatentShift(model, packed_too).attribute(images(), target=1), expected)


class Diagonal:
    """As diffusers' autoencoders return it: parameters, and means to sample."""

    def __init__(self, mean: Tensor) -> None:
        self._mean = mean

    def mode(self) -> Tensor:
        return self._mean

    def sample(self) -> Tensor:
        return self._mean + torch.randn_like(self._mean)


@dataclass
class Encoded:
    latent_dist: Diagonal


@pytest.mark.parametrize(
    "encoded", [lambda z: torch.distributions.Normal(z, 2.0), lambda z: Encoded(Diagonal(z)), lambda z: (Diagonal(z),)]
)
def test_the_latent_of_a_distribution_is_its_mean_or_mode(encoded: Any) -> None:
    expected = LatentShift(network(), Identity()).attribute(images(), target=1)
    found = LatentShift(network(), Returning(encoded=encoded)).attribute(images(), target=1)
    torch.testing.assert_close(found, expected)


def test_what_holds_several_tensors_or_none_is_refused_with_what_it_holds() -> None:
    with pytest.raises(InputError, match=r"encode of the autoencoder returns tuple.*\[0\] \(3, 3, 8, 8\), \[1\]"):
        LatentShift(network(), Returning(encoded=lambda z: (z, z * 0))).attribute(images(), target=1)
    with pytest.raises(InputError, match=r"forward function returns dict.*found: none.*Give a function"):
        LatentShift(lambda x: {"n": len(x)}, Identity()).attribute(images(), target=1)
    with pytest.raises(InputError, match="makes 1 latents of 3 images"):
        LatentShift(network(), Returning(encoded=lambda z: z[:1])).attribute(images(), target=1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_half_and_double_precision_give_the_map_of_single_precision(dtype: torch.dtype) -> None:
    # Fixed ends: how far a search goes depends on what a type can tell apart.
    settings: dict[str, Any] = {"lower": -8.0, "upper": 2.0, "frames": 5}
    expected = LatentShift(network(), Identity()).attribute(images(), target=1, **settings)
    maps, (first, *_) = LatentShift(network().to(dtype), Identity()).attribute(
        images().to(dtype), target=1, return_counterfactuals=True, **settings
    )
    assert maps.dtype == dtype
    assert first.frames.dtype == np.float32
    coarse = 1e-5 if dtype == torch.float64 else 0.05
    torch.testing.assert_close(maps.float(), expected, rtol=coarse, atol=coarse)
    assert LatentShift(network().to(dtype), Identity()).attribute(images().to(dtype), target=1).max() > 0


def test_autocast_is_taken_as_it_is() -> None:
    expected = LatentShift(network(), Identity()).attribute(images(), target=1, lower=-8.0, upper=2.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = LatentShift(network(), Identity()).attribute(images(), target=1, lower=-8.0, upper=2.0)
        assert LatentShift(network(), Identity()).attribute(images(), target=1).max() > 0
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_it_works_where_gradients_are_off_outside() -> None:
    model = network()
    expected = LatentShift(model, Identity()).attribute(images(), target=1)
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            inputs = images()
            found = LatentShift(model, Returning(encoded=torch.inference_mode()(lambda z: z * 1))).attribute(
                inputs, target=1
            )
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("without", [torch.no_grad(), torch.inference_mode()])
def test_a_decoder_without_gradients_is_named(without: Any) -> None:
    decoding = without(lambda z: z * 1.0)
    # The network's own parameters require gradients, so its prediction does too.
    with pytest.raises(NoGradientError, match="decode of the autoencoder passes no gradient on"):
        LatentShift(network(), Returning(decoded=decoding)).attribute(images(), target=1)


def test_a_network_that_looks_at_no_image_is_named() -> None:
    bias = torch.ones(1, requires_grad=True)
    with pytest.raises(NoGradientError, match="forward function is not differentiable"):
        LatentShift(lambda x: torch.sigmoid(bias).expand(len(x)), Identity()).attribute(images())


@pytest.mark.parametrize("target", [3, -1, (0, 1), torch.tensor([0, 1, 3]), [0, 1, -1], [(0,), (1,), (3,)]])
def test_a_target_that_is_not_there_is_refused(target: Any) -> None:
    with pytest.raises(TargetError, match=r"returns \(\d, 3\), so \(3,\) for each image, in which there is no"):
        LatentShift(network(), Identity()).attribute(images(), target=target)


@pytest.mark.parametrize(
    "target", [torch.tensor([0.5, 1.0, 2.0]), True, "Pneumonia", [0, (1,), 2], torch.zeros(2).long()]
)
def test_a_target_of_no_known_form_is_refused(target: Any) -> None:
    with pytest.raises(InputError, match="3 images need 3 targets or one for all"):
        LatentShift(network(), Identity()).attribute(images(), target=target)


def test_outputs_too_large_to_show_the_drop_are_refused() -> None:
    def large(x: Tensor) -> Tensor:
        return x.flatten(1).sum(1) + 1e8

    # Numbers of single precision near 1e8 are 8 apart.
    with pytest.raises(PredictionError, match=r"1e\+08.*a drop of 0.3 cannot be seen"):
        LatentShift(large, Identity()).attribute(images())
    assert LatentShift(large, Identity()).attribute(images(), drop=1000.0, rise=200.0, max_latent_change=1e4).max() > 0


def test_settings_that_there_are_not_are_refused_with_those_that_are_near() -> None:
    method = LatentShift(network(), Identity())
    with pytest.raises(SettingsError, match=r"no setting projektion.*Is projection meant\?"):
        method.attribute(images(), target=1, projektion="mean")
    for wrong in (
        {"frames": 5.0},
        {"drop": "0.3"},
        {"internal_batch_size": 0},
        {"internal_batch_size": 2.0},
        {"input_range": (1.0, 0.0)},
        {"input_range": (float("nan"), 1.0)},
    ):
        with pytest.raises(SettingsError):
            method.attribute(images(), target=1, **wrong)


def test_layers_that_mix_the_images_of_a_batch_in_training_are_named() -> None:
    for layer in (nn.BatchNorm2d(3), nn.SyncBatchNorm(3), nn.InstanceNorm2d(3, track_running_stats=True), nn.RReLU()):
        with pytest.raises(InputError, match="forward_func is in training mode"):
            LatentShift(nn.Sequential(layer, network()).train(), Identity()).attribute(images(), target=1)


def test_captums_noise_tunnel_takes_it() -> None:
    torch.manual_seed(5)
    tunnel = captum.attr.NoiseTunnel(LatentShift(network(), Identity()))
    smooth = tunnel.attribute(images(), nt_type="smoothgrad", nt_samples=4, stdevs=0.01, target=torch.tensor([0, 1, 2]))
    plain = LatentShift(network(), Identity()).attribute(images(), target=torch.tensor([0, 1, 2]))
    assert smooth.shape == plain.shape
    assert float(torch.corrcoef(torch.stack([smooth.flatten(), plain.flatten()]))[0, 1]) > 0.99
