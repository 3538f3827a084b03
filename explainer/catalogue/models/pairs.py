"""Pairs of models, made for each other and kept in one folder: those that come with the package, and others.

Loads no torch.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.catalogue.models.listing import Kind, Listing
from explainer.errors import UnknownModelError, WeightsError

SHIPPED = Path(__file__).parents[2] / "models"
DESCRIPTION_FILE = "pair.json"
CLASSIFIER_FILE = "classifier.safetensors"
AUTOENCODER_FILE = "autoencoder.safetensors"


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
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{DESCRIPTION_FILE}")))


def find_pair(id_or_path: str) -> Pair:
    """Pair by identifier or folder. Raises UnknownModelError if there is none, WeightsError if it is unreadable."""
    description = _description_of(id_or_path)
    if not description.is_file():
        raise UnknownModelError(f"There is no pair of models '{id_or_path}'.")
    try:
        metadata = json.loads(description.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{description} is not valid JSON: {error}.") from error
    if not _describes_pair(metadata):
        raise WeightsError(f"{description} does not describe a pair of models.")
    return Pair(description.parent, metadata)


def _description_of(id_or_path: str) -> Path:
    """Where a pair's description would be; a shipped pair goes before a folder of its name."""
    named = SHIPPED / id_or_path / DESCRIPTION_FILE if re.fullmatch(r"[\w.-]+", id_or_path) else None
    return named if named is not None and named.is_file() else Path(id_or_path) / DESCRIPTION_FILE


def _describes_pair(metadata: Any) -> bool:
    if not isinstance(metadata, dict) or not {"id", "input_size", "input_range"} <= metadata.keys():
        return False
    needed = {
        "classifier": {"architecture", "sha256", "targets", "operating_points"},
        "autoencoder": {"architecture", "sha256"},
    }
    return all(isinstance(metadata.get(part), dict) and keys <= metadata[part].keys() for part, keys in needed.items())


class _Pairs(Listing):
    naming = "the path of a pair folder"

    def identifiers(self, kind: Kind) -> tuple[str, ...]:  # noqa: ARG002  # a pair has both
        return shipped_pairs()

    def has(self, kind: Kind, id_or_path: str) -> bool:  # noqa: ARG002  # a pair has both
        return _description_of(id_or_path).is_file()

    def targets(self, id_or_path: str) -> tuple[str, ...]:
        return tuple(find_pair(id_or_path).metadata["classifier"]["targets"])

    def check_autoencoder(self, id_or_path: str) -> None:
        find_pair(id_or_path)


PAIRS = _Pairs()
