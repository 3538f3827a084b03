"""One style for all figures, for print: colour-blind safe, grey-safe, the same bytes for the same data."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.report.typesetter import figure_pdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

# Okabe and Ito's palette; the marker and the hatch say the same again for print without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")
LABEL_NAMES = {"TP": "True positives", "FP": "False positives"}
INK, GRID = "#222222", "#DDDDDD"
SMALL, TEXT = 7.0, 8.0
CENTIMETRE = 1 / 2.54
# Read when a figure is written, so that it cannot be passed along with it.
mpl.rcParams["svg.hashsalt"] = "analysis"

_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "analysis"},
    "png": {"Software": "analysis"},
}
FigureFormat = Literal["svg", "pdf", "png"]


def render(figure: Figure, file_format: FigureFormat) -> bytes:
    """The figure as a file, without date, so that the same data give the same bytes."""
    buffer = io.BytesIO()
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        # Once for all formats: it takes as long as the drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    # matplotlib's own PDF takes three times as long for the letters. Text must stay text there, in its font.
    text = file_format == "pdf"
    kind = "svg" if text else file_format
    with mpl.rc_context({"svg.fonttype": "none" if text else "path"}):
        figure.savefig(buffer, format=kind, metadata=_METADATA[kind], dpi=150)
    return figure_pdf(buffer.getvalue()) if text else buffer.getvalue()


def panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many centimetres and its axes in the report's style."""
    figure = Figure(figsize=(width * CENTIMETRE, height * CENTIMETRE), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, sharex=False, sharey=True, squeeze=False)
    for axis in axes.flat:
        axis.tick_params(labelsize=SMALL, color=INK, labelcolor=INK, width=0.6)
        axis.grid(color=GRID, linewidth=0.5)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axis.spines[side].set_linewidth(0.6)
    return figure, list(axes.flat)


def legend(figure: Figure, arms: Sequence[str], note: str | None, *, bars: bool = False) -> None:
    handles: list[Any] = []
    for index, arm in enumerate(arms):
        if bars:
            style: dict[str, Any] = {"edgecolor": "white", "hatch": HATCHES[index % len(HATCHES)]}
            handles.append(Patch(facecolor=arm_colour(index), label=plain(arm), **style))
        else:
            style = {"marker": MARKERS[index % len(MARKERS)], "linestyle": "none", "markersize": 4.5}
            handles.append(Line2D([], [], color=arm_colour(index), label=plain(arm), **style))
    legend = figure.legend(
        handles=handles, title=note, loc="outside lower center", ncols=max(1, len(arms)), frameon=False, fontsize=SMALL
    )
    legend.get_title().set_fontsize(SMALL)


def score_scale(axis: Any, values: pd.Series[Any]) -> None:
    """Whole steps on a Likert scale; matplotlib's own ticks on a finer one."""
    if values.empty:
        return
    low, high = float(values.min()), float(values.max())
    if (values % 1 == 0).all() and high - low <= 10:
        axis.set_ticks(np.arange(low, high + 1))
        axis.axes.set(**{f"{axis.axis_name}lim": (low - 0.5, high + 0.5)})


def arm_colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def plain(text: str) -> str:
    """Text that matplotlib must not take for mathematics; underscores of keys read as spaces."""
    return text.replace("_", " ").replace("$", r"\$")
