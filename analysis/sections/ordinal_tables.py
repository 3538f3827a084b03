"""The ordinal mixed models of the report: do true positives rise more than false ones, and do scores follow IoU?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.sections.ordinal import ARM_BY_LABEL, ORDINAL, ORDINAL_MODELS
from analysis.sections.overlap import ARM_BY_IOU, IOU_ORDINAL
from analysis.statistics.ordinal import NODES, OrdinalFit, Wald, fit_ordinal, likelihood_ratio
from analysis.statistics.ordinal_design import Design, OrdinalError, independent_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Below these a Wald test is not to be had: see the simulated sizes in docs/statistics.md.
MIN_CASES = 10
MIN_DF = 4.0
# From here on the correction for few cases changes little, and nobody need be told.
MANY_CASES = 40
ARM, LABEL, INTERACTION, ORDER = "arm", "label", ARM_BY_LABEL, "second arm first"
IOU, IOU_ARM = "IoU (per 0.1)", ARM_BY_IOU
OPTIONS: dict[str, Any] = {
    "model": (
        "cumulative logit (proportional odds), maximum likelihood: score ~ arm * label + period + reader, random "
        "intercept per case; every reading in the two arms counts"
    ),
    "with_order": "the same with whether the reader saw the second arm first on the case (order, carry-over)",
    "terms": (
        "'arm, true positives' and 'arm, false positives' are the log odds ratio of a higher score in the second arm; "
        "'arm x label' is their difference, the question whether true positives rise more than false ones"
    ),
    "integration": f"adaptive Gauss-Hermite quadrature with {NODES} nodes",
    "standard_errors": "from the observed information (se, z, p_value)",
    "robust": (
        "se_robust, p_robust and the 95% interval of the odds ratio by the sandwich estimator with cases as clusters, "
        "corrected for few of them (CR2), and t with Satterthwaite's degrees of freedom (df_robust): these are to be "
        "reported, since they hold where the effect of the arm differs between cases, which a random intercept alone "
        "does not allow for (then p_value and lr_p are too small)"
    ),
    "few_cases": (
        f"with fewer than {MIN_CASES} cases, or {MIN_DF:g} degrees of freedom, a note stands in place of odds ratio, "
        "standard errors, intervals and p-values"
    ),
    "likelihood_ratio": "of 'arm x label' (model main) and of the order (model with order), chi-square",
    "random_test": "likelihood ratio of no random intercept, half chi-square(0) and half chi-square(1)",
    "iou": (
        "of true positives with an IoU: score ~ IoU * arm + target + period + reader, random intercept per case; with "
        "the chance-corrected IoU where the areas are known, per 0.1; IoU is centred, so that 'arm' holds at its mean"
    ),
}
# More entries of the design than this take minutes: then the main model alone is fitted.
_LARGE = 4_000_000


@dataclass(frozen=True)
class Terms:
    """The design of a model from responses, with the terms that the data cannot tell from others."""

    design: Design
    dropped: tuple[str, ...]


def report_design(answers: pd.DataFrame, arms: Sequence[str], *, order: bool = False) -> Terms:
    """The design of the report's model for validated responses to one question, rows in their order.

    Columns: arm (1 in the second), label (1 for true positives), arm x label, second arm first (with `order`), one per
    later period, one per reader but the first.
    """
    arm = _indicator(answers, "arm", arms[1])
    label = _indicator(answers, "label", "TP")
    columns: dict[str, Floats] = {ARM: arm, LABEL: label, INTERACTION: arm * label}
    if order:
        # `validate` has put the readings of a reader and case in order of period.
        first = answers.drop_duplicates(["reader", "case"]).set_index(["reader", "case"])["arm"]
        keys = pd.MultiIndex.from_frame(answers[["reader", "case"]])
        columns[ORDER] = np.asarray(first.reindex(keys) == arms[1], dtype=np.float64)
    return _terms(answers, columns | _periods(answers) | _indicators(answers, "reader"))


def iou_design(answers: pd.DataFrame, overlap: Floats, arms: Sequence[str]) -> Terms:
    """The design of the rating on IoU: IoU per 0.1 and centred, arm, arm x IoU, targets, periods, readers."""
    arm = _indicator(answers, "arm", arms[1])
    per_tenth = (overlap - overlap.mean()) * 10 if len(overlap) else overlap
    columns = {IOU: per_tenth, ARM: arm, IOU_ARM: arm * per_tenth}
    return _terms(
        answers, columns | _indicators(answers, "target") | _periods(answers) | _indicators(answers, "reader")
    )


def ordinal_tables(frame: pd.DataFrame, arms: Sequence[str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Tables `ordinal` (terms) and `ordinal_models` (fits) per question of validated responses, and messages."""
    rows: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    messages: list[str] = []
    for question in natural_order(frame["question"].unique()) if len(arms) == 2 else []:
        answers = frame[(frame["question"] == question) & frame["arm"].isin(list(arms))]
        large = len(answers) * (answers["reader"].nunique() + 4) > _LARGE
        if large:
            messages.append(f"Ordinal model, {question}: of so many readings the main model alone is fitted.")
        for name, order in (("main", False), ("with order", True)):
            if large and order:
                continue
            terms = report_design(answers, arms, order=order)
            if order and ORDER in terms.dropped:
                messages.append(
                    f"Ordinal model, {question}, with order: none, because the order of the arms cannot be told from "
                    "the other terms."
                )
                continue
            tested = ORDER if order else INTERACTION
            fitted, lacking = _fit(answers, terms, None if large else tested)
            where = f"Ordinal model, {question}, {name}"
            if fitted is None:
                messages.append(f"{where}: none, because {lacking}")
                break
            fit, ratio = fitted
            messages += _remarks(where, fit, terms)
            models.append({"question": question, "model": name, **_model_row(fit)})
            for term, parts in _combined(fit, answers).items():
                rows.append(
                    {
                        "question": question,
                        "model": name,
                        "term": term,
                        **_term_row(fit, parts, term, tested, ratio, _unpaired(answers, term)),
                    }
                )
    tables = {
        "ordinal": pd.DataFrame(rows, columns=ORDINAL.names),
        "ordinal_models": pd.DataFrame(models, columns=ORDINAL_MODELS.names),
    }
    return tables, messages


