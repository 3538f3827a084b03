"""How far readers agree in each arm: coefficients with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.report.figures.style import INK, MARKERS, TEXT, arm_colour, legend, panels, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure

# One coefficient of each kind: weighted as the distance of the scores, for single readings.
SHOWN = {
    "all readers": ("alpha (interval)", "ICC(2,1)"),
    "within": ("kappa (quadratic)",),
    "pair": ("kappa (quadratic)",),
}
_ROW, _FRAME, _TALLEST, _PAIRS = 0.75, 2.4, 21.0, 10
Line = tuple[str, str, str]  # kind, readers, statistic


def agreement_figure(agreement: pd.DataFrame, question: str, arms: Sequence[str]) -> Figure:
    """Krippendorff's alpha, ICC(2,1) and quadratic kappas of pairs and repeats, with 95% intervals, in each arm.

    `agreement` is the report's table of this name. More than ten pairs of readers stand in the table only.
    """
    own = agreement[(agreement["question"] == question) & agreement["estimate"].notna()]
    lines = [line for kind in SHOWN for line in _lines(own[own["kind"] == kind], kind)]
    figure, [axis] = panels(1, 1, 14.0, min(_TALLEST, _FRAME + _ROW * max(len(lines), 1)))
    for place, line in enumerate(lines):
        for index, arm in enumerate(arms):
            rows = own[
                (own["arm"] == arm)
                & (own["kind"] == line[0])
                & (own["readers"] == line[1])
                & (own["statistic"] == line[2])
            ]
            if rows.empty:
                continue
            row = rows.iloc[0]
            y = place + (index - (len(arms) - 1) / 2) * 0.3
            if not np.isnan([row["ci_low"], row["ci_high"]]).any():
                axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=arm_colour(index), linewidth=1.3, zorder=2)
            style: dict[str, Any] = {"color": arm_colour(index), "markersize": 5, "zorder": 3}
            axis.plot([row["estimate"]], [y], MARKERS[index % len(MARKERS)], **style)
    axis.set_yticks(range(len(lines)), [_named(*line) for line in lines])
    axis.set_ylim(len(lines) - 0.4, -0.6)
    drawn = own[own["statistic"].isin(statistic for _, _, statistic in lines)]
    low = np.nanmin([0.0, *drawn["ci_low"], *drawn["estimate"]])
    axis.set_xlim(max(float(low), -1.0) - 0.02, 1.02)
    axis.axvline(0, color=INK, linewidth=0.8, zorder=1)
    axis.set_xlabel(f"Agreement on {plain(question)}, with 95% intervals", fontsize=TEXT)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    legend(figure, arms, None)
    return figure


def _lines(part: pd.DataFrame, kind: str) -> list[Line]:
    """What is drawn of the rows of one kind, from top to bottom."""
    readers = part["readers"].unique()
    if kind != "all readers" and len(readers) > _PAIRS:
        return []
    return [
        (kind, who, statistic)
        for who in readers
        for statistic in SHOWN[kind]
        if ((part["readers"] == who) & (part["statistic"] == statistic)).any()
    ]


def _named(kind: str, readers: str, statistic: str) -> str:
    if kind == "all readers":
        return {"alpha (interval)": "Krippendorff's alpha"}.get(statistic, statistic)
    who = f"{readers}, repeats" if kind == "within" else readers
    return f"{plain(who)},\nweighted kappa"
