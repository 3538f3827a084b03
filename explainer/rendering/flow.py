"""Optical flow of a counterfactual: how far and where structures move as the prediction falls and rises (Figure 1B).

TV-L1 (Zach, Pock and Bischof 2007) in scikit-image's implementation. It takes brightness for matter: where a region
gets darker without moving, it may find a movement all the same, so a flow is read together with the frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explainer.errors import RenderingError
from explainer.rendering.overlays import INPUT_RANGE
from explainer.types import FloatMap

if TYPE_CHECKING:
    from explainer.types import Counterfactual

#: Smaller images have no room for the algorithm's pyramid.
_SMALLEST = 16


def optical_flow(sequence: Counterfactual) -> dict[str, FloatMap]:
    """Flow from the unshifted reconstruction to the `lower` and the `upper` end, each float32 (2, H, W) in pixels.

    `flow[0]` is the movement along the rows, positive downwards, `flow[1]` along the columns, positive to the right of
    the picture: what is at (r, c) of the reconstruction is at (r + flow[0, r, c], c + flow[1, r, c]) of the end. A side
    without frames is left out. Raises RenderingError for NaN, and for images smaller than 16 pixels.
    """
    frames = sequence.frames
    if min(frames.shape[1:]) < _SMALLEST:
        raise RenderingError(
            f"Optical flow needs images of at least {_SMALLEST} pixels a side, not {frames.shape[1:]}."
        )
    if not np.isfinite(frames).all():
        raise RenderingError("Frames with NaN or infinity have no optical flow.")
    start = _scaled(frames[sequence.zero])
    ends = {"lower": 0, "upper": len(frames) - 1}
    return {side: _flow(start, _scaled(frames[end])) for side, end in ends.items() if end != sequence.zero}


def _flow(start: FloatMap, end: FloatMap) -> FloatMap:
    from skimage.registration import optical_flow_tvl1  # only flows need it

    flow = optical_flow_tvl1(start, end, dtype=np.float32)  # type: ignore[no-untyped-call]  # it has no hints
    return np.asarray(flow, dtype=np.float32)


def _scaled(frame: FloatMap) -> FloatMap:
    """To [0, 1], for which the algorithm's weights are meant."""
    low, high = INPUT_RANGE
    scaled: FloatMap = np.clip((frame - np.float32(low)) / np.float32(high - low), 0, 1)
    return scaled
