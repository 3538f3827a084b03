"""Part of the responses: some targets, readers or periods, for exploration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.data.errors import AnalysisError
from analysis.data.order import natural_order

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Selection:
    """Which targets, readers and periods to keep; none named keeps all."""

    targets: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    periods: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.targets or self.readers or self.periods)

    @property
    def words(self) -> str:
        """The selection for people, such as "target Mass; readers R1, R2"; empty where all is kept."""
        named = {"target": self.targets, "reader": self.readers, "period": self.periods}
        return "; ".join(
            f"{name}{'s' if len(values) > 1 else ''} {', '.join(map(str, values))}"
            for name, values in named.items()
            if values
        )

    def as_json(self) -> dict[str, Any]:
        """Plain lists by name, only what is restricted."""
        named: dict[str, tuple[Any, ...]] = {
            "targets": self.targets,
            "readers": self.readers,
            "periods": self.periods,
        }
        return {name: list(values) for name, values in named.items() if values}

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of validated responses that are kept. Raises AnalysisError for what is not in them."""
        for column, values in (("target", self.targets), ("reader", self.readers), ("period", self.periods)):
            known = natural_order(map(str, frame[column].unique()))
            if unknown := [str(value) for value in values if str(value) not in known]:
                raise AnalysisError(f"No response has {column} {', '.join(unknown)}. There are: {', '.join(known)}.")
            if values:
                frame = frame[frame[column].isin(list(values))]
        return frame.reset_index(drop=True)
