"""What both training loops share: batches, a learning rate that ends with the run, averaged weights."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

Network = TypeVar("Network", bound=nn.Module)
_WARM_UP = 50
_LOWEST = 0.01


def prepared(network: Network, device: torch.device) -> Network:
    """The network on `device`, its weights laid out with the channels last (faster convolutions on a CPU)."""
    return cast("Network", network.to(device).to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def batches(n: int, size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Indices of 0..n-1 in random order, `size` at a time."""
    order = torch.randperm(n, generator=rng)
    for start in range(0, n, size):
        yield order[start : start + size]


class Clock:
    """How far a run is, by epochs or by minutes, whichever is further."""

    def __init__(self, *, epochs: int, minutes: float | None) -> None:
        self._epochs, self._minutes, self._started = epochs, minutes, time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @property
    def expired(self) -> bool:
        """Whether the minutes are over."""
        return self._minutes is not None and self.seconds >= 60 * self._minutes

    def done(self, epochs: float) -> float:
        """Share of the run behind us after so many epochs."""
        by_time = self.seconds / (60 * self._minutes) if self._minutes else 0.0
        return min(max(epochs / self._epochs, by_time), 1.0)


def set_rate(optimiser: torch.optim.Optimizer, base: float, *, step: int, done: float) -> None:
    """Learning rate: up over the first steps, then linearly down to a hundredth at the end of the run."""
    for group in optimiser.param_groups:
        group["lr"] = base * min((step + 1) / _WARM_UP, 1.0) * max(1 - done, _LOWEST)


class Average(Generic[Network]):
    """Moving average of a network's weights and buffers: less noise for the price of one copy."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay, self._steps = decay, 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Take in the weights of one more step; it starts fast, so that the first ones are soon forgotten."""
        self._steps += 1
        decay = min(self._decay, self._steps / (self._steps + 10))
        new = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name], 1 - decay)
            else:
                value.copy_(new[name])
