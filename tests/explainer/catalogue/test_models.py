"""What is said of models before they are loaded, beside what torchxrayvision says of them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from explainer.catalogue.models import RELEASED_AUTOENCODERS, RELEASED_TARGETS, check_autoencoder, classifier_targets
from explainer.errors import ModelDescriptionError, UnknownModelError
from explainer.weights import SHIPPED, shipped_pairs

DESCRIPTION = """
file = "network.pt"
targets = ["Effusion", "Mass"]
output = "logits"
input_size = 64
input_range = [0, 1]
"""


def test_targets_of_released_classifiers_are_those_of_torchxrayvision() -> None:
    from explainer import xrv

    described = xrv.quiet_import("torchxrayvision.models").model_urls
    for identifier, (name, _) in xrv.RELEASED.items():
        labels, points = described[name]["labels"], described[name]["op_threshs"]
        wanted = [label for label, point in zip(labels, points, strict=True) if label and not math.isnan(point)]
        assert classifier_targets(identifier) == tuple(wanted), identifier
    for identifier, module, network in (
        ("jfhealthcare", "jfhealthcare", "DenseNet"),
        ("chexpert", "chexpert", "DenseNet"),
        ("chexpert-3", "chexpert", "DenseNet"),
        ("emory-race", "emory_hiti", "RaceModel"),
        ("mira-sex", "mira", "SexModel"),
        ("xinario-view", "xinario", "ViewModel"),
    ):
        package = xrv.quiet_import(f"torchxrayvision.baseline_models.{module}")
        assert classifier_targets(identifier) == tuple(getattr(package, network).targets), identifier
    assert set(RELEASED_TARGETS) == set(xrv.CLASSIFIERS)
    assert set(RELEASED_AUTOENCODERS) == set(xrv.AUTOENCODERS)


def test_shipped_described_and_coded_models_are_known() -> None:
    assert classifier_targets("nih-small") == ("Pneumonia", "Infiltration", "Atelectasis", "Edema", "Effusion")
    assert classifier_targets(str(SHIPPED / "nih-small")) == classifier_targets("nih-small")
    assert classifier_targets("my_models:load") is None
    for name in (*shipped_pairs(), *RELEASED_AUTOENCODERS, "xrv-vqgan-768-sd@224", "my_models:load"):
        check_autoencoder(name)


def test_a_description_tells_its_targets_or_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(DESCRIPTION, encoding="utf-8")
    assert classifier_targets(str(path)) == ("Effusion", "Mass")
    with pytest.raises(ModelDescriptionError, match="describes 'classifier', where"):
        check_autoencoder(str(path))
    with pytest.raises(UnknownModelError, match="no description of a model at"):
        classifier_targets(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize("name", ["xrv-al", "nih_small", "", "xrv-resnet101-elastic", "riken-age"])
def test_a_classifier_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"There is no classifier|is not offered"):
        classifier_targets(name)
    with pytest.raises(UnknownModelError, match="There is no autoencoder"):
        check_autoencoder(name.replace("xrv-resnet101-elastic", "xrv-all"))


def test_none_of_it_loads_torch() -> None:
    code = (
        "import sys, explainer.catalogue.models as models, explainer.catalogue.methods as methods\n"
        "models.classifier_targets('nih-small'), models.check_autoencoder('nih-small')\n"
        "methods.method_settings('latent_shift', {'frames': 12})\n"
        "assert not {'torch', 'captum', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
