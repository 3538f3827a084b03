"""LatentShift as users of captum meet it: any forward function, any autoencoder, a batch, a target for each."""

from __future__ import annotations

import captum.attr
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer import LatentShift
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.errors import InputError, NoGradientError, SettingsError
from explainer.methods.latent_shift import latent_shift
from tests.explainer.models import Identity, Linear, autoencoder_of, classifier_of, seeded

SIDE = 8


def colour_images(count: int = 3) -> Tensor:
    return seeded(count, 3, SIDE, SIDE, seed=4)


def probabilities(images: Tensor) -> Tensor:
    """Three outputs for colour images."""
    weights = seeded(3, 3 * SIDE * SIDE, seed=9) / 20
    return torch.sigmoid(images.flatten(1) @ weights.T)


def test_maps_have_the_shape_of_the_images_and_follow_their_targets() -> None:
    images = colour_images()
    method = LatentShift(probabilities, Identity())
    maps = method.attribute(images, target=[2, 0, 1])
    assert isinstance(method, captum.attr.GradientAttribution)
    assert (maps.shape, maps.min() >= 0) == (images.shape, torch.tensor(True))  # noqa: FBT003
    for index, target in enumerate((2, 0, 1)):
        alone = method.attribute(images[index : index + 1], target=target)
        torch.testing.assert_close(maps[index], alone[0], rtol=1e-4, atol=1e-6)
    # The identity's map is |lambda g| at the further end: proportional to the gradient's absolute value.
    gradient = captum.attr.Saliency(probabilities).attribute(images[:1].clone().requires_grad_(), target=2)[0]
    share = maps[0] / gradient
    torch.testing.assert_close(share, share.mean().expand_as(share), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("target", [1, torch.tensor(1), torch.tensor([1, 1, 1]), [1, 1, 1], (1,), [(1,), (1,), (1,)]])
def test_targets_may_be_given_in_all_of_captums_forms(target: object) -> None:
    images = colour_images()
    expected = LatentShift(probabilities, Identity()).attribute(images, target=1)
    found = LatentShift(probabilities, Identity()).attribute(images, target=target)  # type: ignore[call-overload]
    torch.testing.assert_close(found, expected)


def test_without_a_target_the_forward_function_returns_one_number_per_image() -> None:
    images = colour_images()
    single = LatentShift(lambda x: probabilities(x)[:, 1], Identity()).attribute(images)
    torch.testing.assert_close(single, LatentShift(probabilities, Identity()).attribute(images, target=1))
    with pytest.raises(Exception, match="target"):
        LatentShift(probabilities, Identity()).attribute(images)


def test_a_tuple_of_one_tensor_is_answered_by_a_tuple() -> None:
    images = colour_images(1)
    (maps,) = LatentShift(probabilities, Identity()).attribute((images,), target=0)
    assert maps.shape == images.shape


def test_additional_arguments_go_with_their_images() -> None:
    images, offsets = colour_images(), torch.tensor([-1.0, 0.0, 1.0])

    def forward(x: Tensor, offset: Tensor, scale: float) -> Tensor:
        logits: Tensor = (x.flatten(1) * scale).sum(1) / 20
        return torch.sigmoid(logits + offset)

    method = LatentShift(forward, Identity())
    _, together = method.attribute(
        images, additional_forward_args=(offsets, 0.5), return_counterfactuals=True, internal_batch_size=2
    )
    for index, sequence in enumerate(together):
        _, (alone,) = method.attribute(
            images[index : index + 1],
            additional_forward_args=(offsets[index : index + 1], 0.5),
            return_counterfactuals=True,
        )
        np.testing.assert_allclose(sequence.predictions, alone.predictions, rtol=1e-4)


def test_it_equals_the_function_that_studies_use() -> None:
    weights = seeded(2, SIDE * SIDE) / 1000
    classifier, autoencoder = classifier_of(Linear(weights, 0.5), targets=2), autoencoder_of(Identity())
    images = seeded(2, 1, SIDE, SIDE, seed=1) * 300
    columns = torch.tensor([1, 0])
    expected = latent_shift(classifier, autoencoder, images, columns, LatentShiftSettings(frames=6))
    maps, found = LatentShift(classifier, autoencoder).attribute(
        images, target=columns, frames=6, input_range=classifier.input_range, return_counterfactuals=True
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.lambdas, other.lambdas, rtol=1e-6)
        np.testing.assert_allclose(one.frames[:, 0], other.frames, rtol=1e-6)
        assert one.stop_reason == other.stop_reason
    assert maps.shape == (2, 1, SIDE, SIDE)


def test_the_callers_tensors_and_networks_are_left_as_they_were() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2), nn.Sigmoid())
    images = colour_images().requires_grad_()
    LatentShift(network, Identity()).attribute(images, target=0)
    assert images.requires_grad
    assert images.grad is None
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    images = colour_images()
    with pytest.raises(InputError, match="no decode"):
        LatentShift(probabilities, nn.Sequential(nn.Linear(2, 2)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shape"):
        LatentShift(probabilities, Identity()).attribute(images[0], target=0)
    with pytest.raises(InputError, match="finite"):
        LatentShift(probabilities, Identity()).attribute(images * float("nan"), target=0)
    with pytest.raises(InputError, match="3 images need 3 targets"):
        LatentShift(probabilities, Identity()).attribute(images, target=[0, 1])
    with pytest.raises(SettingsError, match="no projection"):
        LatentShift(probabilities, Identity()).attribute(images, target=0, projection="median")
    with pytest.raises(NoGradientError, match="not differentiable"):
        LatentShift(lambda x: probabilities(x.detach()), Identity()).attribute(images, target=0)
    noisy = nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 1))
    with pytest.raises(InputError, match=r"forward_func is in training mode: call forward_func.eval\(\)"):
        LatentShift(noisy, Identity()).attribute(images, target=0)


def test_an_autoencoder_of_another_size_is_refused() -> None:
    class Halved(Identity):
        def decode(self, z: Tensor) -> Tensor:
            return z[..., ::2, ::2]

    with pytest.raises(InputError, match="makes images of shape"):
        LatentShift(probabilities, Halved()).attribute(colour_images(), target=0)
