"""Released weights are pickles, some of whole networks: what is in them is read, and no code of theirs is run."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import torch

from explainer.errors import DamagedWeightsError, UnfitWeightsError, WeightsError

if TYPE_CHECKING:
    from torch import nn

TRUST_VARIABLE = "EXPLAINER_TRUST_PICKLES"

#: How torch puts tensors together. Unpickling these runs no code of the file's own.
_TENSORS = {
    "torch._utils": {"_rebuild_parameter", "_rebuild_tensor_v2"},
    "torch": {"FloatStorage", "DoubleStorage", "HalfStorage", "LongStorage", "IntStorage", "BoolStorage"},
    "collections": {"OrderedDict"},
    "builtins": {"set"},
    "__builtin__": {"set"},
}
#: What a pickled network of TorchXRayVision consists of besides.
_LAYERS = {
    "torch.nn.modules.activation": {"ReLU"},
    "torch.nn.modules.batchnorm": {"BatchNorm2d"},
    "torch.nn.modules.container": {"Sequential"},
    "torch.nn.modules.conv": {"Conv2d"},
    "torch.nn.modules.linear": {"Linear"},
    "torch.nn.modules.pooling": {"AvgPool2d", "MaxPool2d"},
    "torchxrayvision.models": {"DenseNet", "_DenseBlock", "_DenseLayer", "_Transition"},
    **_TENSORS,
}


class _NetworkUnpickler(pickle.Unpickler):
    """Builds the layers of a network and refuses everything else.

    torch's own `weights_only` unpickler cannot read whole networks in the file format of 2020.
    """

    def find_class(self, module: str, name: str) -> Any:
        if name not in _LAYERS.get(module, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


class _Inert:
    """Stands for whatever else a training checkpoint holds: takes every argument, item and state, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> _Inert:
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def extend(self, _: object) -> None:
        """As a list."""

    def append(self, _: object) -> None:
        """As a list."""

    def add(self, _: object) -> None:
        """As a set."""


class _CheckpointUnpickler(pickle.Unpickler):
    """Builds tensors; callbacks, loggers and settings of the training, and any code, become inert objects."""

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module, name) if name in _TENSORS.get(module, ()) else _Inert


class _NetworkPickle:
    """What `torch.load` wants of a pickle module."""

    Unpickler = _NetworkUnpickler

    @staticmethod
    def load(file: IO[bytes], **options: Any) -> Any:
        return _NetworkUnpickler(file, **options).load()


class _CheckpointPickle:
    """What `torch.load` wants of a pickle module."""

    Unpickler = _CheckpointUnpickler

    @staticmethod
    def load(file: IO[bytes], **options: Any) -> Any:
        return _CheckpointUnpickler(file, **options).load()


def load_whole_network(path: Path) -> Any:
    """A whole pickled network, of which only the layers are built."""
    return _load(path, path.name, weights_only=False, pickle_module=_NetworkPickle)


def load_tensors(path: Path) -> Any:
    """A state dictionary."""
    return _load(path, path.name, weights_only=True)


def load_checkpoint(source: Path | IO[bytes], name: str) -> dict[str, Any]:
    """What a training run saved: a dictionary in which tensors, numbers and text are real and all else is inert.

    `name` is what errors call the file.
    """
    loaded = _load(source, name, weights_only=False, pickle_module=_CheckpointPickle)
    if not isinstance(loaded, dict):
        raise UnfitWeightsError(f"{name} holds {type(loaded).__name__} and not the checkpoint that was released.")
    return loaded


def load_state(network: nn.Module, state: Any, name: str) -> None:
    """Give `network` its weights; those of another network raise UnfitWeightsError."""
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise UnfitWeightsError(
            f"{name} does not fit the network, so it belongs to another model: {_brief(error)}. Get the file again."
        ) from error


def _load(source: Path | IO[bytes], name: str, **options: Any) -> Any:
    try:
        with warnings.catch_warnings():
            # Files of 2020 carry the sources of their layers, and torch points out each that changed since.
            warnings.simplefilter("ignore")
            return torch.load(source, map_location="cpu", **options)
    except pickle.UnpicklingError as error:
        if os.environ.get(TRUST_VARIABLE) != "1":
            raise WeightsError(
                f"{name} is damaged or holds more than weights ({str(error).splitlines()[0]}). If you trust its "
                f"source, set {TRUST_VARIABLE}=1 to load it whatever it holds."
            ) from error
    # A damaged pickle asks for anything, so nearly every error can come of it.
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise DamagedWeightsError(
            f"{name} is damaged or cut off ({_brief(error)}): delete it and get it again."
        ) from error
    if isinstance(source, Path):
        return torch.load(source, map_location="cpu", weights_only=False)  # the user asked for it by name
    source.seek(0)
    return torch.load(source, map_location="cpu", weights_only=False)


def _brief(error: Exception) -> str:
    """First line of an error's text; torch's go on for pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(error).__name__
