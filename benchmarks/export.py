"""Memory and time of the export of a large study.

    python -m benchmarks.export [--readers 100] [--cases 1000] [--questions 5]

Fills a study in a data folder that is removed again (2 arms; 100 x 1,000 x 2 x 5 is a million answers; a visit with
three events on each reading), exports its data without the report in a process of its own, and prints seconds, size
and that process's largest memory before and after.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")
SLUG = "benchmark-export"
BATCH = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.fill or options.write):
        _measure(sys.argv[1:])
        return

    import django

    django.setup()
    from readerstudy.startup import ensure_services

    ensure_services()
    if options.fill:
        _fill(options.readers, options.cases, options.questions)
    else:
        _write(options.write)


def _measure(sizes: list[str]) -> None:
    """Every step in a process of its own, so that none has the memory of another."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.zip"
        environment = {**os.environ, "READERSTUDY_DATA": folder}
        for command in (
            ["manage.py", "migrate", "--verbosity", "0"],
            ["-m", "benchmarks.export", *sizes, "--fill"],
            ["-m", "benchmarks.export", "--write", str(out)],
        ):
            subprocess.run([sys.executable, *command], check=True, env=environment)
        print(f"{out.stat().st_size / 2**20:.1f} MiB archive")


def _write(out: Path) -> None:
    from readerstudy.reading.models import Answer
    from readerstudy.results import exports
    from readerstudy.results.blinding import coding_of
    from readerstudy.studies.models import Study

    exports.REPORT_ANSWERS = 0  # The report is measured by `python -m analysis report`.
    study = Study.objects.get(slug=SLUG)
    before, start = _memory(), time.perf_counter()
    exports.write_export(study, out, coding_of(study, "protocol"))
    seconds = time.perf_counter() - start
    memory = f"memory {before:.0f} MiB before, {_memory():.0f} MiB at most"
    print(f"{Answer.objects.count():,} answers: {seconds:.0f} s; {memory}")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _fill(readers: int, cases: int, questions: int) -> None:
    from django.utils import timezone

    from readerstudy.accounts.models import User
    from readerstudy.reading.models import Allocation, Answer, Event, Period, Reading, Visit
    from readerstudy.studies.models import Arm, Case, Image, Membership, Question, Study

    now = timezone.now()
    study = Study.objects.create(
        slug=SLUG,
        title="Benchmark of the export",
        status=Study.Status.CLOSED,
        targets=["Mass"],
        cases_per_cell=cases // 2,
        seed=1,
        classifier="none",
        autoencoder="none",
        created_at=now,
    )
    arms = [Arm.objects.create(study=study, key=key, name=key, position=n, methods=[]) for n, key in enumerate("AB", 1)]
    asked = [
        Question.objects.create(study=study, key=f"question-{number}", text=f"Question {number}", position=number)
        for number in range(1, questions + 1)
    ]
    periods = [Period.objects.create(study=study, number=number) for number in (1, 2)]
    images = Image.objects.bulk_create(
        Image(study=study, name=f"chest-{number}.png", sha256=f"{number:064d}", created_at=now)
        for number in range(1, cases + 1)
    )
    shown = Case.objects.bulk_create(
        Case(
            study=study,
            image=image,
            target="Mass",
            label="TP" if number % 2 else "FP",
            score=0.7,
            number=number,
            created_at=now,
        )
        for number, image in enumerate(images, start=1)
    )
    for number in range(1, readers + 1):
        user = User.objects.create(email=f"{number}@{SLUG}.invalid")
        membership = Membership.objects.create(
            study=study, user=user, role=Membership.Role.READER, code=f"R{number}", created_at=now
        )
        allocation = Allocation.objects.create(membership=membership, created_at=now)
        readings = Reading.objects.bulk_create(
            Reading(
                allocation=allocation,
                case=case,
                arm=arm,
                period=period,
                position=position,
                opened_at=now,
                completed_at=now,
            )
            for arm, period in zip(arms, periods, strict=True)
            for position, case in enumerate(shown, start=1)
        )
        Answer.objects.bulk_create(
            (
                Answer(id=uuid.uuid4(), reading=reading, question=question, revision=1, value=3, answered_at=now)
                for reading in readings
                for question in asked
            ),
            batch_size=BATCH,
        )
        visits = Visit.objects.bulk_create(
            (Visit(id=uuid.uuid4(), reading=reading, started_at=now, seconds=20) for reading in readings),
            batch_size=BATCH,
        )
        Event.objects.bulk_create(
            (
                Event(visit=visit, sequence=sequence, kind=kind, panel="filmstrip", seconds=2, received_at=now)
                for visit in visits
                for sequence, kind in enumerate(("animation_started", "loop", "frame"), start=1)
            ),
            batch_size=BATCH,
        )
        print(f"\rreader {number} of {readers}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
