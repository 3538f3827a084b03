"""What must hold for any weights, images and targets, tried on many that hypothesis draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

import explainer
from explainer.batching import Batch
from explainer.catalogue.methods import METHODS
from explainer.catalogue.methods.integrated_gradients import IntegratedGradientsSettings
from explainer.catalogue.methods.iterative_delete import IterativeDeleteSettings
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.classifiers import Classifier
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import (
    integrated_gradients,
    signed_integral,
)
from explainer.methods.iterative_delete import iterative_delete
from explainer.methods.latent_shift import latent_shift, project
from explainer.networks import SmallDenseNet
from explainer.phantoms import draw
from explainer.types import Counterfactual, ExplanationRequest
from tests.explainer.models import CLASSIFIER, SIZE, Identity, Linear, autoencoder_of, classifier_of, seeded, write_pair

Maps = Callable[[Classifier, Tensor, Tensor], Tensor]
seeds = st.integers(0, 2**31 - 1)
few = settings(max_examples=15)
FIRST = torch.tensor([0])
STEPS = IntegratedGradientsSettings(steps=12)


def integrated(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    return integrated_gradients(classifier, images, targets, STEPS)


def deleted(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    return iterative_delete(classifier, images, targets, IterativeDeleteSettings(iterations=4))


TRADITIONAL: list[Maps] = [input_gradient, guided_backprop, integrated, deleted]


def tiny(seed: int) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return classifier_of(SmallDenseNet(n_targets=2, **CLASSIFIER), targets=2, size=32)


class Logits(nn.Module):
    """Undoes the classifier's sigmoid, so that what is explained is linear in the image."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, x: Tensor) -> Tensor:
        return torch.logit(0.5 + x.flatten(1) @ self.get_buffer("weights").T)


