"""The effect of the arm with its intervals, per target and per reader: a forest plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.schema import ALL, LABELS
from analysis.report.figures.style import GRID, INK, LABEL_NAMES, SMALL, TEXT, arm_colour, panels, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Centimetres: a row of names that can be read, the height that fits on a page, and what is not rows.
_ROW, _TALLEST, _FRAME = 0.48, 21.0, 2.6
# An interval is cut, with an arrow, that reaches so many times further than all estimates and that over all.
_FAR = 2.0
Line = tuple[str, str]  # the group ("target", "reader" or "all") and the name within it


def forest_figure(effect: pd.DataFrame, per_reader: pd.DataFrame, question: str, contrast: str) -> Figure:
    """Mean difference with its 95% interval per target (square), per reader (disc) and over all (diamond), per label.

    `effect` and `per_reader` are the report's tables of these names; `contrast` says which arm was taken from which.
    """
    pooled, readers = (table[table["question"] == question] for table in (effect, per_reader))
    lines = _lines(pooled, readers)
    height = min(_TALLEST, _FRAME + _ROW * len(lines))
    figure, axes = panels(1, len(LABELS), 16.0, height)
    reach = _reach(pooled, readers)
    for axis, label in zip(axes, LABELS, strict=True):
        room = 0.04 * (reach[1] - reach[0])
        axis.set_xlim(reach[0] - room, reach[1] + room)
        axis.axvline(0, color=INK, linewidth=0.8, zorder=1)
        for place, line in enumerate(lines):
            own = _rows(pooled, readers, line, label)
            if own is not None:
                _drawn(axis, place, own, line[0], reach)
        for edge in _edges(lines):
            axis.axhline(edge, color=GRID, linewidth=0.8, zorder=0)
        axis.set_title(LABEL_NAMES[label], fontsize=TEXT, color=INK)
        axis.set_xlabel(f"Difference in {plain(question)}", fontsize=TEXT)
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
    axes[0].set_yticks(range(len(lines)), [_named(line) for line in lines])
    axes[0].set_ylim(len(lines) - 0.4, -0.6)
    if _FRAME + _ROW * len(lines) > 1.6 * _TALLEST:
        axes[0].set_yticks([])  # nobody could read them; the tables name them
    figure.supxlabel(f"{plain(contrast)}, with 95% intervals", fontsize=SMALL, color=INK)
    return figure


def _lines(pooled: pd.DataFrame, readers: pd.DataFrame) -> list[Line]:
    """What is drawn from top to bottom: targets, readers, and all of them together."""
    targets = [("target", name) for name in natural_order(pooled["target"].unique()) if name != ALL]
    people = [("reader", name) for name in natural_order(readers["reader"].unique())]
    # What holds for one target or one reader alone holds for all.
    return [*(targets if len(targets) > 1 else []), *(people if len(people) > 1 else []), ("all", "")]


def _named(line: Line) -> str:
    group, name = line
    return "All readers and targets" if group == "all" else plain(name)


def _edges(lines: list[Line]) -> list[float]:
    """Where one group ends and the next begins."""
    return [place - 0.5 for place in range(1, len(lines)) if lines[place][0] != lines[place - 1][0]]


def _rows(pooled: pd.DataFrame, readers: pd.DataFrame, line: Line, label: str) -> pd.Series[Any] | None:
    group, name = line
    if group == "reader":
        own = readers[(readers["reader"] == name) & (readers["label"] == label)]
    else:
        own = pooled[(pooled["target"] == (name or ALL)) & (pooled["label"] == label)]
    return None if own.empty else own.iloc[0]


def _reach(pooled: pd.DataFrame, readers: pd.DataFrame) -> tuple[float, float]:
    """Where the axis ends at either side: a reader of two cases has an interval that would leave the others no room."""
    everything = pd.concat([pooled, readers])[["mean_difference", "ci_low", "ci_high"]]
    over_all = pooled.loc[pooled["target"] == ALL, ["ci_low", "ci_high"]].to_numpy(dtype=np.float64)
    needed = np.nanmax(np.abs([*everything["mean_difference"], *over_all.ravel(), 1e-6]))
    ends = np.clip([np.nanmin(everything), np.nanmax(everything)], -_FAR * needed, _FAR * needed)
    return min(float(ends[0]), 0.0), max(float(ends[1]), 0.0, 1e-6)


def _drawn(axis: Axes, place: int, row: pd.Series[Any], group: str, reach: tuple[float, float]) -> None:
    marker, size, index = {"target": ("s", 4.5, 0), "reader": ("o", 4.5, 1), "all": ("D", 6.5, 0)}[group]
    low, high = float(row["ci_low"]), float(row["ci_high"])
    colour = INK if group == "all" else arm_colour(index)
    if not np.isnan([low, high]).any():
        ends = [max(low, reach[0]), min(high, reach[1])]
        axis.plot(ends, [place, place], color=colour, linewidth=1.8 if group == "all" else 1.2, zorder=2)
        for end, cut, arrow in ((ends[0], low < reach[0], "<"), (ends[1], high > reach[1], ">")):
            if cut:
                axis.plot([end], [place], arrow, color=colour, markersize=4, clip_on=False, zorder=3)
    axis.plot([float(row["mean_difference"])], [place], marker, color=colour, markersize=size, zorder=3)
