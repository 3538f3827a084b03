"""The classifiers that TorchXRayVision offers: its own, and those of other groups that it adapted."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from explainer.catalogue.models import released
from explainer.errors import DamagedWeightsError, UnfitWeightsError
from explainer.folding import fold_batch_norms
from explainer.sources.xrv.layers import (
    Colour,
    Columns,
    DenseNetLogits,
    Mean,
    RectifiedFeatures,
    SideBySide,
    as_module,
    imagenet_colour,
)
from explainer.sources.xrv.package import quiet_import
from explainer.sources.xrv.unpickling import load_checkpoint, load_state, load_tensors, load_whole_network
from explainer.weights import find_released, verify_recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from explainer.catalogue.models.descriptions import Output

CHEXPERT_MEMBERS = 30

#: Identifier of one of TorchXRayVision's own -> its name there.
PACKAGE_NAMES = {
    **{
        f"xrv-{data}": f"densenet121-res224-{data}"
        for data in ("all", "nih", "pc", "chex", "rsna", "mimic_nb", "mimic_ch")
    },
    "xrv-resnet50-res512-all": "resnet50-res512-all",
}


@dataclass(frozen=True)
class Network:
    """A network that takes [-1024, 1024], with what is known about its outputs (N, T) and its weights."""

    network: nn.Module
    targets: tuple[str, ...]
    operating_points: tuple[float, ...]
    input_size: int
    weights_sha256: str
    output: Output = "logits"


def load(identifier: str) -> Network:
    """A classifier by its identifier, one of `released.RELEASED`. Raises WeightsError."""
    some = released.CHEXPERT_SOME.fullmatch(identifier)
    return load_chexpert(int(some[1])) if some else LOADERS[identifier]()


def load_released(identifier: str) -> Network:
    """One of TorchXRayVision's own classifiers."""
    name = PACKAGE_NAMES[identifier]
    path, digest = _checked(identifier)
    described = quiet_import("torchxrayvision.models").model_urls[name]
    labels, points = described["labels"], described["op_threshs"]
    columns = [
        i for i, (label, point) in enumerate(zip(labels, points, strict=True)) if label and not math.isnan(point)
    ]
    build = _build_densenet if name.startswith("densenet") else _build_resnet
    return Network(
        network=Columns(build(path, len(labels)), columns),
        targets=tuple(labels[i] for i in columns),
        operating_points=tuple(float(points[i]) for i in columns),
        input_size=int(described["input_resolution"]),
        weights_sha256=digest,
    )


def _build_densenet(path: Path, outputs: int) -> nn.Module:
    network = quiet_import("torchxrayvision.models").DenseNet(num_classes=outputs)
    load_state(network, _densenet_state(path), path.name)
    return DenseNetLogits(fold_batch_norms(network))


def _build_resnet(path: Path, outputs: int) -> nn.Module:
    network: nn.Module = quiet_import("torchvision.models").resnet50(num_classes=outputs, weights=None)
    network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    load_state(network, load_tensors(path), path.name)
    return fold_batch_norms(network)


def _densenet_state(path: Path) -> dict[str, Tensor]:
    """State of a file that holds a whole pickled DenseNet."""
    saved = load_whole_network(path)
    if not isinstance(saved, nn.Module):
        raise UnfitWeightsError(f"{path.name} holds {type(saved).__name__} and not the network that was released.")
    # Modules saved by old versions of torch lack what state_dict() reads: parameters and buffers are named by hand.
    state: dict[str, Tensor] = {}
    for prefix, module in saved.named_modules():
        values: dict[str, Tensor | None] = {**vars(module)["_parameters"], **vars(module)["_buffers"]}
        dot = f"{prefix}." if prefix else ""
        state |= {f"{dot}{key}": value for key, value in values.items() if value is not None}
    state.pop("op_threshs", None)
    return state


class _JfHealthcareLogits(nn.Module):
    """Takes [-1024, 1024] at 224 px and enlarges it to the 512 px that the network was made for, as the paper did."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        large = nn.functional.interpolate(x, size=(512, 512), mode="bilinear", antialias=True)
        logits, _ = self.network(large.repeat(1, 3, 1, 1) / 512)
        return torch.cat(logits, dim=1)


def load_jfhealthcare() -> Network:
    """JF Healthcare's CheXpert classifier (Ye et al. 2020); its outputs were never calibrated, 0.5 stays 0.5."""
    path, digest = _checked("jfhealthcare")
    package = quiet_import("torchxrayvision.baseline_models.jfhealthcare")
    network = build_jfhealthcare(package)
    load_state(network, load_tensors(path), path.name)
    fold_batch_norms(network)
    network.backbone = RectifiedFeatures(as_module(as_module(network.backbone).features))
    return _uncalibrated(_JfHealthcareLogits(network), package.DenseNet.targets, 224, digest)


def build_jfhealthcare(package: ModuleType) -> nn.Module:
    """The architecture of JF Healthcare's classifier, without weights."""
    text = (Path(str(package.__file__)).parent / "config" / "example.json").read_text(encoding="utf-8")
    # `pretrained` would download ImageNet weights, only to overwrite them.
    configuration = type("Configuration", (), {**json.loads(text), "pretrained": False})
    network: nn.Module = package.classifier.Classifier(configuration())
    return network


