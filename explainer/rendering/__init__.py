"""Pictures of an explanation: the only place that ranks or colours a map and writes strips, videos and figures.

`render` makes what a reader study stores, `write` every file of `python -m explainer explain`
(docs/explanation-files.md). Nothing here keeps state, so all of it may run in several threads. `rendering.figures` and
`rendering.flow`, which load matplotlib and scikit-image, draw the curves of several counterfactuals and compute optical
flow.
"""

from __future__ import annotations

from explainer.rendering.files import PictureOptions, npy, render, summary, write
from explainer.rendering.overlays import (
    ERROR_WHITE,
    INPUT_RANGE,
    RED,
    BoolMap,
    GreyImage,
    blurred,
    deep,
    error_picture,
    overlay,
    png,
    to_grey,
    top_percent,
    top_pixels,
)
from explainer.rendering.strips import curve, filmstrip, strip_columns
from explainer.rendering.videos import gif, mp4

__all__ = [
    "ERROR_WHITE",
    "INPUT_RANGE",
    "RED",
    "BoolMap",
    "GreyImage",
    "PictureOptions",
    "blurred",
    "curve",
    "deep",
    "error_picture",
    "filmstrip",
    "gif",
    "mp4",
    "npy",
    "overlay",
    "png",
    "render",
    "strip_columns",
    "summary",
    "to_grey",
    "top_percent",
    "top_pixels",
    "write",
]
