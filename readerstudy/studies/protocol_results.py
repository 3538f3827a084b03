"""The protocol's [results] table: who may look at results before the study is closed."""

from __future__ import annotations

from typing import Annotated

from explainer.problems import Input
from readerstudy.studies.protocol_problems import read_toml
from readerstudy.studies.protocol_values import Among, Names

TABLE = "results"
ROLES = ("coordinator", "analyst")


class ResultsPlan(Input):
    """The roles that may see interim results; nobody where the protocol does not say."""

    interim: Annotated[Names, Among(ROLES, "; interim results can be shown to")] = ()


def results_plan_of(protocol: str) -> ResultsPlan:
    """The plan in the text of a protocol that was read before."""
    return read_toml(ResultsPlan, protocol, table=TABLE)
