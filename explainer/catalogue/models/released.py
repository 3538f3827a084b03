"""The models that TorchXRayVision 1.5.7 offers: what they predict, their files, and where those come from.

Loads no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from explainer.catalogue.models.listing import Kind, Listing

PAGE = "https://github.com/mlmed/torchxrayvision/releases/tag/v1"
DOWNLOADS = "https://github.com/mlmed/torchxrayvision/releases/download/v1"
CHEXPERT_SOURCE = "https://academictorrents.com/details/5c7ee21e6770308f2d2b4bd829e896dbd9d3ee87"

#: File name -> SHA-256 that it must have. The releases publish none, so the first use records what came; a site that
#: has checked its files pins them here, or with the file NAME.sha256 beside the weights.
PINNED: dict[str, str] = {}

_NIH = (
    *("Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema", "Fibrosis", "Effusion"),
    *("Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule", "Mass", "Hernia"),
)
_CHEXPERT = (
    *("Atelectasis", "Consolidation", "Pneumothorax", "Edema", "Effusion", "Pneumonia", "Cardiomegaly"),
    *("Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum"),
)


@dataclass(frozen=True)
class ReleasedFile:
    """A file of a release. `source` is where a person gets it if it cannot be downloaded from `DOWNLOADS`."""

    name: str
    source: str = ""


@dataclass(frozen=True)
class ReleasedModel:
    """A model of the package: its `files`, the weights first, and what a classifier predicts, in order of outputs.

    An autoencoder has no `targets`.
    """

    files: tuple[ReleasedFile, ...]
    targets: tuple[str, ...] = ()

    @property
    def weights(self) -> str:
        """Name of the file of its weights."""
        return self.files[0].name


def _densenet(data: str, *targets: str) -> ReleasedModel:
    return _model(f"{data}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt", *targets)


def _model(file: str, *targets: str) -> ReleasedModel:
    return ReleasedModel((ReleasedFile(file),), targets)


def _vqgan(name: str) -> ReleasedModel:
    return ReleasedModel((ReleasedFile(f"{name}.ckpt"), ReleasedFile(f"{name}.yaml")))


#: Identifier -> model; a test compares with torchxrayvision.
MODELS: dict[str, ReleasedModel] = {
    "xrv-all": _densenet(
        "nih-pc-chex-mimic_ch-google-openi-kaggle",
        *(*_NIH, "Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum"),
    ),
    "xrv-nih": _densenet("nih", *_NIH),
    "xrv-pc": _densenet("pc", *_NIH, "Fracture"),
    "xrv-chex": _densenet("chex", *_CHEXPERT),
    "xrv-rsna": _densenet("kaggle", "Pneumonia", "Lung Opacity"),
    "xrv-mimic_nb": _densenet("mimic_nb", *_CHEXPERT),
    "xrv-mimic_ch": _densenet("mimic_ch", *_CHEXPERT),
    "xrv-resnet50-res512-all": _model(
        "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt", *_NIH, "Fracture", "Lung Opacity"
    ),
    "jfhealthcare": _model(
        "baseline_models_jfhealthcare-DenseNet121_pre_train.pth",
        *("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Effusion"),
    ),
    "chexpert": ReleasedModel(
        (ReleasedFile("chexpert_weights.zip", source=CHEXPERT_SOURCE),),
        ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion"),
    ),
    "emory-race": _model("resnet_race_detection_val-loss_0.157_mimic_public.pt", "Asian", "Black", "White"),
    "mira-sex": _model("mira_sex_resnet-all_epoch_13-step_7125.ckpt", "Male", "Female"),
    "xinario-view": _model("xinario_chestViewSplit_resnet-50.pt", "Frontal", "Lateral"),
    "xrv-resnet101-elastic": _model("nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt"),
    "xrv-vqgan-768-sd": _vqgan("2023-07-04T06-25-02_cxr2_vqgan_768_sd"),
    "xrv-vqgan-768-msdd": _vqgan("2023-07-29T17-34-14_cxr2_vqgan_768_msdd"),
}
#: With fewer members than the whole ensemble of thirty.
CHEXPERT_SOME = re.compile(r"chexpert-([1-9]|1\d|2\d)")
#: Models of the package that are no classifiers -> why not.
NO_CLASSIFIERS = {
    "riken-age": "it estimates an age in years, and every method here explains a probability",
    "chestx-det": "it segments anatomy",
    "chestx-anatomy": "it segments anatomy",
}


def advice(file: str) -> str:
    """What to do to get the file of that name, as the beginning of a sentence."""
    found = ((id_, one.source) for id_, model in MODELS.items() for one in model.files if one.name == file)
    identifier, source = next(found, ("", ""))
    if source:
        return f"Get it from {source}"
    return f"Run `python -m explainer weights fetch {identifier}`, or download it from {PAGE}"


class _Released(Listing):
    naming = ""

    def identifiers(self, kind: Kind) -> tuple[str, ...]:
        return tuple(id_ for id_, model in MODELS.items() if bool(model.targets) == (kind == "classifier"))

    def has(self, kind: Kind, id_or_path: str) -> bool:
        some = kind == "classifier" and CHEXPERT_SOME.fullmatch(id_or_path) is not None
        return some or id_or_path in self.identifiers(kind)

    def targets(self, id_or_path: str) -> tuple[str, ...]:
        return MODELS["chexpert" if CHEXPERT_SOME.fullmatch(id_or_path) else id_or_path].targets

    def check_autoencoder(self, id_or_path: str) -> None:
        """All are as they were released."""


RELEASED = _Released()
