"""The figures of the report in one style for print: colour-blind safe, the same bytes for the same data."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.data.order import natural_order
from analysis.data.schema import ALL, LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

# Okabe and Ito's palette; the marker and the hatch say the same again for print without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")
LABEL_NAMES = {"TP": "True positives", "FP": "False positives"}
_INK, _GRID = "#222222", "#DDDDDD"
_SMALL, _TEXT = 7.0, 8.0
_CENTIMETRE = 1 / 2.54
# More points than this are drawn as a picture within the figure: as shapes they would be tens of megabytes.
_MANY_POINTS = 5000
# Read when a figure is written, so they cannot be passed along with it.
mpl.rcParams["svg.hashsalt"] = "analysis"
mpl.rcParams["pdf.fonttype"] = 42

_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "analysis"},
    "pdf": {"CreationDate": None, "Creator": "analysis"},
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
    figure.savefig(buffer, format=file_format, metadata=_METADATA[file_format], dpi=150)
    return buffer.getvalue()


def scores_figure(counts: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """Scores per target, label and arm (Figure 6A): area of a disc = share of the readings, outlined = mean.

    `counts` is the table of `paired.score_counts`.
    """
    own = counts[(counts["question"] == question) & counts["arm"].isin(arms)]
    targets = [target for target in natural_order(own["target"].unique()) if target != ALL]
    width = max(12.0, 4.0 + 2.2 * len(targets))
    figure, axes = _panels(1, 2, width, 7.5)
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
                axis.scatter(x, given["value"], s=area, color=_colour(index), alpha=0.45, linewidths=0, zorder=2)
                mean = float((group["value"] * group["count"]).sum() / total)
                style: dict[str, Any] = {"color": _colour(index), "markeredgecolor": _INK, "markeredgewidth": 0.7}
                axis.plot([place + shift], [mean], MARKERS[index % len(MARKERS)], markersize=5, zorder=3, **style)
        axis.set_title(LABEL_NAMES[label], fontsize=_TEXT, color=_INK)
        names = [_plain(target) for target in targets]
        axis.set_xticks(range(len(targets)), names, rotation=30, ha="right", rotation_mode="anchor")
        axis.set_xlim(-0.6, max(len(targets), 1) - 0.4)
        _score_scale(axis.yaxis, own["value"])
    axes[0].set_ylabel(f"Score: {_plain(question)}", fontsize=_TEXT)
    _legend(figure, arms, "disc: share of readings; outlined mark: mean")
    return figure


def counts_figure(counts: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """How often each score was given, per label and arm (Figure F.4)."""
    own = counts[(counts["question"] == question) & (counts["target"] == ALL) & counts["arm"].isin(arms)]
    scores = sorted(own["value"].unique())
    figure, axes = _panels(1, 2, 14.0, 7.0)
    for axis, label in zip(axes, LABELS, strict=True):
        for index, arm in enumerate(arms):
            group = own[(own["label"] == label) & (own["arm"] == arm)].set_index("value")["count"].reindex(scores)
            width = 0.8 / len(arms)
            x = np.arange(len(scores)) + (index - (len(arms) - 1) / 2) * width
            bars = axis.bar(x, group.fillna(0), width, color=_colour(index), edgecolor="white", linewidth=0.5, zorder=2)
            for bar in bars:
                bar.set_hatch(HATCHES[index % len(HATCHES)])
        axis.set_title(LABEL_NAMES[label], fontsize=_TEXT, color=_INK)
        # Long continuous scales get few ticks; Likert scales one per score.
        step = max(1, len(scores) // 10)
        axis.set_xticks(range(0, len(scores), step), [f"{score:g}" for score in scores[::step]])
        axis.set_xlabel(f"Score: {_plain(question)}", fontsize=_TEXT)
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("Readings", fontsize=_TEXT)
    _legend(figure, arms, None, bars=True)
    return figure


def joint_figure(joint: pd.DataFrame, means: pd.DataFrame, questions: tuple[str, str], arms: Sequence[str]) -> Figure:
    """How often two questions got each pair of scores in one reading, per label and arm, with their means (F.3).

    `joint` and `means` are the tables of `scores.joint_tables`. The area of a disc is the share of the readings of its
    label and arm; discs of the arms stand beside each other, crosses are the means, where they are.
    """
    figure, axes = _panels(1, 2, 15.0, 8.0)
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
            axis.scatter(x, y, s=area, color=_colour(index), alpha=0.5, linewidths=0, zorder=2)
            mean = centre[(centre["label"] == label) & (centre["arm"] == arm)].iloc[0]
            for colour, width in ((_INK, 3.0), (_colour(index), 1.6)):
                style: dict[str, Any] = {"marker": "x", "markersize": 8, "color": colour, "markeredgewidth": width}
                axis.plot([mean["mean"]], [mean["second_mean"]], linestyle="none", zorder=4, **style)
        axis.set_title(LABEL_NAMES[label], fontsize=_TEXT, color=_INK)
        axis.set_xlabel(f"Score: {_plain(questions[0])}", fontsize=_TEXT)
        _score_scale(axis.xaxis, own["value"])
        _score_scale(axis.yaxis, own["second_value"])
    axes[0].set_ylabel(f"Score: {_plain(questions[1])}", fontsize=_TEXT)
    _legend(figure, arms, "disc: share of readings, arms beside each other; cross: mean")
    return figure


def iou_figure(frame: pd.DataFrame, lines: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """IoU of each true positive against the readers' scores, one panel per target, with the published line (6B).

    Every reading is drawn; `lines` is the table of `iou.published_table`. Horizontal scatter only separates points.
    """
    points = frame[(frame["question"] == question) & (frame["label"] == "TP") & frame["iou"].notna()]
    points = points[points["arm"].isin(arms)]
    targets = natural_order(points["target"].unique())
    columns = max(1, min(3, len(targets)))
    rows = max(1, -(-len(targets) // columns))
    figure, axes = _panels(rows, columns, 5.5 * columns + 1.0, 5.0 * rows + 1.5)
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
            style: dict[str, Any] = {"marker": marker, "color": _colour(index), "linewidths": 0}
            axis.scatter(scatter, group["iou"], s=9, alpha=0.6, rasterized=len(points) > _MANY_POINTS, **style)
            line = lines[(lines["question"] == question) & (lines["target"] == target) & (lines["arm"] == arm)]
            if len(line) and line["slope"].notna().all():
                ends = np.array([x.min(), x.max()])
                fitted = float(line["intercept"].iloc[0]) + float(line["slope"].iloc[0]) * ends
                axis.plot(ends, fitted, color=_colour(index), linewidth=1.3, linestyle=("-", "--")[index % 2])
        axis.set_title(_plain(target), fontsize=_TEXT, color=_INK)
        axis.set_ylim(-0.03 * top, 1.08 * top if top > 0 else 1.0)
        _score_scale(axis.xaxis, points["value"])
        if panel % columns == 0:
            axis.set_ylabel("IoU", fontsize=_TEXT)
        if panel + columns >= len(targets):
            axis.set_xlabel(f"Score: {_plain(question)}", fontsize=_TEXT)
    _legend(figure, arms, "line: least squares, as published")
    return figure


def _panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many centimetres and its axes in the report's style."""
    figure = Figure(figsize=(width * _CENTIMETRE, height * _CENTIMETRE), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, sharex=False, sharey=True, squeeze=False)
    for axis in axes.flat:
        axis.tick_params(labelsize=_SMALL, color=_INK, labelcolor=_INK, width=0.6)
        axis.grid(color=_GRID, linewidth=0.5)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axis.spines[side].set_linewidth(0.6)
    return figure, list(axes.flat)


