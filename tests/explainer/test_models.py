"""The shipped pairs: whole, small enough, as good as the cards say, and honest about who they were trained on."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import explainer
from explainer import phantoms
from explainer.training.metrics import area_under_curve

PAIRS = {
    "nih-small": ("Pneumonia", "Infiltration", "Atelectasis", "Edema", "Effusion"),
    "phantom-small": ("Atelectasis", "Cardiomegaly", "Effusion", "Lung Opacity", "Mass", "Pneumothorax"),
}
MODELS = Path(explainer.__file__).parent / "models"
MEGABYTE = 1_000_000


def described(pair: str, file: str = "pair.json") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MODELS / pair / file).read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("pair", PAIRS)
def test_weights_are_those_that_the_metadata_name(pair: str) -> None:
    for part in ("classifier", "autoencoder"):
        content = (MODELS / pair / f"{part}.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == described(pair)[part]["sha256"]


def test_all_weights_together_are_under_25_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODELS.glob("*/*.safetensors")) < 25 * MEGABYTE


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_predicts_its_targets_and_rebuilds_images(pair: str) -> None:
    classifier, autoencoder = explainer.load_classifier(pair), explainer.load_autoencoder(pair)
    assert classifier.targets == PAIRS[pair]
    x = torch.zeros(1, 1, classifier.input_size, classifier.input_size)
    with torch.no_grad():
        assert classifier(x).shape == (1, len(PAIRS[pair]))
        assert autoencoder(x).shape == x.shape


@pytest.mark.parametrize("pair", PAIRS)
def test_latent_shift_moves_the_score_and_reconstruction_does_not(pair: str) -> None:
    measured = described(pair, "evaluation.json")
    assert measured["drop"] == 0.3
    assert measured["drop_share"] >= 0.8
    assert measured["loss_positive"] <= 0.15


@pytest.mark.parametrize("pair", PAIRS)
def test_held_out_patients_give_enough_cases_for_a_study(pair: str) -> None:
    for target in described(pair, "evaluation.json")["targets"]:
        assert target["true_positives"] >= 6, target
        assert target["false_positives"] >= 6, target


@pytest.mark.parametrize("pair", PAIRS)
def test_the_card_says_what_was_measured(pair: str) -> None:
    card = (MODELS / pair / "MODEL_CARD.md").read_text(encoding="utf-8")
    for target in described(pair, "evaluation.json")["targets"]:
        assert f"{target['auc']:.3f} ({target['auc_low']:.3f} to {target['auc_high']:.3f})" in card
    for heading in ("Data:", "Split:", "Intended use", "Limits", "How it was made"):
        assert heading in card


def test_the_phantom_classifier_tells_large_hearts_in_phantoms_it_never_saw() -> None:
    classifier = explainer.load_classifier("phantom-small")
    series = [phantoms.draw(77, index, size=classifier.input_size) for index in range(60)]
    x = torch.stack([torch.from_numpy(phantom.pixels.astype(np.float32))[None] for phantom in series])
    with torch.no_grad():
        scores = classifier(x * (2048 / 255) - 1024)[:, classifier.targets.index("Cardiomegaly")]
    labels = ["Cardiomegaly" in phantom.findings for phantom in series]
    assert area_under_curve(scores.numpy(), labels) > 0.85


def test_phantoms_of_the_development_series_are_recognised_by_name() -> None:
    development = described("phantom-small")["development"]
    named = re.match(development["image_name_pattern"], f"{phantoms.draw(1, 5, size=32).name}.png")
    assert named is not None
    assert named[1] in development["patients"]
    assert phantoms.draw(2, 5, size=32).patient not in development["patients"]


@pytest.mark.shared_data
def test_no_image_with_an_expert_box_and_no_patient_of_one_was_used_for_training(shared_data_dir: Path) -> None:
    development = described("nih-small")["development"]
    with (shared_data_dir / "nih" / "boxes.csv").open(newline="", encoding="utf-8") as stream:
        boxed = {row["image"] for row in csv.DictReader(stream)}
    for image in boxed:
        named = re.match(development["image_name_pattern"], image)
        assert named is not None
        assert named[1] not in development["patients"]


@pytest.mark.shared_data
def test_development_images_are_found_by_patient_and_by_content(shared_data_dir: Path) -> None:
    development = described("nih-small")["development"]
    with (shared_data_dir / "nih" / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    listed = set(development["patients"])
    assert 0.4 < np.mean([row["patient_id"] in listed for row in rows]) < 0.75
    for row in rows[::25]:
        named = re.match(development["image_name_pattern"], row["image"])
        assert named is not None
        assert named[1] == row["patient_id"]
        content = (shared_data_dir / "nih" / row["file"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest() in development["image_sha256"]) == (row["patient_id"] in listed)
