"""Radiographs to float arrays in a model's range: centre crop, antialiased resize, linear scaling, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from explainer.radiographs import Placement, placement_from, radiograph_read
from explainer.types import FloatMap, Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from explainer.classifiers import Classifier


def centre_square(width: int, height: int, placement: Placement | None = None) -> Geometry:
    """Largest centred square of a picture; without a placement its pixels are those of its file."""
    side = min(width, height)
    return Geometry(
        width=width,
        height=height,
        left=(width - side) // 2,
        top=(height - side) // 2,
        side=side,
        placement=placement or placement_from(None, width=width, height=height),
    )


def crop_and_resize(values: NDArray[Any], geometry: Geometry, size: int) -> FloatMap:
    """The square of `values` (H, W) as float32 (size, size); the bilinear filter widens when shrinking."""
    left, top, side = geometry.left, geometry.top, geometry.side
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.array(square, dtype=np.float32)


def load_array(path: Path, *, size: int, input_range: tuple[float, float]) -> tuple[FloatMap, Geometry]:
    """Image as float32 (size, size) in `input_range`, and how its square was cut out. Raises ImageError."""
    radiograph = radiograph_read(path)
    geometry = centre_square(radiograph.placement.width, radiograph.placement.height, radiograph.placement)
    low, high = input_range
    square = crop_and_resize(radiograph.values, geometry, size) / np.float32(radiograph.maximum)
    return (square * np.float32(high - low) + np.float32(low)).astype(np.float32), geometry


def load_image(path: str | Path, classifier: Classifier) -> Tensor:
    """Image as float32 (1, 1, H, W) in the classifier's size and range, on its device."""
    import torch  # the rest of this module is used where torch must not be loaded

    array, _ = load_array(Path(path), size=classifier.input_size, input_range=classifier.input_range)
    return torch.from_numpy(array)[None, None].to(classifier.device)
