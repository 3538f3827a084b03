"""How many images go through a network together, and what happens where that is more than the memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch

from explainer.errors import MemoryExhaustedError, SettingsError

Result = TypeVar("Result")

#: Square of the side for which the numbers below were chosen; larger images get smaller batches.
_USUAL_PIXELS = 224 * 224
#: Images per pass with gradients and without. On a CPU larger batches fall out of the caches and cost memory, most of
#: all in a decoder; a GPU is only busy with many, and halves them where its memory is smaller.
_CPU = (3, 2)
_CUDA = (96, 256)


@dataclass
class Batch:
    """Images per pass. It shrinks when memory runs out and stays small for whoever shares it."""

    images: int

    def __post_init__(self) -> None:
        if self.images < 1:
            raise SettingsError(f"A batch needs at least one image, not {self.images}.")


@dataclass(frozen=True)
class Batches:
    """Batches of passes that keep activations for a gradient, and of passes that do not."""

    gradient: Batch
    forward: Batch

    @classmethod
    def of(cls, images: int) -> Batches:
        """The same number for both."""
        return cls(Batch(images), Batch(images))

    @classmethod
    def for_device(cls, device: torch.device | str, size: int) -> Batches:
        """What suits a device for images of `size` x `size` pixels."""
        share = _USUAL_PIXELS / size**2
        gradient, forward = _CUDA if torch.device(device).type == "cuda" else _CPU
        return cls(Batch(max(1, round(gradient * min(share, 1)))), Batch(max(1, round(forward * min(share, 1)))))


def in_batches(count: int, batch: Batch, work: Callable[[slice], Result]) -> Iterator[tuple[slice, Result]]:
    """Results of `work` for consecutive slices of `range(count)`, each of at most `batch.images`.

    Where memory runs out, the batch is halved and the slice done again. Raises MemoryExhaustedError if one image alone
    does not fit.
    """
    start = 0
    while start < count:

        def part_done(images: int, start: int = start) -> tuple[slice, Result]:
            part = slice(start, min(start + images, count))
            return part, work(part)

        part, result = shrinking(batch, part_done)
        yield part, result
        start = part.stop


def shrinking(batch: Batch, work: Callable[[int], Result]) -> Result:
    """`work(batch.images)`, with half as many, for now and later, as often as memory runs out.

    Raises MemoryExhaustedError if one image alone does not fit.
    """
    while True:
        try:
            return work(batch.images)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if batch.images == 1:
                raise MemoryExhaustedError(
                    "There is not enough memory to explain one image with this model: use a machine with more, or "
                    f"--device cpu. ({next(iter(str(error).splitlines()), type(error).__name__)})"
                ) from error
        # Outside the handler: until then the error's traceback holds the tensors of the pass that failed.
        batch.images //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the machine's allocator."""
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)
    )
