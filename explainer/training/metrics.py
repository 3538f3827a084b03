"""Numbers that judge a classifier: area under the ROC curve, its interval, and the operating point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def area_under_curve(scores: np.typing.ArrayLike, labels: np.typing.ArrayLike) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic (ties count half); NaN without both classes."""
    score, label = np.asarray(scores, dtype=float), np.asarray(labels) > 0.5
    n_positive, n_negative = int(label.sum()), int((~label).sum())
    if not n_positive or not n_negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[label].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def clustered_interval(
    scores: np.typing.ArrayLike,
    labels: np.typing.ArrayLike,
    clusters: Sequence[str],
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the AUC that resamples clusters (patients), not images."""
    score, label = np.asarray(scores, dtype=float), np.asarray(labels)
    names = np.asarray(clusters)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    areas = []
    for _ in range(resamples):
        drawn = rng.integers(len(members), size=len(members))
        index = np.concatenate([members[i] for i in drawn])
        area = area_under_curve(score[index], label[index])
        if not np.isnan(area):
            areas.append(area)
    if not areas:
        return float("nan"), float("nan")
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def operating_point(probabilities: np.typing.ArrayLike, labels: np.typing.ArrayLike) -> float:
    """Probability at which Youden's J (sensitivity + specificity - 1) is largest, for normal logits of equal variance.

    That is the middle between the two classes' mean logits. The empirical maximum of J jumps with every single
    positive where there are few; this does not. Raises ValueError without both classes.
    """
    p, label = np.clip(np.asarray(probabilities, dtype=float), 1e-6, 1 - 1e-6), np.asarray(labels) > 0.5
    if label.all() or not label.any():
        raise ValueError("The operating point needs images with and without the target.")
    logit = np.log(p / (1 - p))
    middle = (logit[label].mean() + logit[~label].mean()) / 2
    return float(1 / (1 + np.exp(-middle)))


def calibrate(probability: np.typing.ArrayLike, point: np.typing.ArrayLike) -> FloatArray:
    """Map probabilities piecewise linearly so that the operating point becomes 0.5 (TorchXRayVision's op_norm)."""
    p, op = np.asarray(probability, dtype=float), np.asarray(point, dtype=float)
    calibrated: FloatArray = np.where(p <= op, p / (2 * op), 1 - (1 - p) / (2 * (1 - op)))
    return calibrated
