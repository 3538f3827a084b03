"""What is said of models before they are loaded, beside what torchxrayvision says of them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from explainer.catalogue.models import LISTINGS, check_autoencoder, classifier_targets, identifiers
from explainer.catalogue.models.pairs import SHIPPED
from explainer.catalogue.models.released import RELEASED
from explainer.errors import ModelDescriptionError, UnknownModelError

DESCRIPTION = """
file = "network.pt"
targets = ["Effusion", "Mass"]
output = "logits"
input_size = 64
input_range = [0, 1]
"""


def test_targets_of_released_classifiers_are_those_of_torchxrayvision() -> None:
    from explainer.sources.xrv import autoencoders, classifiers
    from explainer.sources.xrv.package import quiet_import

    described = quiet_import("torchxrayvision.models").model_urls
    for identifier, name in classifiers.PACKAGE_NAMES.items():
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
        package = quiet_import(f"torchxrayvision.baseline_models.{module}")
        assert classifier_targets(identifier) == tuple(getattr(package, network).targets), identifier
    assert set(RELEASED.identifiers("classifier")) == set(classifiers.LOADERS)
    assert set(RELEASED.identifiers("autoencoder")) == set(autoencoders.LOADERS)


def test_each_listing_has_a_source_that_loads_its_models() -> None:
    from explainer.sources import SOURCES

    assert [source.listing for source in SOURCES] == list(LISTINGS)


def test_shipped_described_and_coded_models_are_known() -> None:
    assert classifier_targets("nih-small") == ("Pneumonia", "Infiltration", "Atelectasis", "Edema", "Effusion")
    assert classifier_targets(str(SHIPPED / "nih-small")) == classifier_targets("nih-small")
    assert classifier_targets("my_models:load") is None
    for name in (*identifiers("autoencoder"), "xrv-vqgan-768-sd@224", "my_models:load"):
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
