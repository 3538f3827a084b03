"""The report of a power calculation, from the components of a pilot or by simulation."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.data.errors import UsageError
from analysis.report.figures.power import power_figure
from analysis.report.output import Report, software
from analysis.report.words import chapters, pilot_data
from analysis.sections.power import SECTION, SIMULATED
from analysis.sections.power_simulation import METHODS, STUDIES, Assumed, Method, Pilot, simulated_power, with_effects
from analysis.sections.power_tables import Plan, _curves, power_table
from analysis.statistics.power import (
    Components,
    check_components,
    truncations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def build_power(components: Components, plan: Plan | None = None, *, source: Mapping[str, str] | None = None) -> Report:
    """The report of a power calculation. Raises AnalysisError for components or a plan that make no sense."""
    plan = plan or Plan()
    checked = check_components(components)
    if min((*plan.readers, *plan.cases), default=1) < 1:
        raise UsageError("Readers and cases are counted from 1. Give whole numbers.")
    table = power_table(checked, plan)
    messages = truncations(checked)
    if checked.effect == 0 and plan.margin is None:
        messages.append("The effect is 0: no study finds it. Give the smallest effect worth finding (--effect).")
    provenance: dict[str, Any] = {
        "format": 1,
        "software": software(),
        "data": dict(source or {}),
        "components": asdict(checked),
        "options": {"power": asdict(plan)},
    }
    named = pd.DataFrame(list(asdict(checked).items()), columns=["component", "value"])
    figures = {"power": power_figure(_curves(checked, plan, table), plan.target)}
    methods = chapters(pilot_data(provenance), (SECTION,), provenance)
    return Report({"power": table, "components": named}, figures, provenance, messages, methods, (SECTION,))


def build_simulated_power(
    pilot: Pilot,
    readers: Sequence[int],
    cases: Sequence[int],
    *,
    studies: int = STUDIES,
    method: Method = "cases",
    alpha: float = 0.05,
    seed: int = 0,
    assumed: Assumed | None = None,
    source: Mapping[str, str] | None = None,
    advance: Callable[[], object] | None = None,
) -> Report:
    """The report of simulated power for every number of readers with every number of cases."""
    start = time.monotonic()
    planned = with_effects(pilot, assumed or Assumed())
    options: dict[str, Any] = {"studies": studies, "method": method, "alpha": alpha, "seed": seed}
    parts = [
        simulated_power(planned, r, k, studies=studies, method=method, alpha=alpha, seed=seed, advance=advance)
        for r in readers
        for k in cases
    ]
    if not parts:
        raise UsageError("Give the planned readers and cases (--readers, --cases).")
    messages = []
    if planned.shared_sd == 0:
        messages.append(
            "Simulated readers share the case's difficulty and nothing else; where real readers' differences on a case "
            "go together the power is lower (--shared-sd)."
        )
    if len(pilot.readers) < 3:
        messages.append(f"The planned readers are drawn from {len(pilot.readers)} of the pilot.")
    provenance: dict[str, Any] = {
        "format": 1,
        "software": software(),
        "data": dict(source or {}),
        "model": {
            "coefficients": dict(zip(planned.fit.names, planned.fit.coefficients.tolist(), strict=True)),
            "thresholds": planned.fit.thresholds.tolist(),
            "sd_case": planned.fit.sd,
        },
        "options": {"power": {**options, "test": METHODS[method], "assumed": asdict(assumed or Assumed())}},
        "seconds": round(time.monotonic() - start, 1),
    }
    methods = chapters(pilot_data(provenance), (SIMULATED,), provenance)
    return Report({"power": pd.concat(parts, ignore_index=True)}, {}, provenance, messages, methods, (SIMULATED,))
