"""Power for Likert endpoints by simulation: studies drawn from the ordinal model of a pilot, each tested as planned.

A planned study is a crossover like the pilot: every reader reads every case in both arms, half of the cases of each
label in the first arm first. Scores come from the cumulative-link mixed model of `ordinal_tables` (score ~ arm * label
+ period + reader, random intercept per case) with new cases; planned readers are drawn from the pilot's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data.errors import AnalysisError, UsageError
from analysis.data.order import natural_order
from analysis.sections.ordinal_tables import ARM, INTERACTION, LABEL, report_design
from analysis.sections.power import SIMULATED_POWER
from analysis.statistics.intervals import wilson
from analysis.statistics.ordinal import OrdinalFit, fit_ordinal, simulate
from analysis.statistics.ordinal_design import Design, OrdinalError, independent_columns
from analysis.statistics.resampling import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Method = Literal["cases", "model", "published"]
METHODS: dict[Method, str] = {
    "cases": "t test of the case means of the differences (interaction: Welch's test of true against false positives)",
    "model": "Wald test of the ordinal mixed model, standard errors with cases as clusters",
    "published": "Wilcoxon signed-rank test of all pairs, which takes readers of one case as independent",
}
# What each study is tested for: the name of the endpoint -> coefficients of the model whose sum it is.
ENDPOINTS = {
    "arm, true positives": (ARM, INTERACTION),
    "arm, false positives": (ARM,),
    "arm x label": (INTERACTION,),
}
_MIN_CASES = 8
STUDIES = 1000


@dataclass(frozen=True)
class Assumed:
    """Odds ratios of a higher score in the second arm that replace the pilot's; None keeps the pilot's."""

    odds_true: float | None = None  # true positives
    odds_false: float | None = None
    # Standard deviation, on the log odds scale, of what the arm does to a case for every reader alike: with it the
    # readers' differences on a case go together, as they do in real studies.
    shared_sd: float = 0.0


@dataclass(frozen=True)
class Pilot:
    """The fitted model with what a plan takes over from the pilot."""

    fit: OrdinalFit
    readers: tuple[str, ...]  # columns of readers; "" is the reader without one
    share_true: float  # of the cases
    later: str | None  # the column of the second period, if the model has one
    shared_sd: float = 0.0  # see Assumed


def fit_pilot(frame: pd.DataFrame, question: str, arms: Sequence[str]) -> Pilot:
    """The model of validated responses to one question, with the contrast second - first of `arms`.

    Raises AnalysisError where the pilot cannot tell the model.
    """
    answers = frame[(frame["question"] == question) & frame["arm"].isin(list(arms))]
    if set(answers["arm"]) != set(arms) or set(answers["label"]) != {"TP", "FP"}:
        raise AnalysisError("A pilot needs answers in both arms to true and to false positives.")
    terms = report_design(answers, arms)
    try:
        fit = fit_ordinal(answers["value"].to_numpy(dtype=np.float64), terms.design)
    except OrdinalError as error:
        raise AnalysisError(f"The pilot gives no ordinal model. {error}") from error
    lacking = {ARM, LABEL, INTERACTION} - set(fit.names)
    if fit.reason is not None or lacking:
        raise AnalysisError(
            f"The pilot gives no ordinal model: {fit.reason or 'it cannot tell the arms from the rest'}."
        )
    of_case = answers.drop_duplicates("case")
    columns = tuple(name for name in fit.names if name.startswith("reader "))
    later = next((name for name in fit.names if name.startswith("period ")), None)
    return Pilot(fit, ("", *columns), float((of_case["label"] == "TP").mean()), later)


def with_effects(pilot: Pilot, assumed: Assumed) -> Pilot:
    """The pilot with other effects of the arm; raises AnalysisError for odds ratios that are none."""
    given = [odds for odds in (assumed.odds_true, assumed.odds_false) if odds is not None]
    if any(not odds > 0 for odds in given):
        raise UsageError("An odds ratio is above 0; 1 is no effect.")
    if not assumed.shared_sd >= 0:
        raise UsageError("The standard deviation of what readers share is 0 or more.")
    coefficients = pilot.fit.coefficients.copy()
    arm, interaction = pilot.fit.names.index(ARM), pilot.fit.names.index(INTERACTION)
    true = coefficients[arm] + coefficients[interaction] if assumed.odds_true is None else np.log(assumed.odds_true)
    coefficients[arm] = coefficients[arm] if assumed.odds_false is None else np.log(assumed.odds_false)
    coefficients[interaction] = true - coefficients[arm]
    return replace(pilot, fit=replace(pilot.fit, coefficients=coefficients), shared_sd=assumed.shared_sd)


def planned_design(pilot: Pilot, readers: int, cases: int, rng: np.random.Generator) -> Design:
    """One planned study: rows by reader, case and arm (first before second), with readers drawn from the pilot's."""
    true = min(max(round(cases * pilot.share_true), 2), cases - 2)
    reader, case, arm = (codes.ravel() for codes in np.indices((readers, cases, 2)))
    label = (case < true).astype(np.float64)
    # Within each label every second case begins with the second arm, the others for the next reader.
    begins_second = (case + reader) % 2
    columns: dict[str, Floats] = {ARM: arm.astype(np.float64), LABEL: label, INTERACTION: arm * label}
    if pilot.later is not None:
        columns[pilot.later] = (arm != begins_second).astype(np.float64)
    drawn = rng.integers(len(pilot.readers), size=readers)
    for number, name in enumerate(pilot.readers[1:], start=1):
        columns[name] = (drawn[reader] == number).astype(np.float64)
    zero = np.zeros(len(case))
    X = np.column_stack([columns.get(name, zero) for name in pilot.fit.names])
    return Design(X, pilot.fit.names, case.astype(np.intp))


