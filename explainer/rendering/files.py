"""What is made of an explanation: pictures as bytes for a store, or a folder of files (docs/explanation-files.md)."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.rendering.overlays import (
    ERROR_WHITE,
    TOP_PERCENT,
    check_blur,
    check_percent,
    error_picture,
    overlay,
    png,
    to_grey,
)
from explainer.rendering.strips import curve, filmstrip
from explainer.rendering.videos import gif, mp4
from explainer.types import LATENT_SHIFT, METHODS

if TYPE_CHECKING:
    from pathlib import Path

    from explainer.types import Counterfactual, Explanation

_SUMMARY = "explanation.json"
_SIDES = ("lower", "upper")
#: Where a calibrated score has its operating point.
_OPERATING_POINT = 0.5


@dataclass(frozen=True, kw_only=True)
class Artefacts:
    """What is drawn of an explanation, and how.

    `percent` of the pixels that overlays mark; `blur`, the standard deviation in pixels of a Gaussian that smooths maps
    before they are ranked, 0 for none as in the paper; `flow` and `gif`, whether these are made too. Raises
    RenderingError for values that cannot be.
    """

    percent: float = TOP_PERCENT
    blur: float = 0.0
    flow: bool = False
    gif: bool = False

    def __post_init__(self) -> None:
        check_percent(self.percent)
        check_blur(self.blur)


@dataclass(frozen=True)
class Rendered:
    """Files of an explanation: overlays by method (PNG); strip (PNG), curve and video (MP4) of the counterfactual."""

    overlays: dict[str, bytes]
    filmstrip: bytes | None
    curve: dict[str, Any] | None
    mp4: bytes | None


def render(explanation: Explanation, *, percent: float = TOP_PERCENT, blur: float = 0.0) -> Rendered:
    """The pictures that a reader sees, as bytes. Raises RenderingError for a map or frame with NaN."""
    background = to_grey(explanation.image)
    overlays = {
        name: png(overlay(background, values, percent=percent, blur=blur)) for name, values in explanation.maps.items()
    }
    sequence = explanation.counterfactual
    if sequence is None:
        return Rendered(overlays, None, None, None)
    frames = to_grey(sequence.frames)
    video = mp4(frames, sequence.lambdas, sequence.predictions, title=explanation.provenance.target)
    return Rendered(overlays, png(filmstrip(frames)), curve(sequence), video)


def summary(explanation: Explanation) -> dict[str, Any]:
    """Scores, IoU, area of the annotations, reconstruction and provenance as plain JSON values."""
    reconstruction = explanation.reconstruction
    return {
        "scores": dict(explanation.scores),
        "iou": dict(explanation.ious),
        "mask_area": explanation.mask_area,
        "reconstruction": None if reconstruction is None else vars(reconstruction),
        "provenance": explanation.provenance.as_dict(),
    }


def write(explanation: Explanation, folder: Path, artefacts: Artefacts | None = None) -> None:
    """Write an explanation's files into a folder, which is made if it is missing.

    What an earlier run has written there is replaced, and removed where this one does not write it; files of other
    names stay. explanation.json is the last to be written: a folder that has it is whole. Raises RenderingError before
    anything is touched, and OSError where the folder cannot be written.
    """
    files = _files(explanation, artefacts or Artefacts())
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_SUMMARY, *sorted(known_files() - set(files))):
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def known_files() -> frozenset[str]:
    """Every name that `write` may give to a file."""
    per_method = (f"{method}{suffix}" for method in METHODS for suffix in (".npy", ".png"))
    suffixes = (".json", "_frames.png", ".mp4", ".gif", "_curve.svg", "_flow.png", *_flow_suffixes())
    sequence = (f"{LATENT_SHIFT}{suffix}" for suffix in suffixes)
    return frozenset((*per_method, *sequence, "reconstruction.png", "reconstruction_error.png", _SUMMARY))


def _flow_suffixes() -> tuple[str, ...]:
    return tuple(f"_flow_{side}.npy" for side in _SIDES)


def _files(explanation: Explanation, artefacts: Artefacts) -> dict[str, bytes]:
    rendered = render(explanation, percent=artefacts.percent, blur=artefacts.blur)
    files: dict[str, bytes] = {}
    for name, values in explanation.maps.items():
        files[f"{name}.npy"] = _npy(values)
        files[f"{name}.png"] = rendered.overlays[name]
    sequence = explanation.counterfactual
    if sequence is not None and rendered.filmstrip is not None and rendered.mp4 is not None:
        files[f"{LATENT_SHIFT}.json"] = _json(rendered.curve)
        files[f"{LATENT_SHIFT}_frames.png"] = rendered.filmstrip
        files[f"{LATENT_SHIFT}.mp4"] = rendered.mp4
        files |= _sequence_files(explanation, sequence, artefacts)
    drawn = asdict(artefacts) | {"reconstruction_error_white": ERROR_WHITE}
    files[_SUMMARY] = _json(summary(explanation) | {"artefacts": drawn})
    return files


def _sequence_files(explanation: Explanation, sequence: Counterfactual, artefacts: Artefacts) -> dict[str, bytes]:
    from explainer.rendering import figures  # loads matplotlib, which a worker does without

    provenance = explanation.provenance
    reconstruction = sequence.frames[sequence.zero]
    figure = figures.curve_figure(
        {f"{provenance.target}, {provenance.classifier}": sequence},
        threshold=_OPERATING_POINT if provenance.scoring == "calibrated" else None,
    )
    files = {
        f"{LATENT_SHIFT}_curve.svg": figures.figure_bytes(figure, "svg"),
        "reconstruction.png": png(to_grey(reconstruction)),
        "reconstruction_error.png": png(error_picture(explanation.image, reconstruction)),
    }
    if artefacts.gif:
        frames = to_grey(sequence.frames)
        files[f"{LATENT_SHIFT}.gif"] = gif(frames, sequence.lambdas, sequence.predictions, title=provenance.target)
    if artefacts.flow:
        from explainer.rendering.flow import optical_flow  # loads scikit-image

        flows = optical_flow(sequence)
        files |= {f"{LATENT_SHIFT}_flow_{side}.npy": _npy(flow) for side, flow in flows.items()}
        files[f"{LATENT_SHIFT}_flow.png"] = figures.figure_bytes(figures.flow_figure(sequence, flows), "png")
    return files


def _npy(values: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
