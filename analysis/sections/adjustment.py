"""Adjusted p-values beside those of the rows of one question."""

from typing import Any

import numpy as np

from analysis.data.schema import ALL
from analysis.statistics.multiplicity import Adjustment, benjamini_hochberg, holm


def adjusted_rows(rows: list[dict[str, Any]], adjust: Adjustment) -> list[dict[str, Any]]:
    """The rows of one question with p_holm, and p_bh where asked for, over its tests per target."""
    p_values = [np.nan if row["target"] == ALL else row["p_value"] for row in rows]
    columns = {"p_holm": holm(p_values)}
    if adjust == "bh":
        columns["p_bh"] = benjamini_hochberg(p_values)
    return [{**row, **{name: values[index] for name, values in columns.items()}} for index, row in enumerate(rows)]
