"""Size of the tests of `analysis`: how often each rejects at 5% on data without effect, drawn like the published study.

    python -m benchmarks.statistics [--runs 200] [--seed 1] [--readers 2] [--cases 120]

Each run draws a crossover: so many true and as many false positives, every case read by every reader in both arms, half
of the cases in either order, scores 1 to 5. The arms are alike; the second period scores lower. What a case looks like
in an arm is seen by all readers, so that their differences on a case are correlated, by about .42 as in the published
study; this is what naive tests do not know. A sound test rejects in 4 to 6 of 100 runs; the last column is the standard
error of that share. With --effect the arm raises true positives by so much of the latent scale, and shares are power.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data.ratings import Ratings
from analysis.mrmc.obuchowski_rockette import obuchowski_rockette
from analysis.sections.ordinal_tables import ARM, INTERACTION, report_design
from analysis.statistics.case_effect import case_effect
from analysis.statistics.clustered import case_reader_means, clustered_signed_rank
from analysis.statistics.ordinal import fit_ordinal
from analysis.statistics.rank_correlation import rank_correlation
from analysis.statistics.resampling import percentile_interval
from analysis.statistics.shift import signed_rank_p
from analysis.statistics.signed_rank import signed_rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.05
DRAWS = 999
# Standard deviations of the latent score: between cases, of a case in an arm (seen alike by all readers), of a reading.
CASE, CASE_IN_ARM, READING = 1.2, 0.95, 1.0
PERIOD, LABEL = -0.4, 0.8
THRESHOLDS = np.array([-1.8, -0.7, 0.3, 1.4])
NAIVE = ("Wilcoxon signed-rank, pairs pooled (as published)", "Least squares of IoU on the score (as published)")


def draw(rng: np.random.Generator, *, cases: int, readers: int, effect: float) -> Floats:
    """Scores (label FP/TP, cases, readers, arms)."""
    shape = (2, cases, readers, 2)
    latent = CASE * rng.standard_normal((2, cases, 1, 1)) + CASE_IN_ARM * rng.standard_normal((2, cases, 1, 2))
    latent = latent + READING * rng.standard_normal(shape)
    second_first = np.arange(cases) % 2 == 1
    later = np.stack([second_first, ~second_first], axis=-1)  # (cases, arms): read in the second period
    latent = latent + PERIOD * later[None, :, None, :] + LABEL * np.array([0, 1])[:, None, None, None]
    latent[1, :, :, 1] += effect
    found: Floats = 1.0 + np.sum(latent[..., None] > THRESHOLDS, axis=-1)
    return found


def p_values(scores: Floats, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Name and p-value of each test of the arms; an interval that excludes 0 counts as p = 0, otherwise 1."""
    _, cases, readers, _ = scores.shape
    differences = (scores[1, :, :, 1] - scores[1, :, :, 0]).ravel()
    case, reader = np.repeat(np.arange(cases), readers), np.tile(np.arange(readers), cases)
    yield NAIVE[0], signed_rank(differences).p_value or 1.0
    names = pd.Series([f"c{number}" for number in case])
    found = case_effect(names, differences, rng=rng, draws=DRAWS)
    yield "Sign flip of cases, exact", found.p_value
    yield "Bootstrap of cases, interval", float(found.ci_low <= 0 <= found.ci_high)
    yield "Signed-rank with cases as clusters", clustered_signed_rank(case, differences).p_value
    yield "Signed-rank with cases as clusters, exact", signed_rank_p(case, differences)
    means = case_reader_means(case, reader, differences, rng=rng, draws=DRAWS)
    low, high = percentile_interval(means)
    yield "Bootstrap of cases and readers, interval", float(low <= 0 <= high)
    flat = scores.transpose(3, 2, 0, 1).reshape(2, readers, 2 * cases)
    keys = tuple(str(number) for number in range(2 * cases))
    truth = np.repeat([False, True], cases)
    result = obuchowski_rockette(
        Ratings(flat, truth, ("A", "B"), tuple(str(number) for number in range(readers)), keys, ())
    )
    for analysis in result.analyses:
        if analysis.name in ("FRRC", "RRRC"):
            yield f"AUC, Obuchowski-Rockette, {analysis.name}", float(analysis.p_value)


def frame_of(scores: Floats) -> pd.DataFrame:
    """What the ordinal model must know of the readings of `draw`, in the order of `scores.ravel()`."""
    label, case, reader, arm = (axis.ravel() for axis in np.indices(scores.shape))
    return pd.DataFrame(
        {
            "reader": reader.astype(str),
            "case": [f"{kind}-{number}" for kind, number in zip(label, case, strict=True)],
            "label": np.where(label == 1, "TP", "FP"),
            "arm": np.where(arm == 1, "B", "A"),
            "period": 1 + ((case % 2 == 1) ^ (arm == 1)).astype(int),
        }
    )


def ordinal_p_values(scores: Floats) -> Iterator[tuple[str, float]]:
    """P-values of the ordinal mixed model, by the model and with standard errors over cases."""
    fit = fit_ordinal(scores.ravel(), report_design(frame_of(scores), ["A", "B"]).design, nodes=10)
    for kind, robust in (("by the model", False), ("over cases", True)):
        yield f"Ordinal model, arm on true positives, {kind}", fit.wald(ARM, INTERACTION, robust=robust).p_value
        yield f"Ordinal model, arm x label, {kind}", fit.wald(INTERACTION, robust=robust).p_value


def iou_p_values(scores: Floats, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """P-values of IoU on the score within one target of 20 cases; IoU is drawn apart from the scores."""
    own = scores[1, :20, :, 0]
    overlap = rng.beta(2, 6, len(own))
    yield NAIVE[1], float(stats.linregress(own.ravel(), np.repeat(overlap, own.shape[1])).pvalue)
    found = rank_correlation([(own.mean(axis=1), overlap)], rng=rng, draws=DRAWS)
    yield "Spearman of IoU with the readers' mean, permutation", found.p_value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="data sets drawn (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--cases", type=int, default=120, help="cases of each label (default %(default)s)")
    parser.add_argument("--effect", type=float, default=0.0, help="of the arm on true positives (default none)")
    parser.add_argument("--ordinal-runs", type=int, help="runs with the ordinal model, which is slow (default: all)")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/statistics.md")
    options = parser.parse_args()
    started = time.perf_counter()
    rejected: dict[str, list[bool]] = defaultdict(list)
    correlations = []
    for run in range(options.runs):
        rng = np.random.default_rng([options.seed, run])
        scores = draw(rng, cases=options.cases, readers=options.readers, effect=options.effect)
        own = scores[1, :, :, 1] - scores[1, :, :, 0]
        if options.readers > 1:
            correlations.append(np.corrcoef(own[:, 0], own[:, 1])[0, 1])
        found = [*p_values(scores, rng), *iou_p_values(scores, rng)]
        if options.ordinal_runs is None or run < options.ordinal_runs:
            found += ordinal_p_values(scores)
        for name, p_value in found:
            rejected[name].append(bool(p_value < LEVEL))
    line = "| {} | {} | {} | {} |" if options.markdown else "{:<56} {:>8} {:>10} {:>8}"
    print(line.format("test", "runs", "rejects", "se"))
    if options.markdown:
        print("|---|---|---|---|")
    for name, each in rejected.items():
        share = float(np.mean(each))
        print(line.format(name, len(each), f"{share:.1%}", f"{np.sqrt(share * (1 - share) / len(each)):.1%}"))
    if correlations:
        print(f"\nMean correlation of two readers' differences on a case: {np.mean(correlations):.2f}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
