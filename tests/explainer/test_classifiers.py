"""Classifiers give calibrated probabilities of weights that were checked, under every identifier."""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

import explainer
from explainer.catalogue.models import released
from explainer.classifiers import Classifier, calibrate
from explainer.errors import (
    DamagedWeightsError,
    InputError,
    PredictionError,
    SettingsError,
    TargetError,
    UnknownModelError,
    WeightsError,
)
from explainer.sources import load_classifier
from explainer.sources.xrv.classifiers import build_jfhealthcare
from explainer.sources.xrv.package import quiet_import
from tests.explainer.models import Linear, classifier_of, seeded, write_pair

if TYPE_CHECKING:
    from pathlib import Path


def test_calibration_equals_torchxrayvisions_op_norm() -> None:
    op_norm = quiet_import("torchxrayvision.models").op_norm
    points = torch.tensor([0.07422872, 0.5, 0.0098118475, 0.9])
    probabilities = torch.cat(
        [torch.rand(200, 4, generator=torch.Generator().manual_seed(0)), points[None], torch.ones(1, 4)]
    )
    torch.testing.assert_close(calibrate(probabilities, points), op_norm(probabilities, points), rtol=1e-6, atol=1e-7)


def test_the_operating_point_scores_one_half_and_the_ends_stay() -> None:
    points = torch.tensor([0.2])
    assert calibrate(torch.tensor([[0.0], [0.1], [0.2], [0.6], [1.0]]), points).flatten().tolist() == pytest.approx(
        [0, 0.25, 0.5, 0.75, 1]
    )


def test_paper_scoring_is_one_more_sigmoid() -> None:
    network = Linear(seeded(2, 64) / 1000)
    arguments = {"identifier": "tiny", "targets": ["a", "b"], "operating_points": [0.3, 0.6], "input_size": 8}
    x = seeded(3, 1, 8, 8, seed=1) * 300
    calibrated = Classifier(network, **arguments)(x)  # type: ignore[arg-type]
    paper = Classifier(network, scoring="paper", **arguments)(x)  # type: ignore[arg-type]
    torch.testing.assert_close(paper, torch.sigmoid(calibrated))


def test_an_unknown_scoring_is_refused() -> None:
    with pytest.raises(SettingsError, match="calibrated, paper"):
        Classifier(Linear(seeded(1, 64)), identifier="tiny", targets=["a"], operating_points=[0.5], scoring="double")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 3, 8, 8), (1, 1, 9, 9), (1, 1, 8, 16)])
def test_images_of_another_shape_are_refused_not_resized(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="takes float images of shape"):
        classifier_of(Linear(seeded(1, 64)))(torch.zeros(shape))


def test_a_target_that_is_not_predicted_is_refused_with_those_that_are() -> None:
    with pytest.raises(TargetError, match="does not predict 'Hernia'; it predicts target 0, target 1"):
        classifier_of(Linear(seeded(2, 64)), targets=2).index("Hernia")


def test_outputs_that_do_not_match_the_targets_are_refused() -> None:
    with pytest.raises(PredictionError, match="for 3 targets"):
        classifier_of(Linear(seeded(2, 64)), targets=3)(torch.zeros(1, 1, 8, 8))


def test_a_pair_folder_is_loaded_with_its_calibration(tmp_path: Path) -> None:
    classifier = explainer.load_classifier(str(write_pair(tmp_path / "pair")))
    assert classifier.targets == ("Effusion", "Mass")
    assert (classifier.id, classifier.input_size, classifier.input_range) == ("tiny-pair", 64, (-1024, 1024))
    assert len(classifier.weights_sha256) == 64
    scores = classifier(seeded(3, 1, 64, 64) * 500)
    assert tuple(scores.shape) == (3, 2)
    assert bool(((scores > 0) & (scores < 1)).all())
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_a_pair_with_a_damaged_file_is_refused(tmp_path: Path, kind: str) -> None:
    folder = write_pair(tmp_path / "pair")
    path = folder / f"{kind}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    load = explainer.load_classifier if kind == "classifier" else explainer.load_autoencoder
    with pytest.raises(WeightsError, match="damaged or was exchanged"):
        load(str(folder))


def test_swapped_weights_are_refused_even_with_a_matching_checksum(tmp_path: Path) -> None:
    folder = write_pair(tmp_path / "pair")
    metadata = json.loads((folder / "pair.json").read_text())
    metadata["classifier"]["sha256"] = metadata["autoencoder"]["sha256"]
    (folder / "pair.json").write_text(json.dumps(metadata))
    (folder / "classifier.safetensors").write_bytes((folder / "autoencoder.safetensors").read_bytes())
    with pytest.raises(WeightsError, match="does not fit"):
        load_classifier(str(folder))


