"""TorchXRayVision's networks, kept at arm's length: quiet import, checked weights, logits, ReLUs that can be hooked.

On import that package silences every warning of the process and changes `sys.path`; its loaders download without
asking and unpickle whole models; its forward passes resize silently and remap outputs. Only its layers are used here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import pickle
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from explainer.errors import WeightsError
from explainer.weights import find_released, verify_recorded

if TYPE_CHECKING:
    from types import ModuleType

#: Operators that torchvision's Python code describes but that only its C library defines.
_TORCHVISION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []

JFHEALTHCARE_WEIGHTS = "baseline_models_jfhealthcare-DenseNet121_pre_train.pth"
RESNET_AE_WEIGHTS = "nihpcrsnamimic_ch-resnet101-2-ae-test2-elastic-e250.pt"
TRUST_VARIABLE = "EXPLAINER_TRUST_PICKLES"

#: Identifier -> (name in TorchXRayVision, weights file).
RELEASED = {
    f"xrv-{name}": (f"densenet121-res224-{name}", f"{data}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt")
    for name, data in {
        "all": "nih-pc-chex-mimic_ch-google-openi-kaggle",
        "nih": "nih",
        "pc": "pc",
        "chex": "chex",
        "rsna": "kaggle",
        "mimic_nb": "mimic_nb",
        "mimic_ch": "mimic_ch",
    }.items()
} | {"xrv-resnet50-res512-all": ("resnet50-res512-all", "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt")}


@dataclass(frozen=True)
class Network:
    """A network that returns logits (N, T), with what is known about its outputs and its weights."""

    logits: nn.Module
    targets: tuple[str, ...]
    operating_points: tuple[float, ...]
    input_size: int
    weights_sha256: str


def _make_torchvision_importable() -> None:
    """Declare torchvision's operators where its C library does not load (a build beside another torch)."""
    if "torchvision" in sys.modules or _declared:
        return
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        raise WeightsError("TorchXRayVision's models need torchvision: pip install torchvision.")
    for library in Path(found.origin).parent.glob("_C*.*"):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return
    declaration = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in _TORCHVISION_OPERATORS:
        declaration.define(operator)  # type: ignore[no-untyped-call]
    # The declaration lives as long as this object.
    _declared.append(declaration)


