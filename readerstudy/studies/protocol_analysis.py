"""The protocol's [analysis] table: what is planned before the data are seen, and so stands first in the results."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from explainer.problems import Input, Number, RefusedError
from readerstudy.studies.protocol_problems import read_toml
from readerstudy.studies.protocol_values import Among, Names

#: What can be planned as primary, in the words of the results page's sections.
ANALYSES = ("effect", "equivalence", "ordinal", "auc", "points", "agreement", "time", "wilcoxon", "iou")
#: What stands first where the protocol does not say: the effect over cases, and whether true positives rise more.
STANDARD = ("effect", "ordinal", "auc")
TABLE = "analysis"


class AnalysisPlan(Input):
    """The planned analysis. No `questions` means all; `margin` is in points of the scale, None for no equivalence."""

    primary: Annotated[Names, Among(ANALYSES, ", which is no analysis; there are")] = STANDARD
    questions: Names = ()
    margin: Annotated[Number, Field(gt=0)] | None = None
    adjust: Literal["holm", "bh"] = "holm"

    @property
    def stated(self) -> bool:
        """Whether the protocol says so."""
        return bool(self.model_fields_set)

    @model_validator(mode="after")
    def _equivalence_has_a_margin(self) -> Self:
        if "equivalence" in self.primary and self.margin is None:
            raise RefusedError(primary="has equivalence, which needs a margin: set it in points of the scale")
        return self


def plan_of(protocol: str) -> AnalysisPlan:
    """The plan in the text of a protocol that was read before; the standard one where it has none."""
    return read_toml(AnalysisPlan, protocol, table=TABLE)
