"""A counterfactual and an explanation whose pictures can be worked out by hand."""

from __future__ import annotations

import numpy as np

from explainer.images import centre_square
from explainer.types import Counterfactual, Explanation, FloatMap, MethodResult, Provenance, Reconstruction


def counterfactual(count: int = 5, size: int = 16, zero: int = 3) -> Counterfactual:
    """Frames of one grey each, from black towards white, `lambda` from -zero on."""
    frames = np.stack([np.full((size, size), -1024 + 400 * i, dtype=np.float32) for i in range(count)])
    return Counterfactual(
        lambdas=tuple(float(i - zero) for i in range(count)),
        predictions=tuple(0.1 * i for i in range(count)),
        frames=frames,
        zero=zero,
        stop_reason={"lower": "reached", "upper": "turned"},
        evaluations=9,
    )


def explanation(
    maps: dict[str, FloatMap] | None = None, sequence: Counterfactual | None = None, *, scoring: str = "calibrated"
) -> Explanation:
    """Of a black image; without maps, one of `input_gradient` that grows from the first pixel to the last."""
    size = 16 if sequence is None else sequence.frames.shape[-1]
    rising = np.arange(size * size, dtype=np.float32).reshape(size, size)
    shown = {"input_gradient": rising} if maps is None else maps
    if sequence is not None:
        shown = {**shown, "latent_shift": shown.get("latent_shift", np.zeros((size, size), dtype=np.float32))}
    return Explanation(
        image=np.full((size, size), -1024, dtype=np.float32),
        results={
            method: MethodResult(map=values, counterfactual=sequence if method == "latent_shift" else None)
            for method, values in shown.items()
        },
        scores={"Mass": 0.75},
        reconstruction=None
        if sequence is None
        else Reconstruction(mean_absolute_error=1.5, score_image=0.75, score_reconstruction=0.5),
        ious={},
        provenance=Provenance(
            target="Mass",
            classifier="tiny",
            classifier_sha256="0" * 64,
            autoencoder=None,
            autoencoder_sha256=None,
            scoring=scoring,
            parameters={},
            image_sha256="1" * 64,
            geometry=centre_square(size, size),
            device="cpu",
            versions={},
            seconds={},
        ),
    )


def blob(size: int, row: float, column: float) -> FloatMap:
    """A bright Gaussian spot on a dark image, on the scale [-1024, 1024]."""
    y, x = np.mgrid[:size, :size]
    spot = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * (size / 8) ** 2))
    found: FloatMap = (spot * 1800 - 900).astype(np.float32)
    return found
