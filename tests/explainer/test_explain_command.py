"""`python -m explainer explain`: what is wrong is said before a model runs, and one case does not stop the others."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explainer
from explainer import explain_command
from explainer.__main__ import main
from explainer.catalogue.methods import METHODS
from explainer.errors import SettingsError
from explainer.rendering.files import known_files
from tests.explainer.models import write_pair

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "explanation-files.md"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_pair(tmp_path_factory.mktemp("models") / "pair"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return picture(tmp_path / "chest.png", seed=0)


def picture(path: Path, seed: int) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (70, 64), dtype=np.uint8)).save(path)
    return path


def explain(images: list[Path], pair: str, out: Path, *arguments: str, target: str = "Mass") -> int:
    models = ["--classifier", pair, "--autoencoder", pair, "--device", "cpu", "--target", target]
    return main(["explain", *map(str, images), *models, "--out", str(out), *arguments])


SHORT = ["--method", "latent_shift", "--set", "latent_shift.frames=4"]


def summary_of(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((folder / "explanation.json").read_text())
    return found


def test_settings_reach_the_methods(image: Path, pair: str, tmp_path: Path) -> None:
    settings = ["latent_shift.drop=0.4", "latent_shift.projection=mean", "latent_shift.max_lambda=none"]
    assert explain([image], pair, tmp_path / "out", *SHORT, *(f"--set={one}" for one in settings)) == 0
    used = summary_of(tmp_path / "out" / "chest" / "Mass")["provenance"]["parameters"]
    assert isinstance(used, dict)
    chosen = used["latent_shift"]
    assert [chosen[name] for name in ("frames", "drop", "projection", "max_lambda")] == [4, 0.4, "mean", None]


def test_pictures_and_scores_are_those_of_the_reconstruction(image: Path, pair: str, tmp_path: Path) -> None:
    extra = ["--flow", "--gif", "--percent", "10", "--blur", "1.5"]
    assert explain([image], pair, tmp_path / "out", *SHORT, *extra) == 0
    folder = tmp_path / "out" / "chest" / "Mass"
    classifier, autoencoder = explainer.load_classifier(pair), explainer.load_autoencoder(pair)
    x = explainer.load_image(image, classifier)
    decoded = autoencoder(x)
    summary = summary_of(folder)
    assert summary["artefacts"]["percent"] == 10
    assert summary["artefacts"]["blur"] == 1.5
    measured = summary["reconstruction"]
    assert measured["score_image"] == pytest.approx(float(classifier(x)[0, 1]), abs=1e-5)
    assert measured["score_reconstruction"] == pytest.approx(float(classifier(decoded)[0, 1]), abs=1e-5)
    assert measured["mean_absolute_error"] == pytest.approx(float((decoded - x).abs().mean()), rel=1e-4)
    with Image.open(folder / "reconstruction.png") as drawn:
        expected = (decoded[0, 0].numpy() + 1024) / 2048 * 255
        np.testing.assert_allclose(np.asarray(drawn), np.clip(expected, 0, 255), atol=0.51)
    assert (folder / "latent_shift.gif").read_bytes().startswith(b"GIF89a")
    assert np.load(folder / "latent_shift_flow_lower.npy").shape == (2, 64, 64)


def test_another_run_leaves_nothing_of_the_one_before(image: Path, pair: str, tmp_path: Path) -> None:
    assert explain([image], pair, tmp_path / "out", *SHORT) == 0
    assert explain([image], pair, tmp_path / "out", "--method", "input_gradient") == 0
    left = {path.name for path in (tmp_path / "out" / "chest" / "Mass").iterdir()}
    assert left == {"input_gradient.npy", "input_gradient.png", "explanation.json"}


def test_an_image_that_cannot_be_read_does_not_stop_the_others(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(image.read_bytes()[:200])
    last = picture(tmp_path / "last.png", seed=1)
    out = tmp_path / "out"
    assert explain([image, damaged, last], pair, out, "--method", "input_gradient") == 1
    assert "error: damaged.png, Mass: damaged.png: it is damaged or cut short" in capsys.readouterr().err
    assert sorted(path.parent.parent.name for path in out.rglob("explanation.json")) == ["chest", "last"]


def test_a_case_that_cannot_be_drawn_does_not_stop_the_others(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A blur that fits no map of 64 pixels.
    last = picture(tmp_path / "last.png", seed=1)
    assert explain([image, last], pair, tmp_path / "out", "--method", "input_gradient", "--blur", "65") == 1
    said = capsys.readouterr().err
    assert "error: chest.png, Mass: A blur of 65 pixels is wider" in said
    assert "error: last.png, Mass: A blur of 65 pixels is wider" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--set", "latent_shift.depth=1"], "latent_shift has no setting depth; it has drop, rise"),
        (["--set", "latent_shift.drop=much"], "drop of latent_shift must be a number, not 'much'"),
        (["--set", "latent_shift.frames=4.5"], "frames of latent_shift must be a whole number, not '4.5'"),
        (["--set", "latent_shift.projection=median"], "no projection 'median'; choose one of max, mean"),
        (["--set", "latent_shift.drop=nan"], "drop of Latent Shift must be a positive number"),
        (["--set", "smooth_grad.layer=3"], "no method 'smooth_grad'; choose from input_gradient"),
        (["--method", "input_gradient", "--set", "latent_shift.drop=0.4"], "add --method latent_shift"),
        (["--target", "Hernia"], "does not predict 'Hernia'; it predicts Effusion, Mass"),
        (["--target", "Mass/"], "does not predict 'Mass/'"),
        (["--percent", "0"], "above 0 and at most 100 percent"),
        (["--blur", "-1"], "0 or more, not -1.0"),
        (["--device", "abacus"], "'abacus' cannot be used here"),
        (["--autoencoder", "nothing"], "no autoencoder 'nothing'"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_anything_is_made(
    image: Path,
    pair: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    assert explain([image], pair, tmp_path / "out", *arguments) == 2
    said = capsys.readouterr()
    assert re.search(f"^error: .*{re.escape(reason)}", said.err, re.MULTILINE)
    assert not (tmp_path / "out").exists()


def test_latent_shift_without_an_autoencoder_is_said_before_anything_is_made(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--classifier", pair, "--target", "Mass", "--out", str(tmp_path / "out")]
    assert main(["explain", str(image), *arguments]) == 2
    assert "error: Latent Shift needs an autoencoder: add --autoencoder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["latent_shift.drop", "drop=0.4", "latent_shift=0.4", ".drop=1", "=1", ""])
def test_a_setting_of_another_form_is_wrong_usage(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        explain([image], pair, tmp_path / "out", "--set", text)
    assert stopped.value.code == 2
    assert "METHOD.SETTING=VALUE, such as latent_shift.drop=0.4" in capsys.readouterr().err


def test_a_place_where_nothing_can_be_written_is_named_before_a_model_runs(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain([image], pair, image / "out", "--method", "input_gradient") == 1
    assert f"error: [Errno 20] Not a directory: '{image / 'out'}'" in capsys.readouterr().err


def test_a_file_in_the_way_of_a_case_stops_the_command(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "chest").write_text("in the way")
    assert explain([image], pair, out, "--method", "input_gradient") == 1
    assert "error: [Errno 20] Not a directory" in capsys.readouterr().err


def test_an_image_or_target_given_twice_is_explained_once(
    image: Path, pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["--method", "input_gradient", "--target", "Effusion", "--target", "Mass"]
    assert explain([image, image], pair, out, *arguments) == 0
    assert sorted(path.parent.name for path in out.rglob("explanation.json")) == ["Effusion", "Mass"]
    assert "2/2" in capsys.readouterr().err


def test_every_method_takes_each_of_its_settings_from_the_shell() -> None:
    for method in METHODS:
        for field in dataclasses.fields(METHODS[method].settings):
            text = "none" if field.default is None else str(field.default)
            read = explain_command.parameters_of([(method, field.name, text)], tuple(METHODS))
            assert read == {method: {field.name: field.default}}


def test_a_setting_without_a_number_takes_one() -> None:
    assert explain_command.parameters_of([("latent_shift", "frames", "12")], tuple(METHODS)) == {
        "latent_shift": {"frames": 12}
    }
    read = explain_command.parameters_of([("latent_shift", "max_lambda", "250")], tuple(METHODS))
    assert read == {"latent_shift": {"max_lambda": 250.0}}
    with pytest.raises(SettingsError, match="max_lambda of latent_shift must be a number"):
        explain_command.parameters_of([("latent_shift", "max_lambda", "far")], tuple(METHODS))


def test_targets_whose_folders_would_be_one_are_not_mixed_up(tmp_path: Path) -> None:
    folders = explain_command.folders([Path("a/chest.png")], ["Mass / Nodule", ".."], tmp_path)
    assert [folder.relative_to(tmp_path).parts for folder in folders.values()] == [
        ("chest", "Mass_Nodule"),
        ("chest", "_"),
    ]
    with pytest.raises(SettingsError, match="'Lung Opacity' and 'Lung_Opacity' would both be 'Lung_Opacity'"):
        explain_command.folders([Path("chest.png")], ["Lung Opacity", "Lung_Opacity"], tmp_path)


def test_every_file_is_documented() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    of_methods = {f"{method}{suffix}" for method in METHODS for suffix in (".npy", ".png")}
    undocumented = {name for name in known_files() - of_methods if f"`{name}`" not in text}
    assert not undocumented
    assert {"`METHOD.npy`", "`METHOD.png`"} <= set(re.findall(r"`[^`]+`", text))
