"""Train the multi-label classifier so that it does not live on detail that an autoencoder loses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from explainer.networks import ResNetAutoencoder, SmallDenseNet
from explainer.training import augment, checkpoints, loop
from explainer.training.metrics import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from explainer.training.data import Dataset


#: Pixels per side of the copies without fine detail that the best weights are chosen by.
_COARSE = 96


@dataclass(frozen=True)
class ClassifierOptions:
    """How to train; `minutes` ends the run early. `reconstructed` is the share of every batch that is passed through
    the autoencoder first, when one is given; `latent_noise` is the most that is added to their latents, as a share of
    the latents' standard deviation."""

    targets: tuple[str, ...]
    epochs: int = 60
    minutes: float | None = None
    batch_size: int = 24
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    seed: int = 0
    device: str = "cpu"
    flip: bool = False
    smallest: int = 48
    noise: float = 50
    reconstructed: float = 0.5
    latent_noise: float = 0.0
    mixed_precision: bool = True
    architecture: dict[str, Any] = field(default_factory=dict)


@torch.no_grad()
def logits(
    network: SmallDenseNet,
    data: Dataset,
    *,
    autoencoder: ResNetAutoencoder | None = None,
    degraded: int | None = None,
    device: str = "cpu",
    batch_size: int = 32,
) -> Tensor:
    """Logits (N, targets) of the images, of their reconstructions, or of copies sampled down to `degraded` pixels."""
    pieces = []
    for start in range(0, len(data), batch_size):
        x = data.images(slice(start, start + batch_size)).to(device)
        if degraded is not None:
            low = nn.functional.interpolate(
                x, size=(degraded, degraded), mode="bilinear", antialias=True, align_corners=False
            )
            x = nn.functional.interpolate(low, size=x.shape[-2:], mode="bilinear", align_corners=False)
        pieces.append(network(x if autoencoder is None else autoencoder(x)).float().cpu())
    return torch.cat(pieces)


def _mean_area(scores: Tensor, labels: Tensor) -> float:
    areas = [area_under_curve(scores[:, k].numpy(), labels[:, k].numpy()) for k in range(labels.shape[1])]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def train(
    training: Dataset,
    validation: Dataset,
    out: Path,
    *,
    options: ClassifierOptions,
    autoencoder: ResNetAutoencoder | None = None,
    start: SmallDenseNet | None = None,
    provenance: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> float:
    """Train on `training`, write the best weights to `out` after every epoch that improves; returns their AUC.

    Best is the highest AUC on `validation`, averaged over targets and over the images and copies without fine detail
    (their reconstructions, if an autoencoder is given). With an autoencoder, a share of every training batch is
    replaced by reconstructions: the classifier that will be explained has then seen what the decoder can draw.
    """
    rng = torch.Generator().manual_seed(options.seed)
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    architecture = {"n_targets": len(options.targets), **options.architecture}
    network = loop.prepared(start or SmallDenseNet(**architecture), device)
    coder = None if autoencoder is None else loop.prepared(autoencoder, device)
    average = loop.Average(network, decay=0.98)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    positives = training.labels.sum(0).clamp(min=1)
    # The square root keeps rare targets from dominating the loss; calibration does the rest.
    weight = ((len(training) - positives) / positives).sqrt().clamp(0.5, 5).to(device)
    clock = loop.Clock(epochs=options.epochs, minutes=options.minutes)
    best, step = -1.0, 0
    history: list[dict[str, float]] = []
    bar = tqdm(range(options.epochs), desc="classifier", unit="epoch", disable=not progress)
    for epoch in bar:
        network.train()
        losses: list[float] = []
        for index in loop.batches(len(training), options.batch_size, rng):
            if len(index) == 1 and losses:
                continue  # batch normalisation learns nothing from a single image
            done = clock.done(epoch + len(losses) * options.batch_size / len(training))
            loop.set_rate(optimiser, options.learning_rate, step=step, done=done)
            x = augment.expose(augment.move(training.images(index), rng, flip=options.flip), rng)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.mixed_precision):
                output = network(_coarsened(x.to(device), coder, rng, options))
            loss = nn.functional.binary_cross_entropy_with_logits(
                output.float(), training.labels[index].to(device), pos_weight=weight
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            average.update(network)
            losses.append(loss.item())
            step += 1
        plain, coarse = _validate(average.network, validation, coder, device=options.device)
        mean_loss = sum(losses) / len(losses)
        seconds = round(clock.seconds)
        history.append({"epoch": epoch, "loss": mean_loss, "auc": plain, "auc_coarse": coarse, "seconds": seconds})
        bar.set_postfix(loss=f"{mean_loss:.3f}", auc=f"{plain:.3f}", coarse=f"{coarse:.3f}")
        if not (plain + coarse) / 2 <= best:  # true also where too few images make the AUC undefined
            best = (plain + coarse) / 2
            checkpoints.save(
                average.network,
                out / checkpoints.CLASSIFIER_FILE,
                architecture=architecture,
                training={"options": asdict(options), "history": history, "validation_auc": best, **(provenance or {})},
            )
        if clock.expired:
            break
    return best


def _coarsened(
    x: Tensor, autoencoder: ResNetAutoencoder | None, rng: torch.Generator, options: ClassifierOptions
) -> Tensor:
    """A share of the batch as reconstructions, if there is an autoencoder; the rest sampled down and up."""
    x = x.contiguous(memory_format=torch.channels_last)
    cut = 0
    if autoencoder is not None:
        cut = round(len(x) * options.reconstructed)
        with torch.no_grad():
            z = autoencoder.encode(x[:cut]).float()
            # Latent Shift walks away from z in a straight line: the score must be smooth around it.
            amount = torch.rand((len(z), 1, 1, 1), generator=rng) * options.latent_noise
            noise = torch.randn(z.shape, generator=rng) * amount
            rebuilt = autoencoder.decode(z + z.std() * noise.to(z.device)).float()
    rest = augment.degrade(x[cut:], rng, smallest=options.smallest, noise=options.noise) if cut < len(x) else x[cut:]
    return torch.cat([rebuilt, rest]) if cut else rest


def _validate(
    network: SmallDenseNet, validation: Dataset, autoencoder: ResNetAutoencoder | None, *, device: str
) -> tuple[float, float]:
    """Mean AUC of the images, and of their reconstructions or else of copies without fine detail."""
    degraded = _COARSE if autoencoder is None else None
    plain = logits(network, validation, device=device)
    coarse = logits(network, validation, autoencoder=autoencoder, degraded=degraded, device=device)
    return _mean_area(plain, validation.labels), _mean_area(coarse, validation.labels)
