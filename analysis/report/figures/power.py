"""Power over the number of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.figures.style import INK, SMALL, TEXT, arm_colour, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def power_figure(curves: pd.DataFrame, target: float) -> Figure:
    """Power over the number of cases (`curves`: analysis, readers, cases, power), a line per analysis and readers."""
    figure, axes = panels(1, 1, 12.0, 8.0)
    axis = axes[0]
    axis.axhline(target, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
    styles = ("-", "--", ":", "-.")
    readers = sorted(curves["readers"].unique())
    for index, (name, own) in enumerate(curves.groupby("analysis", sort=False)):
        for count, line in own.groupby("readers"):
            style = styles[readers.index(count) % len(styles)]
            label = f"{name}, {count} readers"
            axis.plot(
                line["cases"], line["power"], color=arm_colour(index), linestyle=style, linewidth=1.1, label=label
            )
    axis.set_ylim(0, 1)
    axis.set_xlabel("Cases", fontsize=TEXT)
    axis.set_ylabel("Power", fontsize=TEXT)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=SMALL)
    return figure
