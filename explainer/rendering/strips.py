"""The counterfactual frame by frame: a filmstrip and what a viewer needs to know about it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.errors import RenderingError

if TYPE_CHECKING:
    from explainer.rendering.overlays import GreyImage
    from explainer.types import Counterfactual

#: Widest strip; canvases beyond 16,384 pixels are not drawn by every browser.
_WIDEST_STRIP = 8192


def strip_columns(frames: int, width: int) -> int:
    """Frames per row of a filmstrip."""
    return max(1, min(frames, _WIDEST_STRIP // width))


def filmstrip(frames: GreyImage) -> GreyImage:
    """Frames (F, H, W) beside each other, row by row; unused places at the end are black."""
    count, height, width = frames.shape
    columns = strip_columns(count, width)
    rows = math.ceil(count / columns)
    strip = np.zeros((rows * height, columns * width), dtype=np.uint8)
    for index, frame in enumerate(frames):
        top, left = (index // columns) * height, (index % columns) * width
        strip[top : top + height, left : left + width] = frame
    return strip


def curve(sequence: Counterfactual) -> dict[str, Any]:
    """Lambda and prediction of every frame, why the search stopped, and how the filmstrip is laid out.

    Raises RenderingError for a lambda or prediction that is NaN or infinite.
    """
    check_curve("a counterfactual", sequence)
    count, height, width = sequence.frames.shape
    return {
        "lambdas": list(sequence.lambdas),
        "predictions": list(sequence.predictions),
        "stop_reason": dict(sequence.stop_reason),
        "zero": sequence.zero,
        "frames": count,
        "frame_width": width,
        "frame_height": height,
        "columns": strip_columns(count, width),
    }


def check_curve(name: str, sequence: Counterfactual) -> None:
    """Raise RenderingError unless every lambda and prediction is finite."""
    if not np.isfinite([*sequence.lambdas, *sequence.predictions]).all():
        raise RenderingError(f"The curve of {name} has NaN or infinity.")
