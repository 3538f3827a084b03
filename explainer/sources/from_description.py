"""Models that users bring: described by a small TOML file, or made by a function of an importable module.

What a description may say stands in docs/models.md. A study's identifiers come from its coordinator, and what they can
reach must not be more than whoever administers the machine has put there: a description is a file on this machine's
disk, and a function is called only if `EXPLAINER_ALLOW_CODE` names its module.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from explainer.descriptions import Kind, is_callable, read_description
from explainer.errors import (
    CodeNotAllowedError,
    ExplainerError,
    MissingWeightsError,
    ModelDescriptionError,
)
from explainer.graphs import HOW_TO_EXPORT, Graph, TwoGraphs, load_graph, load_graph_autoencoder
from explainer.weights import verify_pinned, verify_recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALLOW_VARIABLE = "EXPLAINER_ALLOW_CODE"


@dataclass(frozen=True)
class Described:
    """A network and what its description says; `settings` are arguments of Classifier or Autoencoder."""

    network: nn.Module
    identifier: str
    settings: Mapping[str, Any]
    weights_sha256: str


def load_described(path: Path, kind: Kind, device: str) -> Described:
    """The network that a TOML file describes.

    Raises UnknownModelError if there is no such file, ModelDescriptionError for what is wrong with it,
    CodeNotAllowedError, and WeightsError if a file that it names is absent, damaged or exchanged.
    """
    values, settings = read_description(path, kind)
    network, digest = _network(path, kind, values, device)
    identifier = str(values.get("id") or path.stem)
    return Described(network, identifier, settings, digest)


def _network(path: Path, kind: Kind, values: dict[str, Any], device: str) -> tuple[nn.Module, str]:
    """The one network that a description names, and the SHA-256 of its weights."""
    sources = [key for key in ("file", "callable", "encoder") if key in values]
    if len(sources) != 1 or ("encoder" in values) != ("decoder" in values):
        ways = "`file` or `callable`" if kind == "classifier" else "`file`, `callable`, or `encoder` and `decoder`"
        raise ModelDescriptionError(f"{path.name} must name its network in one way: {ways}.")
    if "callable" in values:
        network = call(str(values["callable"]))
        if not isinstance(network, nn.Module):
            raise ModelDescriptionError(f"{values['callable']} returned {type(network).__name__}, not an nn.Module.")
        return network, sha256_of_state(network)
    if "encoder" in values:
        encoder, first = _file(path, values, "encoder", "encoder_sha256")
        decoder, second = _file(path, values, "decoder", "decoder_sha256")
        both = hashlib.sha256(f"{first}\n{second}\n".encode("ascii")).hexdigest()
        return TwoGraphs(load_graph(encoder, device), load_graph(decoder, device)), both
    file, digest = _file(path, values, "file", "sha256")
    return (load_graph if kind == "classifier" else load_graph_autoencoder)(file, device), digest


def _file(path: Path, values: dict[str, Any], key: str, digest_key: str) -> tuple[Path, str]:
    """A file that a description names, relative to itself, and its SHA-256, checked."""
    file = path.parent / str(values[key])
    if not file.is_file():
        raise MissingWeightsError(f"{path.name} names {file}, which is not there: {key} is relative to {path.name}.")
    expected = values.get(digest_key)
    return file, verify_recorded(file) if expected is None else verify_pinned(file, str(expected))


def call(name: str) -> object:
    """What `module:function` returns. Raises CodeNotAllowedError unless `EXPLAINER_ALLOW_CODE` names the module."""
    if not is_callable(name):
        raise ModelDescriptionError(f"'{name}' is no module:function, such as my_models:load.")
    module, _, function = name.partition(":")
    if not _is_allowed(module):
        raise CodeNotAllowedError(
            f"{name} is code, and nobody has allowed to run it here: set {ALLOW_VARIABLE}={module} where this process "
            "starts if the module is yours."
        )
    try:
        made = getattr(importlib.import_module(module), function)()
    except ExplainerError:
        raise
    except Exception as error:  # it is the user's code, and may raise anything
        raise ModelDescriptionError(f"{name} failed with {type(error).__name__}: {error}.") from error
    return made


def _is_allowed(module: str) -> bool:
    allowed = [name.strip() for name in os.environ.get(ALLOW_VARIABLE, "").split(",")]
    return any(name == "1" or module == name or (name and module.startswith(f"{name}.")) for name in allowed)


def sha256_of_state(network: nn.Module) -> str:
    """SHA-256 over a network's parameters and buffers, for weights that do not come from one file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def trial_images(size: int, input_range: tuple[float, float], device: torch.device) -> Tensor:
    """Two different images of noise."""
    low, high = input_range
    noise = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    return (noise * (high - low) + low).to(device)


@torch.no_grad()
def check_batches(name: str, network: nn.Module, function: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    """Result of a network's `function` for two inputs.

    Raises ModelDescriptionError unless it takes one as well as two, and gives the same for an input alone, beside
    another and again.
    """
    try:
        together, again, alone = function(batch), function(batch), function(batch[:1])
    except (ExplainerError, RuntimeError, AssertionError, TypeError, ValueError, AttributeError, LookupError) as error:
        hint = f" {HOW_TO_EXPORT}." if isinstance(network, Graph) else ""
        raise ModelDescriptionError(
            f"{name} failed on a trial of one and of two inputs, {_shape(batch)}: {error}{hint}"
        ) from error
    scale = together.abs().mean().clamp(min=1e-6)
    for other, fault in (
        (again - together, "gives another result each time"),
        (alone - together[:1], "gives an image another result beside other images"),
    ):
        if bool(other.abs().mean() > 0.01 * scale):
            raise ModelDescriptionError(
                f"{name} {fault}: it seems to be in training mode. Call network.eval() before you export or return it."
            )
    return together


def _shape(batch: Tensor) -> str:
    return f"float32 (N, {', '.join(map(str, batch.shape[1:]))})"
