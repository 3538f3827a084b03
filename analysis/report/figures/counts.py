"""How often each score was given (Figure F.4 of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.data.schema import ALL, LABELS
from analysis.report.figures.style import HATCHES, INK, LABEL_NAMES, TEXT, arm_colour, legend, panels, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure


def counts_figure(counts: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """How often each score was given, per label and arm (Figure F.4)."""
    own = counts[(counts["question"] == question) & (counts["target"] == ALL) & counts["arm"].isin(arms)]
    scores = sorted(own["value"].unique())
    figure, axes = panels(1, 2, 14.0, 7.0)
    for axis, label in zip(axes, LABELS, strict=True):
        for index, arm in enumerate(arms):
            group = own[(own["label"] == label) & (own["arm"] == arm)].set_index("value")["count"].reindex(scores)
            width = 0.8 / len(arms)
            x = np.arange(len(scores)) + (index - (len(arms) - 1) / 2) * width
            bars = axis.bar(
                x, group.fillna(0), width, color=arm_colour(index), edgecolor="white", linewidth=0.5, zorder=2
            )
            for bar in bars:
                bar.set_hatch(HATCHES[index % len(HATCHES)])
        axis.set_title(LABEL_NAMES[label], fontsize=TEXT, color=INK)
        # Long continuous scales get few ticks; Likert scales one per score.
        step = max(1, len(scores) // 10)
        axis.set_xticks(range(0, len(scores), step), [f"{score:g}" for score in scores[::step]])
        axis.set_xlabel(f"Score: {plain(question)}", fontsize=TEXT)
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("Readings", fontsize=TEXT)
    legend(figure, arms, None, bars=True)
    return figure