@few
@given(seed=seeds, baseline=st.floats(-1024, 1024, width=32))
def test_integrated_gradients_of_a_linear_model_are_weight_times_distance_and_add_up_exactly(
    seed: int, baseline: float
) -> None:
    # The score is 0.5 + w . x, well inside (0, 1).
    weights = seeded(1, SIZE * SIZE, seed=seed) / 1e6
    classifier, x = classifier_of(Logits(weights)), seeded(1, 1, SIZE, SIZE, seed=seed + 1) * 300
    signed = signed_integral(classifier, x, FIRST, IntegratedGradientsSettings(steps=5, baseline=baseline), 5)
    expected = (weights[0] * (x.flatten() - baseline)).reshape(1, 1, SIZE, SIZE)
    torch.testing.assert_close(signed, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    reference = torch.full_like(x, baseline)
    difference = float(classifier(x) - classifier(reference))
    assert float(signed.double().sum()) == pytest.approx(difference, abs=2e-6)


@few
@given(seed=seeds)
def test_integrated_gradients_add_up_to_the_change_of_the_score_for_a_sigmoid_too(seed: int) -> None:
    weights = seeded(1, SIZE * SIZE, seed=seed) / 2000
    classifier, x = classifier_of(Linear(weights)), seeded(1, 1, SIZE, SIZE, seed=seed + 1) * 300
    signed = signed_integral(classifier, x, FIRST, IntegratedGradientsSettings(), 50)
    assert float(signed.double().sum()) == pytest.approx(float(classifier(x)) - 0.5, abs=1e-5)


@few
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_maps_of_a_linear_model_follow_the_weights_direction_and_nothing_else(seed: int, factor: float) -> None:
    """The input gradient is proportional to |w|, the integral to |w x|: scaling the image scales only the latter."""
    weights = seeded(1, SIZE * SIZE, seed=seed) / 1e6
    classifier = classifier_of(Logits(weights))
    x = seeded(1, 1, SIZE, SIZE, seed=seed + 1).clamp(-3, 3) * 30
    scaled = x * factor
    torch.testing.assert_close(
        input_gradient(classifier, scaled, FIRST), input_gradient(classifier, x, FIRST), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(
        integrated(classifier, scaled, FIRST), integrated(classifier, x, FIRST) * factor, rtol=1e-3, atol=0
    )


@few
@given(seed=seeds, column=st.integers(0, SIZE - 1))
def test_shifting_what_the_weights_look_at_shifts_the_map(seed: int, column: int) -> None:
    weights, x = seeded(1, 1, SIZE, SIZE, seed=seed) / 3000, seeded(1, 1, SIZE, SIZE, seed=seed + 1) * 300
    for method in (input_gradient, integrated):
        here = method(classifier_of(Linear(weights.flatten(1))), x, FIRST)
        moved = torch.roll(weights, column, dims=3).flatten(1)
        there = method(classifier_of(Linear(moved)), torch.roll(x, column, dims=3), FIRST)
        torch.testing.assert_close(torch.roll(here, column, dims=2), there, rtol=1e-4, atol=1e-6 * float(here.max()))


@few
@given(seed=seeds, ignored=st.sets(st.integers(0, SIZE * SIZE - 1), min_size=1, max_size=SIZE * SIZE - 1))
def test_what_the_classifier_ignores_has_no_change_and_no_attribution(seed: int, ignored: set[int]) -> None:
    weights = seeded(1, SIZE * SIZE, seed=seed) / 1000
    unseen = torch.zeros(SIZE * SIZE, dtype=torch.bool)
    unseen[sorted(ignored)] = True
    weights[0, unseen] = 0
    x = seeded(1, 1, SIZE, SIZE, seed=seed + 1) * 300
    bias = -float(x.flatten() @ weights[0])
    classifier = classifier_of(Linear(weights, bias))
    found = latent_shift(classifier, autoencoder_of(Identity()), x, FIRST, LatentShiftSettings(frames=5))[0]
    flat = found.frames.reshape(5, -1)
    mask = unseen.numpy()
    # The latent is the image: not a bit of an ignored direction moves, and some other one does.
    assert (flat[:, mask] == flat[found.zero, mask]).all()
    assert (flat[0] != flat[found.zero]).any()
    for method in (input_gradient, integrated, deleted):
        assert (method(classifier, x, FIRST).flatten()[unseen] == 0).all()


# Quarters of grey values: float32 holds them and their differences exactly.
frames = hnp.arrays(np.int32, (6, 4, 5), elements=st.integers(-6000, 6000)).map(lambda a: (a / 4).astype(np.float32))


def sequence(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], zero: int) -> Counterfactual:
    values = tuple(float(index - zero) for index in range(len(array)))
    return Counterfactual(
        lambdas=values, predictions=values, frames=array, zero=zero, stop_reason={}, evaluations=len(array)
    )


@few
@given(array=frames, zero=st.integers(0, 5))
def test_projections_are_non_negative_float32_maps_that_one_frame_repeated_leaves_blank(
    array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], zero: int
) -> None:
    for projection in ("max", "mean", "minmax", "sliding"):
        values = project(sequence(array, zero), projection)
        assert values.dtype == np.float32
        assert values.shape == (4, 5)
        assert (values >= 0).all()
        assert not project(sequence(np.repeat(array[:1], 6, axis=0), zero), projection).any()


@few
@given(array=frames, zero=st.integers(0, 5), order=st.permutations(range(6)))
def test_max_and_mean_do_not_depend_on_the_order_of_frames(
    array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], zero: int, order: list[int]
) -> None:
    shuffled = sequence(array[order], order.index(zero))
    np.testing.assert_array_equal(project(sequence(array, zero), "max"), project(shuffled, "max"))
    np.testing.assert_allclose(project(sequence(array, zero), "mean"), project(shuffled, "mean"), rtol=1e-5, atol=1e-3)


@few
@given(array=frames, zero=st.integers(0, 5))
def test_every_projection_is_that_of_the_sequence_played_backwards(
    array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], zero: int
) -> None:
    backwards = sequence(array[::-1].copy(), 5 - zero)
    for projection in ("max", "mean", "minmax", "sliding"):
        np.testing.assert_allclose(
            project(sequence(array, zero), projection), project(backwards, projection), rtol=1e-5, atol=1e-3
        )


