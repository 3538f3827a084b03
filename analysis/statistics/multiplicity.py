"""P-values adjusted for several tests: Holm, and Benjamini and Hochberg."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Adjustment = Literal["holm", "bh"]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values; NaN stays NaN and does not count as a test."""
    values: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    ascending = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.minimum(1.0, np.maximum.accumulate(values[ascending] * factors))
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's (1995) step-up adjusted p-values; NaN stays NaN and does not count as a test."""
    values: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    descending = tested[np.argsort(-values[tested], kind="stable")]
    factors = len(descending) / np.arange(len(descending), 0, -1)
    adjusted[descending] = np.minimum(1.0, np.minimum.accumulate(values[descending] * factors))
    return adjusted
