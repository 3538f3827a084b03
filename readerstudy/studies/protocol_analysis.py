"""The protocol's [analysis] table: what is planned before the data are seen, and so stands first in the results."""

import tomllib
from dataclasses import dataclass
from typing import Literal

from readerstudy.studies.protocol_table import Document, Table

#: What can be planned as primary, in the words of the results page's sections.
ANALYSES = ("effect", "equivalence", "ordinal", "auc", "points", "agreement", "time", "wilcoxon", "iou")
#: What stands first where the protocol does not say: the effect over cases, and whether true positives rise more.
STANDARD = ("effect", "ordinal", "auc")
ADJUSTMENTS = ("holm", "bh")
TABLE = "analysis"


@dataclass(frozen=True)
class AnalysisPlan:
    """The planned analysis. No `questions` means all; `margin` is in points of the scale, None for no equivalence."""

    primary: tuple[str, ...] = STANDARD
    questions: tuple[str, ...] = ()
    margin: float | None = None
    adjust: Literal["holm", "bh"] = "holm"
    stated: bool = False  # whether the protocol says so


def analysis_plan(table: Table, questions: tuple[str, ...]) -> AnalysisPlan:
    """The plan in this table of a protocol whose answers to these questions have an order. Raises ProtocolError."""
    adjust = table.one_of("adjust", ADJUSTMENTS, default=ADJUSTMENTS[0])
    plan = AnalysisPlan(
        primary=table.words("primary", default=list(STANDARD)),
        questions=table.words("questions", default=[]),
        margin=table.positive("margin"),
        adjust="bh" if adjust == "bh" else "holm",
        stated=not table.empty,
    )
    for name in plan.primary:
        if name not in ANALYSES:
            table.refuse("primary", f"names {name!r}, which is no analysis; there are: {', '.join(ANALYSES)}")
    for key in plan.questions:
        if key not in questions:
            table.refuse(
                "questions", f"names {key!r}, which is no question on a scale; there are: {', '.join(questions)}"
            )
    if "equivalence" in plan.primary and plan.margin is None:
        table.refuse("primary", "has equivalence, which needs a margin: set it in points of the scale")
    table.done()
    return plan


def plan_of(protocol: str) -> AnalysisPlan:
    """The plan in the text of a protocol that was read before; the standard one where it has none."""
    root = Table(Document("protocol", protocol), "", 0, tomllib.loads(protocol))
    table = root.table(TABLE, default={})
    plan = analysis_plan(table, table.words("questions", default=[]))
    table.raise_if_wrong()
    return plan
