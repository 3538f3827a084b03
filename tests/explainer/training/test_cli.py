"""`train classifier`, `train autoencoder` and `train pair` on a handful of tiny phantoms, end to end."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest
import torch

from explainer import load_autoencoder, load_classifier, load_image, phantoms
from explainer.training.cli import DRAWN, main

if TYPE_CHECKING:
    from pathlib import Path

SIZE = "--size=64"
SPLIT = ("--split-seed=1", "--test-share=0.3", "--validation-share=0.3", "--quiet", "--threads=1")
TINY_CLASSIFIER = json.dumps({"stem": 8, "growth": 4, "blocks": [1, 1, 1, 1]})
TINY_AUTOENCODER = json.dumps({"latent": 4, "widths": [8, 8, 8]})
TARGETS = "Pneumothorax,Cardiomegaly"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    phantoms.write(folder, count=80, seed=1, size=64, progress=False)
    return folder / "images"


@pytest.fixture(scope="module")
def weights(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("weights")
    common = (f"--images={images}", f"--out={out}", "--epochs=1", SIZE, *SPLIT)
    assert main(["autoencoder", *common, f"--architecture={TINY_AUTOENCODER}"]) == 0
    assert main(["classifier", *common, f"--targets={TARGETS}", f"--architecture={TINY_CLASSIFIER}"]) == 0
    return out


@pytest.fixture(scope="module")
def pair(images: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pairs") / "tiny"
    arguments = [
        "pair",
        f"--images={images}",
        f"--classifier={weights}",
        f"--autoencoder={weights}",
        f"--out={out}",
        "--dataset=tiny phantoms",
        "--synthetic",
        r"--image-name-pattern=^(phantom-\d+-\d{5})\.",
        "--cases=2",
        SIZE,
        *SPLIT,
    ]
    assert main(arguments) == 0
    return out


def test_a_pair_can_be_loaded_and_scores_an_image(pair: Path, images: Path) -> None:
    classifier, autoencoder = load_classifier(str(pair)), load_autoencoder(str(pair))
    x = load_image(images / "phantom-1-00000.png", classifier)
    assert classifier.targets == ("Pneumothorax", "Cardiomegaly")
    with torch.no_grad():
        scores, rebuilt = classifier(x), autoencoder(x)
    assert scores.shape == (1, 2)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert rebuilt.shape == x.shape == (1, 1, 64, 64)


def test_development_patients_are_listed_by_name_and_by_content_and_test_patients_are_not(
    pair: Path, images: Path
) -> None:
    development = json.loads((pair / "pair.json").read_text(encoding="utf-8"))["development"]
    with (images.parent / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    listed = set(development["patients"])
    assert 40 < len(listed) < 72
    for row in rows:
        named = re.match(development["image_name_pattern"], row["image"])
        assert named is not None
        assert named[1] == row["patient_id"]
        digest = hashlib.sha256((images.parent / row["file"]).read_bytes()).hexdigest()
        assert (digest in development["image_sha256"]) == (row["patient_id"] in listed)


def test_the_card_gives_the_measured_numbers_and_the_commands(pair: Path) -> None:
    card = (pair / "MODEL_CARD.md").read_text(encoding="utf-8")
    measured = json.loads((pair / "evaluation.json").read_text(encoding="utf-8"))
    for target in measured["targets"]:
        assert f"{target['auc']:.3f} ({target['auc_low']:.3f} to {target['auc_high']:.3f})" in card
    assert f"{measured['error']:.1f} on the [-1024, 1024] scale" in card
    for command in ("autoencoder", "classifier", "pair"):
        assert f"python -m explainer train {command} " in card
    assert DRAWN in card


def test_training_goes_on_with_reconstructions_from_given_weights(images: Path, weights: Path, tmp_path: Path) -> None:
    arguments = [
        "classifier",
        f"--images={images}",
        f"--targets={TARGETS}",
        f"--out={tmp_path}",
        "--epochs=1",
        SIZE,
        *SPLIT,
    ]
    assert main([*arguments, f"--start-from={weights}", f"--reconstructions={weights}"]) == 0
    assert (tmp_path / "classifier.safetensors").is_file()


def test_a_target_without_images_is_refused(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classifier", f"--images={images}", "--targets=Hernia", f"--out={tmp_path}", SIZE, *SPLIT]) == 1
    assert "have no certain label of Hernia" in capsys.readouterr().err


def test_weights_that_are_not_there_are_named(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["classifier", f"--images={images}", f"--targets={TARGETS}", f"--out={tmp_path}", SIZE, *SPLIT]
    assert main([*arguments, f"--start-from={tmp_path / 'nowhere'}"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_patterns_without_a_group_are_refused(
    weights: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "pair",
        f"--images={images}",
        f"--classifier={weights}",
        f"--autoencoder={weights}",
        f"--out={tmp_path}",
    ]
    assert main([*arguments, "--dataset=x", "--image-name-pattern=abc", SIZE, *SPLIT]) == 2
    assert "one group" in capsys.readouterr().err
