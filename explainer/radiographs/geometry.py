"""How a picture lies on the pixels of its file: turned as the file says, and stretched until its pixels are square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: EXIF orientations: what has to be done to the stored rows and columns. From 5 on they change places.
ORIENTATIONS = range(1, 9)
UPRIGHT = 1
_FIRST_TRANSPOSED = 5
#: Sides of a pixel that differ by less are taken for rounding errors of the header.
SQUARE_WITHIN = 0.01
#: No device makes pixels more oblong than this: such a header is wrong.
MOST_OBLONG = 10.0


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A picture of `width` x `height` pixels made of `stored_width` x `stored_height`.

    The stored pixels are turned by the EXIF `orientation` first. Every viewer and labelling tool shows the file so
    turned, so that boxes and masks are given in pixels of the turned file; from there a stretch along x and y leads to
    the picture.
    """

    stored_width: int
    stored_height: int
    orientation: int = UPRIGHT
    width: int
    height: int

    @property
    def turned_size(self) -> tuple[int, int]:
        """Width and height after turning, before stretching."""
        size = self.stored_width, self.stored_height
        return size[::-1] if transposes(self.orientation) else size

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the picture for each pixel of the file, along x and y."""
        width, height = self.turned_size
        return self.width / width, self.height / height

    @property
    def unchanged(self) -> bool:
        return self.orientation == UPRIGHT and self.turned_size == (self.width, self.height)

    def box(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """A box in pixels of the file, as viewers turn it, in pixels of the picture."""
        across, down = self.scale
        return x * across, y * down, width * across, height * down

    def mask(self, inside: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """A mask (H, W) drawn on the file, in pixels of the picture; None where it has the size of neither."""
        size = inside.shape[::-1]
        if size not in (self.turned_size, (self.width, self.height)) and size == (
            self.stored_width,
            self.stored_height,
        ):
            inside = turned(inside, self.orientation)
            size = inside.shape[::-1]
        if size == (self.width, self.height):
            return inside
        if size != self.turned_size:
            return None
        grey = Image.fromarray(inside.astype(np.uint8)).resize((self.width, self.height), Image.Resampling.NEAREST)
        return np.asarray(grey) > 0

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold; `placement_from` reads it."""
        return {
            "stored": [self.stored_width, self.stored_height],
            "orientation": self.orientation,
            "picture": [self.width, self.height],
        }


def placement_from(record: Mapping[str, Any] | None, *, width: int, height: int) -> Placement:
    """The placement of a picture of this size; without a record its pixels are those of the file."""
    if record is None:
        return Placement(stored_width=width, stored_height=height, width=width, height=height)
    stored_width, stored_height = record["stored"]
    return Placement(
        stored_width=stored_width,
        stored_height=stored_height,
        orientation=record["orientation"],
        width=width,
        height=height,
    )


def transposes(orientation: int) -> bool:
    """Whether rows become columns."""
    return orientation >= _FIRST_TRANSPOSED


def turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The stored pixels (H, W) as an EXIF orientation wants them shown."""
    if orientation not in ORIENTATIONS:
        return values
    if transposes(orientation):
        values = values.T
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def square_size(width: int, height: int, ratio: float) -> tuple[int, int]:
    """Width and height with square pixels of a picture whose pixels are `ratio` times as high as they are wide.

    The side with the coarser pixels grows, so that no detail is lost.
    """
    if abs(ratio - 1) < SQUARE_WITHIN:
        return width, height
    return (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)


def stretched(values: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Grey values (H, W) at another size, interpolated linearly."""
    if values.shape == (height, width):
        return values
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    resized: NDArray[Any] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    rounded: NDArray[Any] = np.rint(resized).astype(values.dtype)
    return rounded
