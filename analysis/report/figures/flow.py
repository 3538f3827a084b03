"""Who rated what, as a diagram: cases and readers, readings in each arm, pairs that are analysed (after CONSORT)."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.report.figures.style import CENTIMETRE, INK, SMALL, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

# Centimetres: the page, the boxes of the way down, those beside it, lines, room inside a box, and between boxes.
_WIDTH, _MAIN, _ASIDE, _LINE, _PAD, _BESIDE, _BELOW = 16.0, 10.4, 4.8, 0.38, 0.25, 0.4, 0.7
_LETTERS = 6.9  # to a centimetre
_QUESTIONS = 8  # more stand in the table only
_RATED = ("rated_first_arm", "rated_second_arm")
#: Column of the flow table -> words for readings that were allocated and not rated.
REASONS = {
    "reader_withdrawn": "reader withdrawn",
    "case_excluded": "case excluded",
    "explanation_failed": "explanation failed",
    "not_read": "not read",
    "no_answer": "no answer",
}


@dataclass(frozen=True)
class Box:
    """A heading with the lines under it."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """Boxes beside each other, and what leaves the way down at this level."""

    boxes: tuple[Box, ...]
    aside: Box | None = None


def flow_figure(levels: Sequence[Level]) -> Figure:
    """The boxes of each level beside each other, arrows from level to level; `levels` as `flow_levels` gives them."""
    drawn = [_Drawn.of(level) for level in levels]
    total = sum(one.height for one in drawn) + _BELOW * (len(drawn) - 1) + 0.2
    figure = Figure(figsize=(_WIDTH * CENTIMETRE, total * CENTIMETRE), facecolor="white")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, _WIDTH), ylim=(total, 0))
    axis.set_axis_off()
    top = 0.1
    for place, one in enumerate(drawn):
        if place:
            finer = max(drawn[place - 1], one, key=lambda level: len(level.boxes))
            for left in finer.lefts:
                middle = left + finer.width / 2
                _arrow(axis, (middle, top - _BELOW), (middle, top))
        for left, lines in zip(one.lefts, one.boxes, strict=True):
            _box(axis, (left, top), (one.width, one.height), lines)
        if one.aside:
            height = len(one.aside) * _LINE + 2 * _PAD
            _arrow(axis, (0.1 + _MAIN, top + height / 2), (_WIDTH - 0.1 - _ASIDE, top + height / 2), dashed=True)
            _box(axis, (_WIDTH - 0.1 - _ASIDE, top), (_ASIDE, height), one.aside, dashed=True)
        top += one.height + _BELOW
    return figure


@dataclass(frozen=True)
class _Drawn:
    """A level as lines that fit into their boxes, with the boxes' measures in centimetres."""

    boxes: list[list[str]]
    aside: list[str]
    width: float

    @classmethod
    def of(cls, level: Level) -> _Drawn:
        width = (_MAIN - _BESIDE * (len(level.boxes) - 1)) / len(level.boxes)
        aside = _wrapped(level.aside, _ASIDE) if level.aside else []
        return cls([_wrapped(box, width) for box in level.boxes], aside, width)

    @property
    def height(self) -> float:
        return max(len(lines) for lines in [*self.boxes, self.aside]) * _LINE + 2 * _PAD

    @property
    def lefts(self) -> list[float]:
        return [0.1 + place * (self.width + _BESIDE) for place in range(len(self.boxes))]


