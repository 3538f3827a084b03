"""The Wilcoxon signed-rank test of paired differences as published, every option stated."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

ZeroMethod = Literal["wilcox", "pratt", "zsplit"]


# Stated, never left to a default: scipy's defaults changed between versions.
ZERO_METHOD: ZeroMethod = "wilcox"


@dataclass(frozen=True)
class SignedRank:
    """A Wilcoxon signed-rank test; a number that cannot be had is None and `reason` says why."""

    n_pairs: int
    n_nonzero: int
    mean: float | None
    sd: float | None  # ddof 0, as published
    statistic: float | None  # the smaller of the two rank sums
    p_value: float | None  # two-sided, normal approximation without continuity correction
    rank_biserial: float | None  # (W+ - W-) / (W+ + W-): positive when the second arm scores higher
    reason: str | None


def signed_rank(differences: ArrayLike, *, zero_method: ZeroMethod = ZERO_METHOD) -> SignedRank:
    """Wilcoxon signed-rank test of paired differences, options as in `OPTIONS`.

    The matched-pairs rank-biserial correlation uses the ranks of the non-zero differences (Kerby 2014).
    """
    values: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    n_pairs, n_nonzero = len(values), int(np.count_nonzero(values))
    mean = float(values.mean()) if n_pairs else None
    sd = float(values.std(ddof=0)) if n_pairs > 1 else None
    reason = None
    if n_pairs == 0:
        reason = "there is no pair"
    elif n_pairs == 1:
        reason = "there is only one pair"
    elif n_nonzero == 0:
        reason = "all differences are zero"
    if reason is not None:
        return SignedRank(n_pairs, n_nonzero, mean, sd, None, None, None, reason)
    # The stubs know "asymptotic" only under its former name "approx".
    result = stats.wilcoxon(  # type: ignore[call-overload]
        values, zero_method=zero_method, correction=False, alternative="two-sided", method="asymptotic"
    )
    nonzero = values[values != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    rank_biserial = float(np.sum(np.sign(nonzero) * ranks) / np.sum(ranks))
    return SignedRank(n_pairs, n_nonzero, mean, sd, float(result.statistic), float(result.pvalue), rank_biserial, None)
