"""What is known of models before one is loaded: which there are, and what a classifier predicts. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from explainer.descriptions import is_callable, is_description, read_description
from explainer.errors import UnknownModelError
from explainer.weights import Pair, find_pair, shipped_pairs

_NIH = (
    *("Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema", "Fibrosis", "Effusion"),
    *("Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule", "Mass", "Hernia"),
)
_CHEXPERT = (
    *("Atelectasis", "Consolidation", "Pneumothorax", "Edema", "Effusion", "Pneumonia", "Cardiomegaly"),
    *("Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum"),
)
_FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion")
#: Released classifier -> what it predicts, in the order of its outputs; a test compares with torchxrayvision.
RELEASED_TARGETS: dict[str, tuple[str, ...]] = {
    "xrv-all": (*_NIH, "Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum"),
    "xrv-nih": _NIH,
    "xrv-pc": (*_NIH, "Fracture"),
    "xrv-chex": _CHEXPERT,
    "xrv-rsna": ("Pneumonia", "Lung Opacity"),
    "xrv-mimic_nb": _CHEXPERT,
    "xrv-mimic_ch": _CHEXPERT,
    "xrv-resnet50-res512-all": (*_NIH, "Fracture", "Lung Opacity"),
    "jfhealthcare": ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Effusion"),
    "chexpert": _FIVE,
    "emory-race": ("Asian", "Black", "White"),
    "mira-sex": ("Male", "Female"),
    "xinario-view": ("Frontal", "Lateral"),
}
RELEASED_AUTOENCODERS = ("xrv-resnet101-elastic", "xrv-vqgan-768-sd", "xrv-vqgan-768-msdd")
#: With fewer members than the whole ensemble of thirty.
CHEXPERT_SOME = re.compile(r"chexpert-([1-9]|1\d|2\d)")
#: An autoencoder for images of another size than its own.
RESIZED = re.compile(r"(.+)@([1-9]\d{0,3})")
#: Models of the package that are no classifiers -> why not.
NO_CLASSIFIERS = {
    "riken-age": "it estimates an age in years, and every method here explains a probability",
    "chestx-det": "it segments anatomy",
    "chestx-anatomy": "it segments anatomy",
}


def classifier_targets(id_or_path: str) -> tuple[str, ...] | None:
    """What a classifier predicts; None where only the code of a `module:function` knows.

    Raises UnknownModelError where there is no such classifier, and ModelDescriptionError or WeightsError for a
    description or a pair that cannot be read.
    """
    if id_or_path in RELEASED_TARGETS:
        return RELEASED_TARGETS[id_or_path]
    if CHEXPERT_SOME.fullmatch(id_or_path):
        return RELEASED_TARGETS["chexpert"]
    if is_description(id_or_path):
        targets: tuple[str, ...] = read_description(Path(id_or_path), "classifier")[1]["targets"]
        return targets
    if is_callable(id_or_path):
        return None
    return tuple(classifier_pair(id_or_path).metadata["classifier"]["targets"])


def classifier_pair(id_or_path: str) -> Pair:
    """The pair whose classifier this is. Raises UnknownModelError, and WeightsError for one that cannot be read."""
    if id_or_path in NO_CLASSIFIERS:
        raise UnknownModelError(f"{id_or_path} is not offered as a classifier: {NO_CLASSIFIERS[id_or_path]}.")
    return _pair("classifier", id_or_path, RELEASED_TARGETS, ".")


def autoencoder_pair(id_or_path: str) -> Pair:
    """The pair whose autoencoder this is. Raises as `classifier_pair` does."""
    return _pair("autoencoder", id_or_path, RELEASED_AUTOENCODERS, "; each with @SIZE for images of another size.")


def _pair(kind: str, id_or_path: str, released: Iterable[str], end: str) -> Pair:
    try:
        return find_pair(id_or_path)
    except UnknownModelError as error:
        raise UnknownModelError(
            f"There is no {kind} '{id_or_path}'. Known: {', '.join((*shipped_pairs(), *released))}, the path of a pair "
            f"folder or of a description (model.toml), or module:function{end}"
        ) from error


def check_autoencoder(id_or_path: str) -> None:
    """Raise UnknownModelError where there is no such autoencoder, and as `classifier_targets` does."""
    resized = RESIZED.fullmatch(id_or_path)
    name = resized[1] if resized is not None and not Path(id_or_path).exists() else id_or_path
    if name in RELEASED_AUTOENCODERS or is_callable(name):
        return
    if is_description(name):
        read_description(Path(name), "autoencoder")
        return
    autoencoder_pair(name)
