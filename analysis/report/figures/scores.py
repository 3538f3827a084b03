"""Scores per target, label and arm (Figure 6A of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.order import natural_order
from analysis.data.schema import ALL, LABELS
from analysis.report.figures.style import (
    INK,
    LABEL_NAMES,
    MARKERS,
    TEXT,
    arm_colour,
    legend,
    panels,
    plain,
    score_scale,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure


def scores_figure(counts: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """Scores per target, label and arm (Figure 6A): area of a disc = share of the readings, outlined = mean.

    `counts` is the table of `paired.score_counts`.
    """
    own = counts[(counts["question"] == question) & counts["arm"].isin(arms)]
    targets = [target for target in natural_order(own["target"].unique()) if target != ALL]
    width = max(12.0, 4.0 + 2.2 * len(targets))
    figure, axes = panels(1, 2, width, 7.5)
    for axis, label in zip(axes, LABELS, strict=True):
        for index, arm in enumerate(arms):
            shift = (index - (len(arms) - 1) / 2) * 0.8 / len(arms)
            for place, target in enumerate(targets):
                group = own[(own["label"] == label) & (own["target"] == target) & (own["arm"] == arm)]
                total = group["count"].sum()
                if total == 0:
                    continue
                given = group[group["count"] > 0]
                x = np.full(len(given), place + shift)
                area = 180.0 * given["count"].to_numpy(dtype=np.float64) / total
                axis.scatter(x, given["value"], s=area, color=arm_colour(index), alpha=0.45, linewidths=0, zorder=2)
                mean = float((group["value"] * group["count"]).sum() / total)
                style: dict[str, Any] = {"color": arm_colour(index), "markeredgecolor": INK, "markeredgewidth": 0.7}
                axis.plot([place + shift], [mean], MARKERS[index % len(MARKERS)], markersize=5, zorder=3, **style)
        axis.set_title(LABEL_NAMES[label], fontsize=TEXT, color=INK)
        names = [plain(target) for target in targets]
        axis.set_xticks(range(len(targets)), names, rotation=30, ha="right", rotation_mode="anchor")
        axis.set_xlim(-0.6, max(len(targets), 1) - 0.4)
        score_scale(axis.yaxis, own["value"])
    axes[0].set_ylabel(f"Score: {plain(question)}", fontsize=TEXT)
    legend(figure, arms, "disc: share of readings; outlined mark: mean")
    return figure
