"""From stored values to grey: the only place that knows how the numbers of a radiograph become a picture.

The order is that of PS3.3 C.11 and PS3.4 N.2: stored value, modality transformation, values of interest, presentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
FUNCTIONS: tuple[Function, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
#: Values that use less of the declared range than this look black or of one grey, so they are shown by their own range.
LEAST_SHARE = 0.25
DECLARED, IN_USE, WINDOW, VOI_LUT = "declared range", "range in use", "window", "voi_lut"
_BYTE, _WORD = 8, 16
_ROWS_AT_A_TIME = 256


@dataclass(frozen=True)
class Rescale:
    """Values as slope * stored + intercept; a negative slope turns dark into bright."""

    slope: float
    intercept: float

    def __call__(self, values: Values) -> Values:
        return self.slope * values + self.intercept

    def range_of(self, low: float, high: float) -> tuple[float, float]:
        """The range into which all stored values fall."""
        first, second = sorted((self.slope * low + self.intercept, self.slope * high + self.intercept))
        return first, second


@dataclass(frozen=True)
class LookUpTable:
    """A table of whole numbers for `first`, `first` + 1, ...; beyond either end counts the entry there.

    `bits` is the declared depth of the entries. Devices get it wrong: entries that do not fit have the depth they need.
    """

    first: int
    entries: NDArray[np.int64]
    bits: int

    def __call__(self, values: Values) -> Values:
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.int64)
        found: Values = self.entries[index].astype(np.float64)
        return found

    @property
    def needed_bits(self) -> int:
        return max(int(self.entries.max()).bit_length(), 1)

    @property
    def highest(self) -> float:
        """The value that is white, where no window says so: of the declared depth, unless the entries exceed it."""
        return float(2 ** max(self.bits, self.needed_bits) - 1)

    def range_of(self, _low: float, _high: float) -> tuple[float, float]:
        return 0.0, self.highest

    def fraction(self, values: Values) -> Values:
        """Entries as a fraction of white. Where they use little of the declared depth, that of the entries counts."""
        top = self.highest
        if self.entries.max() < LEAST_SHARE * top:
            top = float(2**self.needed_bits - 1)
        return np.clip(self(values) / top, 0, 1)


@dataclass(frozen=True)
class Window:
    """The values between black and white; `width` is above zero. PS3.3 C.11.2.1.2 and C.11.2.1.3."""

    center: float
    width: float
    function: Function = "LINEAR"

    def fraction(self, values: Values) -> Values:
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):  # far below the centre the exponential is infinite, and the fraction 0
                return 1 / (1 + np.exp(-4 * (values - self.center) / self.width))
        if self.function == "LINEAR_EXACT" or self.width < 1:
            # Below 1 LINEAR is not defined: such windows are meant in the fine units of a small slope.
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return np.where(values > self.center - 0.5, 1.0, 0.0)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True)
class GreyPicture:
    """Grey values (H, W) from black (0) to white (255 of uint8, 65535 of uint16), and what decided on both."""

    values: NDArray[np.uint8] | NDArray[np.uint16]
    window_from: str


@dataclass(frozen=True, kw_only=True)
class GreyScale:
    """How stored values of `bits` bits become grey.

    `padding` is the least and the greatest stored value that stands for no measurement.
    """

    bits: int
    signed: bool = False
    modality: Rescale | LookUpTable | None = None
    voi: LookUpTable | Window | None = None
    padding: tuple[int, int] | None = None
    inverted: bool = False

    @property
    def stored_range(self) -> tuple[int, int]:
        """Least and greatest number that the bits can hold."""
        return (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1) if self.signed else (0, 2**self.bits - 1)

    def picture(self, stored: NDArray[Any]) -> GreyPicture:
        """Whole numbers (H, W) within `stored_range` as grey."""
        shown, window_from = self._shown(stored)
        kind, white = (np.uint8, 2**_BYTE - 1) if self.bits <= _BYTE else (np.uint16, 2**_WORD - 1)

        def grey(values: NDArray[Any]) -> NDArray[Any]:
            fraction = shown(values.astype(np.float64))
            levels: NDArray[Any] = np.rint((1 - fraction if self.inverted else fraction) * white).astype(kind)
            return levels

        lowest, highest = self.stored_range
        table = grey(np.arange(lowest, highest + 1)) if self.bits <= _WORD else None
        picture = np.empty(stored.shape, kind)
        for start in range(0, len(stored), _ROWS_AT_A_TIME):
            rows = stored[start : start + _ROWS_AT_A_TIME]
            picture[start : start + len(rows)] = grey(rows) if table is None else table[rows.astype(np.int64) - lowest]
        return GreyPicture(picture, window_from)

    def _shown(self, stored: NDArray[Any]) -> tuple[Callable[[Values], Values], str]:
        """The function from stored values to fractions of white."""
        modality = self.modality or Rescale(1, 0)
        if self.voi is not None:
            voi = self.voi
            return lambda values: voi.fraction(modality(values)), VOI_LUT if isinstance(voi, LookUpTable) else WINDOW
        low, high = modality.range_of(*self.stored_range)
        window_from = DECLARED
        in_use = self._in_use(stored)
        if in_use.size:
            values = modality(in_use)
            least, most = float(values.min()), float(values.max())
            if 0 < most - least < LEAST_SHARE * (high - low):
                low, high, window_from = least, most, IN_USE
        return lambda values: np.clip((modality(values) - low) / ((high - low) or 1), 0, 1), window_from

    def _in_use(self, stored: NDArray[Any]) -> Values:
        """The stored values that occur, without padding; of more than 16 bits only the least and the greatest."""
        lowest, highest = self.stored_range
        if self.bits <= _WORD:
            seen = np.zeros(highest - lowest + 1, np.bool_)
            for start in range(0, len(stored), _ROWS_AT_A_TIME):
                seen[stored[start : start + _ROWS_AT_A_TIME].astype(np.int64) - lowest] = True
            values = np.flatnonzero(seen) + lowest
            return values[~self._is_padding(values)].astype(np.float64)
        rest = stored[~self._is_padding(stored)]
        return np.array([rest.min(), rest.max()] if rest.size else [], np.float64)

    def _is_padding(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        if self.padding is None:
            return np.zeros(values.shape, np.bool_)
        least, most = self.padding
        return (values >= least) & (values <= most)
