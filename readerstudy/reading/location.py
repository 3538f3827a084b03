"""Places on the square picture that readers see, and the same places on the stored image that it was cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from readerstudy.studies.models import Image

DECIMALS = 2  # hundredths of a pixel of the stored image
SHARES = 4  # of the picture's side: too coarse to tell from them how large the stored image is


@dataclass(frozen=True)
class _Square:
    """The centred square that was cut out, in pixels of the stored image."""

    left: int
    top: int
    side: float


def stored_location(place: Mapping[str, float], image: Image, *, size: float) -> dict[str, float]:
    """A place on the picture, `size` pixels wide and high, in pixels of the stored image."""
    square = _square(image, size)
    found = {key: number * square.side / size for key, number in place.items()}
    found |= {"x": found["x"] + square.left, "y": found["y"] + square.top}
    return {key: round(number, DECIMALS) for key, number in found.items()}


def shown_location(place: Mapping[str, float], image: Image) -> dict[str, float]:
    """A stored place as shares of the picture's side, for a page that knows neither size."""
    if not place:
        return {}
    square = _square(image, 1.0)
    found = {**place, "x": place["x"] - square.left, "y": place["y"] - square.top}
    return {key: round(number / square.side, SHARES) for key, number in found.items()}


def _square(image: Image, size: float) -> _Square:
    if not image.width or not image.height:  # known from a published record only: the picture is all there is
        return _Square(0, 0, size)
    side = min(image.width, image.height)
    return _Square((image.width - side) // 2, (image.height - side) // 2, side)
