"""Text in a picture, counted without reading it: rows of small parts that stand on one line and are of one height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SIDE = 1024
_SHORTEST_SIDE = 256
_SCALES = 3
#: How far a stroke stands out of what is around it, in 255ths of the range, and how many pixels that is to each side.
_CONTRAST = 31
_AROUND = 7
_HEIGHTS = (4, 20)
_NARROW = 3
_GAP_IN_HEIGHTS = 1.2
_WIDTH_IN_HEIGHTS = 0.8
_LEAST_PARTS = 3
#: A picture with more parts than this is no page of text but noise; pairs of all of them would take long.
_MOST_PARTS = 800


@dataclass(frozen=True)
class Lettering:
    """How many characters there seem to be in all rows of at least three, and in the longest row."""

    characters: int
    longest: int


def lettering(grey: NDArray[np.float32]) -> Lettering:
    """Count characters in a picture (H, W) in [0, 1], light or dark ones, from 0.4% to 8% of the longer side high."""
    found = [Lettering(0, 0)]
    picture = reduced(grey, LONGEST_SIDE)
    for scale in range(_SCALES):
        if scale:
            picture = reduced(picture, -(-max(picture.shape) // 2))
        standing_out = _standing_out(picture)
        found += [_rows(standing_out > _CONTRAST), _rows(standing_out < -_CONTRAST)]
        if min(picture.shape) < _SHORTEST_SIDE:
            break
    return Lettering(max(one.characters for one in found), max(one.longest for one in found))


def reduced(grey: NDArray[np.float32], longest: int) -> NDArray[np.float32]:
    """The picture with both sides divided by the least whole number that makes neither longer than `longest`."""
    step = -(-max(grey.shape) // longest)
    if step == 1 or min(grey.shape) < step:
        return grey
    height, width = (side // step for side in grey.shape)
    blocks = grey[: height * step, : width * step].reshape(height, step, width, step)
    small: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return small


def _standing_out(picture: NDArray[np.float32]) -> NDArray[np.int16]:
    """Grey values less the mean of what is around them, in 255ths; Pillow's blur of bytes is the quickest there is."""
    values = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    around = np.asarray(Image.fromarray(values).filter(ImageFilter.BoxBlur(_AROUND)))
    difference: NDArray[np.int16] = values.astype(np.int16) - around
    return difference


def _rows(strokes: NDArray[np.bool_]) -> Lettering:
    labels, count = ndimage.label(strokes, structure=np.ones((3, 3)))
    if not count:
        return Lettering(0, 0)
    places = ndimage.find_objects(labels)
    top, bottom, left, right = np.array([(y.start, y.stop, x.start, x.stop) for y, x in places]).T
    height, width = bottom - top, right - left
    filled = np.bincount(labels[strokes], minlength=count + 1)[1:] / (height * width)
    fits = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= 8 * height)
    letter = fits & ((width <= _NARROW) | ((filled > 0.2) & (filled < 0.98)))
    if not _LEAST_PARTS <= letter.sum() <= _MOST_PARTS:
        return Lettering(0, 0)
    order = np.flatnonzero(letter)[np.argsort(left[letter], kind="stable")]
    row = _joined(bottom[order], left[order], right[order], height[order])
    # Touching letters are one part: a part counts as often as a letter of its height would fit into it.
    size = np.bincount(row)
    mean_height = np.bincount(row, weights=height[order]) / size
    characters = np.maximum(1, np.rint(width[order] / (_WIDTH_IN_HEIGHTS * mean_height[row])))
    per_row = np.bincount(row, weights=characters)[size >= _LEAST_PARTS]
    return Lettering(int(per_row.sum()), int(per_row.max(initial=0)))


def _joined(
    bottom: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64], height: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The row of each part; parts come from left to right, and neighbours in a row share height and line."""
    one, other = np.triu_indices(len(left), 1)
    tall, short = np.maximum(height[one], height[other]), np.minimum(height[one], height[other])
    gap = left[other] - right[one]
    joined = (
        (gap >= -1)
        & (gap < _GAP_IN_HEIGHTS * tall)
        & (tall <= 1.5 * short)
        & (np.abs(bottom[one] - bottom[other]) <= np.maximum(1, 0.2 * tall))
    )
    edges = coo_matrix((np.ones(int(joined.sum())), (one[joined], other[joined])), shape=(len(left), len(left)))
    rows: NDArray[np.int32] = connected_components(edges, directed=False)[1]
    return rows
