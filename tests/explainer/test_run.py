"""From an image file to an explanation and its files, with a small pair of models."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import explainer
from explainer import rendering
from explainer.__main__ import main
from explainer.catalogue.methods import METHODS
from explainer.errors import ExplainerError, ImageError, SettingsError, TargetError
from explainer.scores import score
from explainer.types import Box, ExplanationRequest
from tests.explainer.models import write_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_pair(tmp_path_factory.mktemp("models") / "pair"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 4096, (90, 80)).astype(np.uint16) * 16
    Image.fromarray(pixels).save(tmp_path / "chest.png")
    return tmp_path / "chest.png"


def request(file: Path, pair: str, **changes: Any) -> ExplanationRequest:
    values = {
        "image": file,
        "target": "Effusion",
        "classifier": pair,
        "autoencoder": pair,
        "parameters": {"integrated_gradients": {"steps": 10}, "latent_shift": {"frames": 6}},
        "device": "cpu",
    }
    return ExplanationRequest(**{**values, **changes})


def test_an_explanation_holds_every_map_with_scores_iou_and_provenance(image: Path, pair: str) -> None:
    found = explainer.explain(request(image, pair, annotations=(Box(x=10, y=20, width=30, height=30),)))
    assert tuple(found.maps) == tuple(METHODS)
    for values in found.maps.values():
        assert values.shape == (64, 64)
        assert values.dtype == np.float32
        assert values.min() >= 0
    assert found.counterfactual is not None
    assert found.reconstruction is not None
    assert found.counterfactual.frames.shape == (6, 64, 64)
    assert set(found.ious) == set(METHODS)
    assert all(0 <= iou <= 1 for iou in found.ious.values())
    assert found.mask_area == pytest.approx(30 * 30 / 80**2, abs=0.01)  # of the square that the model sees
    classifier = explainer.load_classifier(pair)
    expected = classifier(explainer.load_image(image, classifier))[0, 0]
    assert found.scores["Effusion"] == pytest.approx(float(expected), rel=1e-5)
    assert found.reconstruction.score_image == found.scores["Effusion"]
    provenance = found.provenance
    assert provenance.classifier_sha256 == classifier.weights_sha256
    assert provenance.parameters["latent_shift"]["frames"] == 6
    assert provenance.parameters["latent_shift"]["drop"] == 0.30
    assert provenance.scoring == "calibrated"
    assert provenance.geometry.side == 80
    assert {"torch", "captum", "python"} <= set(provenance.versions)


def test_the_same_request_twice_gives_the_same_bytes(image: Path, pair: str) -> None:
    first, second = (explainer.explain(request(image, pair)) for _ in range(2))
    assert rendering.render(first) == rendering.render(second)
    for method in METHODS:
        assert first.maps[method].tobytes() == second.maps[method].tobytes()


def test_another_score_is_explained_under_paper_scoring(image: Path, pair: str) -> None:
    methods = ("input_gradient",)
    calibrated = explainer.explain(request(image, pair, methods=methods))
    paper = explainer.explain(request(image, pair, methods=methods, scoring="paper"))
    assert paper.provenance.scoring == "paper"
    assert paper.scores["Effusion"] == pytest.approx(1 / (1 + np.exp(-calibrated.scores["Effusion"])), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"target": "Hernia"}, TargetError, "predicts Effusion, Mass"),
        ({"methods": ("smooth_grad",)}, SettingsError, "no method 'smooth_grad'"),
        ({"parameters": {"latent_shift": {"depth": 1}}}, SettingsError, "no setting depth"),
        ({"parameters": {"percent": {}}}, SettingsError, "no method 'percent'"),
        ({"autoencoder": None}, SettingsError, "needs an autoencoder"),
        ({"image": Path("gone.png")}, ImageError, "no such file"),
        ({"device": "abacus"}, SettingsError, "'abacus' cannot be used here"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_the_reason(
    image: Path, pair: str, changes: dict[str, object], error: type[ExplainerError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        explainer.explain(request(image, pair, **changes))


def test_explain_writes_the_documented_files(image: Path, pair: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--classifier", pair, "--autoencoder", pair, "--target", "Mass", "--method", "all", "--device", "cpu"]
    assert main(["explain", str(image), *arguments, "--out", str(out)]) == 0
    folder = out / "chest" / "Mass"
    assert {path.name for path in folder.iterdir()} == {
        *(f"{method}.npy" for method in METHODS),
        *(f"{method}.png" for method in METHODS),
        "latent_shift.json",
        "latent_shift_frames.png",
        "latent_shift.mp4",
        "latent_shift_curve.svg",
        "reconstruction.png",
        "reconstruction_error.png",
        "explanation.json",
    }
    assert np.load(folder / "input_gradient.npy").dtype == np.float32
    curve = json.loads((folder / "latent_shift.json").read_text())
    assert len(curve["lambdas"]) == len(curve["predictions"]) == curve["frames"]
    with Image.open(folder / "latent_shift_frames.png") as strip:
        assert strip.size == (curve["columns"] * curve["frame_width"], curve["frame_height"])
    summary = json.loads((folder / "explanation.json").read_text())
    assert summary["provenance"]["target"] == "Mass"


def test_score_writes_one_row_per_image_and_goes_on_after_a_bad_file(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("nothing")
    other = tmp_path / "other.jpg"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8)).save(other)
    out = tmp_path / "scores.csv"
    assert main(["score", str(image), str(bad), str(other), "--classifier", pair, "--out", str(out)]) == 1
    assert "bad.png: it is neither PNG" in capsys.readouterr().err
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == ["chest.png", "other.jpg"]
    expected = dict(score([image], explainer.load_classifier(pair)))[image]
    assert float(rows[0]["Mass"]) == pytest.approx(expected["Mass"], rel=1e-4)


def test_two_images_of_one_name_are_not_mixed_up(image: Path, pair: str, tmp_path: Path) -> None:
    twin = tmp_path / "twin" / image.name
    twin.parent.mkdir()
    twin.write_bytes(image.read_bytes())
    assert main(["score", str(image), str(twin), "--classifier", pair, "--out", str(tmp_path / "scores.csv")]) == 2
    assert not (tmp_path / "scores.csv").exists()


def test_an_image_without_explanation_does_not_hold_up_the_others(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Weights of zero: the prediction depends on no image, so that no map can be had.
    blind = write_pair(tmp_path / "blind")
    weights = blind / "classifier.safetensors"
    save_file({name: torch.zeros_like(values) for name, values in load_file(weights).items()}, weights)
    description = json.loads((blind / "pair.json").read_text())
    description["classifier"]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (blind / "pair.json").write_text(json.dumps(description))
    second = tmp_path / "second.png"
    second.write_bytes(image.read_bytes())
    arguments = ["--classifier", str(blind), "--target", "Mass", "--method", "input_gradient", "--device", "cpu"]
    assert main(["explain", str(image), str(second), *arguments, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "chest.png, Mass: input_gradient of tiny-pair is zero everywhere" in said
    assert "second.png, Mass: input_gradient of tiny-pair is zero everywhere" in said


def test_a_place_where_nothing_can_be_written_is_named(
    image: Path, pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # The image itself stands where the folder should be.
    out = image / "scores.csv"
    assert main(["score", str(image), "--classifier", pair, "--device", "cpu", "--out", str(out)]) == 1
    assert f"error: [Errno 17] File exists: '{image}'" in capsys.readouterr().err
    assert main(["phantoms", "--count", "1", "--seed", "1", "--out", str(image)]) == 1
    assert "error: [Errno 20] Not a directory" in capsys.readouterr().err


def test_importing_the_package_and_its_tasks_does_not_start_torch() -> None:
    # A Celery parent must not have torch's threads when it forks.
    code = "import sys, explainer, explainer.types, explainer.images; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
