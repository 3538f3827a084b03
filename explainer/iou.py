"""IoU of attribution maps with expert annotations, at the best threshold (Section 3.4 of the paper).

A map is binarised so that as many pixels are set as the annotation has (Viviano et al. 2020), which gives every
method the same area to spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explainer.errors import AnnotationError, RadiographError
from explainer.images import crop_and_resize
from explainer.radiographs import file_bytes, mask_of
from explainer.rendering import BoolMap, top_pixels
from explainer.types import Annotation, Box, FloatMap, Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_HALF = 0.5
_EDGE = 1.0


def intersection_over_union(first: BoolMap, second: BoolMap) -> float:
    """Shared area over joint area of two masks (H, W); their union must not be empty."""
    union = int(np.logical_or(first, second).sum())
    if union == 0:
        raise AnnotationError("Two empty masks have no intersection over union.")
    return int(np.logical_and(first, second).sum()) / union


def map_iou(values: FloatMap, mask: BoolMap) -> float:
    """IoU of a mask with the map's largest pixels, as many as the mask has."""
    if values.shape != mask.shape:
        raise AnnotationError(f"A mask of {mask.shape} pixels does not fit a map of {values.shape}.")
    return intersection_over_union(top_pixels(values, int(mask.sum())), mask)


def annotation_mask(annotations: Sequence[Annotation], geometry: Geometry, size: int) -> BoolMap:
    """Union of boxes and masks, cropped and resized as the image was: (size, size), set where at least half is covered.

    A pixel of the original belongs to a box if its centre does. Raises AnnotationError if an annotation does not
    fit the original image. The result is empty if all of it lies outside the crop.
    """
    drawn = np.zeros((geometry.height, geometry.width), dtype=np.bool_)
    for annotation in annotations:
        drawn |= _box(annotation, geometry) if isinstance(annotation, Box) else _mask(annotation, geometry)
    return crop_and_resize(drawn, geometry, size) >= _HALF


def _box(box: Box, geometry: Geometry) -> NDArray[np.bool_]:
    if box.width <= 0 or box.height <= 0 or not np.isfinite([box.x, box.y, box.width, box.height]).all():
        raise AnnotationError(f"{box} has no area.")
    # Published boxes touch or pass the border by a rounding error; more than that belongs to another image.
    inside = box.x >= -_EDGE and box.y >= -_EDGE
    width, height = geometry.placement.turned_size
    if not inside or box.x + box.width > width + _EDGE or box.y + box.height > height + _EDGE:
        raise AnnotationError(f"{box} lies outside its image of {width} x {height} pixels.")
    left, top, across, down = geometry.placement.box(box.x, box.y, box.width, box.height)
    columns = np.arange(geometry.width) + 0.5
    rows = np.arange(geometry.height) + 0.5
    marked_columns = (left <= columns) & (columns < left + across)
    marked_rows = (top <= rows) & (rows < top + down)
    covered: NDArray[np.bool_] = marked_rows[:, None] & marked_columns[None, :]
    return covered


def _mask(path: Path, geometry: Geometry) -> NDArray[np.bool_]:
    try:
        return mask_of(file_bytes(path), path.name, geometry.placement)
    except RadiographError as error:
        raise AnnotationError(f"The mask {error}") from error
