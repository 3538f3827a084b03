"""Where weights lie and whether they are the ones they should be: nothing is loaded before its SHA-256 is checked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from explainer import releases
from explainer.errors import (
    ChangedWeightsError,
    DamagedWeightsError,
    MissingWeightsError,
    UnfitWeightsError,
    UnknownModelError,
    WeightsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

SHIPPED = Path(__file__).parent / "models"
CLASSIFIER_FILE = "classifier.safetensors"
AUTOENCODER_FILE = "autoencoder.safetensors"
Network = TypeVar("Network", bound="nn.Module")


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
        raise MissingWeightsError(
            f"The weights {name} are not in {path.parent}. {releases.advice(name)} and put it there, or name the "
            "folder that has it in EXPLAINER_WEIGHTS."
        )
    return path


def record_of(path: Path) -> Path:
    """The file beside `path` that holds its SHA-256, in the format of sha256sum."""
    return path.with_name(f"{path.name}.sha256")


def expected_sha256(path: Path) -> str:
    """SHA-256 that the file at `path` must have: the pinned one, else the recorded one; empty if it was never used."""
    pinned = releases.PINNED.get(path.name)
    if pinned:
        return pinned
    try:
        words = record_of(path).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ChangedWeightsError(f"{record_of(path)} cannot be read ({error}), so {path.name} is not used.") from error
    return words[0].lower() if words else "nothing"


def verify_recorded(path: Path) -> str:
    """SHA-256 of `path`, which must equal the one pinned or recorded beside it; the first use records it."""
    digest = sha256_of(path)
    expected = expected_sha256(path)
    if not expected:
        try:
            # Exclusive: of two processes that start together one writes, the other checks.
            with record_of(path).open("x", encoding="ascii") as stream:
                stream.write(f"{digest}  {path.name}\n")
        except FileExistsError:
            return verify_recorded(path)
        except OSError as error:
            raise WeightsError(
                f"The SHA-256 of {path.name} cannot be recorded in {path.parent} ({error.strerror}): make the folder "
                f"writable once, or put '{digest}  {path.name}' into {record_of(path).name} after checking it."
            ) from error
        return digest
    if digest != expected:
        raise ChangedWeightsError(changed(path, digest, expected))
    return digest


def changed(path: Path, digest: str, expected: str) -> str:
    """What is wrong with a file whose SHA-256 is `digest` and not the `expected` one, and what to do."""
    text = f"{path.name} is damaged or was exchanged: it has the SHA-256 {digest}, but {expected} is "
    if path.name in releases.PINNED:
        return f"{text}pinned. Delete the file and get it again."
    record = record_of(path).name
    return f"{text}recorded in {record}. Get the file again, or delete {record} if the change is intended."


def verify_pinned(path: Path, expected: str) -> str:
    """SHA-256 of `path`, which must be `expected`."""
    if not path.is_file():
        raise MissingWeightsError(f"{path} is missing.")
    digest = sha256_of(path)
    if digest != expected.lower():
        raise ChangedWeightsError(
            f"{path} has the SHA-256 {digest} instead of {expected}: it is damaged or was exchanged."
        )
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
    if not _describes_pair(metadata):
        raise WeightsError(f"{description} does not describe a pair of models.")
    return Pair(folder, metadata)


def _describes_pair(metadata: Any) -> bool:
    if not isinstance(metadata, dict) or not {"id", "input_size", "input_range"} <= metadata.keys():
        return False
    needed = {
        "classifier": {"architecture", "sha256", "targets", "operating_points"},
        "autoencoder": {"architecture", "sha256"},
    }
    return all(isinstance(metadata.get(part), dict) and keys <= metadata[part].keys() for part, keys in needed.items())


def load_network(pair: Pair, part: str, file: str, network: Callable[..., Network]) -> tuple[Network, str]:
    """The pair's `part` (classifier or autoencoder) as pair.json describes it, and its file's SHA-256.

    Raises WeightsError where the file is missing, is not the one that pair.json names, or does not fit the network.
    """
    from safetensors import SafetensorError  # these load torch, which those who only handle files do not need
    from safetensors.torch import load_file

    described = pair.metadata[part]
    path = pair.folder / file
    digest = verify_pinned(path, described["sha256"])
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise DamagedWeightsError(f"{path} is no readable safetensors file: {error}.") from error
    try:
        built = network(**described["architecture"])
        built.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise UnfitWeightsError(f"{path} does not fit the network that pair.json describes: {error}.") from error
    return built, digest
