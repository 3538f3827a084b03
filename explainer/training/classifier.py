"""Train the multi-label classifier so that it does not live on detail that an autoencoder loses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from explainer.networks import ResNetAutoencoder, SmallDenseNet
from explainer.training import augment, checkpoints
from explainer.training.data import Dataset
from explainer.training.metrics import area_under_curve


@dataclass(frozen=True)
class ClassifierOptions:
    """How to train; `minutes` ends the run early. `reconstructed` is the share of every batch that is passed through
    the autoencoder first, when one is given."""

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
            low = F.interpolate(x, size=(degraded, degraded), mode="bilinear", antialias=True, align_corners=False)
            x = F.interpolate(low, size=x.shape[-2:], mode="bilinear", align_corners=False)
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
    network = (start or SmallDenseNet(**architecture)).to(device, memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    positives = training.labels.sum(0).clamp(min=1)
    # The square root keeps rare targets from dominating the loss; calibration does the rest.
    weight = ((len(training) - positives) / positives).sqrt().clamp(0.5, 5).to(device)
    if autoencoder is not None:
        autoencoder = autoencoder.to(device, memory_format=torch.channels_last)
    started, best, history = time.monotonic(), -1.0, []
    step = 0
    bar = tqdm(range(options.epochs), desc="classifier", unit="epoch", disable=not progress)
    for epoch in bar:
        network.train()
        losses = []
        for index in torch.randperm(len(training), generator=rng).split(options.batch_size):
            if len(index) < 2 and len(training) > 1:
                continue  # batch normalisation cannot learn from a single image
            done = (epoch + len(losses) * options.batch_size / len(training)) / options.epochs
            if options.minutes:
                done = max(done, (time.monotonic() - started) / 60 / options.minutes)
            for group in optimiser.param_groups:
                group["lr"] = options.learning_rate * min((step + 1) / 50, 1.0) * max(1 - done, 0.01)
            x = augment.expose(augment.move(training.images(index), rng, flip=options.flip), rng).to(device)
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.mixed_precision):
                cut = 0 if autoencoder is None else round(len(x) * options.reconstructed)
                if cut and autoencoder is not None:
                    with torch.no_grad():
                        x[:cut] = autoencoder(x[:cut]).float()
                x[cut:] = augment.degrade(x[cut:], rng, smallest=options.smallest, noise=options.noise)
                output = network(x)
            loss = F.binary_cross_entropy_with_logits(
                output.float(), training.labels[index].to(device), pos_weight=weight
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            average.update_parameters(network)
            losses.append(loss.item())
            step += 1
        averaged = average.module.eval()
        plain = _mean_area(logits(averaged, validation, device=options.device), validation.labels)
        other = logits(
            averaged,
            validation,
            autoencoder=autoencoder,
            degraded=None if autoencoder is not None else 96,
            device=options.device,
        )
        coarse = _mean_area(other, validation.labels)
        seconds = time.monotonic() - started
        history.append(
            {"epoch": epoch, "loss": sum(losses) / len(losses), "auc": plain, "auc_coarse": coarse, "seconds": round(seconds)}
        )
        bar.set_postfix(loss=f"{history[-1]['loss']:.3f}", auc=f"{plain:.3f}", coarse=f"{coarse:.3f}")
        if not (plain + coarse) / 2 <= best:  # also writes when the AUC is undefined
            best = (plain + coarse) / 2
            record = {"options": asdict(options), "history": history, **(provenance or {}), "validation_auc": best}
            checkpoints.save(averaged, out / checkpoints.CLASSIFIER_FILE, architecture=architecture, training=record)
        if options.minutes and seconds / 60 >= options.minutes:
            break
    return best
