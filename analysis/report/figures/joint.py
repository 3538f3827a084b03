"""Both scores of each reading (Figure F.3 of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.schema import LABELS
from analysis.report.figures.style import INK, LABEL_NAMES, TEXT, arm_colour, legend, panels, plain, score_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure


def joint_figure(joint: pd.DataFrame, means: pd.DataFrame, questions: tuple[str, str], arms: Sequence[str]) -> Figure:
    """How often two questions got each pair of scores in one reading, per label and arm, with their means (F.3).

    `joint` and `means` are the tables of `scores.joint_tables`. The area of a disc is the share of the readings of its
    label and arm; discs of the arms stand beside each other, crosses are the means, where they are.
    """
    figure, axes = panels(1, 2, 15.0, 8.0)
    own, centre = (
        table[(table["question"] == questions[0]) & (table["second_question"] == questions[1])]
        for table in (joint, means)
    )
    for axis, label in zip(axes, LABELS, strict=True):
        for index, arm in enumerate(arms):
            shift = (index - (len(arms) - 1) / 2) * 0.36
            group = own[(own["label"] == label) & (own["arm"] == arm)]
            if group.empty:
                continue
            area = 900.0 * group["count"].to_numpy(dtype=np.float64) / group["count"].sum()
            x, y = group["value"] + shift, group["second_value"]
            axis.scatter(x, y, s=area, color=arm_colour(index), alpha=0.5, linewidths=0, zorder=2)
            mean = centre[(centre["label"] == label) & (centre["arm"] == arm)].iloc[0]
            for colour, width in ((INK, 3.0), (arm_colour(index), 1.6)):
                style: dict[str, Any] = {"marker": "x", "markersize": 8, "color": colour, "markeredgewidth": width}
                axis.plot([mean["mean"]], [mean["second_mean"]], linestyle="none", zorder=4, **style)
        axis.set_title(LABEL_NAMES[label], fontsize=TEXT, color=INK)
        axis.set_xlabel(f"Score: {plain(questions[0])}", fontsize=TEXT)
        score_scale(axis.xaxis, own["value"])
        score_scale(axis.yaxis, own["second_value"])
    axes[0].set_ylabel(f"Score: {plain(questions[1])}", fontsize=TEXT)
    legend(figure, arms, "disc: share of readings, arms beside each other; cross: mean")
    return figure
