"""The report of an MRMC analysis of a file of ratings."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.data.order import natural_order
from analysis.data.ratings import Missing, check_ratings, crossed
from analysis.data.records import write_table
from analysis.data.tables import alike_notes
from analysis.mrmc.merit import Covariance, Resampling
from analysis.mrmc.obuchowski_rockette import obuchowski_rockette
from analysis.report.figures.auc import auc_figure
from analysis.report.output import Report, software
from analysis.report.words import chapters, ratings_data
from analysis.sections.point_tables import point_options, point_tables
from analysis.sections.target_tables import target_tables
from analysis.sections.treatment_tables import draws_left_open, mrmc_messages, mrmc_options, mrmc_tables
from analysis.sections.treatments import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def build_mrmc(
    frame: pd.DataFrame,
    *,
    covariance: Covariance = "jackknife",
    resampling: Resampling | None = None,
    missing: Missing = "complete",
    threshold: float | None = None,
    source: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Compare the AUC of the treatments from ratings (columns of `ratings.COLUMNS`); raises RatingsError.

    With a column `target` also within targets, and with a `threshold` also sensitivity and specificity.
    """
    checked = check_ratings(frame)
    ratings = crossed(checked, missing=missing)
    result = obuchowski_rockette(ratings, covariance=covariance, resampling=resampling)
    tables = mrmc_tables(ratings, result)
    alike = alike_notes({name: checked[name].unique() for name in ("reader", "case", "treatment")})
    messages = [*notes, *alike, *mrmc_messages(ratings, result)]
    if covariance == "bootstrap":
        messages += draws_left_open(result, (resampling or Resampling()).draws)
    if ratings.targets:
        of_targets, of_thin = target_tables(ratings, covariance=covariance, resampling=resampling)
        tables |= of_targets
        messages += of_thin
    options: dict[str, Any] = {"mrmc": mrmc_options(covariance, resampling)}
    if threshold is not None:
        tables |= point_tables(ratings, threshold, covariance=covariance, resampling=resampling)
        options["points"] = point_options(threshold)
    provenance: dict[str, Any] = {
        "format": 1,
        "software": software(),
        "data": {
            "sha256": _fingerprint(checked),
            "readers": len(ratings.readers),
            "cases": len(ratings.cases),
            "cases_with": int(ratings.truth.sum()),
            "cases_without": int((~ratings.truth).sum()),
            **(source or {}),
        },
        "treatments": list(ratings.treatments),
        "options": options,
    }
    figures = {"auc": auc_figure(tables["auc"], ratings.treatments)}
    methods = chapters(ratings_data(provenance), SECTIONS, provenance)
    return Report(tables, figures, provenance, messages, methods, SECTIONS)


def _fingerprint(checked: pd.DataFrame) -> str:
    """SHA-256 of the ratings in natural order of their keys."""
    ranks = {
        name: checked[name].map({key: rank for rank, key in enumerate(natural_order(checked[name].unique()))})
        for name in ("reader", "treatment", "case")
    }
    order = pd.DataFrame(ranks).sort_values(list(ranks), kind="stable").index
    stream = io.StringIO()
    write_table(checked.loc[order], stream)
    return hashlib.sha256(stream.getvalue().encode()).hexdigest()
