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
#: Images per pass with gradients and without. On two cores larger batches gain nothing and cost memory; a GPU is only
#: busy with many, and halves them where its memory is smaller.
_CPU = (8, 16)
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
        part = slice(start, min(start + batch.images, count))
        try:
            result = work(part)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if part.stop - start == 1:
                raise MemoryExhaustedError(
                    "There is not enough memory to explain one image with this model: use a machine with more, or "
                    f"--device cpu. ({str(error).splitlines()[0]})"
                ) from error
            batch.images = (part.stop - start) // 2
        else:
            yield part, result
            start = part.stop
            continue
        # Outside the handler: until then the error's traceback holds the tensors of the pass that failed.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the machine's allocator."""
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)
    )