def test_a_pair_with_an_unreadable_file_is_refused_even_with_a_matching_checksum(tmp_path: Path) -> None:
    folder = write_pair(tmp_path / "pair")
    metadata = json.loads((folder / "pair.json").read_text())
    path = folder / "classifier.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    metadata["classifier"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "pair.json").write_text(json.dumps(metadata))
    with pytest.raises(DamagedWeightsError, match="no readable safetensors file"):
        load_classifier(str(folder))


@pytest.mark.parametrize("key", ["targets", "operating_points", "architecture", "sha256"])
def test_a_pair_whose_description_lacks_something_is_refused(tmp_path: Path, key: str) -> None:
    folder = write_pair(tmp_path / "pair")
    metadata = json.loads((folder / "pair.json").read_text())
    del metadata["classifier"][key]
    (folder / "pair.json").write_text(json.dumps(metadata))
    with pytest.raises(WeightsError, match="does not describe a pair"):
        load_classifier(str(folder))


def test_an_unknown_identifier_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"no classifier 'resnet9000'.*xrv-all.*jfhealthcare"):
        load_classifier("resnet9000")
    with pytest.raises(UnknownModelError, match=r"no autoencoder 'resnet9000'.*xrv-resnet101-elastic"):
        explainer.load_autoencoder("resnet9000")


@pytest.mark.parametrize("identifier", ["xrv-all", "xrv-mimic_ch", "jfhealthcare"])
def test_absent_weights_are_not_downloaded_but_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identifier: str
) -> None:
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"(?s)github\.com/mlmed/torchxrayvision/releases.*EXPLAINER_WEIGHTS"):
        load_classifier(identifier)
    assert list(tmp_path.iterdir()) == []


def test_importing_torchxrayvision_leaves_warnings_and_module_path_alone() -> None:
    path = list(sys.path)
    filters = list(warnings.filters)
    quiet_import("torchxrayvision.baseline_models.jfhealthcare")
    assert sys.path == path
    assert list(warnings.filters) == filters


@pytest.fixture
def released_densenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, nn.Module]:
    """A whole pickled network in the old file format, as the released weights are, with random weights."""
    models = quiet_import("torchxrayvision.models")
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(tmp_path))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = models.DenseNet()
    network.eval()
    path = tmp_path / released.MODELS["xrv-mimic_ch"].weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(network, path, _use_new_zipfile_serialization=False)
    return path, network


def test_a_released_densenet_scores_as_torchxrayvision_does(released_densenet: tuple[Path, nn.Module]) -> None:
    path, network = released_densenet
    models = quiet_import("torchxrayvision.models")
    classifier = load_classifier("xrv-mimic_ch")
    described = models.model_urls["densenet121-res224-mimic_ch"]
    named = [i for i, label in enumerate(described["labels"]) if label]
    assert classifier.targets == tuple(described["labels"][i] for i in named)
    network.op_threshs = torch.tensor(described["op_threshs"])
    x = seeded(1, 1, 224, 224) * 300
    with torch.no_grad():
        torch.testing.assert_close(classifier(x), network(x)[:, named], rtol=1e-4, atol=1e-6)
    assert path.with_name(f"{path.name}.sha256").read_text().split() == [classifier.weights_sha256, path.name]


def test_weights_that_changed_since_their_first_use_are_refused(released_densenet: tuple[Path, nn.Module]) -> None:
    path, _ = released_densenet
    path.with_name(f"{path.name}.sha256").write_text(f"{'0' * 64}  {path.name}\n")
    with pytest.raises(WeightsError, match="damaged or was exchanged"):
        load_classifier("xrv-mimic_ch")


class _Surprise:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code of the weights file was run')",)


def test_code_in_a_weights_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(tmp_path))
    torch.save(_Surprise(), tmp_path / released.MODELS["xrv-mimic_ch"].weights)
    with pytest.raises(WeightsError, match="holds more than weights"):
        load_classifier("xrv-mimic_ch")


def test_jf_healthcare_scores_as_torchxrayvision_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = quiet_import("torchxrayvision.baseline_models.jfhealthcare")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_jfhealthcare(package)
    network.eval()
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(tmp_path))
    torch.save(network.state_dict(), tmp_path / released.MODELS["jfhealthcare"].weights)
    x = seeded(1, 1, 224, 224) * 300
    enlarged = torch.nn.functional.interpolate(x, size=(512, 512), mode="bilinear", antialias=True)
    with torch.no_grad():
        logits, _ = network(enlarged.repeat(1, 3, 1, 1) / 512)
        scores = load_classifier("jfhealthcare")(x)
    torch.testing.assert_close(scores, torch.sigmoid(torch.cat(logits, 1)), rtol=1e-4, atol=1e-6)