def simulated_power(
    pilot: Pilot,
    readers: int,
    cases: int,
    *,
    studies: int = STUDIES,
    method: Method = "cases",
    alpha: float = 0.05,
    seed: int = 0,
    advance: Callable[[], object] | None = None,
) -> pd.DataFrame:
    """One row per endpoint, as in `SIMULATED_POWER`: the share of the studies whose two-sided test succeeds.

    The interval is Wilson's for the number of studies. A study whose test cannot be had (all differences equal, no fit)
    counts as one that failed to show anything, and is counted in `failed`. `advance` is called after each study.
    """
    if readers < 1 or cases < _MIN_CASES:
        raise UsageError(f"Plan at least 1 reader and {_MIN_CASES} cases.")
    if studies < 1 or not 0 < alpha < 1 or seed < 0:
        raise UsageError("Give 1 study or more, an alpha between 0 and 1 and a seed from 0.")
    rng = stream(seed, "power", method, str(readers), str(cases))
    shifts, p_values = np.empty((studies, len(ENDPOINTS))), np.empty((studies, len(ENDPOINTS)))
    for study in range(studies):
        design = planned_design(pilot, readers, cases, rng)
        scores = _scores(pilot, design, rng)
        differences = np.diff(scores.reshape(readers, cases, 2))[:, :, 0]
        true = design.X[: 2 * cases : 2, pilot.fit.names.index(LABEL)] == 1
        mean_true, mean_false = float(differences[:, true].mean()), float(differences[:, ~true].mean())
        shifts[study] = mean_true, mean_false, mean_true - mean_false
        p_values[study] = _model(scores, design) if method == "model" else _TESTS[method](differences, true)
        if advance is not None:
            advance()
    rows = []
    for column, (endpoint, names) in enumerate(ENDPOINTS.items()):
        log_odds = sum(float(pilot.fit.coefficients[pilot.fit.names.index(name)]) for name in names)
        won = int(np.sum(p_values[:, column] < alpha))
        failed = int(np.isnan(p_values[:, column]).sum())
        known = [endpoint, method, readers, cases, float(np.exp(log_odds)), float(shifts[:, column].mean())]
        rows.append([*known, won / studies, *wilson(won, studies), studies, failed])
    return pd.DataFrame(rows, columns=SIMULATED_POWER.names)


def _scores(pilot: Pilot, design: Design, rng: np.random.Generator) -> Floats:
    """Scores of one study; what readers share of the arm's effect on a case is one more column, drawn anew."""
    if pilot.shared_sd == 0 or design.groups is None:
        return simulate(pilot.fit, design, rng)
    shift = pilot.shared_sd * rng.standard_normal(int(design.groups.max()) + 1)
    column = shift[design.groups] * (design.X[:, design.names.index(ARM)] - 0.5)
    names = (*design.names, "shared")
    fit = replace(pilot.fit, names=names, coefficients=np.append(pilot.fit.coefficients, 1.0))
    return simulate(fit, replace(design, X=np.column_stack([design.X, column]), names=names), rng)


def questions_of(frame: pd.DataFrame, question: str | None) -> str:
    """The question asked for, or the only one there is; raises AnalysisError."""
    present = natural_order(frame["question"].unique())
    if question is None and len(present) == 1:
        return present[0]
    if question not in present:
        raise AnalysisError(f"Name a question with --question: {', '.join(present) or 'there is none'}.")
    return question


def _cases(differences: Floats, true: NDArray[np.bool_]) -> tuple[float, float, float]:
    means = differences.mean(axis=0)
    mine, others = means[true], means[~true]
    return _one_sample(mine), _one_sample(others), _welch(mine, others)


def _published(differences: Floats, true: NDArray[np.bool_]) -> tuple[float, float, float]:
    """The interaction was not tested as published; the two sets of differences are compared by ranks."""
    mine, others = differences[:, true].ravel(), differences[:, ~true].ravel()
    both = float(stats.mannwhitneyu(mine, others, method="asymptotic", use_continuity=False).pvalue)
    return _signed_rank(mine), _signed_rank(others), both


def _model(scores: Floats, design: Design) -> tuple[float, float, float]:
    # The drawn readers may lack one of the pilot's, so that the columns of the others cannot be told from the scale.
    kept = {design.names[column] for column in independent_columns(design.X)}
    try:
        fit = fit_ordinal(scores, design.without(*(name for name in design.names if name not in kept)))
    except OrdinalError:
        return np.nan, np.nan, np.nan
    found = [fit.wald(*names, robust=True).p_value for names in ENDPOINTS.values()]
    return found[0], found[1], found[2]


def _one_sample(values: Floats) -> float:
    spread = float(values.std(ddof=1))
    if not spread > 0:
        return np.nan
    return float(2 * stats.t.sf(abs(values.mean()) / spread * np.sqrt(len(values)), len(values) - 1))


def _welch(first: Floats, second: Floats) -> float:
    a, b = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    if not a + b > 0:
        return np.nan
    df = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return float(2 * stats.t.sf(abs(first.mean() - second.mean()) / np.sqrt(a + b), df))


def _signed_rank(values: Floats) -> float:
    nonzero = values[values != 0]
    if not len(nonzero):
        return np.nan
    ranks = stats.rankdata(np.abs(nonzero))
    # Normal approximation with ties: the sum of signed ranks has variance sum(ranks ** 2).
    return float(2 * stats.norm.sf(abs(np.sum(np.sign(nonzero) * ranks)) / np.sqrt(np.sum(ranks**2))))


_TESTS: dict[str, Callable[[Floats, NDArray[np.bool_]], tuple[float, float, float]]] = {
    "cases": _cases,
    "published": _published,
}
