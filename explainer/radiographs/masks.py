"""Mask images: where an expert saw a finding, as true and false."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explainer.errors import RadiographError
from explainer.radiographs.geometry import turned
from explainer.radiographs.limits import Refused
from explainer.radiographs.pictures import is_png, stored_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from explainer.radiographs.geometry import Placement


def mask_of(data: bytes, name: str, placement: Placement) -> NDArray[np.bool_]:
    """What a mask image marks (all that is not black), in pixels of the picture that it belongs to.

    Raises RadiographError where it is no PNG, marks nothing or has another size than its image.
    """
    try:
        return _inside(data, placement)
    except Refused as refused:
        raise RadiographError(name, str(refused)) from refused


def _inside(data: bytes, placement: Placement) -> NDArray[np.bool_]:
    if not is_png(data):
        raise Refused("it is no PNG: save it as PNG, since the noise of other formats would be marked too")
    picture = stored_picture(data)
    inside = turned(picture.values, picture.orientation) > 0
    placed = placement.mask(inside)
    if placed is None:
        width, height = placement.turned_size
        raise Refused(f"it has {inside.shape[1]} x {inside.shape[0]} pixels, its image {width} x {height}")
    if not placed.any():
        raise Refused("it is empty: no pixel is above zero")
    return placed
