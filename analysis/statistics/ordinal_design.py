"""The explanatory side of an ordinal model: its columns, and which of them the data can tell apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from analysis.data.errors import AnalysisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


class OrdinalError(AnalysisError):
    """Scores or a design to which no ordinal model can be fitted: what is wrong and what to do."""


@dataclass(frozen=True)
class Design:
    """The explanatory side of a model; rows are readings."""

    X: Floats  # (readings, coefficients), without a column of ones: the thresholds are the intercepts
    names: tuple[str, ...]  # of the columns
    groups: Codes | None = (
        None  # (readings,) code from 0 of the random factor, usually the case; None: no random factor
    )

    def without(self, *names: str) -> Design:
        """The same readings without these columns."""
        kept = [column for column, name in enumerate(self.names) if name not in names]
        return replace(self, X=self.X[:, kept], names=tuple(self.names[column] for column in kept))


def independent_columns(X: Floats) -> list[int]:
    """Columns that, beside a constant and those kept before them, add something: the rest cannot be estimated."""
    centred = X - X.mean(axis=0) if len(X) else X
    gram = centred.T @ centred
    sizes = np.sum(X**2, axis=0)
    kept: list[int] = []
    factor = np.zeros((0, 0))  # lower Cholesky factor of the kept columns
    for column in range(X.shape[1]):
        row = linalg.solve_triangular(factor, gram[kept, column], lower=True) if kept else np.zeros(0)
        rest = gram[column, column] - row @ row
        if rest > 1e-10 * sizes[column]:
            factor = np.block([[factor, np.zeros((len(kept), 1))], [row[None, :], np.array([[np.sqrt(rest)]])]])
            kept.append(column)
    return kept
