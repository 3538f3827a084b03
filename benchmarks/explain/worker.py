"""Each side works in a process of its own, as its users' processes are, and takes its turn when it is asked.

    python -m benchmarks.explain.worker '{"side": "ours", ...}'

answers each line `{"work": ..., "paths": [...]}` on standard input with what was measured. A process's peak memory
never goes down, so that the peak of one piece of work needs a process that does nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from benchmarks.explain.cases import Ours, Theirs


@dataclass(frozen=True)
class Job:
    """Which side a process is and how it works."""

    side: str
    pair: str
    device: str
    frames: int
    threads: int
    folder: str


@dataclass(frozen=True)
class Measured:
    """Seconds of one piece of work, and the most bytes that the process has held so far (of a GPU: its tensors')."""

    seconds: float
    peak: int


class Worker:
    """A process with the models of one side, for a `with` statement."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, "-m", "benchmarks.explain.worker", json.dumps(asdict(job))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def measure(self, work: str, paths: Sequence[Path]) -> Measured:
        """Let the process do a piece of work for each of the images."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("A worker needs its pipes.")
        stdin.write(json.dumps({"work": work, "paths": [str(path) for path in paths]}) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise SystemExit("error: a process of the benchmark ended; what it said is above.")
        return Measured(**json.loads(answer))


def _peak(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated()
    # Not ru_maxrss, which begins with the peak of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _side(job: Job) -> Ours | Theirs:
    from benchmarks.explain import networks
    from benchmarks.explain.cases import Ours, Theirs
    from explainer.memory import keep_memory

    folder = Path(job.folder)
    pair = networks.find(job.pair, folder)
    if job.side == "ours":
        keep_memory()  # as our commands and workers do
        return Ours(pair, job.device, job.frames, folder)
    return Theirs(networks.peer_of(pair, job.device), job.device, job.frames, folder)


def main(described: str) -> None:
    """Work until standard input ends."""
    # Read when torch is loaded: threads that wait do not take the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    job = Job(**json.loads(described))
    # Whatever else is printed must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    import torch

    from benchmarks.explain.cases import seconds_of

    torch.set_num_threads(job.threads)
    side = _side(job)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        seconds = seconds_of(side, asked["work"], [Path(path) for path in asked["paths"]], job.device)
        print(json.dumps(asdict(Measured(seconds, _peak(job.device)))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
