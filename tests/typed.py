"""What a test takes for granted, said to the type checker: a value that is there, the row or the cell of a table."""

from collections.abc import Iterator
from typing import Any, TypeVar

import pandas as pd

T = TypeVar("T")


def present(value: T | None) -> T:
    """The value, of which the test says that it is there."""
    assert value is not None
    return value


def row_of(table: pd.DataFrame, label: Any) -> "pd.Series[Any]":
    """The one row with this label, a tuple where the index has several levels."""
    found = table.loc[label]
    assert isinstance(found, pd.Series)
    return found


def cell_of(table: pd.DataFrame, label: Any, column: str) -> Any:
    """What stands in this column of the one row with this label: for pandas, anything that a cell can hold."""
    return table.loc[label, column]


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """The rows with their cells as attributes."""
    yield from table.itertuples()
