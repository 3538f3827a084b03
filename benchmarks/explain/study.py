"""Throughput of a whole study, and how its cost grows with the number of cases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.explain.cases import FULL, Ours, synchronise
from benchmarks.explain.peers import STEPS
from benchmarks.explain.worker import Measured, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.explain.worker import Job

_MATRIX = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True)
class Throughput:
    """`flops` is what the networks' layers must compute (a multiply-add is two), `limit` the machine's best rate."""

    cases: int
    seconds: float
    evaluations: float
    flops: float
    limit: float

    @property
    def share(self) -> float:
        """Of the arithmetic limit."""
        return self.flops / self.seconds / self.limit


def best_rate(device: str, repeats: int = 7) -> float:
    """FLOP/s of a large float32 matrix product, the most that this device does with its settings as they are."""
    side = _MATRIX["cuda" if device.startswith("cuda") else "cpu"]
    a, b = (torch.randn(side, side, device=device) for _ in range(2))
    times = []
    for _ in range(repeats):
        synchronise(device)
        start = time.perf_counter()
        a @ b
        synchronise(device)
        times.append(time.perf_counter() - start)
    return float(2 * side**3 / min(times))


def _flops(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def flops_of_case(ours: Ours, path: Path, evaluations: float) -> float:
    """Of the full set: three maps, the scores, the direction in latent space, `evaluations` of decoder and classifier.

    `evaluations` counts the unshifted reconstruction, as `Counterfactual.evaluations` does.
    """
    classifier, autoencoder, image = ours.classifier, ours.autoencoder, ours.image(path)

    def gradient(forward: Callable[[Tensor], Tensor], leaf: Tensor) -> None:
        torch.autograd.backward(forward(leaf.detach().requires_grad_())[:, 0].sum())

    with torch.no_grad():
        z = autoencoder.encode(image)
        encoding = _flops(lambda: autoencoder.encode(image))
        scoring = _flops(lambda: classifier(image))
        decoding = _flops(lambda: autoencoder.decode(z))
    pixels = _flops(lambda: gradient(classifier, image))
    latents = _flops(lambda: gradient(lambda latent: classifier(autoencoder.decode(latent)), z))
    return scoring + (2 + STEPS) * pixels + encoding + latents + (evaluations - 1) * (decoding + scoring)


def throughput(ours: Ours, paths: Sequence[Path], device: str) -> Throughput:
    """A study of these images, all methods, files written; models are loaded and warm."""
    ours.explain(paths[:1])
    limit = best_rate(device)
    synchronise(device)
    start = time.perf_counter()
    evaluations = ours.explain(paths)
    synchronise(device)
    seconds = time.perf_counter() - start
    mean = sum(evaluations) / len(evaluations)
    flops = flops_of_case(ours, paths[0], mean) * len(paths)
    return Throughput(len(paths), seconds, mean, flops, max(limit, best_rate(device)))


def scaling(job: Job, paths: Sequence[Path], counts: Sequence[int]) -> dict[int, Measured]:
    """Seconds and memory of so many cases, each in a process of its own that has explained one before."""
    found = {}
    for count in counts:
        with Worker(job) as worker:
            worker.measure(FULL, paths[:1])
            found[count] = worker.measure(FULL, paths[:count])
    return found
