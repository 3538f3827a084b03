"""Active seconds by arm and period, and along the sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.schema import ALL
from analysis.report.figures.style import INK, MARKERS, SMALL, TEXT, arm_colour, legend, panels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def time_figure(time: pd.DataFrame, learning: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """Active seconds by arm and period, and along the sequence: medians with quartiles on a logarithmic axis.

    `time` and `learning` are the tables of `time.time_tables`.
    """
    figure, axes = panels(1, 2, 16.0, 7.5)
    left, right = axes
    groups = time[(time["reader"] == ALL) & time["period"].notna()]
    periods = sorted(groups["period"].unique())
    for index, arm in enumerate(arms):
        own = groups[groups["arm"] == arm]
        places = [periods.index(period) + (index - (len(arms) - 1) / 2) * 0.25 for period in own["period"]]
        _quartiles(left, places, own, index)
    left.set_xticks(range(len(periods)), [f"Period {period}" for period in periods])
    left.set_xlim(-0.6, max(len(periods), 1) - 0.4)
    left.set_ylabel("Active seconds (median, quartiles)", fontsize=TEXT)
    for index, (period, own) in enumerate(learning.groupby("period")):
        middle = (own["first_position"] + own["last_position"]) / 2
        style = ("-", "--", ":", "-.")[index % 4]
        right.plot(middle, own["median"], color=INK, linestyle=style, linewidth=1.1, label=f"Period {period}")
        right.fill_between(middle, own["q1"], own["q3"], color=INK, alpha=0.10, linewidth=0)
    if len(learning):
        right.legend(frameon=False, fontsize=SMALL)
    right.set_xlabel("Position in the period", fontsize=TEXT)
    for axis in axes:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(which="minor", labelsize=SMALL)
    legend(figure, arms, None)
    return figure


def _quartiles(axis: Axes, places: Sequence[float], own: pd.DataFrame, index: int) -> None:
    middle = own["median"].to_numpy(dtype=np.float64)
    ends = np.vstack([middle - own["q1"].to_numpy(dtype=np.float64), own["q3"].to_numpy(dtype=np.float64) - middle])
    style: dict[str, Any] = {"color": arm_colour(index), "capsize": 2, "elinewidth": 1.0, "markersize": 5}
    axis.errorbar(places, middle, yerr=ends, fmt=MARKERS[index % len(MARKERS)], linestyle="none", **style)
