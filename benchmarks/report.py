"""Time and memory of the report of a large study.

    python -m benchmarks.report [--readers 100] [--cases 1000] [--questions 2] [--draws 2000]

Draws a crossover of two arms like `benchmarks.statistics` does, with ten targets, IoU and times, writes it as
RESPONSES.csv, and prints seconds and largest memory of `python -m analysis report`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.data.schema import write_responses
from benchmarks.statistics import draw

TARGETS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--cases", type=int, default=1000, help="true and false positives together")
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.csv"
        rng = np.random.default_rng(1)
        parts = [
            _answers(rng, f"question-{number}", options.readers, options.cases) for number in range(options.questions)
        ]
        frame = pd.concat(parts)
        write_responses(frame, path)
        command = [sys.executable, "-m", "analysis", "report", str(path), "--out", str(Path(folder) / "out")]
        start = time.perf_counter()
        subprocess.run([*command, "--draws", str(options.draws)], check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = f"{seconds:.0f} s, of which {used.ru_utime + used.ru_stime:.0f} s on a processor"
    print(f"{len(frame):,} responses: {spent}; {used.ru_maxrss / 2**20:.1f} GiB at most")


def _answers(rng: np.random.Generator, question: str, readers: int, cases: int) -> pd.DataFrame:
    """One question of every reading; case and map, and so target, IoU and order, are the same in every question."""
    scores = draw(rng, cases=cases // 2, readers=readers, effect=0.0)
    label, case, reader, arm = (axis.ravel() for axis in np.indices(scores.shape))
    own = np.random.default_rng(2)
    overlap = own.beta(2, 6, (cases // 2, 2))[case, arm]
    return pd.DataFrame(
        {
            "reader": [f"R{number + 1}" for number in reader],
            "case": [f"{number + 1}" for number in 2 * case + label],
            "target": [f"Target {number % TARGETS}" for number in case // 2],
            "label": np.where(label == 1, "TP", "FP"),
            "arm": np.where(arm == 1, "B", "A"),
            "period": 1 + ((case % 2 == 1) ^ (arm == 1)).astype(int),
            "position": 2 * case + label + 1,
            "question": question,
            "value": scores.ravel(),
            "iou": np.where(label == 1, overlap, np.nan),
            "mask_area": np.where(label == 1, 0.05, np.nan),
            "seconds": np.round(own.lognormal(3, 0.5, scores.shape[1:])[case, reader, arm], 1),
        }
    )


if __name__ == "__main__":
    main()
