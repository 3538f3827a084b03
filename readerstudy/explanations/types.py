"""What a worker gets to explain a case, and what it hands back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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

    `maps` by method, float16 (H, W); `overlays` by method, PNG; `xray` PNG, and `deep`, where the study shows
    16 bits, the same pixels as gzipped little-endian uint16, row by row; `filmstrip` PNG, `curve` JSON and `video`
    MP4 of the counterfactual, empty where the methods have none.
    """

    maps: Mapping[str, NDArray[np.float16]]
    overlays: Mapping[str, bytes]
    xray: bytes
    deep: bytes = b""
    filmstrip: bytes = b""
    curve: Mapping[str, Any] = field(default_factory=dict)
    video: bytes = b""
    ious: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seconds: float
