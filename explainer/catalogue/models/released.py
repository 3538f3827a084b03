"""The weights that TorchXRayVision 1.5.7 uses: identifier -> files, and where they come from; without torch."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = "https://github.com/mlmed/torchxrayvision/releases/tag/v1"
DOWNLOADS = "https://github.com/mlmed/torchxrayvision/releases/download/v1"
CHEXPERT_SOURCE = "https://academictorrents.com/details/5c7ee21e6770308f2d2b4bd829e896dbd9d3ee87"

#: File name -> SHA-256 that it must have. The releases publish none, so the first use records what came; a site that
#: has checked its files pins them here, or with the file NAME.sha256 beside the weights.
PINNED: dict[str, str] = {}


@dataclass(frozen=True)
class ReleasedFile:
    """A file of a release. `source` is where a person gets it if it cannot be downloaded from `DOWNLOADS`."""

    name: str
    source: str = ""


def _densenet(data: str) -> tuple[ReleasedFile, ...]:
    return (ReleasedFile(f"{data}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"),)


def _vqgan(name: str) -> tuple[ReleasedFile, ...]:
    return (ReleasedFile(f"{name}.ckpt"), ReleasedFile(f"{name}.yaml"))


#: Identifier -> its files, the weights first.
FILES: dict[str, tuple[ReleasedFile, ...]] = {
    "xrv-all": _densenet("nih-pc-chex-mimic_ch-google-openi-kaggle"),
    "xrv-nih": _densenet("nih"),
    "xrv-pc": _densenet("pc"),
    "xrv-chex": _densenet("chex"),
    "xrv-rsna": _densenet("kaggle"),
    "xrv-mimic_nb": _densenet("mimic_nb"),
    "xrv-mimic_ch": _densenet("mimic_ch"),
    "xrv-resnet50-res512-all": (ReleasedFile("pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt"),),
    "jfhealthcare": (ReleasedFile("baseline_models_jfhealthcare-DenseNet121_pre_train.pth"),),
    "chexpert": (ReleasedFile("chexpert_weights.zip", source=CHEXPERT_SOURCE),),
    "emory-race": (ReleasedFile("resnet_race_detection_val-loss_0.157_mimic_public.pt"),),
    "mira-sex": (ReleasedFile("mira_sex_resnet-all_epoch_13-step_7125.ckpt"),),
    "xinario-view": (ReleasedFile("xinario_chestViewSplit_resnet-50.pt"),),
    "xrv-resnet101-elastic": (ReleasedFile("nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt"),),
    "xrv-vqgan-768-sd": _vqgan("2023-07-04T06-25-02_cxr2_vqgan_768_sd"),
    "xrv-vqgan-768-msdd": _vqgan("2023-07-29T17-34-14_cxr2_vqgan_768_msdd"),
}


def identifier_of(name: str) -> str:
    """Identifier of the first model that uses the file `name`, or an empty string."""
    return next((id_ for id_, files in FILES.items() if any(file.name == name for file in files)), "")


def advice(name: str) -> str:
    """What to do to get the file `name`, as the beginning of a sentence."""
    identifier = identifier_of(name)
    source = next((file.source for file in FILES.get(identifier, ()) if file.name == name), "")
    if source:
        return f"Get it from {source}"
    return f"Run `python -m explainer weights fetch {identifier}`, or download it from {PAGE}"
