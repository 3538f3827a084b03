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


def youden_threshold(scores: np.typing.ArrayLike, labels: np.typing.ArrayLike) -> float:
    """Threshold that maximises sensitivity + specificity - 1 (Youden's J); halfway between the neighbouring scores."""
    score, label = np.asarray(scores, dtype=float), np.asarray(labels) > 0.5
    if label.all() or not label.any():
        raise ValueError("The operating point needs images with and without the target.")
    values = np.unique(score)
    cuts = (values[:-1] + values[1:]) / 2 if len(values) > 1 else values
    above = score[None, :] > cuts[:, None]
    j = above[:, label].mean(axis=1) - above[:, ~label].mean(axis=1)
    return float(cuts[int(np.argmax(j))])


def operating_point(
    scores: np.typing.ArrayLike, labels: np.typing.ArrayLike, *, rng: np.random.Generator, resamples: int = 200
) -> float:
    """Youden's threshold, as the median over bootstrap samples: steadier where positives are few."""
    score, label = np.asarray(scores, dtype=float), np.asarray(labels) > 0.5
    cuts = []
    for _ in range(resamples):
        index = rng.integers(len(score), size=len(score))
        if label[index].any() and not label[index].all():
            cuts.append(youden_threshold(score[index], label[index]))
    if not cuts:
        return youden_threshold(score, label)
    return float(np.median(cuts))


def calibrate(probability: np.typing.ArrayLike, point: np.typing.ArrayLike) -> FloatArray:
    """Map probabilities piecewise linearly so that the operating point becomes 0.5 (TorchXRayVision's op_norm)."""
    p, op = np.asarray(probability, dtype=float), np.asarray(point, dtype=float)
    calibrated: FloatArray = np.where(p <= op, p / (2 * op), 1 - (1 - p) / (2 * (1 - op)))
    return calibrated