def _legend(figure: Figure, arms: Sequence[str], note: str | None, *, bars: bool = False) -> None:
    handles: list[Any] = []
    for index, arm in enumerate(arms):
        if bars:
            style: dict[str, Any] = {"edgecolor": "white", "hatch": HATCHES[index % len(HATCHES)]}
            handles.append(Patch(facecolor=_colour(index), label=_plain(arm), **style))
        else:
            style = {"marker": MARKERS[index % len(MARKERS)], "linestyle": "none", "markersize": 4.5}
            handles.append(Line2D([], [], color=_colour(index), label=_plain(arm), **style))
    legend = figure.legend(
        handles=handles, title=note, loc="outside lower center", ncols=max(1, len(arms)), frameon=False, fontsize=_SMALL
    )
    legend.get_title().set_fontsize(_SMALL)


def _score_scale(axis: Any, values: pd.Series[Any]) -> None:
    """Whole steps on a Likert scale; matplotlib's own ticks on a finer one."""
    if values.empty:
        return
    low, high = float(values.min()), float(values.max())
    if (values % 1 == 0).all() and high - low <= 10:
        axis.set_ticks(np.arange(low, high + 1))
        axis.axes.set(**{f"{axis.axis_name}lim": (low - 0.5, high + 0.5)})


def _spread(count: int) -> NDArray[np.float64]:
    """Offsets in [-0.5, 0.5) that look scattered and need no random numbers (golden-ratio sequence)."""
    return np.asarray(np.mod(np.arange(count) * 0.6180339887498949, 1.0) - 0.5, dtype=np.float64)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _plain(text: str) -> str:
    """Text that matplotlib must not take for mathematics; underscores of keys read as spaces."""
    return text.replace("_", " ").replace("$", r"\$")


