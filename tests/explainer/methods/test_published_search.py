"""The searches of the paper's code, by date, against a plain loop written from their description."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from explainer import LatentShift
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.errors import SettingsError
from tests.explainer.models import Identity, seeded

SIDE = 8


class Bent:
    """A prediction that depends on the sum of an image, so that all along the line is known in closed form."""

    def __init__(self, slope: float, turn: float | None = None) -> None:
        self.slope, self.turn = slope, turn

    def of(self, total: Tensor) -> Tensor:
        value = self.slope * total
        if self.turn is not None:
            value = (value - self.turn).abs() + self.turn
        return torch.sigmoid(value)

    def __call__(self, x: Tensor) -> Tensor:
        return self.of(x.flatten(1).sum(dim=1))


def loop(prediction: Bent, image: Tensor, *, drop: float, rise: float | None) -> tuple[float, float]:
    """Ends of the range, one evaluation after another: steps of 1 up to 10, then of 10, up to 1000.

    An end is the first step at which the prediction turned, had moved by more than drop or rise, or was at the bound.
    """
    x = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(prediction(x).sum(), x)
    at = {0: float(prediction(image))}

    def end(sign: int, wanted: float) -> float:
        distance, last = 0, at[0]
        while True:
            distance += 1 if distance < 10 else 10
            now = float(prediction(image + sign * distance * gradient))
            if sign * (now - last) < 0 or sign * (now - at[0]) > wanted or distance >= 1000:
                return sign * distance
            last = now

    return end(-1, drop), 0.0 if rise is None else end(1, rise)


CASES = [Bent(0.02), Bent(0.3), Bent(0.002), Bent(0.05, turn=-0.2), Bent(1.5)]


@pytest.mark.parametrize("prediction", CASES)
def test_the_search_of_february_2021_ends_where_the_plain_loop_does(prediction: Bent) -> None:
    image = seeded(1, 1, SIDE, SIDE, seed=1)
    lower, upper = loop(prediction, image, drop=0.5, rise=0.05)
    maps, (found,) = LatentShift(prediction, Identity()).attribute(
        image, return_counterfactuals=True, search="published-2021-02", projection="published"
    )
    assert (found.lambdas[0], found.lambdas[found.zero]) == (lower, 0.0)
    # Tenths of the range from its lowest lambda on, up to less than 1 beyond the upper end.
    tenth = (upper - lower) / 10
    count = math.ceil((upper + 1 - lower) / tenth)
    wanted = [lower + tenth * index for index in range(count)]
    assert [value for value in found.lambdas if value != 0] == pytest.approx(
        [value for value in wanted if abs(value) > 1e-9]
    )
    # Its "max" was that of a single image: the one at the lowest lambda, beside the reconstruction.
    np.testing.assert_array_equal(maps[0].numpy(), np.abs(found.frames[0] - found.frames[found.zero]))


@pytest.mark.parametrize("prediction", CASES)
def test_the_search_of_june_2021_goes_downwards_only(prediction: Bent) -> None:
    image = seeded(1, 1, SIDE, SIDE, seed=1)
    lower, _ = loop(prediction, image, drop=0.15, rise=None)
    _, (found,) = LatentShift(prediction, Identity()).attribute(
        image, return_counterfactuals=True, search="published-2021-06"
    )
    assert found.lambdas == pytest.approx([lower * (10 - index) / 10 for index in range(11)])
    assert found.stop_reason["upper"] == "fixed"


def test_settings_tell_what_the_search_left_open() -> None:
    adaptive, february, june = (
        LatentShiftSettings(search=name) for name in ("adaptive", "published-2021-02", "published-2021-06")
    )
    assert (adaptive.drop, adaptive.rise, adaptive.frames) == (0.30, 0.05, 24)
    assert (february.drop, february.rise, february.frames, february.max_lambda) == (0.5, 0.05, None, 1000.0)
    assert (june.drop, june.upper) == (0.15, 0.0)
    assert LatentShiftSettings(search="published-2021-02", drop=0.4).drop == 0.4


def test_frames_of_a_published_search_cannot_be_chosen() -> None:
    with pytest.raises(SettingsError, match="frames cannot be chosen with search 'published-2021-02'"):
        LatentShiftSettings(search="published-2021-02", frames=24)
