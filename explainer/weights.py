"""Where weights lie and whether they are the ones they should be: nothing is loaded before its SHA-256 is checked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from explainer.errors import UnknownModelError, WeightsError

SHIPPED = Path(__file__).parent / "models"
CLASSIFIER_FILE = "classifier.safetensors"
AUTOENCODER_FILE = "autoencoder.safetensors"
Network = TypeVar("Network", bound=nn.Module)
RELEASES = "https://github.com/mlmed/torchxrayvision/releases/tag/v1"


def weights_folder() -> Path:
    """Folder of downloaded weights: `EXPLAINER_WEIGHTS`, or the one that TorchXRayVision uses."""
    configured = os.environ.get("EXPLAINER_WEIGHTS")
    return Path(configured).expanduser() if configured else Path.home() / ".torchxrayvision" / "models_data"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_released(name: str) -> Path:
    """Path of a released weights file; it is never downloaded behind the user's back."""
    path = weights_folder() / name
    if not path.is_file():
        raise WeightsError(
            f"The weights {name} are not in {path.parent}. Download the file from {RELEASES} and put it there, "
            "or name the folder that has it in EXPLAINER_WEIGHTS."
        )
    return path


def verify_recorded(path: Path) -> str:
    """SHA-256 of `path`, which must equal the one recorded beside it; the first use records it."""
    digest = sha256_of(path)
    record = path.with_name(f"{path.name}.sha256")
    if not record.exists():
        try:
            # Exclusive: of two processes that start together one writes, the other checks.
            with record.open("x", encoding="ascii") as stream:
                stream.write(f"{digest}  {path.name}\n")
        except FileExistsError:
            return verify_recorded(path)
        except OSError as error:
            raise WeightsError(
                f"The SHA-256 of {path.name} cannot be recorded in {path.parent} ({error.strerror}): make the folder "
                f"writable once, or put '{digest}  {path.name}' into {record.name} after checking it."
            ) from error
        return digest
    words = record.read_text(encoding="ascii").split()
    expected = words[0] if words else ""
    if digest != expected:
        raise WeightsError(
            f"{path.name} has the SHA-256 {digest}, but {record.name} says {expected or 'nothing'}: the file is "
            f"damaged or was exchanged. Download it again, or delete {record.name} if the change is intended."
        )
    return digest


def verify_pinned(path: Path, expected: str) -> str:
    """SHA-256 of `path`, which must be `expected`."""
    if not path.is_file():
        raise WeightsError(f"{path} is missing.")
    digest = sha256_of(path)
    if digest != expected:
        raise WeightsError(f"{path} has the SHA-256 {digest} instead of {expected}: it is damaged or was exchanged.")
    return digest


@dataclass(frozen=True)
class Pair:
    """A classifier and an autoencoder made for each other: a folder with `pair.json` and two safetensors files."""

    folder: Path
    metadata: dict[str, Any]

    @property
    def id(self) -> str:
        """Identifier, for example `nih-small`."""
        return str(self.metadata["id"])


def shipped_pairs() -> tuple[str, ...]:
    """Identifiers of the pairs that come with the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob("*/pair.json")))


def find_pair(id_or_path: str) -> Pair:
    """Pair by identifier or folder. Raises UnknownModelError if there is none, WeightsError if it is unreadable."""
    named = SHIPPED / id_or_path if re.fullmatch(r"[\w.-]+", id_or_path) else None
    folder = named if named is not None and (named / "pair.json").is_file() else Path(id_or_path)
    description = folder / "pair.json"
    if not description.is_file():
        raise UnknownModelError(f"There is no model '{id_or_path}'.")
    try:
        metadata = json.loads(description.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{description} is not valid JSON: {error}.") from error
    if (
        not isinstance(metadata, dict)
        or not {"id", "input_size", "input_range", "classifier", "autoencoder"} <= metadata.keys()
    ):
        raise WeightsError(f"{description} does not describe a pair of models.")
    return Pair(folder, metadata)


def load_network(pair: Pair, part: str, file: str, network: Callable[..., Network]) -> tuple[Network, str]:
    """The pair's `part` (classifier or autoencoder) as pair.json describes it, and its file's SHA-256.

    Raises WeightsError where the file is missing, is not the one that pair.json names, or does not fit the network.
    """
    described = pair.metadata[part]
    path = pair.folder / file
    digest = verify_pinned(path, described["sha256"])
    try:
        built = network(**described["architecture"])
        built.load_state_dict(load_file(path))
    except (RuntimeError, TypeError, SafetensorError) as error:
        raise WeightsError(f"{path} does not fit the network that pair.json describes: {error}.") from error
    return built, digest
