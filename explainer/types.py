"""Frozen values that go into an explanation and come out of it; nothing here needs torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explainer.catalogue.methods import METHODS
from explainer.catalogue.parameters import Scoring
from explainer.radiographs.geometry import Placement

if TYPE_CHECKING:
    from collections.abc import Mapping

FloatMap = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Box:
    """Expert box in pixels of the original image as viewers turn it, before any stretch or crop."""

    x: float
    y: float
    width: float
    height: float


#: An expert's box, or the path of a mask image (non-zero inside) of the original image's size.
Annotation = Box | Path


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """How the model's square came out of the picture: a crop of `side` pixels at (`left`, `top`), then a resize.

    `placement` tells how the picture of `width` x `height` came out of its file.
    """

    width: int
    height: int
    left: int
    top: int
    side: int
    placement: Placement


@dataclass(frozen=True, kw_only=True)
class ExplanationRequest:
    """One image and target to be explained.

    `parameters` holds settings by method, for example `{"latent_shift": {"drop": 0.3}}`; what is left out has the
    method's default.
    """

    image: Path
    target: str
    classifier: str
    autoencoder: str | None = None
    methods: tuple[str, ...] = tuple(METHODS)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
    scoring: Scoring = "calibrated"
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Counterfactual:
    """Images along the latent direction, ordered from the lowest lambda to the highest, with lambda = 0 among them.

    `frames` float32 (F, H, W) on the classifier's scale, `lambdas` and `predictions` (F,), `zero` the index of the
    unshifted reconstruction, `stop_reason` why the search ended on each side (`lower`, `upper`).
    """

    lambdas: tuple[float, ...]
    predictions: tuple[float, ...]
    frames: FloatMap
    zero: int
    stop_reason: Mapping[str, str]
    evaluations: int


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """What the autoencoder alone did to the image and to the score (Appendix K of the paper).

    `mean_absolute_error` is on the classifier's scale, whose span is 2048.
    """

    mean_absolute_error: float
    score_image: float
    score_reconstruction: float


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """All that is needed to make the same explanation again; JSON-serialisable through `as_dict`."""

    target: str
    classifier: str
    classifier_sha256: str
    autoencoder: str | None
    autoencoder_sha256: str | None
    scoring: str
    parameters: Mapping[str, Mapping[str, Any]]
    image_sha256: str
    geometry: Geometry
    device: str
    versions: Mapping[str, str]
    seconds: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """What a method made of one image and target.

    `map` float32 (H, W), non-negative, at the model's resolution; `counterfactual`, the images behind the map, of a
    method that makes some.
    """

    map: FloatMap
    counterfactual: Counterfactual | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything computed for one image and target.

    `image` float32 (H, W) on the classifier's scale; `results` by method; `scores` of every target under the scoring
    that was explained; `ious` by method, empty without annotations. `mask_area` is the share of the pixels that the
    annotations cover, and that each map marks for its IoU; None without annotations.
    """

    image: FloatMap
    results: Mapping[str, MethodResult]
    scores: Mapping[str, float]
    reconstruction: Reconstruction | None
    ious: Mapping[str, float]
    mask_area: float | None = None
    provenance: Provenance

    @property
    def maps(self) -> dict[str, FloatMap]:
        """The map of every method."""
        return {method: result.map for method, result in self.results.items()}

    @property
    def counterfactual(self) -> Counterfactual | None:
        """The counterfactual of the first method that made one."""
        made = (result.counterfactual for result in self.results.values())
        return next((one for one in made if one is not None), None)