class _ChexpertProbabilities(nn.Module):
    """Probabilities of the tasks in `columns`; three logits a task are absent, doubtful and present."""

    def __init__(self, logits: nn.Module, columns: list[int], *, three_classes: bool) -> None:
        super().__init__()
        self.logits = logits
        self.columns = columns
        self.three_classes = three_classes

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.logits(x)
        if self.three_classes:
            # Of absence or blank, doubt and presence, the first is left out: how present among what was mentioned.
            probabilities = logits.reshape(len(logits), -1, 3)[:, :, 1:].softmax(dim=2)[:, :, 1]
        else:
            probabilities = logits.sigmoid()
        return probabilities[:, self.columns]


def load_chexpert(members: int = CHEXPERT_MEMBERS) -> Network:
    """The CheXpert ensemble (Irvin et al. 2019): mean probability of `members` DenseNets for each group of targets.

    All thirty are three groups of thirty networks: 2.5 GB of weights.
    """
    path, digest = _checked("chexpert")
    package = quiet_import("torchxrayvision.baseline_models.chexpert")
    text = (Path(str(package.__file__)).parent / "predict_configs.json").read_text(encoding="utf-8")
    groups: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
    for task, described in json.loads(text)["task2models"].items():
        groups.setdefault(json.dumps(described), ([], described))[0].append(task)
    try:
        with zipfile.ZipFile(path) as archive:
            means = [
                Mean([_chexpert_member(archive, one, tasks) for one in described[:members]])
                for tasks, described in groups.values()
            ]
    except (zipfile.BadZipFile, KeyError) as error:
        raise DamagedWeightsError(
            f"{path.name} is damaged or not the archive that Stanford released ({error}). {released.advice(path.name)}."
        ) from error
    tasks = [task for tasks, _ in groups.values() for task in tasks]
    targets = package.DenseNet.targets
    order = [tasks.index({"Effusion": "Pleural Effusion"}.get(target, target)) for target in targets]
    network = Columns(Colour(SideBySide(means), (1 / 512,) * 3, (0.0,) * 3), order)
    return _uncalibrated(network, targets, 320, digest, output="probabilities")


def _chexpert_member(archive: zipfile.ZipFile, described: dict[str, Any], tasks: list[str]) -> nn.Module:
    name = described["ckpt_path"]
    saved = load_checkpoint(io.BytesIO(archive.read(name)), name)
    sequence, three_classes = saved["task_sequence"], bool(described["is_3class"])
    network = quiet_import("torchvision.models").densenet121(weights=None)
    network.classifier = nn.Linear(network.classifier.in_features, len(sequence) * (3 if three_classes else 1))
    # As it was saved: in torch's wrapper for several GPUs, in the authors' class.
    state = {key.removeprefix("module.").removeprefix("model."): value for key, value in saved["model_state"].items()}
    load_state(network, state, name)
    return _ChexpertProbabilities(
        DenseNetLogits(fold_batch_norms(network)), [sequence[t] for t in tasks], three_classes=three_classes
    )


def load_emory_race() -> Network:
    """Emory HITI's model of the race that a patient reported (Gichoya et al. 2022)."""
    path, digest = _checked("emory-race")
    package = quiet_import("torchxrayvision.baseline_models.emory_hiti")
    network = quiet_import("torchvision.models").resnet34(weights=None)
    # Its LogSoftmax is left out: the softmax of logits is what it would be the logarithm of.
    network.fc = nn.Sequential(nn.Linear(512, 3))
    load_state(network, _without(load_tensors(path), "module."), path.name)
    return _uncalibrated(
        imagenet_colour(fold_batch_norms(network)), package.RaceModel.targets, 320, digest, output="softmax"
    )


def load_mira_sex() -> Network:
    """MIRA's model of the patient's sex (Glocker et al. 2023), which takes [0, 255]."""
    path, digest = _checked("mira-sex")
    package = quiet_import("torchxrayvision.baseline_models.mira")
    network = quiet_import("torchvision.models").resnet34(weights=None, num_classes=2)
    saved = load_checkpoint(path, path.name)
    load_state(network, _without(saved.get("state_dict", saved), "model."), path.name)
    coloured = Colour(fold_batch_norms(network), (255 / 2048,) * 3, (127.5,) * 3)
    return _uncalibrated(coloured, package.SexModel.targets, 224, digest, output="softmax")


def load_xinario_view() -> Network:
    """Xinario's model of the view, the first two of the thousand outputs of a ResNet-50."""
    path, digest = _checked("xinario-view")
    package = quiet_import("torchxrayvision.baseline_models.xinario")
    network = quiet_import("torchvision.models").resnet50(weights=None)
    load_state(network, load_tensors(path), path.name)
    targets = package.ViewModel.targets
    columns = Columns(imagenet_colour(fold_batch_norms(network)), range(len(targets)))
    return _uncalibrated(columns, targets, 224, digest, output="softmax")


def _checked(identifier: str) -> tuple[Path, str]:
    """Where a model's weights are, and their SHA-256, checked."""
    path = find_released(released.MODELS[identifier].weights)
    return path, verify_recorded(path)


def _without(state: Any, prefix: str) -> Any:
    return {key.removeprefix(prefix): value for key, value in state.items()} if isinstance(state, dict) else state


def _uncalibrated(
    network: nn.Module, targets: list[str], size: int, digest: str, *, output: Output = "logits"
) -> Network:
    """A network whose authors published no operating points, so that 0.5 stays 0.5."""
    return Network(network, tuple(targets), (0.5,) * len(targets), size, digest, output)


LOADERS: dict[str, Callable[[], Network]] = {
    **{identifier: partial(load_released, identifier) for identifier in PACKAGE_NAMES},
    "jfhealthcare": load_jfhealthcare,
    "chexpert": load_chexpert,
    "emory-race": load_emory_race,
    "mira-sex": load_mira_sex,
    "xinario-view": load_xinario_view,
}
