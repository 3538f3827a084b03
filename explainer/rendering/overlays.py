"""Maps as pictures: which pixels a map marks, in which colours, and PNG files of them."""

from __future__ import annotations

import gzip
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from explainer.catalogue.parameters import TOP_PERCENT
from explainer.errors import RenderingError
from explainer.types import FloatMap

GreyImage = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]

RED = (255, 0, 0)
INPUT_RANGE = (-1024.0, 1024.0)
#: Error of a reconstruction that is drawn white: a tenth of the scale, so that pictures can be compared.
ERROR_WHITE = 0.1 * (INPUT_RANGE[1] - INPUT_RANGE[0])
#: Of zlib's levels, the smallest file within a few milliseconds: six times as fast as Pillow's PNG at the same size.
_COMPRESSION = 4
_PNG_GREY, _PNG_RGB = 0, 2
_PNG_SUB = 1
_GREY_DIMENSIONS = 2


def top_pixels(values: FloatMap, count: int) -> BoolMap:
    """The `count` largest values of a map (H, W), exactly; of equal values those nearer the start of the array."""
    if not 0 <= count <= values.size:
        raise RenderingError(f"A map of {values.size} pixels has no top {count}.")
    if not np.isfinite(values).all():
        raise RenderingError("A map with NaN or infinity has no top pixels.")
    flat = values.ravel()
    if count == 0:
        return np.zeros(values.shape, dtype=np.bool_)
    smallest = np.partition(flat, flat.size - count)[flat.size - count]
    marked: BoolMap = flat > smallest
    equal = np.flatnonzero(flat == smallest)
    marked[equal[: count - np.count_nonzero(marked)]] = True
    return marked.reshape(values.shape)


def top_percent(values: FloatMap, percent: float) -> BoolMap:
    """The largest `percent` of a map, rounded to whole pixels."""
    check_percent(percent)
    return top_pixels(values, round(values.size * percent / 100))


def check_percent(percent: float) -> None:
    """Raise RenderingError unless this is a share of the pixels that can be marked."""
    if not 0 < percent <= 100:  # percent
        raise RenderingError(f"The share of pixels must be above 0 and at most 100 percent, not {percent}.")


def blurred(values: FloatMap, sigma: float) -> FloatMap:
    """A map (H, W) after a Gaussian blur of `sigma` pixels, its edges continued; 0 leaves it as it is.

    Raises RenderingError for a sigma that is negative or wider than the map.
    """
    check_blur(sigma)
    if sigma == 0:
        return values
    if sigma > max(values.shape):
        raise RenderingError(
            f"A blur of {sigma:g} pixels is wider than the map of {values.shape}: choose a smaller one."
        )
    from scipy.ndimage import gaussian_filter  # only a blur needs it

    smooth: FloatMap = gaussian_filter(values, sigma, mode="nearest")
    return smooth


def check_blur(sigma: float) -> None:
    """Raise RenderingError unless this can be the standard deviation of a blur, or 0 for none."""
    if not (math.isfinite(sigma) and sigma >= 0):
        raise RenderingError(f"The blur is a standard deviation in pixels, 0 or more, not {sigma}.")


def to_grey(image: FloatMap) -> GreyImage:
    """Images on the scale [-1024, 1024] as 8-bit grey; what exceeds the scale is clipped. RenderingError for NaN."""
    return _scaled(image, 255).astype(np.uint8)


def deep(image: FloatMap) -> bytes:
    """An image on the scale [-1024, 1024] as gzipped little-endian uint16, row by row: all its depth, for a viewer."""
    # Level 1: noise in the low bits hardly shrinks, however long one tries. No time: the same pixels, the same bytes.
    return gzip.compress(_scaled(image, 65535).astype("<u2").tobytes(), compresslevel=1, mtime=0)


def _scaled(image: FloatMap, maximum: int) -> FloatMap:
    """From the scale [-1024, 1024] to whole numbers from 0 to `maximum`."""
    low, high = INPUT_RANGE
    scaled = np.asarray(image, dtype=np.float32) - np.float32(low)
    if not np.isfinite(scaled).all():
        raise RenderingError("An image with NaN or infinity has no grey values.")
    scaled *= np.float32(1 / (high - low))
    np.clip(scaled, 0, 1, out=scaled)
    scaled *= maximum
    whole: FloatMap = np.rint(scaled, out=scaled)
    return whole


def overlay(background: GreyImage, values: FloatMap, *, percent: float = TOP_PERCENT, blur: float = 0.0) -> GreyImage:
    """RGB image (H, W, 3): the X-ray in grey, the map's largest `percent` of pixels in red.

    `blur`: standard deviation in pixels of a Gaussian that smooths the map before its pixels are ranked.
    """
    if background.shape != values.shape:
        raise RenderingError(f"A map of {values.shape} pixels does not fit an image of {background.shape}.")
    picture = np.repeat(background[..., None], 3, axis=2)
    picture[top_percent(blurred(values, blur), percent)] = RED
    return picture


def error_picture(image: FloatMap, reconstruction: FloatMap) -> GreyImage:
    """RGB image (H, W, 3) of the absolute difference of two images on the scale [-1024, 1024].

    Black is 0; over red and yellow it gets lighter in proportion to the difference, and is white from `ERROR_WHITE` on.
    """
    share = np.abs(image - reconstruction) / ERROR_WHITE
    if not np.isfinite(share).all():
        raise RenderingError("A reconstruction with NaN or infinity has no error to be drawn.")
    heat = np.stack([3 * share, 3 * share - 1, 3 * share - 2], axis=-1)
    picture: GreyImage = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    return picture


def png(pixels: GreyImage) -> bytes:
    """Lossless PNG of 8-bit grey (H, W) or RGB (H, W, 3) pixels, without metadata."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == _GREY_DIMENSIONS else pixels.shape[2]
    rows = pixels.reshape(height, width * channels)
    # Each row: the number of its filter, then the difference of every pixel to the one on its left.
    filtered = np.empty((height, 1 + width * channels), dtype=np.uint8)
    filtered[:, 0] = _PNG_SUB
    filtered[:, 1 : 1 + channels] = rows[:, :channels]
    np.subtract(rows[:, channels:], rows[:, :-channels], out=filtered[:, 1 + channels :])
    colour = _PNG_GREY if pixels.ndim == _GREY_DIMENSIONS else _PNG_RGB
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    data = zlib.compress(filtered.data, _COMPRESSION)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
