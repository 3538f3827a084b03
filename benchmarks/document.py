"""Time of writing a report's files, beside computing it: figures, PDF and HTML.

    python -m benchmarks.document RESPONSES.csv [--arms A,B]

Prints seconds on the clock and on a processor of each step of `Report.write`, and the pages of the PDF.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from pypdf import PdfReader

from analysis.data.schema import load_responses
from analysis.report.build import build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("responses", type=Path, metavar="RESPONSES.csv")
    parser.add_argument("--arms", metavar="A,B", help="contrast B - A")
    options = parser.parse_args()
    arms = tuple(options.arms.split(",")) if options.arms else None
    marks: list[tuple[str, float, float]] = []

    def mark(name: str) -> None:
        marks.append((name, time.perf_counter(), time.process_time()))

    mark("Computing")
    report = build(load_responses(options.responses), arms=arms)
    with tempfile.TemporaryDirectory() as folder:
        report.write(folder, on_step=mark)
        mark("")
        pages = len(PdfReader(Path(folder) / "report.pdf").pages)
    for (name, clock, spent), (_, clock_after, spent_after) in pairwise(marks):
        print(f"{name}: {clock_after - clock:.1f} s, of which {spent_after - spent:.1f} s on a processor")
    _, clock, spent = marks[1]
    print(f"Beside computing: {marks[-1][1] - clock:.1f} s, {marks[-1][2] - spent:.1f} s on a processor; {pages} pages")


if __name__ == "__main__":
    main()
