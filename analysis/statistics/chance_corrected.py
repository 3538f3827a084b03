"""The overlap of two areas of an image, corrected for what a map at random would have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def chance_corrected(
    iou: NDArray[np.floating[Any]], mask_area: NDArray[np.floating[Any]], map_area: NDArray[np.floating[Any]] | None
) -> Floats:
    """IoU rescaled so that 0 is what a map at random would have and 1 is perfect; NaN where the mask's area is unknown.

    Areas are shares of the image above 0 and below 1; where `map_area` is NaN, or None for all, the map marks as many
    pixels as the mask.
    """
    mask = np.where((mask_area > 0) & (mask_area < 1), mask_area, np.nan)
    marked = mask
    if map_area is not None:
        marked = np.where((map_area > 0) & (map_area < 1), map_area, np.where(np.isnan(map_area), mask, np.nan))
    expected = mask * marked / (mask + marked - mask * marked)
    return np.asarray((iou - expected) / (1 - expected), dtype=np.float64)
