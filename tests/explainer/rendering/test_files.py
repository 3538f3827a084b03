"""The folder of an explanation is whole, and holds nothing of an earlier run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from explainer import rendering
from explainer.errors import RenderingError
from tests.explainer.rendering.cases import blob, counterfactual, explanation

if TYPE_CHECKING:
    from pathlib import Path

    from explainer.types import Explanation


def full() -> Explanation:
    sequence = replace(counterfactual(size=32), frames=np.stack([blob(32, 16 + i, 16) for i in range(5)]))
    maps = {name: np.abs(blob(32, 16, 16)) for name in ("input_gradient", "latent_shift")}
    return explanation(maps, sequence)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


BASIC = {
    "input_gradient.npy",
    "input_gradient.png",
    "latent_shift.npy",
    "latent_shift.png",
    "latent_shift.json",
    "latent_shift_frames.png",
    "latent_shift.mp4",
    "latent_shift_curve.svg",
    "reconstruction.png",
    "reconstruction_error.png",
    "explanation.json",
}
EXTRA = {"latent_shift.gif", "latent_shift_flow.png", "latent_shift_flow_lower.npy", "latent_shift_flow_upper.npy"}


def test_files_of_an_earlier_run_go_and_those_of_others_stay(tmp_path: Path) -> None:
    rendering.write(full(), tmp_path, rendering.PictureOptions(flow=True, gif=True))
    assert names(tmp_path) == BASIC | EXTRA
    (tmp_path / "notes.txt").write_text("mine")
    rendering.write(full(), tmp_path)
    assert names(tmp_path) == BASIC | {"notes.txt"}
    rendering.write(explanation(), tmp_path)
    assert names(tmp_path) == {"input_gradient.npy", "input_gradient.png", "explanation.json", "notes.txt"}


def test_how_pictures_were_made_is_recorded(tmp_path: Path) -> None:
    rendering.write(full(), tmp_path, rendering.PictureOptions(percent=10, blur=2))
    summary = json.loads((tmp_path / "explanation.json").read_text())
    assert summary["artefacts"] == {
        "percent": 10,
        "blur": 2,
        "flow": False,
        "gif": False,
        "reconstruction_error_white": 204.8,
    }
    assert summary["reconstruction"] == {
        "mean_absolute_error": 1.5,
        "score_image": 0.75,
        "score_reconstruction": 0.5,
    }
    with Image.open(tmp_path / "input_gradient.png") as overlay:
        red = (np.asarray(overlay) == (255, 0, 0)).all(axis=2)
    assert red.sum() == round(32 * 32 * 0.1)


def test_the_raw_map_is_not_blurred(tmp_path: Path) -> None:
    rendering.write(full(), tmp_path, rendering.PictureOptions(blur=2))
    np.testing.assert_array_equal(np.load(tmp_path / "input_gradient.npy"), full().maps["input_gradient"])


def test_a_folder_that_could_not_be_finished_has_no_summary(tmp_path: Path) -> None:
    rendering.write(full(), tmp_path)
    (tmp_path / "reconstruction.png").unlink()
    (tmp_path / "reconstruction.png").mkdir()
    with pytest.raises(IsADirectoryError):
        rendering.write(full(), tmp_path)
    assert "explanation.json" not in names(tmp_path)


def test_an_explanation_that_cannot_be_drawn_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    rendering.write(full(), tmp_path)
    frames = np.full((5, 32, 32), np.nan, dtype=np.float32)
    bad = explanation(dict(full().maps), replace(counterfactual(size=32), frames=frames))
    with pytest.raises(RenderingError, match="NaN"):
        rendering.write(bad, tmp_path)
    assert names(tmp_path) == BASIC


def test_only_a_calibrated_score_has_an_operating_point_in_its_curve(tmp_path: Path) -> None:
    drawn = {}
    for scoring in ("calibrated", "paper"):
        rendering.write(explanation({}, counterfactual(), scoring=scoring), tmp_path / scoring)
        drawn[scoring] = (tmp_path / scoring / "latent_shift_curve.svg").read_bytes()
    assert b"Prediction (dotted: 0.5)" in drawn["calibrated"]
    assert b"Prediction (dotted" not in drawn["paper"]


@pytest.mark.parametrize("wrong", [{"percent": 0}, {"blur": -1}])
def test_pictures_that_cannot_be_are_refused_before_anything_is_computed(wrong: dict[str, float]) -> None:
    with pytest.raises(RenderingError):
        rendering.PictureOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad", [{"predictions": (0.1, float("nan"), 0.3, 0.4, 0.5)}, {"lambdas": (-3.0, -2.0, -1.0, 0.0, float("inf"))}]
)
def test_a_curve_with_nan_is_not_stored(bad: dict[str, Any]) -> None:
    with pytest.raises(RenderingError, match="curve of a counterfactual has NaN"):
        rendering.render(explanation(sequence=replace(counterfactual(size=32), **bad)))
