"""ROC curves of the readers' scores in each arm, with the operating point of the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.schema import ALL
from analysis.report.figures.style import INK, MARKERS, SMALL, TEXT, arm_colour, panels, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from analysis.data.ratings import Ratings

    Floats = NDArray[np.float64]

_STYLES = ("-", "--", "-.", ":")


def roc_figure(ratings: Ratings, auc: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """A panel for each arm with the curve of each reader (thin) and their mean (thick), and one with the arms together.

    `auc` and `points` are rows of one question of the report's tables of these names. The mean curve joins the readers'
    mean shares at each score, so that their operating point, drawn as a mark with a white centre, lies on it.
    """
    order = list(auc["arm"])
    arms = sorted(range(len(ratings.treatments)), key=lambda index: order.index(ratings.treatments[index]))
    scores = np.unique(ratings.scores)
    count = len(arms) + (len(arms) > 1)
    figure, axes = panels(1, count, 5.3 * count, 6.4)
    for place, treatment in enumerate(arms):
        arm = ratings.treatments[treatment]
        curves = np.array([curve(values, ratings.truth, scores) for values in ratings.scores[treatment]])
        for false, true in curves:
            axes[place].plot(false, true, color="#888888", linewidth=0.7, zorder=2)
        for axis in (axes[place], *axes[len(arms) :]):
            _mean(axis, curves.mean(axis=0), place, arm)
            _operating_point(axis, points[points["arm"] == arm], place)
        area = auc.loc[auc["arm"] == arm, "auc"].mean()
        axes[place].set_title(f"{plain(arm)}, AUC {area:.3f}", fontsize=TEXT, color=INK)
    for axis in axes[len(arms) :]:
        axis.set_title("Arms together", fontsize=TEXT, color=INK)
        axis.legend(loc="lower right", frameon=False, fontsize=SMALL)
    for axis in axes:
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.5, linestyle=(0, (2, 3)), zorder=1)
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
        axis.set_xlabel("1 − specificity", fontsize=TEXT)
    axes[0].set_ylabel("Sensitivity", fontsize=TEXT)
    return figure


def curve(values: Floats, truth: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Shares of cases without and with the condition that score at or above each of `scores`, from none to all."""
    above = values[None, :] >= np.append(scores, np.inf)[::-1, None]
    return above[:, ~truth].mean(axis=1), above[:, truth].mean(axis=1)


def _mean(axis: Axes, mean: Floats, place: int, arm: str) -> None:
    style: dict[str, Any] = {"color": arm_colour(place), "linestyle": _STYLES[place % len(_STYLES)]}
    axis.plot(*mean, linewidth=1.6, zorder=3, label=plain(arm), **style)


def _operating_point(axis: Axes, points: pd.DataFrame, place: int) -> None:
    """The readers' mean sensitivity and specificity, where there is a threshold."""
    own = points[points["reader"] == ALL].set_index("figure")["estimate"]
    if len(own):
        style: dict[str, Any] = {"color": arm_colour(place), "markerfacecolor": "white", "markersize": 6, "zorder": 4}
        axis.plot([1 - own["specificity"]], [own["sensitivity"]], MARKERS[place % len(MARKERS)], **style)
