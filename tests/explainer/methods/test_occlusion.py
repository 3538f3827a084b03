"""Occlusion against captum and against a sum made by hand."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Occlusion
from torch import Tensor, nn

from explainer.batching import Batch
from explainer.catalogue.methods.occlusion import OcclusionSettings
from explainer.errors import NoGradientError, SettingsError
from explainer.methods.occlusion import occlusion
from explainer.networks import SmallDenseNet
from explainer.sources import load_classifier
from tests.explainer.models import CLASSIFIER, SIZE, Linear, classifier_of, seeded

FIRST = torch.tensor([0])


def images(count: int = 1, *, size: int = SIZE) -> Tensor:
    return seeded(count, 1, size, size, seed=3) * 300


def small() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallDenseNet(n_targets=2, **CLASSIFIER)


class Probability(nn.Module):
    """Score = 0.5 + the mean of two quarters of an image of 4 x 4 pixels, one against the other."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.logit(0.5 + (x[:, 0, :2, :2].mean(dim=(1, 2)) - x[:, 0, 2:, 2:].mean(dim=(1, 2)))[:, None])


def test_each_pixel_has_the_mean_change_over_the_squares_that_cover_it() -> None:
    x = torch.zeros(1, 1, 4, 4)
    x[..., :2, :2], x[..., 2:, 2:] = 0.2, 0.1
    found = occlusion(classifier_of(Probability(), size=4), x, FIRST, OcclusionSettings(window=2, stride=2))
    expected = torch.zeros(4, 4)
    expected[:2, :2], expected[2:, 2:] = 0.2, 0.1  # covered, the first takes its mean away, the other gives it back
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-6)
    overlapping = occlusion(classifier_of(Probability(), size=4), x, FIRST, OcclusionSettings(window=2, stride=1))
    # The corner has one square, its neighbour two: the whole mean, and half of it.
    assert float(overlapping[0, 0, 0]) == pytest.approx(0.2, abs=1e-5)
    assert float(overlapping[0, 0, 1]) == pytest.approx((0.2 + 0.1) / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("window", "stride", "fill"), [(8, 4, 0.0), (8, 8, -1024.0), (7, 3, 100.0), (5, 4, 0.0), (32, 1, 0.0)]
)
def test_maps_are_captums(window: int, stride: int, fill: float) -> None:
    classifier, x = classifier_of(small(), targets=2, size=32), images(2, size=32)
    targets = torch.tensor([1, 0])
    expected = Occlusion(classifier).attribute(
        x, sliding_window_shapes=(1, window, window), strides=(1, stride, stride), baselines=fill, target=targets
    )
    found = occlusion(classifier, x, targets, OcclusionSettings(window, stride, fill))
    expected = expected.abs()[:, 0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.max()))


def test_by_default_a_square_is_a_seventh_of_the_image_and_half_covers_the_next() -> None:
    assert OcclusionSettings().squares(224) == (32, 16)
    assert OcclusionSettings().squares(512) == (73, 36)
    assert OcclusionSettings(window=10).squares(224) == (10, 5)
    classifier = load_classifier("phantom-small")
    x = seeded(1, 1, classifier.input_size, classifier.input_size) * 300
    found = occlusion(classifier, x, FIRST)
    assert found.shape == (1, classifier.input_size, classifier.input_size)
    assert torch.isfinite(found).all()
    assert found.max() > 0


def test_no_more_images_go_together_than_the_batch_allows_and_the_batch_changes_no_map() -> None:
    classifier, x = classifier_of(small(), targets=2, size=32), images(3, size=32)
    sizes: list[int] = []
    hook = classifier.network.register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))
    targets = torch.tensor([0, 1, 0])
    found = occlusion(classifier, x, targets, batch=Batch(4))
    hook.remove()
    assert max(sizes) == 4
    for index in range(3):
        alone = occlusion(classifier, x[index : index + 1], targets[index : index + 1], batch=Batch(1))[0]
        torch.testing.assert_close(found[index], alone, rtol=1e-4, atol=1e-4 * float(alone.max()))


def test_where_memory_runs_out_fewer_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, x = classifier_of(small(), targets=2, size=32), images(size=32)
    expected = occlusion(classifier, x, FIRST)
    forward = type(classifier).forward

    def tight(most: int) -> object:
        def limited(self: object, x: Tensor) -> Tensor:
            if len(x) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(self, x)  # type: ignore[arg-type]

        return limited

    monkeypatch.setattr(type(classifier), "forward", tight(2))
    batch = Batch(16)
    torch.testing.assert_close(occlusion(classifier, x, FIRST, batch=batch), expected, rtol=1e-4, atol=1e-7)
    assert batch.images == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_give_a_float32_map_near_that_of_single(dtype: torch.dtype) -> None:
    weights, settings = seeded(1, SIZE * SIZE) / 300, OcclusionSettings(window=4)
    expected = occlusion(classifier_of(Linear(weights)), images(), FIRST, settings)
    found = occlusion(classifier_of(Linear(weights)).to(dtype), images().to(dtype), FIRST, settings)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0.1 * float(expected.max()))


class Unmoved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :1] * 0 + 0.3


class Detached(Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


def test_no_gradient_is_needed_but_a_prediction_that_moves() -> None:
    weights = seeded(1, SIZE * SIZE) / 3000
    found, expected = (occlusion(classifier_of(kind(weights)), images(), FIRST) for kind in (Detached, Linear))
    assert torch.equal(found, expected)
    with pytest.raises(NoGradientError, match="occlusion of tiny is zero everywhere"):
        occlusion(classifier_of(Unmoved()), images(), FIRST)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"window": 0}, "window of occlusion must be at least one pixel, not 0"),
        ({"stride": -1}, "stride of occlusion must be at least one pixel, not -1"),
        ({"fill": float("nan")}, "must be a grey value, not nan"),
        ({"window": 9}, "window of occlusion is 9 pixels, wider than the image of 8"),
        ({"window": 2, "stride": 3}, "stride of occlusion is 3, more than the 2 of a square"),
    ],
)
def test_squares_that_cannot_be_are_refused(settings: dict[str, float], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        occlusion(classifier_of(Linear(seeded(1, SIZE * SIZE) / 3000)), images(), FIRST, OcclusionSettings(**settings))  # type: ignore[arg-type]