@few
@given(array=frames, zero=st.integers(0, 5), shift=st.integers(-500, 500))
def test_projections_see_differences_only_and_scale_with_them(
    array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], zero: int, shift: float
) -> None:
    for projection in ("max", "mean", "minmax", "sliding"):
        values = project(sequence(array, zero), projection)
        moved = project(sequence(array + np.float32(shift), zero), projection)
        np.testing.assert_array_equal(moved, values)
        np.testing.assert_array_equal(project(sequence(array * np.float32(0.5), zero), projection), values * 0.5)


def test_sliding_and_minmax_depend_on_the_order_of_frames() -> None:
    ordered = np.array([[[0.0]], [[1.0]], [[2.0]], [[3.0]]], dtype=np.float32)
    shuffled = ordered[[0, 2, 1, 3]]
    assert project(sequence(ordered, 0), "sliding").item() == 1
    assert project(sequence(shuffled, 0), "sliding").item() == pytest.approx(5 / 3)
    assert project(sequence(ordered[[1, 0, 3, 2]], 1), "minmax").item() == 1 != project(sequence(ordered, 0), "minmax")


@pytest.mark.parametrize("method", TRADITIONAL)
def test_a_case_alone_has_the_map_that_it_has_among_32(method: Maps) -> None:
    classifier = tiny(0)
    x = seeded(32, 1, 32, 32, seed=3) * 300
    targets = torch.arange(32) % 2
    together = method(classifier, x, targets)
    for i in (0, 7, 31):
        alone = method(classifier, x[i : i + 1], targets[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone, rtol=1e-5, atol=1e-5 * float(alone.max()))


def test_a_case_alone_has_the_counterfactual_that_it_has_among_32() -> None:
    classifier, autoencoder = tiny(0), autoencoder_of(Identity(), size=32)
    x = seeded(32, 1, 32, 32, seed=3) * 300
    targets, chosen = torch.arange(32) % 2, LatentShiftSettings(frames=4)
    together = latent_shift(classifier, autoencoder, x, targets, chosen)
    for i in (0, 31):
        alone = latent_shift(classifier, autoencoder, x[i : i + 1], targets[i : i + 1], chosen)[0]
        span = float(np.ptp(alone.frames))
        np.testing.assert_allclose(together[i].frames, alone.frames, rtol=0, atol=1e-5 * span)
        np.testing.assert_allclose(together[i].predictions, alone.predictions, atol=1e-5)
        assert together[i].stop_reason == alone.stop_reason


@settings(max_examples=6)
@given(seed=seeds, size=st.integers(1, 20))
def test_the_batch_of_a_pass_changes_no_map(seed: int, size: int) -> None:
    classifier = tiny(0)
    x, targets = seeded(3, 1, 32, 32, seed=seed) * 300, torch.tensor([0, 1, 1])
    steps, iterations = IntegratedGradientsSettings(steps=12), IterativeDeleteSettings(iterations=4)
    for one in (Batch(1), Batch(size)):
        for found, usual in (
            (input_gradient(classifier, x, targets, batch=one), input_gradient(classifier, x, targets)),
            (guided_backprop(classifier, x, targets, batch=one), guided_backprop(classifier, x, targets)),
            (integrated_gradients(classifier, x, targets, steps, batch=one), integrated(classifier, x, targets)),
            (iterative_delete(classifier, x, targets, iterations, batch=one), deleted(classifier, x, targets)),
        ):
            torch.testing.assert_close(found, usual, rtol=1e-4, atol=1e-5 * float(usual.max()))


def test_the_same_request_twice_gives_the_same_bytes_for_every_method(tmp_path: Path) -> None:
    from PIL import Image

    pair = str(write_pair(tmp_path / "pair"))
    Image.fromarray(draw(2, 4).pixels).save(tmp_path / "image.png")
    request = ExplanationRequest(
        image=tmp_path / "image.png", target="Mass", classifier=pair, autoencoder=pair, device="cpu"
    )
    first, second = explainer.explain(request), explainer.explain(request)
    assert tuple(first.maps) == tuple(METHODS)
    for method in METHODS:
        assert first.maps[method].tobytes() == second.maps[method].tobytes()
    assert first.scores == second.scores
    assert first.counterfactual is not None
    assert second.counterfactual is not None
    assert first.counterfactual.frames.tobytes() == second.counterfactual.frames.tobytes()
    assert first.counterfactual.lambdas == second.counterfactual.lambdas
