"""A pilot: its ratings, and the components that a power calculation takes from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.data.errors import AnalysisError
from analysis.data.order import natural_order
from analysis.data.ratings import crossed, load_ratings, ratings_of
from analysis.data.schema import load_responses
from analysis.data.tables import TableError, read_table
from analysis.mrmc.merit import Covariance
from analysis.mrmc.obuchowski_rockette import obuchowski_rockette
from analysis.statistics.power import Components, positive_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from analysis.data.ratings import Ratings
    from analysis.mrmc.obuchowski_rockette import ObuchowskiRockette


def components_of(ratings: Ratings, result: ObuchowskiRockette) -> Components:
    """The components of a pilot of two treatments; the effect is the difference that it observed (second - first).

    Var(TR) is MS(TR) - Var(error) + Cov1 + max(Cov2 - Cov3, 0), equation 9 of Hillis, Obuchowski and Berbaum (2011).
    """
    if len(ratings.treatments) != 2:
        names = ", ".join(ratings.treatments)
        raise AnalysisError(f"The pilot has the treatments {names}. Name the two to compare.")
    means = result.estimates.mean(axis=1)
    c = result.components
    return Components(
        effect=float(means[1] - means[0]),
        var_tr=c.ms_treatment_reader - c.var_error + c.cov1 + positive_part(c.cov2 - c.cov3),
        var_error=c.var_error,
        cov1=c.cov1,
        cov2=c.cov2,
        cov3=c.cov3,
        cases=len(ratings.cases),
    )


def load_pilot(path: Path, *, question: str | None = None, treatments: Sequence[str] | None = None) -> Ratings:
    """Ratings of a pilot from RATINGS.csv, .imrmc, .lrc, or RESPONSES.csv (then of one question, arms as treatments).

    `treatments` names the two to compare (first, second). Raises AnalysisError.
    """
    if path.suffix.lower() in {".imrmc", ".lrc"} or not _holds_responses(path):
        table = load_ratings(path)
        return crossed(table, treatments=_known(treatments, table["treatment"]))
    frame = load_responses(path)
    questions = natural_order(frame["question"].unique())
    if question is None and len(questions) > 1:
        raise AnalysisError(f"The responses are to {', '.join(questions)}. Name one with --question.")
    if question is not None and question not in questions:
        raise AnalysisError(f"There is no question {question}. Questions: {', '.join(questions) or 'none'}.")
    if not questions:
        raise AnalysisError("The pilot holds no responses. Give one with answers.")
    arms = _known(treatments, frame["arm"])
    return ratings_of(frame, question or questions[0], arms or natural_order(frame["arm"].unique()))


def pilot_components(ratings: Ratings, *, covariance: Covariance = "jackknife") -> Components:
    """The Obuchowski-Rockette components of the pilot's AUC."""
    return components_of(ratings, obuchowski_rockette(ratings, covariance=covariance))


def _holds_responses(path: Path) -> bool:
    try:
        return "question" in read_table(path, known=("question",)).header
    except TableError as error:
        raise AnalysisError(f"{path.name}: {error}") from error


def _known(names: Sequence[str] | None, present: pd.Series[str]) -> Sequence[str] | None:
    unknown = [name for name in names or () if name not in set(present)]
    if unknown:
        raise AnalysisError(
            f"The pilot has no treatment {unknown[0]}. Name two of: {', '.join(natural_order(present))}."
        )
    return names
