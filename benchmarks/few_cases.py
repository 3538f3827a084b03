"""Few cases: size of the ordinal model's test over cases, and coverage of the intervals of intraclass correlations.

    python -m benchmarks.few_cases [--runs 200] [--seed 1] [--readers 2] [--cases 10,20,40,120]

Studies without effect are drawn as in `benchmarks.statistics`, with so many cases in all, half of them true positives.
A study for which the report gives a sentence in place of the number rejects nothing and is counted apart. Ratings for
the intraclass correlations have a true ICC(2,1) of .5: variances 4 of cases, 1 of readers, 3 of the rest.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np

from analysis.sections.ordinal_tables import ARM, INTERACTION, MIN_CASES, MIN_DF, report_design
from analysis.statistics.agreement import icc_intervals
from analysis.statistics.ordinal import fit_ordinal
from analysis.statistics.ordinal_design import OrdinalError
from benchmarks.statistics import LEVEL, draw, frame_of

TESTS = {"arm, true positives": (ARM, INTERACTION), "arm x label": (INTERACTION,)}


def sizes(cases: int, *, readers: int, runs: int, seed: int) -> None:
    """Print how often each test rejects."""
    rejected: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for run in range(runs):
        scores = draw(np.random.default_rng([seed, cases, run]), cases=cases // 2, readers=readers, effect=0.0)
        design = report_design(frame_of(scores), ["A", "B"]).design
        try:
            fit = fit_ordinal(scores.ravel(), design, nodes=10)
        except OrdinalError:
            continue
        for name, parts in TESTS.items() if fit.reason is None else ():
            robust = fit.wald(*parts, robust=True)
            if fit.n_groups >= MIN_CASES and robust.df >= MIN_DF:
                given[name] += 1
                rejected[name] += robust.p_value < LEVEL
    for name in TESTS:
        share = rejected[name] / max(given[name], 1)
        error = np.sqrt(share * (1 - share) / max(given[name], 1))
        print(f"| {cases} | {name} | {given[name]} of {runs} | {share:.1%} | {error:.1%} |", flush=True)


def coverage(cases: int, *, readers: int, runs: int, seed: int) -> None:
    """Print how often the intervals hold the true values."""
    rng = np.random.default_rng([seed, cases, readers])
    truths = {"ICC(2,1)": 0.5, "ICC(2,k)": readers / (readers + 1), "ICC(3,1)": 4 / 7}
    held: Counter[str] = Counter()
    for _ in range(runs):
        ratings = 2 * rng.normal(size=(cases, 1)) + rng.normal(size=readers)
        intervals = icc_intervals(ratings + np.sqrt(3) * rng.normal(size=(cases, readers)))
        held.update(name for name, truth in truths.items() if intervals[name][0] <= truth <= intervals[name][1])
    print(f"| {cases} | {readers} | {' | '.join(f'{held[name] / runs:.1%}' for name in truths)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="data sets drawn for each number (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--cases", default="10,20,40,120", help="numbers of cases (default %(default)s)")
    options = parser.parse_args()
    started = time.perf_counter()
    numbers = [int(number) for number in options.cases.split(",")]
    print("| cases | test | given | rejects | se |\n|---|---|---|---|---|")
    for cases in numbers:
        sizes(cases, readers=options.readers, runs=options.runs, seed=options.seed)
    print("\n| cases | readers | ICC(2,1) | ICC(2,k) | ICC(3,1) |\n|---|---|---|---|---|")
    for cases in numbers:
        for readers in (2, 5):
            coverage(cases, readers=readers, runs=10 * options.runs, seed=options.seed)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
