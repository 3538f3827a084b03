"""Batches that shrink when memory runs out."""

from __future__ import annotations

import pytest
import torch

from explainer.batching import Batch, Batches, in_batches
from explainer.errors import MemoryExhaustedError, SettingsError


def fitting(most: int, log: list[slice]) -> object:
    """Work that runs out of memory for more than `most` images."""

    def work(part: slice) -> list[int]:
        log.append(part)
        if part.stop - part.start > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return list(range(10))[part]

    return work


def test_everything_is_done_once_and_in_order_when_memory_runs_out() -> None:
    log: list[slice] = []
    batch = Batch(8)
    found: list[tuple[slice, list[int]]] = list(in_batches(10, batch, fitting(3, log)))  # type: ignore[arg-type]
    results = [item for _, items in found for item in items]
    assert results == list(range(10))
    assert [part.stop - part.start for part in log] == [8, 4, 2, 2, 2, 2, 2]
    # Whoever uses the same batch next starts with what fits.
    assert batch.images == 2


def test_one_image_that_does_not_fit_says_what_to_do() -> None:
    with pytest.raises(MemoryExhaustedError, match="not enough memory to explain one image"):
        list(in_batches(3, Batch(2), fitting(0, [])))  # type: ignore[arg-type]


def test_the_allocator_of_the_cpu_counts_as_memory_too() -> None:
    def work(part: slice) -> int:
        if part.stop - part.start > 1:
            torch.empty(2**62, dtype=torch.uint8)
        found: int = part.start
        return found

    assert [start for _, start in in_batches(3, Batch(2), work)] == [0, 1, 2]


def test_other_errors_are_not_taken_for_memory() -> None:
    def work(part: slice) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        list(in_batches(4, Batch(2), work))


def test_larger_images_get_smaller_batches() -> None:
    usual, large = Batches.for_device("cpu", 224), Batches.for_device("cpu", 768)
    assert usual.gradient.images >= large.gradient.images >= 1
    assert usual.forward.images >= large.forward.images >= 1
    on_gpu, large_on_gpu = Batches.for_device("cuda", 224), Batches.for_device("cuda", 768)
    assert on_gpu.forward.images >= 8 * large_on_gpu.forward.images
    with pytest.raises(SettingsError, match="at least one image"):
        Batch(0)
