"""What a report is of, and the version that changes with everything it depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.data.selection import Selection
from readerstudy.results.blinding import Coding, coding_of
from readerstudy.results.frames import data_version
from readerstudy.results.models import ReportRun
from readerstudy.studies.protocol_analysis import AnalysisPlan, plan_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from readerstudy.studies.models import Study

# Changes with what is computed or how its files look, so that new code never shows the reports of old code.
FORMAT = 2


@dataclass(frozen=True)
class ReportSpec:
    """A study's data, all or selected, with its arms under a coding."""

    study: Study
    coding: Coding
    selection: Selection

    @classmethod
    def of(cls, run: ReportRun) -> ReportSpec:
        """What a run is of."""
        kept = {name: tuple(values) for name, values in run.selection.items()}
        coding = coding_of(run.study, "masked" if run.coding == "masked" else "protocol")
        return cls(run.study, coding, Selection(**kept))

    @property
    def plan(self) -> AnalysisPlan:
        """The planned analysis, as the protocol states it."""
        return plan_of(self.study.protocol)

    def runs(self) -> QuerySet[ReportRun]:
        """The runs of this, of any version."""
        return ReportRun.objects.filter(study=self.study, coding=self.coding.name, selection=self.selection.as_json())


def report_version(spec: ReportSpec) -> str:
    """SHA-256 of the data's version, the protocol, the selection, and the arms as they are shown."""
    parts = [
        FORMAT,
        spec.study.slug,
        str(data_version(spec.study)),
        hashlib.sha256(spec.study.protocol.encode()).hexdigest(),
        spec.coding.contrast,
        spec.selection.as_json(),
        spec.coding.name,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