def time_figure(time: pd.DataFrame, learning: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """Active seconds by arm and period, and along the sequence: medians with quartiles on a logarithmic axis.

    `time` and `learning` are the tables of `time.time_tables`.
    """
    figure, axes = _panels(1, 2, 16.0, 7.5)
    left, right = axes
    groups = time[(time["reader"] == ALL) & time["period"].notna()]
    periods = sorted(groups["period"].unique())
    for index, arm in enumerate(arms):
        own = groups[groups["arm"] == arm]
        places = [periods.index(period) + (index - (len(arms) - 1) / 2) * 0.25 for period in own["period"]]
        _quartiles(left, places, own, index)
    left.set_xticks(range(len(periods)), [f"Period {period}" for period in periods])
    left.set_xlim(-0.6, max(len(periods), 1) - 0.4)
    left.set_ylabel("Active seconds (median, quartiles)", fontsize=_TEXT)
    for index, (period, own) in enumerate(learning.groupby("period")):
        middle = (own["first_position"] + own["last_position"]) / 2
        style = ("-", "--", ":", "-.")[index % 4]
        right.plot(middle, own["median"], color=_INK, linestyle=style, linewidth=1.1, label=f"Period {period}")
        right.fill_between(middle, own["q1"], own["q3"], color=_INK, alpha=0.10, linewidth=0)
    if len(learning):
        right.legend(frameon=False, fontsize=_SMALL)
    right.set_xlabel("Position in the period", fontsize=_TEXT)
    for axis in axes:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(which="minor", labelsize=_SMALL)
    _legend(figure, arms, None)
    return figure


def _quartiles(axis: Axes, places: Sequence[float], own: pd.DataFrame, index: int) -> None:
    middle = own["median"].to_numpy(dtype=np.float64)
    ends = np.vstack([middle - own["q1"].to_numpy(dtype=np.float64), own["q3"].to_numpy(dtype=np.float64) - middle])
    style: dict[str, Any] = {"color": _colour(index), "capsize": 2, "elinewidth": 1.0, "markersize": 5}
    axis.errorbar(places, middle, yerr=ends, fmt=MARKERS[index % len(MARKERS)], linestyle="none", **style)


def power_figure(curves: pd.DataFrame, target: float) -> Figure:
    """Power over the number of cases (`curves`: analysis, readers, cases, power), a line per analysis and readers."""
    figure, axes = _panels(1, 1, 12.0, 8.0)
    axis = axes[0]
    axis.axhline(target, color=_INK, linewidth=0.6, linestyle=(0, (4, 3)))
    styles = ("-", "--", ":", "-.")
    readers = sorted(curves["readers"].unique())
    for index, (name, own) in enumerate(curves.groupby("analysis", sort=False)):
        for count, line in own.groupby("readers"):
            style = styles[readers.index(count) % len(styles)]
            label = f"{name}, {count} readers"
            axis.plot(line["cases"], line["power"], color=_colour(index), linestyle=style, linewidth=1.1, label=label)
    axis.set_ylim(0, 1)
    axis.set_xlabel("Cases", fontsize=_TEXT)
    axis.set_ylabel("Power", fontsize=_TEXT)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=_SMALL)
    return figure


def auc_figure(auc: pd.DataFrame, treatments: Sequence[str]) -> Figure:
    """AUC of each reader with each treatment and their mean; a line joins the AUCs of one reader.

    `auc` is the table of `mrmc.tables.mrmc_tables`.
    """
    figure, axes = _panels(1, 1, 8.0 + 1.5 * max(0, len(treatments) - 2), 8.0)
    axis = axes[0]
    places = np.arange(len(treatments))
    table = auc.pivot_table(index="reader", columns="treatment", values="auc").reindex(columns=list(treatments))
    for values in table.to_numpy(dtype=np.float64):
        axis.plot(places, values, color="#888888", linewidth=0.7, zorder=2)
    for index, treatment in enumerate(treatments):
        values = table[treatment].to_numpy(dtype=np.float64)
        axis.scatter(np.full(len(values), index), values, s=16, color=_colour(index), linewidths=0, zorder=3)
        axis.plot([index], [values.mean()], "D", color=_colour(index), markeredgecolor=_INK, markersize=7, zorder=4)
    axis.set_xticks(places, [_plain(treatment) for treatment in treatments])
    axis.set_xlim(-0.5, len(treatments) - 0.5)
    axis.set_ylabel("AUC (disc: reader; diamond: mean)", fontsize=_TEXT)
    return figure