def iou_ordinal_table(points: pd.DataFrame, overlap: Floats, arms: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Table of the rating on IoU, per question: `points` are readings of true positives, `overlap` their IoU."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for question in natural_order(points["question"].unique()):
        chosen = ((points["question"] == question) & points["arm"].isin(list(arms))).to_numpy()
        answers = points[chosen]
        terms = iou_design(answers, overlap[chosen], arms if len(arms) == 2 else [arms[0], arms[0]])
        where = f"Ordinal model of the score on IoU, {question}"
        if IOU in terms.dropped:
            messages.append(f"{where}: none, because the IoU does not vary within the targets.")
            continue
        fitted, lacking = _fit(answers, terms, IOU_ARM)
        if fitted is None:
            messages.append(f"{where}: none, because {lacking}")
            continue
        fit, ratio = fitted
        messages += _remarks(where, fit, terms)
        for term in (IOU, ARM, IOU_ARM):
            if term in fit.names:
                row = {"question": question, "model": "IoU", "term": term}
                rows.append({**row, **_term_row(fit, (term,), term, IOU_ARM, ratio)})
    return pd.DataFrame(rows, columns=IOU_ORDINAL.names), messages


def _fit(
    answers: pd.DataFrame, terms: Terms, tested: str | None
) -> tuple[tuple[OrdinalFit, tuple[float, float]] | None, str]:
    """The fit and the likelihood-ratio statistic and p of one term, or why there is none."""
    scores = answers["value"].to_numpy(dtype=np.float64)
    if answers["case"].nunique() < 2:
        return None, "there are fewer than two cases."
    try:
        fit = fit_ordinal(scores, terms.design)
        ratio = (np.nan, np.nan)
        if tested is not None and tested in fit.names and fit.reason is None:
            statistic, _, p_value = likelihood_ratio(fit, fit_ordinal(scores, terms.design.without(tested)))
            ratio = (statistic, p_value)
    except OrdinalError as error:
        return None, str(error)
    return (fit, ratio), ""


def _combined(fit: OrdinalFit, answers: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Name of a row of the table -> the coefficients whose sum it is; the paper's question first."""
    terms: dict[str, tuple[str, ...]] = {}
    if INTERACTION in fit.names:
        terms["arm, true positives"] = (ARM, INTERACTION)
        terms["arm, false positives"] = (ARM,)
        terms[INTERACTION] = (INTERACTION,)
    elif ARM in fit.names:
        only_label = len(answers["label"].unique()) == 1
        kind = "true" if only_label and answers["label"].iloc[0] == "TP" else "false"
        terms[f"arm, {kind} positives" if only_label else ARM] = (ARM,)
    return terms | {name: (name,) for name in fit.names if name not in (ARM, INTERACTION)}


def _term_row(
    fit: OrdinalFit, parts: tuple[str, ...], term: str, tested: str, ratio: tuple[float, float], unpaired: str = ""
) -> dict[str, Any]:
    """A row of the table; with too few cases a note stands in place of its tests."""
    wald = fit.wald(*parts)
    robust = fit.wald(*parts, robust=True)
    if fit.reason is None and (fit.n_groups < MIN_CASES or not robust.df >= MIN_DF):
        note = (
            f"no test from so few cases: {fit.n_groups} cases, {robust.df:.1f} degrees of freedom; {MIN_CASES} cases "
            f"and {MIN_DF:g} degrees are needed"
        )
        return {"estimate": wald.estimate, "df_robust": robust.df, "note": note}
    odds_ratio, low, high = robust.odds_ratio() if fit.reason is None else (np.nan, np.nan, np.nan)
    row: dict[str, Any] = {"estimate": wald.estimate if fit.reason is None else np.nan, "se": wald.se, "z": wald.z}
    row |= {"p_value": wald.p_value, "odds_ratio": odds_ratio, "or_low": low, "or_high": high}
    row |= {
        "se_robust": robust.se,
        "p_robust": robust.p_value,
        "df_robust": robust.df if np.isfinite(robust.df) else np.nan,
    }
    row["note"] = _note(fit, robust, unpaired)
    if term == tested:
        row |= {"lr_chi2": ratio[0], "lr_p": ratio[1]}
    return row


def _note(fit: OrdinalFit, robust: Wald, unpaired: str) -> str:
    """What needs care about a row; empty where nothing does."""
    if fit.reason is not None:
        return f"no estimate: {fit.reason}"
    few = f"few cases ({fit.n_groups}): t with {robust.df:.1f} degrees of freedom" if fit.n_groups < MANY_CASES else ""
    return "; ".join(filter(None, (few, unpaired)))


def _unpaired(answers: pd.DataFrame, term: str) -> str:
    """For terms of the arm: how many cases no reader has read in both arms, where that is most of them."""
    if not term.startswith(ARM):
        return ""
    for kind, label in (("true", "TP"), ("false", "FP")):
        if term == f"arm, {kind} positives":
            answers = answers[answers["label"] == label]
    arms = answers.groupby(["case", "reader"], sort=False)["arm"].nunique()
    paired = arms[arms > 1].index.get_level_values("case").nunique()
    cases = answers["case"].nunique()
    if 2 * paired >= cases:
        return ""
    return f"only {paired} of {cases} cases were read in both arms by one reader; the rest compares different readers"


def _model_row(fit: OrdinalFit) -> dict[str, Any]:
    statistic, p_value = fit.random_test()
    return {
        "n": fit.n,
        "n_cases": fit.n_groups,
        "scores": " ".join(f"{category:g}" for category in fit.categories),
        "log_likelihood": fit.log_likelihood,
        "sd_case": fit.sd,
        "sd_case_se": fit.sd_se,
        "icc": fit.icc,
        "random_chi2": statistic,
        "random_p": p_value,
        "converged": fit.converged,
    }


def _remarks(where: str, fit: OrdinalFit, terms: Terms) -> list[str]:
    messages = []
    if terms.dropped:
        messages.append(
            f"{where}: left out, because the data cannot tell them from the other terms: {', '.join(terms.dropped)}."
        )
    if fit.reason is not None:
        messages.append(f"{where}: no estimates, because {fit.reason}.")
    elif fit.boundary:
        messages.append(f"{where}: the variance between cases is estimated as 0.")
    return messages


def _terms(answers: pd.DataFrame, columns: dict[str, Floats]) -> Terms:
    names, X = list(columns), np.column_stack(list(columns.values()))
    kept = independent_columns(X)
    codes = np.unique(answers["case"].to_numpy(dtype=str), return_inverse=True)[1]
    design = Design(X[:, kept], tuple(names[column] for column in kept), codes.astype(np.intp))
    return Terms(design, tuple(name for column, name in enumerate(names) if column not in kept))


def _periods(answers: pd.DataFrame) -> dict[str, Floats]:
    later = sorted(answers["period"].unique())[1:]
    return {f"period {period}": _indicator(answers, "period", period) for period in later}


def _indicators(answers: pd.DataFrame, name: str) -> dict[str, Floats]:
    others = natural_order(answers[name].unique())[1:]
    return {f"{name} {value}": _indicator(answers, name, value) for value in others}


def _indicator(answers: pd.DataFrame, name: str, value: object) -> Floats:
    return np.asarray(answers[name] == value, dtype=np.float64)
