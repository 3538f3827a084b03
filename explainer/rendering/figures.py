"""Figures of a counterfactual: prediction against lambda (Figure 3 of the paper) and optical flow (Figure 1B)."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from explainer.errors import RenderingError
from explainer.rendering.overlays import to_grey
from explainer.rendering.strips import check_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from explainer.types import Counterfactual, FloatMap

FigureFormat = Literal["svg", "png", "pdf"]

#: Why a side of the search ended, in words.
STOP_REASONS = {
    "reached": "the wanted change was reached",
    "turned": "the prediction turned",
    "flat": "the prediction levelled off",
    "image_change": "the image had changed too much",
    "max_lambda": "lambda had reached its bound",
    "fixed": "the end was given",
}
# Okabe and Ito's palette, for readers who see fewer colours; the marker says the same again.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_INK, _PALE, _GRID = "#222222", "#777777", "#DDDDDD"
_ARROW = "#FFF3B0"
_SMALL, _TEXT = 7.5, 9.0
_DPI = 150
#: Inches, and lines of text that a curve has in the legend.
_PLOT_WIDTH, _PLOT_HEIGHT, _LEGEND_LINES = 5.6, 3.6, 3
_PANEL = 4.2
#: Arrows along the longer side of a picture; weaker movements than this share of the strongest get none.
_ARROWS, _WEAK = 24, 0.15
#: Length of the longest arrows in cells of their grid.
_REACH = 1.8
_WASH, _OPAQUE = "autumn_r", 0.45
#: Movements below this are noise: a few hundredths of a pixel.
_STILL = 0.05
#: Writing a figure sets what matplotlib holds for the whole process.
_WRITING = threading.Lock()


def figure_bytes(figure: Figure, file_format: FigureFormat) -> bytes:
    """A figure as a file, without date, so that the same values give the same bytes; may be called from any thread."""
    metadata = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}[file_format]
    stream = io.BytesIO()
    with _WRITING, mpl.rc_context({"svg.hashsalt": "explainer", "pdf.fonttype": 42}):
        figure.savefig(stream, format=file_format, metadata=metadata, dpi=_DPI)
    return stream.getvalue()


def curve_figure(sequences: Mapping[str, Counterfactual], *, threshold: float | None = None) -> Figure:
    """Prediction against lambda, one curve per counterfactual, named by its key, as in Figure 3 of the paper.

    Lambda is a multiple of each classifier's own gradient; curves of several classifiers
    share one axis of lambda nevertheless, as in the paper.
    lambda = 0, the unshifted reconstruction, is marked, and both ends say why the search stopped there. `threshold`: a
    prediction to be drawn as a line, 0.5 for calibrated scores. Raises RenderingError if there is nothing to draw.
    """
    if not sequences:
        raise RenderingError("A figure of predictions against lambda needs at least one counterfactual.")
    # Places instead of a layout that is solved: a figure takes half the time.
    head = 0.15 * _LEGEND_LINES * len(sequences) + 0.15
    tall = _PLOT_HEIGHT + head
    figure = Figure(figsize=(_PLOT_WIDTH, tall))
    axes: Axes = figure.add_axes((0.6 / _PLOT_WIDTH, 0.5 / tall, 1 - 0.75 / _PLOT_WIDTH, 1 - (head + 0.55) / tall))
    axes.axvline(0, color=_PALE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    if threshold is not None:
        axes.axhline(threshold, color=_PALE, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    for index, (name, sequence) in enumerate(sequences.items()):
        check_curve(name, sequence)
        colour = _COLOURS[index % len(_COLOURS)]
        style: dict[str, Any] = {
            "color": colour,
            "marker": _MARKERS[index % len(_MARKERS)],
            "markersize": 3.0,
            "linewidth": 1.3,
        }
        label = f"{name}\n{_ends(sequence)}"
        axes.plot(sequence.lambdas, sequence.predictions, label=label, zorder=2, **style)
        axes.plot([0], [sequence.predictions[sequence.zero]], "o", color=colour, markersize=7, zorder=3)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("lambda (dashed: 0, the unshifted reconstruction)", fontsize=_TEXT, color=_INK)
    dotted = "" if threshold is None else f" (dotted: {threshold:g})"
    axes.set_ylabel(f"Prediction{dotted}", fontsize=_TEXT, color=_INK)
    axes.tick_params(labelsize=_SMALL, colors=_INK)
    axes.grid(color=_GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="upper left", fontsize=_SMALL, frameon=False, labelcolor=_INK, borderaxespad=0.2)
    return figure


def _ends(sequence: Counterfactual) -> str:
    """Both ends in words."""
    return "\n".join(
        f"{arrow} {_number(value)}: {STOP_REASONS.get(reason, reason.replace('_', ' '))}"
        for arrow, value, reason in (
            ("lower end", sequence.lambdas[0], sequence.stop_reason["lower"]),
            ("upper end", sequence.lambdas[-1], sequence.stop_reason["upper"]),
        )
    )


def _number(value: float) -> str:
    return f"{value:+.3g}"


def flow_figure(sequence: Counterfactual, flows: Mapping[str, FloatMap]) -> Figure:
    """Where structures of the unshifted reconstruction move on the way to each end, as arrows on the X-ray.

    `flows` as `flow.optical_flow` returns them. An arrow starts where a structure is and points to where it goes; it
    is longer than the movement by the factor in the picture's title. Colour is the length of the movement in pixels.
    """
    if not flows:
        raise RenderingError("There is no flow to draw: the counterfactual has frames on neither side.")
    strength = {side: np.hypot(*flow) for side, flow in flows.items()}
    # The few pixels beyond are where a flow is least certain.
    most = max(_STILL, *(float(np.percentile(values, 99.5)) for values in strength.values()))
    height, width = sequence.frames.shape[1:]
    figure = Figure(figsize=(_PANEL * len(flows), _PANEL * height / width + 1.0), layout="constrained")
    panels = figure.subplots(1, len(flows), squeeze=False)[0]
    picture = to_grey(sequence.frames[sequence.zero])
    for axes, (side, flow) in zip(panels, flows.items(), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
        wash = np.clip(strength[side] / most, 0, 1)
        shown = axes.imshow(strength[side], cmap=_WASH, vmin=0, vmax=most, alpha=_OPAQUE * wash)
        reading = _arrows(axes, flow, most)
        axes.set_title(f"{_change(sequence, side)}\n{reading}", fontsize=_TEXT, color=_INK)
        axes.set_axis_off()
    bar = figure.colorbar(shown, ax=list(panels), location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label("Movement from the unshifted reconstruction to the end, pixels of the image", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=_SMALL)
    return figure


def _change(sequence: Counterfactual, side: str) -> str:
    end = 0 if side == "lower" else -1
    start, stop = sequence.predictions[sequence.zero], sequence.predictions[end]
    return f"prediction {start:.2f} \N{RIGHTWARDS ARROW} {stop:.2f}, lambda {_number(sequence.lambdas[end])}"


def _arrows(axes: Axes, flow: FloatMap, most: float) -> str:
    """Arrows on a grid, each the mean of its cell; returns how they are to be read."""
    height, width = flow.shape[1:]
    cell = max(1, max(height, width) // _ARROWS)
    rows, columns = height // cell, width // cell
    cells = flow[:, : rows * cell, : columns * cell].reshape(2, rows, cell, columns, cell).mean(axis=(2, 4))
    drawn = np.hypot(*cells) >= max(_WEAK * most, _STILL)
    if not drawn.any():
        return "hardly any movement"
    factor = max(1, round(_REACH * cell / most))
    y, x = (np.indices((rows, columns)) + 0.5) * cell - 0.5
    down, right = cells
    arrows = axes.quiver(
        x[drawn],
        y[drawn],
        right[drawn],
        down[drawn],
        angles="xy",
        scale_units="xy",
        scale=1 / factor,
        color=_ARROW,
        width=0.0045,
    )
    arrows.set_path_effects([withStroke(linewidth=1.2, foreground="black")])
    return f"arrows {factor} times as long as the movement"
