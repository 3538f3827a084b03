"""IoU against the scores, with the published lines (Figure 6B of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.order import natural_order
from analysis.report.figures.style import INK, MARKERS, TEXT, arm_colour, legend, panels, plain, score_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# More points than this are drawn as a picture within the figure: as shapes they would be tens of megabytes.
_MANY_POINTS = 5000


def iou_figure(frame: pd.DataFrame, lines: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """IoU of each true positive against the readers' scores, one panel per target, with the published line (6B).

    Every reading is drawn; `lines` is the table of `iou.published_table`. Horizontal scatter only separates points.
    """
    points = frame[(frame["question"] == question) & (frame["label"] == "TP") & frame["iou"].notna()]
    points = points[points["arm"].isin(arms)]
    targets = natural_order(points["target"].unique())
    columns = max(1, min(3, len(targets)))
    rows = max(1, -(-len(targets) // columns))
    figure, axes = panels(rows, columns, 5.5 * columns + 1.0, 5.0 * rows + 1.5)
    top = float(points["iou"].max()) if len(points) else 1.0
    for panel, axis in enumerate(axes):
        if panel >= len(targets):
            axis.set_visible(False)
            continue
        target = targets[panel]
        for index, arm in enumerate(arms):
            group = points[(points["target"] == target) & (points["arm"] == arm)]
            x = group["value"].to_numpy(dtype=np.float64)
            scatter = x + _spread(len(x)) * 0.25 + (index - (len(arms) - 1) / 2) * 0.08
            marker = MARKERS[index % len(MARKERS)]
            style: dict[str, Any] = {"marker": marker, "color": arm_colour(index), "linewidths": 0}
            axis.scatter(scatter, group["iou"], s=9, alpha=0.6, rasterized=len(points) > _MANY_POINTS, **style)
            line = lines[(lines["question"] == question) & (lines["target"] == target) & (lines["arm"] == arm)]
            if len(line) and line["slope"].notna().all():
                ends = np.array([x.min(), x.max()])
                fitted = float(line["intercept"].iloc[0]) + float(line["slope"].iloc[0]) * ends
                axis.plot(ends, fitted, color=arm_colour(index), linewidth=1.3, linestyle=("-", "--")[index % 2])
        axis.set_title(plain(target), fontsize=TEXT, color=INK)
        axis.set_ylim(-0.03 * top, 1.08 * top if top > 0 else 1.0)
        score_scale(axis.xaxis, points["value"])
        if panel % columns == 0:
            axis.set_ylabel("IoU", fontsize=TEXT)
        if panel + columns >= len(targets):
            axis.set_xlabel(f"Score: {plain(question)}", fontsize=TEXT)
    legend(figure, arms, "line: least squares, as published")
    return figure


def _spread(count: int) -> NDArray[np.float64]:
    """Offsets in [-0.5, 0.5) that look scattered and need no random numbers (golden-ratio sequence)."""
    return np.asarray(np.mod(np.arange(count) * 0.6180339887498949, 1.0) - 0.5, dtype=np.float64)
