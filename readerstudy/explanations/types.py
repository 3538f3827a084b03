"""What a worker gets to explain a case, and what it hands back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explainer.catalogue.artefacts import Kind


@dataclass(frozen=True, kw_only=True)
class Box:
    """An expert's box, in pixels of the image."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class ExplanationJob:
    """A case to explain. Who holds the token may store the result, as long as the lease lasts.

    `annotations` are the expert's for the target alone: boxes, or paths of mask images of the image's size.
    """

    explanation_id: uuid.UUID
    token: uuid.UUID
    image_path: Path
    target: str
    classifier: str
    autoencoder: str
    methods: tuple[str, ...]
    annotations: tuple[Box | Path, ...]
    parameters: Mapping[str, Any]

    @property
    def rows(self) -> tuple[uuid.UUID, ...]:
        """The key of its row."""
        return (self.explanation_id,)


@dataclass(frozen=True, kw_only=True)
class ExplanationResult:
    """All that a worker made of one case.

    `files` by method and kind; those of the case itself, its X-ray, have no method ("").
    """

    files: Mapping[tuple[str, Kind], bytes]
    ious: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seconds: float
