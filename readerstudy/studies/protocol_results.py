"""The protocol's [results] table: who may look at results before the study is closed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from readerstudy.studies.protocol_table import Table

TABLE = "results"
ROLES = ("coordinator", "analyst")


@dataclass(frozen=True)
class ResultsPlan:
    """The roles that may see interim results; nobody where the protocol does not say."""

    interim: tuple[str, ...] = ()


def results_plan(table: Table) -> ResultsPlan:
    """The plan in this table. Raises ProtocolError."""
    plan = ResultsPlan(interim=table.words("interim", default=[]))
    for role in plan.interim:
        if role not in ROLES:
            table.refuse("interim", f"names {role!r}; interim results can be shown to: {', '.join(ROLES)}")
    table.done()
    return plan


def results_plan_of(protocol: str) -> ResultsPlan:
    """The plan in the text of a protocol that was read before."""
    return results_plan(Table("protocol", protocol, "", 0, tomllib.loads(protocol)).table(TABLE, default={}))
