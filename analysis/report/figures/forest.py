"""The effect of the arm with its intervals, per target and per reader: a forest plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data.order import natural_order
from analysis.data.schema import ALL, LABELS
from analysis.report.figures.style import GRID, INK, LABEL_NAMES, SMALL, TEXT, arm_colour, panels, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Centimetres: a row of names that can be read, the height that fits on a page, and what is not rows.
_ROW, _TALLEST, _FRAME = 0.48, 21.0, 2.6
Line = tuple[str, str]  # the group ("target", "reader" or "all") and the name within it


def forest_figure(effect: pd.DataFrame, per_reader: pd.DataFrame, question: str, contrast: str) -> Figure:
    """Mean difference with its 95% interval per target (square), per reader (disc) and over all (diamond), per label.

    `effect` and `per_reader` are the report's tables of these names; `contrast` says which arm was taken from which.
    """
    pooled, readers = (table[table["question"] == question] for table in (effect, per_reader))
    lines = _lines(pooled, readers)
    height = min(_TALLEST, _FRAME + _ROW * len(lines))
    figure, axes = panels(1, len(LABELS), 16.0, height)
    for axis, label in zip(axes, LABELS, strict=True):
        axis.axvline(0, color=INK, linewidth=0.8, zorder=1)
        for place, line in enumerate(lines):
            own = _rows(pooled, readers, line, label)
            if own is not None:
                _drawn(axis, place, own, line[0])
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


def _drawn(axis: Axes, place: int, row: pd.Series[Any], group: str) -> None:
    marker, size, index = {"target": ("s", 4.5, 0), "reader": ("o", 4.5, 1), "all": ("D", 6.5, 0)}[group]
    ends = [float(row["ci_low"]), float(row["ci_high"])]
    colour = INK if group == "all" else arm_colour(index)
    if not np.isnan(ends).any():
        axis.plot(ends, [place, place], color=colour, linewidth=1.8 if group == "all" else 1.2, zorder=2)
    axis.plot([float(row["mean_difference"])], [place], marker, color=colour, markersize=size, zorder=3)
