"""Train the residual autoencoder with elastic loss (L1 + L2), keeping the weights that validate best."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from explainer.networks import ResNetAutoencoder
from explainer.training import augment, checkpoints, loop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from explainer.training.data import Dataset

_SCALE = 1024.0


@dataclass(frozen=True)
class AutoencoderOptions:
    """How to train.

    `minutes` ends the run early whatever the epoch; the learning rate falls with the epochs or the minutes, whichever
    are further.
    """

    epochs: int = 100
    minutes: float | None = None
    batch_size: int = 16
    learning_rate: float = 1e-3
    seed: int = 0
    device: str = "cpu"
    l1_weight: float = 1.0
    l2_weight: float = 1.0
    mixed_precision: bool = True
    architecture: dict[str, Any] = field(default_factory=dict)


def elastic_loss(reconstruction: Tensor, image: Tensor, *, l1_weight: float, l2_weight: float) -> Tensor:
    """Weighted sum of the mean absolute and the mean squared error, both on images scaled to [-1, 1]."""
    difference = (reconstruction - image) / _SCALE
    return l1_weight * difference.abs().mean() + l2_weight * difference.square().mean()


@torch.no_grad()
def mean_absolute_error(
    network: ResNetAutoencoder, data: Dataset, *, device: str = "cpu", batch_size: int = 32
) -> float:
    """Mean absolute reconstruction error on the [-1024, 1024] scale."""
    total = 0.0
    for start in range(0, len(data), batch_size):
        x = data.images(slice(start, start + batch_size)).to(device)
        total += (network(x) - x).abs().mean(dim=(1, 2, 3)).sum().item()
    return total / max(len(data), 1)


def train(
    training: Dataset,
    validation: Dataset,
    out: Path,
    *,
    options: AutoencoderOptions,
    start: ResNetAutoencoder | None = None,
    provenance: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> float:
    """Train on `training`, write the best weights to `out` after every epoch that improves; returns their error.

    The error is the mean absolute error on `validation`, on the [-1024, 1024] scale.
    """
    rng = torch.Generator().manual_seed(options.seed)
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    network = loop.prepared(start or ResNetAutoencoder(**options.architecture), device)
    average = loop.Average(network, decay=0.99)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=1e-4)
    clock = loop.Clock(epochs=options.epochs, minutes=options.minutes)
    best, step = float("inf"), 0
    history: list[dict[str, float]] = []
    bar = tqdm(range(options.epochs), desc="autoencoder", unit="epoch", disable=not progress)
    for epoch in bar:
        network.train()
        losses: list[float] = []
        for index in loop.batches(len(training), options.batch_size, rng):
            done = clock.done(epoch + len(losses) * options.batch_size / len(training))
            loop.set_rate(optimiser, options.learning_rate, step=step, done=done)
            x = augment.expose(augment.move(training.images(index), rng, flip=True), rng).to(device)
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.mixed_precision):
                reconstruction = network(x)
            loss = elastic_loss(reconstruction.float(), x, l1_weight=options.l1_weight, l2_weight=options.l2_weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            average.update(network)
            losses.append(loss.item())
            step += 1
        error = mean_absolute_error(average.network, validation, device=options.device)
        mean_loss = sum(losses) / len(losses)
        history.append({"epoch": epoch, "loss": mean_loss, "error": error, "seconds": round(clock.seconds)})
        bar.set_postfix(loss=f"{mean_loss:.4f}", error=f"{error:.1f}")
        if error < best:
            best = error
            checkpoints.save(
                average.network,
                out / checkpoints.AUTOENCODER_FILE,
                architecture=options.architecture,
                training={
                    "options": asdict(options),
                    "history": history,
                    "validation_error": best,
                    **(provenance or {}),
                },
            )
        if clock.expired:
            break
    return best
