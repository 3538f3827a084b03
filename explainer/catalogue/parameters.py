"""`[study.parameters]` of a protocol: settings by method, and what a study's explanations share. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from explainer.errors import SettingsError

#: Which number is explained. `calibrated`: probability with the operating point at 0.5. `paper`: the sigmoid of that
#: once more, as the paper's code has done since June 2021; only for reproduction.
Scoring = Literal["calibrated", "paper"]
SCORINGS: tuple[Scoring, ...] = get_args(Scoring)
#: Share of the pixels that a map marks, in percent.
TOP_PERCENT = 5.0
EIGHT_BITS, SIXTEEN_BITS = 8, 16
_SIDES = (32, 8192)
_FITS, _WANTED = "fits", "wanted"


def _within(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low < value < high


def _shared(default: Any, wanted: str, fits: Callable[[Any], bool]) -> Any:
    return field(default=default, metadata={_WANTED: wanted, _FITS: fits})


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How the cases of a study are explained and drawn, alike for all of them.

    `methods`: settings by method. `scoring`: which number is explained. `percent` of the pixels that maps mark at
    first. `display_size` and `display_bits`, pixels per side of the X-ray beside the maps and bits of each: size,
    sharpness and depth can tell which data set an image is of, and so which label it has.
    """

    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scoring: Scoring = _shared("calibrated", f"must be one of: {', '.join(SCORINGS)}", lambda value: value in SCORINGS)
    percent: float = _shared(
        TOP_PERCENT, "must be a number between 0 and 100", lambda value: _within(value, 0.0, 100.0)
    )
    display_size: int = _shared(
        1024,
        f"must be a whole number of pixels from {_SIDES[0]} to {_SIDES[1]}",
        lambda value: isinstance(value, int) and _within(value, _SIDES[0] - 1, _SIDES[1] + 1),
    )
    display_bits: int = _shared(
        EIGHT_BITS,
        f"must be {EIGHT_BITS} or {SIXTEEN_BITS}",
        lambda value: value in (EIGHT_BITS, SIXTEEN_BITS) and not isinstance(value, bool),
    )

    def __post_init__(self) -> None:
        for name in SHARED:
            if wanted := wanted_instead(name, getattr(self, name)):
                raise SettingsError(f"{name} {wanted}, not {getattr(self, name)}.")

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Parameters:
        """From the table as a protocol has it and a study keeps it. Raises SettingsError for a value that cannot be."""
        return cls(
            methods={key: value for key, value in table.items() if key not in SHARED},
            **{key: value for key, value in table.items() if key in SHARED},
        )


_CHECKED = {one.name: one.metadata for one in fields(Parameters) if one.metadata}
#: Keys of the table that are no method's.
SHARED = tuple(_CHECKED)


def wanted_instead(name: str, value: object) -> str:
    """What a shared value must be, where it is not; empty where it is."""
    checked = _CHECKED[name]
    return "" if checked[_FITS](value) else str(checked[_WANTED])
