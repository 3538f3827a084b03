"""What a worker stores of a case, without a database; the tasks themselves are tested with the explanations."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from explainer.catalogue.artefacts import STORED, Kind
from explainer.catalogue.methods import METHODS
from explainer.errors import SettingsError
from explainer.worker import tasks
from explainer.worker.explanations import make_results
from readerstudy.explanations.types import Box, ExplanationJob, ExplanationResult
from tests.explainer.models import write_pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path) -> ExplanationJob:
    pair = str(write_pair(tmp_path / "pair"))
    pixels = np.random.default_rng(0).integers(0, 256, (80, 100), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    return ExplanationJob(
        explanation_id=uuid.uuid4(),
        token=uuid.uuid4(),
        image_path=tmp_path / "x.png",
        target="Mass",
        classifier=pair,
        autoencoder=pair,
        methods=("input_gradient", "latent_shift"),
        annotations=(Box(x=20, y=20, width=30, height=30),),
        parameters={"latent_shift": {"frames": 5}, "percent": 10, "display_size": 128},
    )


def changed(job: ExplanationJob, **changes: Any) -> ExplanationJob:
    return ExplanationJob(**{**vars(job), **changes})


def the_result(job: ExplanationJob) -> ExplanationResult:
    """The result of one case; its error is raised."""
    ((_, outcome),) = make_results([job])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def of_kind(result: ExplanationResult, wanted: Kind) -> dict[str, bytes]:
    return {method: data for (method, kind), data in result.files.items() if kind == wanted}


def maps_of(result: ExplanationResult) -> dict[str, np.ndarray]:
    return {method: np.load(io.BytesIO(data)) for method, data in of_kind(result, Kind.RAW).items()}


def test_a_result_holds_what_the_study_asked_for(job: ExplanationJob) -> None:
    result = the_result(job)
    assert (
        maps_of(result).keys()
        == of_kind(result, Kind.OVERLAY).keys()
        == result.ious.keys()
        == {"input_gradient", "latent_shift"}
    )
    with Image.open(io.BytesIO(result.files["", Kind.XRAY])) as xray:
        assert (xray.size, xray.mode) == ((128, 128), "L")
    with Image.open(io.BytesIO(result.files["input_gradient", Kind.OVERLAY])) as overlay:
        red = (np.asarray(overlay) == (255, 0, 0)).all(axis=2).sum()
    assert red == round(64 * 64 * 0.10)
    assert json.loads(result.files["latent_shift", Kind.CURVE])["frames"] == 5
    assert result.files["latent_shift", Kind.FILMSTRIP]
    assert result.files["latent_shift", Kind.VIDEO]
    assert result.provenance["percent"] == 10
    assert result.measures["mask_area"] == pytest.approx(30 * 30 / 80**2, abs=0.01)
    assert result.measures["scores"].keys() == {"Effusion", "Mass"}
    assert result.seconds > 0


@pytest.mark.parametrize("key", METHODS)
def test_a_worker_makes_every_file_of_every_method(job: ExplanationJob, key: str) -> None:
    quick = {"integrated_gradients": {"steps": 3}, "iterative_delete": {"iterations": 2}, "latent_shift": {"frames": 4}}
    result = the_result(changed(job, methods=(key,), parameters=quick))
    stored = {(key, artefact.kind) for artefact in METHODS[key].files if artefact.kind in STORED}
    assert set(result.files) == stored | {("", Kind.XRAY)}
    (values,) = maps_of(result).values()
    assert values.shape == (64, 64)
    assert np.isfinite(values).all()
    assert set(result.ious) == {key}


def test_stored_maps_keep_gradients_that_half_precision_cannot_hold(job: ExplanationJob) -> None:
    result = the_result(job)
    for method, values in maps_of(result).items():
        assert values.dtype == np.float16
        assert values.max() == 1
        assert np.count_nonzero(values) > values.size / 2
        assert result.measures["map_maximum"][method] > 0


def test_a_study_without_latent_shift_has_no_counterfactual(job: ExplanationJob) -> None:
    result = the_result(changed(job, methods=("input_gradient",), autoencoder="", parameters={}))
    assert set(result.files) == {("", Kind.XRAY), ("input_gradient", Kind.RAW), ("input_gradient", Kind.OVERLAY)}


def test_an_unknown_parameter_of_the_study_is_refused(job: ExplanationJob) -> None:
    with pytest.raises(SettingsError, match="no method 'blur'"):
        the_result(changed(job, parameters={"blur": 3}))


def test_errors_of_ours_speak_for_themselves_and_others_name_their_type() -> None:
    assert tasks.EXPLANATIONS.described(SettingsError("Choose one.")) == "Choose one."
    assert tasks.EXPLANATIONS.described(KeyError("x")) == "KeyError: 'x'"


def test_an_x_ray_of_sixteen_bits_keeps_every_one_of_them(job: ExplanationJob, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (80, 80)).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    deep = changed(
        job, image_path=tmp_path / "deep.png", annotations=(), parameters={"display_size": 80, "display_bits": 16}
    )
    result = the_result(deep)
    assert np.frombuffer(gzip.decompress(result.files["", Kind.DEEP]), "<u2").tolist() == pixels.ravel().tolist()
    assert result.provenance["display_bits"] == 16
    with Image.open(io.BytesIO(result.files["", Kind.XRAY])) as xray:
        assert (np.abs(np.asarray(xray) - pixels / 257) <= 0.5).all()


def test_a_depth_that_cannot_be_drawn_is_refused(job: ExplanationJob) -> None:
    with pytest.raises(SettingsError, match="display_bits must be 8 or 16"):
        the_result(changed(job, parameters={"display_bits": 12}))
