"""Put a trained classifier and autoencoder together as a pair: calibration, `pair.json`, evaluation and model card."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explainer.catalogue.models.pairs import AUTOENCODER_FILE, CLASSIFIER_FILE, DESCRIPTION_FILE
from explainer.errors import WeightsError
from explainer.networks import INPUT_RANGE
from explainer.sources import load_autoencoder, load_classifier
from explainer.training import checkpoints
from explainer.training.card import model_card
from explainer.training.classifier import logits
from explainer.training.data import Dataset, Part, TrainingDataError
from explainer.training.evaluate import PairResult, evaluate
from explainer.training.metrics import operating_point
from explainer.weights import sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class PairDescription:
    """What the files of a pair cannot tell.

    `terms` are sentences on how the images may be used. `image_name_pattern` is a regular expression whose one group is
    the patient's id in an image's name.
    """

    id: str
    dataset: str
    synthetic: bool
    image_name_pattern: str
    split: str
    terms: str
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def build(
    description: PairDescription,
    *,
    classifier: Path,
    autoencoder: Path,
    parts: dict[Part, Dataset],
    out: Path,
    cases: int = 40,
    seed: int = 0,
    progress: bool = True,
) -> PairResult:
    """Write a pair folder from the weights in the folders `classifier` and `autoencoder`, and measure it.

    The operating points are found on the validation part, everything else is measured on the test part.
    Raises WeightsError if the labels are not those of the classifier's targets, and TrainingDataError if a target has
    no operating point because the validation part holds only images with it or only images without it.
    """
    network, weights = checkpoints.read_classifier(classifier)
    coder_network, coder = checkpoints.read_autoencoder(autoencoder)
    targets = tuple(weights.training["options"]["targets"])
    if parts["test"].labels.shape[1] != len(targets):
        raise WeightsError(f"The classifier predicts {', '.join(targets)}; read the labels of these targets.")
    validation = parts["validation"]
    for target, share in zip(targets, validation.labels.mean(0).tolist(), strict=True):
        if share in (0, 1):
            raise TrainingDataError(f"The validation part needs images with and without {target}: make it larger.")
    rng = np.random.default_rng(seed)
    probabilities = torch.sigmoid(logits(network, validation)).numpy()
    points = [operating_point(probabilities[:, k], validation.labels[:, k].numpy()) for k in range(len(targets))]
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(classifier / CLASSIFIER_FILE, out / CLASSIFIER_FILE)
    shutil.copyfile(autoencoder / AUTOENCODER_FILE, out / AUTOENCODER_FILE)
    metadata: dict[str, Any] = {
        "id": description.id,
        "synthetic": description.synthetic,
        "dataset": description.dataset,
        "input_size": validation.pixels.shape[-1],
        "input_range": list(INPUT_RANGE),
        "classifier": {
            "architecture": weights.architecture,
            "targets": list(targets),
            "operating_points": [round(point, 6) for point in points],
            "sha256": weights.sha256,
        },
        "autoencoder": {"architecture": coder.architecture, "sha256": coder.sha256},
        "development": _development([parts["training"], validation], description.image_name_pattern),
    }
    (out / DESCRIPTION_FILE).write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    result = evaluate(
        load_classifier(str(out)), load_autoencoder(str(out)), parts["test"], rng=rng, cases=cases, progress=progress
    )
    (out / "evaluation.json").write_text(json.dumps(result.as_dict(), indent=1) + "\n", encoding="utf-8")
    commands = (*coder.training.get("commands", ()), *weights.training.get("commands", ()), *description.commands)
    text = model_card(
        metadata,
        result,
        split=description.split,
        terms=description.terms,
        notes=description.notes,
        sizes={part: (len(data), len({row.patient for row in data.rows})) for part, data in parts.items()},
        commands=tuple(dict.fromkeys(commands)),
        histories=(weights.training, coder.training),
        bytes_on_disk=sum((out / name).stat().st_size for name in (CLASSIFIER_FILE, AUTOENCODER_FILE)),
        parameters=(
            sum(parameter.numel() for parameter in network.parameters()),
            sum(parameter.numel() for parameter in coder_network.parameters()),
        ),
    )
    (out / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    return result


def _development(parts: Sequence[Dataset], pattern: str) -> dict[str, Any]:
    """Who must never become a study case: by patient and by the files' content."""
    rows = [row for part in parts for row in part.rows]
    return {
        "image_name_pattern": pattern,
        "patients": sorted({row.patient for row in rows}),
        "image_sha256": sorted({sha256_of(row.path) for row in rows}),
    }