def quiet_import(name: str = "torchxrayvision") -> ModuleType:
    """Import TorchXRayVision (or a module of it) and leave warning filters and the module path as they were."""
    _make_torchvision_importable()
    path = list(sys.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise WeightsError(f"This model needs TorchXRayVision ({error}): pip install torchxrayvision.") from error
    finally:
        sys.path[:] = path


class RectifiedFeatures(nn.Module):
    """Feature layers followed by a ReLU module, where the original calls a function that no hook reaches."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.relu(self.features(x))
        return output


class _DenseNetLogits(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features = RectifiedFeatures(_module(network.features))
        self.classifier = _module(network.classifier)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return logits


class _JfHealthcareLogits(nn.Module):
    """Takes [-1024, 1024] at 224 px and enlarges it to the 512 px that the network was made for, as the paper did."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        large = nn.functional.interpolate(x, size=(512, 512), mode="bilinear", antialias=True)
        logits, _ = self.network(large.repeat(1, 3, 1, 1) / 512)
        return torch.cat(logits, dim=1)


class _Columns(nn.Module):
    """The outputs that have a name and an operating point."""

    def __init__(self, network: nn.Module, columns: list[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("columns", torch.tensor(columns), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits.index_select(1, self.get_buffer("columns"))


def _module(value: Tensor | nn.Module) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise TypeError(f"{type(value).__name__} is not a layer.")
    return value


#: What a pickled network of TorchXRayVision consists of: its layers, and how torch puts tensors together. Unpickling
#: these runs no code of the file's own.
_LAYERS = {
    "torch.nn.modules.activation": {"ReLU"},
    "torch.nn.modules.batchnorm": {"BatchNorm2d"},
    "torch.nn.modules.container": {"Sequential"},
    "torch.nn.modules.conv": {"Conv2d"},
    "torch.nn.modules.linear": {"Linear"},
    "torch.nn.modules.pooling": {"AvgPool2d", "MaxPool2d"},
    "torchxrayvision.models": {"DenseNet", "_DenseBlock", "_DenseLayer", "_Transition"},
    "torch._utils": {"_rebuild_parameter", "_rebuild_tensor_v2"},
    "torch": {"FloatStorage", "LongStorage"},
    "collections": {"OrderedDict"},
    "builtins": {"set"},
    "__builtin__": {"set"},
}


class _NetworkUnpickler(pickle.Unpickler):
    """Builds the layers of a network and refuses everything else.

    torch's own `weights_only` unpickler cannot read whole networks in the file format of 2020.
    """

    def find_class(self, module: str, name: str) -> Any:
        if name not in _LAYERS.get(module, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


class _NetworkPickle:
    """What `torch.load` wants of a pickle module."""

    Unpickler = _NetworkUnpickler

    @staticmethod
    def load(file: IO[bytes], **options: Any) -> Any:
        return _NetworkUnpickler(file, **options).load()


def _load_network(path: Path) -> Any:
    """A whole pickled network, of which only the layers are built."""
    return _load_guarded(path, weights_only=False, pickle_module=_NetworkPickle)


def _load_tensors(path: Path) -> Any:
    """A state dictionary."""
    return _load_guarded(path, weights_only=True)


def _load_guarded(path: Path, **options: Any) -> Any:
    try:
        with warnings.catch_warnings():
            # Files of 2020 carry the sources of their layers, and torch points out each that changed since.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", **options)
    except pickle.UnpicklingError as error:
        if os.environ.get(TRUST_VARIABLE) != "1":
            raise WeightsError(
                f"{path.name} is damaged or holds more than weights ({str(error).splitlines()[0]}). If you trust its "
                f"source, set {TRUST_VARIABLE}=1 to load it whatever it holds."
            ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{path.name} is damaged: {error}.") from error
    return torch.load(path, map_location="cpu", weights_only=False)  # the user asked for it by name


def _load_state(network: nn.Module, state: Any, path: Path) -> None:
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"{path.name} does not fit the network: {error}.") from error


def load_released(identifier: str) -> Network:
    """One of TorchXRayVision's own classifiers."""
    name, filename = RELEASED[identifier]
    path = find_released(filename)
    digest = verify_recorded(path)
    models = quiet_import("torchxrayvision.models")
    described = models.model_urls[name]
    labels, points = described["labels"], described["op_threshs"]
    logits: nn.Module
    if name.startswith("densenet"):
        network = models.DenseNet(num_classes=len(labels))
        _load_state(network, _densenet_state(path), path)
        logits = _DenseNetLogits(network)
    else:
        torchvision_models = quiet_import("torchvision.models")
        logits = torchvision_models.resnet50(num_classes=len(labels), weights=None)
        logits.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        _load_state(logits, _load_tensors(path), path)
    columns = [
        i for i, (label, point) in enumerate(zip(labels, points, strict=True)) if label and not math.isnan(point)
    ]
    return Network(
        logits=_Columns(logits, columns),
        targets=tuple(labels[i] for i in columns),
        operating_points=tuple(float(points[i]) for i in columns),
        input_size=int(described["input_resolution"]),
        weights_sha256=digest,
    )


def _densenet_state(path: Path) -> dict[str, Tensor]:
    """State of a file that holds a whole pickled DenseNet."""
    saved = _load_network(path)
    if not isinstance(saved, nn.Module):
        raise WeightsError(f"{path.name} holds {type(saved).__name__} and not the network that was released.")
    # Modules saved by old versions of torch lack what state_dict() reads: parameters and buffers are named by hand.
    state: dict[str, Tensor] = {}
    for prefix, module in saved.named_modules():
        values: dict[str, Tensor | None] = {**vars(module)["_parameters"], **vars(module)["_buffers"]}
        dot = f"{prefix}." if prefix else ""
        state |= {f"{dot}{key}": value for key, value in values.items() if value is not None}
    state.pop("op_threshs", None)
    return state


def load_jfhealthcare() -> Network:
    """JF Healthcare's CheXpert classifier (Ye et al. 2020); its outputs were never calibrated, 0.5 stays 0.5."""
    path = find_released(JFHEALTHCARE_WEIGHTS)
    digest = verify_recorded(path)
    package = quiet_import("torchxrayvision.baseline_models.jfhealthcare")
    network = build_jfhealthcare(package)
    _load_state(network, _load_tensors(path), path)
    network.backbone = RectifiedFeatures(_module(_module(network.backbone).features))
    targets = tuple(package.DenseNet.targets)
    return Network(_JfHealthcareLogits(network), targets, (0.5,) * len(targets), 224, digest)


def build_jfhealthcare(package: ModuleType) -> nn.Module:
    """The architecture of JF Healthcare's classifier, without weights."""
    text = (Path(str(package.__file__)).parent / "config" / "example.json").read_text(encoding="utf-8")
    # `pretrained` would download ImageNet weights, only to overwrite them.
    configuration = type("Configuration", (), {**json.loads(text), "pretrained": False})
    network: nn.Module = package.classifier.Classifier(configuration())
    return network


def load_resnet_autoencoder() -> tuple[nn.Module, str]:
    """The paper's autoencoder (ResNetAE 101-elastic) and the SHA-256 of its weights."""
    path = find_released(RESNET_AE_WEIGHTS)
    digest = verify_recorded(path)
    autoencoders = quiet_import("torchxrayvision.autoencoders")
    network: nn.Module = autoencoders.ResNetAE101()
    _load_state(network, _load_tensors(path), path)
    return network, digest
