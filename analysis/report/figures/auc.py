"""AUC of each reader with each treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.report.figures.style import INK, TEXT, arm_colour, panels, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure


def auc_figure(auc: pd.DataFrame, treatments: Sequence[str]) -> Figure:
    """AUC of each reader with each treatment and their mean; a line joins the AUCs of one reader.

    `auc` is the table of `mrmc.tables.mrmc_tables`.
    """
    figure, axes = panels(1, 1, 8.0 + 1.5 * max(0, len(treatments) - 2), 8.0)
    axis = axes[0]
    places = np.arange(len(treatments))
    table = auc.pivot_table(index="reader", columns="treatment", values="auc").reindex(columns=list(treatments))
    for values in table.to_numpy(dtype=np.float64):
        axis.plot(places, values, color="#888888", linewidth=0.7, zorder=2)
    for index, treatment in enumerate(treatments):
        values = table[treatment].to_numpy(dtype=np.float64)
        axis.scatter(np.full(len(values), index), values, s=16, color=arm_colour(index), linewidths=0, zorder=3)
        axis.plot([index], [values.mean()], "D", color=arm_colour(index), markeredgecolor=INK, markersize=7, zorder=4)
    axis.set_xticks(places, [plain(treatment) for treatment in treatments])
    axis.set_xlim(-0.5, len(treatments) - 0.5)
    axis.set_ylabel("AUC (disc: reader; diamond: mean)", fontsize=TEXT)
    return figure
