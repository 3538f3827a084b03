"""What is made of an explanation: files as bytes for a store, or a folder of them (docs/explanation-files.md).

Which files a method has is said by its object in the catalogue; how each kind is drawn, by `_DRAWN`.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.catalogue.artefacts import STORED, Kind
from explainer.catalogue.methods import METHODS, method_of
from explainer.catalogue.parameters import TOP_PERCENT
from explainer.rendering.overlays import (
    ERROR_WHITE,
    check_blur,
    check_percent,
    error_picture,
    overlay,
    png,
    to_grey,
)
from explainer.rendering.strips import curve, filmstrip
from explainer.rendering.videos import gif, mp4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from explainer.catalogue.artefacts import Artefact
    from explainer.rendering.overlays import GreyImage
    from explainer.types import Counterfactual, Explanation, FloatMap

_SUMMARY = "explanation.json"
#: Where a calibrated score has its operating point.
_OPERATING_POINT = 0.5


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
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
class _Drawing:
    """The result of one method, to be drawn; what several of its files need is made once."""

    explanation: Explanation
    method: str
    options: PictureOptions
    background: GreyImage

    @property
    def values(self) -> FloatMap:
        return self.explanation.results[self.method].map

    @cached_property
    def sequence(self) -> Counterfactual:
        sequence = self.explanation.results[self.method].counterfactual
        if sequence is None:
            raise TypeError(f"{self.method} has made no counterfactual, of which the catalogue says that it has files.")
        return sequence

    @cached_property
    def frames(self) -> GreyImage:
        return to_grey(self.sequence.frames)

    @cached_property
    def flows(self) -> dict[str, FloatMap]:
        from explainer.rendering.flow import optical_flow  # loads scikit-image

        return optical_flow(self.sequence)

    @property
    def captions(self) -> tuple[GreyImage, tuple[float, ...], tuple[float, ...]]:
        return self.frames, self.sequence.lambdas, self.sequence.predictions

    @property
    def target(self) -> str:
        return self.explanation.provenance.target


def _overlay(drawing: _Drawing) -> bytes:
    options = drawing.options
    return png(overlay(drawing.background, drawing.values, percent=options.percent, blur=options.blur))


def _plot(drawing: _Drawing) -> bytes:
    from explainer.rendering import figures  # loads matplotlib, which a worker does without

    provenance = drawing.explanation.provenance
    figure = figures.curve_figure(
        {f"{provenance.target}, {provenance.classifier}": drawing.sequence},
        threshold=_OPERATING_POINT if provenance.scoring == "calibrated" else None,
    )
    return figures.figure_bytes(figure, "svg")


def _flow(drawing: _Drawing) -> bytes:
    from explainer.rendering import figures

    return figures.figure_bytes(figures.flow_figure(drawing.sequence, drawing.flows), "png")


def _flow_side(side: str) -> Callable[[_Drawing], bytes | None]:
    """The flow to one end; None where there are no frames on that side."""
    return lambda drawing: npy(drawing.flows[side]) if side in drawing.flows else None


def _reconstruction(drawing: _Drawing) -> bytes:
    return png(drawing.frames[drawing.sequence.zero])


def _reconstruction_error(drawing: _Drawing) -> bytes:
    return png(error_picture(drawing.explanation.image, drawing.sequence.frames[drawing.sequence.zero]))


#: Kind -> how it is drawn of a method's result, or None where the result has no such file.
_DRAWN: dict[Kind, Callable[[_Drawing], bytes | None]] = {
    Kind.RAW: lambda drawing: npy(drawing.values),
    Kind.OVERLAY: _overlay,
    Kind.FILMSTRIP: lambda drawing: png(filmstrip(drawing.frames)),
    Kind.CURVE: lambda drawing: _json(curve(drawing.sequence)),
    Kind.VIDEO: lambda drawing: mp4(*drawing.captions, title=drawing.target),
    Kind.GIF: lambda drawing: gif(*drawing.captions, title=drawing.target),
    Kind.PLOT: _plot,
    Kind.FLOW: _flow,
    Kind.FLOW_LOWER: _flow_side("lower"),
    Kind.FLOW_UPPER: _flow_side("upper"),
    Kind.RECONSTRUCTION: _reconstruction,
    Kind.RECONSTRUCTION_ERROR: _reconstruction_error,
}


def render(explanation: Explanation, *, percent: float = TOP_PERCENT) -> dict[tuple[str, Kind], bytes]:
    """What a store keeps of every method's result, by method and kind. RenderingError for a map or frame with NaN."""
    drawn = _drawn(explanation, PictureOptions(percent=percent), lambda artefact: artefact.kind in STORED)
    return {(method, artefact.kind): content for (method, artefact), content in drawn.items()}


def _drawn(
    explanation: Explanation, options: PictureOptions, wanted: Callable[[Artefact], bool]
) -> dict[tuple[str, Artefact], bytes]:
    background = to_grey(explanation.image)
    drawn: dict[tuple[str, Artefact], bytes] = {}
    for method in explanation.results:
        drawing = _Drawing(explanation, method, options, background)
        for artefact in method_of(method).files:
            content = _DRAWN[artefact.kind](drawing) if wanted(artefact) else None
            if content is not None:
                drawn[method, artefact] = content
    return drawn


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


def write(explanation: Explanation, folder: Path, options: PictureOptions | None = None) -> None:
    """Write an explanation's files into a folder, which is made if it is missing.

    What an earlier run has written there is replaced, and removed where this one does not write it; files of other
    names stay. explanation.json is the last to be written: a folder that has it is whole. Raises RenderingError before
    anything is touched, and OSError where the folder cannot be written.
    """
    files = _files(explanation, options or PictureOptions())
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_SUMMARY, *sorted(known_files() - set(files))):
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def known_files() -> frozenset[str]:
    """Every name that `write` may give to a file."""
    return frozenset((_SUMMARY, *(artefact.file for method in METHODS.values() for artefact in method.files)))


def _files(explanation: Explanation, options: PictureOptions) -> Mapping[str, bytes]:
    asked = {"": True, "flow": options.flow, "gif": options.gif}
    drawn = _drawn(explanation, options, lambda artefact: asked[artefact.option])
    files = {artefact.file: content for (_, artefact), content in drawn.items()}
    made = asdict(options) | {"reconstruction_error_white": ERROR_WHITE}
    return files | {_SUMMARY: _json(summary(explanation) | {"artefacts": made})}


def npy(values: np.ndarray[Any, Any]) -> bytes:
    """An array as a .npy file."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
