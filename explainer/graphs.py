"""Networks that come as files of a graph, TorchScript or torch.export: loaded, kept as they are, with clear errors.

Both kinds are programs: load only files that come from people you trust.
"""

from __future__ import annotations

import logging
import warnings
import zipfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from explainer.errors import DamagedWeightsError, ModelDescriptionError, PredictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: File endings of the two kinds.
TORCHSCRIPT, EXPORTED = (".pt", ".ts"), (".pt2",)
HOW_TO_EXPORT = (
    "Export it with torch.export.export(network.eval(), (torch.zeros(2, 1, size, size),), dynamic_shapes=({0: torch."
    'export.Dim("batch")},)) and torch.export.save, or with torch.jit.script(network.eval()).save'
)


class Graph(nn.Module):
    """A loaded graph as a module.

    Its memory format and its mode are those it was made with: an exported program refuses to change them, and a
    reshaping that was traced with one memory format fails with another. What it raises becomes a PredictionError.
    """

    def __init__(self, graph: nn.Module, name: str) -> None:
        super().__init__()
        self.graph = graph
        self.name = name

    def train(self, mode: bool = True) -> Graph:  # noqa: ARG002  # the signature of nn.Module
        """Nothing to do: the mode was fixed when the file was made."""
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.graph, x)

    def run(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Result of one of the graph's functions. Raises PredictionError, but lets out-of-memory errors through."""
        try:
            output = function(x.contiguous())
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, AssertionError, TypeError, ValueError, torch.jit.Error) as error:
            raise PredictionError(f"{self.name} cannot take {tuple(x.shape)}: {_last_line(error)}.") from error
        if not isinstance(output, Tensor):
            raise PredictionError(f"{self.name} returns {type(output).__name__} and not one tensor.")
        return output


class GraphAutoencoder(Graph):
    """A TorchScript module with the methods `encode` and `decode`."""

    def encode(self, x: Tensor) -> Tensor:
        return self.run(self.graph.encode, x)  # type: ignore[arg-type]  # a method that TorchScript adds

    def decode(self, z: Tensor) -> Tensor:
        return self.run(self.graph.decode, z)  # type: ignore[arg-type]  # a method that TorchScript adds


class TwoGraphs(Graph):
    """An encoder and a decoder from a file each."""

    def __init__(self, encoder: Graph, decoder: Graph) -> None:
        super().__init__(encoder, encoder.name)
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        output: Tensor = self.graph(x)
        return output

    def decode(self, z: Tensor) -> Tensor:
        output: Tensor = self.decoder(z)
        return output


def wrapped(network: nn.Module, name: str) -> nn.Module:
    """`network`, in a Graph if it is one that somebody has loaded or traced."""
    if not isinstance(network, torch.jit.ScriptModule | torch.fx.GraphModule):
        return network
    with suppress(NotImplementedError):  # an exported program is in the mode that it was exported in
        network.eval()
    return GraphAutoencoder(network, name) if hasattr(network, "encode") else Graph(network, name)


def to_channels_last(network: nn.Module) -> None:
    """Put weights into the memory format with the faster convolutions, unless there is a graph among the modules."""
    if not any(isinstance(module, Graph) for module in network.modules()):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks this form


def load_graph(path: Path, device: str) -> Graph:
    """The graph in a .pt (TorchScript) or .pt2 (torch.export) file, for `device`.

    Raises ModelDescriptionError for another kind of file and DamagedWeightsError for one that cannot be read.
    """
    if path.suffix not in (*TORCHSCRIPT, *EXPORTED):
        raise ModelDescriptionError(
            f"{path.name} is no file of a network: it must end in .pt (TorchScript) or .pt2 (torch.export). "
            f"{HOW_TO_EXPORT}."
        )
    _check_archive(path)
    return Graph(_load_exported(path, device) if path.suffix in EXPORTED else _load_script(path, device), path.name)


def load_graph_autoencoder(path: Path, device: str) -> GraphAutoencoder:
    """The TorchScript file of a network with `encode` and `decode`. Raises as `load_graph`."""
    if path.suffix in EXPORTED:
        raise ModelDescriptionError(
            f"{path.name} holds one program, and an autoencoder has two: export encode and decode to a file each, and "
            'name them as `encoder = "..."` and `decoder = "..."`.'
        )
    graph = load_graph(path, device).graph
    if not (hasattr(graph, "encode") and hasattr(graph, "decode")):
        raise ModelDescriptionError(
            f"{path.name} has no methods `encode` and `decode`: mark both with @torch.jit.export and then script it."
        )
    return GraphAutoencoder(graph, path.name)


def _check_archive(path: Path) -> None:
    """Both kinds are ZIP archives, and say themselves which."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except zipfile.BadZipFile as error:
        raise DamagedWeightsError(
            f"{path.name} is damaged or cut off, or no such file at all ({error}): copy or export it again."
        ) from error
    is_script, is_exported = "constants.pkl" in names, "archive_format" in names
    if path.suffix in EXPORTED and not is_exported:
        raise ModelDescriptionError(f"{path.name} was not written by this torch's torch.export.save. {HOW_TO_EXPORT}.")
    if path.suffix in TORCHSCRIPT and not is_script:
        found = "a torch.export file: call it .pt2" if is_exported else "weights without a network"
        raise ModelDescriptionError(f"{path.name} is no TorchScript file but {found}. {HOW_TO_EXPORT}.")


def _load_script(path: Path, device: str) -> nn.Module:
    with _explained(path), warnings.catch_warnings():
        # Announces that TorchScript is deprecated, which whoever has such a file cannot change here.
        warnings.simplefilter("ignore", DeprecationWarning)
        graph: nn.Module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
        return graph.eval()


def _load_exported(path: Path, device: str) -> nn.Module:
    from torch.export.passes import move_to_device_pass  # takes a second to load

    logger = logging.getLogger("torch.export")
    level = logger.level
    # What it would log comes as an error, too.
    logger.setLevel(logging.ERROR)
    try:
        with _explained(path):
            # Devices are written into the graph where it makes tensors of its own.
            return move_to_device_pass(torch.export.load(path), device).module()
    finally:
        logger.setLevel(level)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    # The readers of both formats raise what the damaged place happens to cause.
    except Exception as error:
        raise DamagedWeightsError(
            f"{path.name} cannot be read, because it is damaged or made by another version of torch than "
            f"{torch.__version__} ({_last_line(error)}): export it again with this version."
        ) from error


def _last_line(error: BaseException) -> str:
    """The line that says what happened; TorchScript puts a traceback of its own before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in reversed(lines) if "Error:" in line), lines[0] if lines else type(error).__name__)
    return text[:300].rstrip(".")