def flow_levels(frame: pd.DataFrame, flow: pd.DataFrame, arms: Sequence[str]) -> list[Level]:
    """What the diagram says, level by level, from validated responses and the report's table of who rated what.

    `arms` are the two of the contrast, or those that there are.
    """
    totals = flow.groupby("question", sort=False).sum(numeric_only=True)
    levels = [Level((Box("Cases and readers", _data(frame, flow)),))]
    if flow["allocated"].notna().any():
        allocated = _lines(totals["allocated"], "{} reading{s}, a case in an arm each")
        not_rated = _box_of(totals, "Allocated and not rated", {name: f"{{}} {why}" for name, why in REASONS.items()})
        levels.append(Level((Box("Allocated", allocated),), not_rated))
    if len(arms) < len(_RATED):
        readings = frame.drop_duplicates(["question", "reader", "case", "arm"]).groupby("question", sort=False).size()
        return [*levels, *(Level((Box(f"Arm {arm}", _lines(readings, "{} reading{s} rated")),)) for arm in arms)]
    rated = [
        Box(f"Arm {arm}", _lines(totals[column], "{} reading{s} rated"))
        for column, arm in zip(_RATED, arms, strict=True)
    ]
    levels.append(Level(tuple(rated)))
    lacking = {
        "lacking_first_arm": f"{{}} without arm {_braces(arms[0])}",
        "lacking_second_arm": f"{{}} without arm {_braces(arms[1])}",
        "unrated": "{} rated in neither arm",
        "repeats": "{} repeated reading{s}",
    }
    pairs = Box("Analysed", _lines(totals["paired"], "{} pair{s} of the same reader and case"))
    return [*levels, Level((pairs,), _box_of(totals, "In no pair", lacking))]


def _data(frame: pd.DataFrame, flow: pd.DataFrame) -> tuple[str, ...]:
    labels = frame.drop_duplicates("case")["label"].value_counts()
    cases = _counted(int(labels.sum()), "{} case{s}")
    positives = f"{labels.get('TP', 0):,} true positive, {labels.get('FP', 0):,} false positive"
    readers, rating = flow["reader"].nunique(), frame["reader"].nunique()
    rest = f", of whom {rating:,} rated anything" if rating < readers else ""
    return f"{cases}: {positives}", _counted(readers, "{} reader{s}") + rest


def _box_of(totals: pd.DataFrame, heading: str, words: dict[str, str]) -> Box:
    """A box with what there is of these columns."""
    lines = [line for column, own in words.items() if totals[column].sum() > 0 for line in _lines(totals[column], own)]
    return Box(heading, tuple(lines or ["none"]))


def _lines(counts: pd.Series[Any], words: str) -> tuple[str, ...]:
    """One line where all questions have the same count, else one for each."""
    if (counts == counts.iloc[0]).all():
        return (_counted(int(counts.iloc[0]), words),)
    lines = [f"{question}: {_counted(int(count), words)}" for question, count in counts.items()]
    more = len(lines) - _QUESTIONS
    return (*lines[:_QUESTIONS], *([f"and {more} more questions"] if more > 0 else []))


def _counted(count: int, words: str) -> str:
    return words.format(f"{count:,}", s="" if count == 1 else "s")


def _braces(name: str) -> str:
    """A name that `format` leaves as it is."""
    return name.replace("{", "{{").replace("}", "}}")


def _wrapped(box: Box, width: float) -> list[str]:
    letters = int((width - 2 * _PAD) * _LETTERS)
    return [part for line in (box.heading, *box.lines) for part in textwrap.wrap(line, letters)[:4] or [""]]


def _box(
    axis: Axes, corner: tuple[float, float], size: tuple[float, float], lines: Sequence[str], *, dashed: bool = False
) -> None:
    edge = "--" if dashed else "-"
    axis.add_patch(Rectangle(corner, *size, facecolor="white", edgecolor=INK, linewidth=0.8, linestyle=edge))
    for number, line in enumerate(lines):
        weight = "bold" if number == 0 else "normal"
        y = corner[1] + _PAD + _LINE * (number + 0.75)
        axis.text(corner[0] + _PAD, y, plain(line), fontsize=SMALL, fontweight=weight, color=INK)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], *, dashed: bool = False) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    axis.annotate("", xy=end, xytext=start, arrowprops=style | {"linestyle": "--" if dashed else "-"})
