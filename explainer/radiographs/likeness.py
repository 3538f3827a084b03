"""How much a picture looks like a frontal chest radiograph: upright, turned, or with black and white exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 32
#: Sides of the field in which lungs, mediastinum and abdomen are looked for, in 32nds of the picture: a radiograph
#: shows more or less around them.
_FIELDS = (28, 24, 20)
_BLUR = 6.0
#: A field with less than this share of the picture's highest contrast says nothing, however well it fits.
_LEAST_CONTRAST = 0.5
#: Left half of the mean of 350 frontal radiographs of NIH ChestX-ray14, 14 x 14, each without its blurred self and made
#: symmetric: air beside the shoulders, dark lungs, bright mediastinum and abdomen.
_LEFT_HALF = (
    (-92, -80, -77, -64, -24, 30, 68),
    (-3, 13, 10, -2, -8, 15, 53),
    (48, 58, 38, -3, -31, -14, 36),
    (61, 64, 26, -36, -69, -39, 29),
    (51, 52, 5, -65, -95, -50, 30),
    (33, 38, -13, -82, -99, -42, 37),
    (12, 24, -25, -85, -87, -24, 44),
    (-6, 12, -30, -76, -66, -8, 50),
    (-19, 6, -25, -53, -39, 7, 53),
    (-31, 3, -12, -26, -14, 19, 51),
    (-43, 4, 7, 3, 10, 29, 50),
    (-55, 6, 25, 28, 30, 38, 49),
    (-65, 9, 39, 45, 44, 45, 50),
    (-72, 9, 46, 54, 52, 50, 52),
)


@dataclass(frozen=True)
class Likeness:
    """Correlations with a frontal chest, each in [-1, 1], the best over where and how large it could be.

    `upright` is that of the picture as it is, `turned` the best of its three turns by a quarter, `inverted` that of the
    picture with black and white exchanged, `inverted_turned` that of its turns.
    """

    upright: float
    turned: float
    inverted: float
    inverted_turned: float


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean()
    unit: NDArray[np.float64] = centred / np.sqrt((centred**2).sum())
    return unit


def _templates() -> tuple[NDArray[np.float64], ...]:
    left = np.array(_LEFT_HALF, dtype=np.float64)
    whole = np.concatenate([left, left[:, ::-1]], axis=1)
    return tuple(_unit(zoom(whole, side / len(whole), order=1, grid_mode=True, mode="nearest")) for side in _FIELDS)


_TEMPLATES = _templates()


def likeness(grey: NDArray[np.float32]) -> Likeness:
    """Compare a picture (H, W), 0 = black, with a frontal chest. Takes about 3 ms, whatever its size."""
    values = _small(grey)
    found = [_correlations(np.rot90(values, turns)) for turns in range(4)]
    return Likeness(
        upright=found[0][0],
        turned=max(high for high, _ in found[1:]),
        inverted=-found[0][1],
        inverted_turned=max(-low for _, low in found[1:]),
    )


def upright_likeness(grey: NDArray[np.float32]) -> float:
    """The first of the correlations of `likeness`, in a quarter of its time."""
    return _correlations(_small(grey))[0]


def _small(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """32 x 32 values without the coarsest differences, which say how the film lay and not what is on it."""
    picture = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    values = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    return values - gaussian_filter(values, _BLUR)


def _correlations(values: NDArray[np.float64]) -> tuple[float, float]:
    """The highest and the lowest correlation of the template with a field of the picture."""
    highest = lowest = 0.0
    for template in _TEMPLATES:
        fields = sliding_window_view(values, template.shape)
        side = len(template)
        squares = _sums(values**2, side) - _sums(values, side) ** 2 / template.size
        spread = np.sqrt(np.maximum(squares, 0))
        if spread.max() <= 0:
            continue
        correlation = np.einsum("ijkl,kl->ij", fields, template) / np.maximum(spread, 1e-9)
        correlation[spread < _LEAST_CONTRAST * spread.max()] = 0.0
        highest, lowest = max(highest, float(correlation.max())), min(lowest, float(correlation.min()))
    return highest, lowest


def _sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The sum of each square field of this side."""
    running = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums: NDArray[np.float64] = (
        running[side:, side:] - running[:-side, side:] - running[side:, :-side] + running[:-side, :-side]
    )
    return sums
