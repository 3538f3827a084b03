"""The protocol's [results] table: who may look at results before the study is closed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from readerstudy.studies.protocol_table import Document, Table

TABLE = "results"
ROLES = ("coordinator", "analyst")


@dataclass(frozen=True)
class ResultsPlan:
    """The roles that may see interim results; nobody where the protocol does not say."""

    interim: tuple[str, ...] = ()


def results_plan(table: Table) -> ResultsPlan:
    """The plan in this table; what cannot be is noted."""
    plan = ResultsPlan(interim=table.words("interim", default=[]))
    for role in plan.interim:
        if role not in ROLES:
            table.refuse("interim", f"names {role!r}; interim results can be shown to: {', '.join(ROLES)}")
    table.done()
    return plan


def results_plan_of(protocol: str) -> ResultsPlan:
    """The plan in the text of a protocol that was read before."""
    root = Table(Document("protocol", protocol), "", 0, tomllib.loads(protocol))
    plan = results_plan(root.table(TABLE, default={}))
    root.raise_if_wrong()
    return plan
