"""What makes it doubtful that a picture is one frontal chest radiograph as a reader should see it.

A doubt refuses nothing: a person looks at the picture and keeps or excludes it. The limits were measured on 700
radiographs of NIH ChestX-ray14 and on faults made from them (`python -m benchmarks.doubts`, docs/data.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import median_filter, uniform_filter

from explainer.catalogue.doubts import Doubt
from explainer.radiographs.lettering import lettering, reduced
from explainer.radiographs.likeness import likeness, upright_likeness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


_WORKING_SIDE = 512
#: Beyond it the sides are too unequal for one chest; films have 1.25 at most.
MAX_ASPECT = 1.6
_LEAST_RANGE = 0.3
_LEAST_MIDDLE_RANGE = 0.1
_ENDS, _MOST_AT_THE_ENDS = 0.004, 0.03
_LEAST_NEIGHBOUR_CORRELATION = 0.93
_LEAST_GREY_BITS = 5.2
_LEAST_LIKENESS, _LEAST_TURNED_LIKENESS = 0.36, 0.5
_TURNED_LIKELIER = 0.04
_SEAM_UPRIGHT, _SEAM_LEVEL = 2.2, 4.0
_HALF_LIKENESS, _HALF_LIKELIER = 0.45, 0.15
_LEAST_HALF_SPREAD = 0.05
_LONGEST_MARKER, _MOST_CHARACTERS = 11, 17
_LEAST_CHROMA, _LEAST_COLOURED = 0.15, 1e-4

_RADIOGRAPHY = {"CR", "DX", "DR", "RG", "XR"}
_NOT_SAID = {"", "UNKNOWN", "UNK", "NA", "N/A", "NONE", "NAN", "OTHER", "-"}
_LATERAL_VIEWS = {"L", "LL", "RL", "R", "LLAT", "RLAT", "LLD", "RLD"}
_CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "CXR", "RIB")


def find_doubts(
    grey: NDArray[np.float32], *, facts: Mapping[str, Any], colour: NDArray[np.uint8] | None = None
) -> tuple[Doubt, ...]:
    """The doubts about a picture as a reader sees it; none for an ordinary frontal chest radiograph.

    `grey` is (H, W) in [0, 1], 0 = black. `facts` are what its file and tables say: of Modality, ViewPosition, view,
    BodyPartExamined, PatientOrientation, PresentationIntentType and BurnedInAnnotation, those that are known. `colour`
    is (H, W, 3), 0 to 255, where the file had colours. Takes 60 to 70 ms for 1024 x 1024 pixels.
    """
    found = {*_by_fact(facts), *_by_picture(np.asarray(grey, dtype=np.float32))}
    if colour is not None and _coloured(colour):
        found.add(Doubt.COLOUR)
    return tuple(doubt for doubt in Doubt if doubt in found)


def _by_fact(facts: Mapping[str, Any]) -> set[Doubt]:
    said = {name: _word(value) for name, value in facts.items()}
    found = set()
    for view in (said.get("ViewPosition", ""), said.get("view", "")):
        if view not in _NOT_SAID:
            found |= _by_view(view)
    orientation = said.get("PatientOrientation", "")
    if orientation[:1] in {"A", "P"}:  # rows run from front to back: the patient stands sideways
        found.add(Doubt.LATERAL)
    if said.get("Modality", "") not in _NOT_SAID | _RADIOGRAPHY:
        found.add(Doubt.MODALITY)
    part = said.get("BodyPartExamined", "")
    if part not in _NOT_SAID and not any(word in part for word in _CHEST_WORDS):
        found.add(Doubt.BODY_PART)
    if said.get("PresentationIntentType", "") == "FOR PROCESSING":
        found.add(Doubt.FOR_PROCESSING)
    if said.get("BurnedInAnnotation", "") == "YES":
        found.add(Doubt.TEXT)
    return found


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = "\\".join(str(part) for part in value)
    return "" if value is None else str(value).strip().upper()


def _by_view(view: str) -> set[Doubt]:
    if view in _LATERAL_VIEWS or "LAT" in view.replace("BILATERAL", ""):
        return {Doubt.LATERAL}
    frontal = view.startswith(("PA", "AP")) or "FRONTAL" in view or "POSTERO" in view
    return set() if frontal else {Doubt.VIEW}


def _by_picture(grey: NDArray[np.float32]) -> set[Doubt]:
    found = set()
    height, width = grey.shape
    if max(height, width) > MAX_ASPECT * min(height, width):
        found.add(Doubt.SHAPE)
    small = reduced(grey, _WORKING_SIDE)
    if _blank(small):
        return {*found, Doubt.BLANK}  # nothing else could be told from it
    if _saturated(small):
        found.add(Doubt.SATURATED)
    if _grey_bits(grey) < _LEAST_GREY_BITS:
        found.add(Doubt.FEW_GREYS)
    if _neighbour_correlation(small) < _LEAST_NEIGHBOUR_CORRELATION:
        return {*found, Doubt.NOISE}
    text = lettering(grey)
    if text.longest > _LONGEST_MARKER or text.characters > _MOST_CHARACTERS:
        found.add(Doubt.TEXT)
    found |= _by_likeness(small)
    if Doubt.TWO_VIEWS in found:
        found.discard(Doubt.SATURATED)  # a gap between two pictures is no lost part of one
    return found


def _by_likeness(small: NDArray[np.float32]) -> set[Doubt]:
    """How the picture compares with a frontal chest; of several things that it could be, the likeliest."""
    whole = likeness(small)
    if _two_chests(small, whole.upright) or _two_chests(1 - small, whole.inverted):
        return {Doubt.TWO_VIEWS}
    if _parted(small, _SEAM_UPRIGHT) or _parted(small.T, _SEAM_LEVEL):
        return {Doubt.TWO_VIEWS}
    ways: dict[tuple[Doubt, ...], float] = {(): whole.upright, (Doubt.INVERTED,): whole.inverted}
    for doubts, alike in (
        ((Doubt.TURNED,), whole.turned),
        ((Doubt.INVERTED, Doubt.TURNED), whole.inverted_turned),
    ):
        if alike > _LEAST_TURNED_LIKENESS:
            ways[doubts] = alike - _TURNED_LIKELIER
    likeliest = max(ways, key=lambda doubts: ways[doubts])
    return {Doubt.UNLIKE} if ways[likeliest] < _LEAST_LIKENESS else set(likeliest)


def _middle(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Three fifths of each side: without the black of a collimator, markers and the air beside the patient."""
    height, width = picture.shape
    return picture[height // 5 : height - height // 5, width // 5 : width - width // 5]


def _blank(small: NDArray[np.float32]) -> bool:
    low, high = np.percentile(small, (0.5, 99.5))
    middle_low, middle_high = np.percentile(_middle(small), (2, 98))
    return bool(high - low < _LEAST_RANGE or middle_high - middle_low < _LEAST_MIDDLE_RANGE)


def _saturated(small: NDArray[np.float32]) -> bool:
    """Whether the middle has a plateau at the darkest or the lightest value of the picture."""
    middle = _middle(small)
    low, high = float(small.min()), float(small.max())
    return bool(max((middle <= low + _ENDS).mean(), (middle >= high - _ENDS).mean()) > _MOST_AT_THE_ENDS)


def _neighbour_correlation(small: NDArray[np.float32]) -> float:
    centred = small - small.mean()
    variance = float((centred**2).mean())
    upright, level = (centred[1:] * centred[:-1]).mean(), (centred[:, 1:] * centred[:, :-1]).mean()
    return float(min(upright, level)) / variance


def _grey_bits(grey: NDArray[np.float32]) -> float:
    """Entropy of the grey values in the middle, in bits: 8 where all of 256 are used alike."""
    step = max(1, max(grey.shape) // _WORKING_SIDE)
    values = np.rint(_middle(grey[::step, ::step]) * 255).astype(np.int64).ravel()
    shares = np.bincount(values, minlength=256) / len(values)
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def _two_chests(picture: NDArray[np.float32], whole: float) -> bool:
    """Whether there are two chests, beside or above each other: each half resembles a chest more than the picture does.

    `whole` is the likeness of the picture.
    """
    height, width = picture.shape
    beside = (picture[:, : width // 2], picture[:, width - width // 2 :])
    above = (picture[: height // 2], picture[height - height // 2 :])
    alike = max(min(upright_likeness(half) for half in halves) for halves in (beside, above))
    return alike > max(_HALF_LIKENESS, whole + _HALF_LIKELIER)


def _parted(picture: NDArray[np.float32], limit: float) -> bool:
    """Whether a seam from top to bottom parts the picture near its middle, with something to see on either side.

    The step between two columns is compared with the steps around it, in each quarter of the height: an edge that is in
    less than three of them is a marker, a line of text or a device.
    """
    width = picture.shape[1]
    ratios = []
    for part in np.array_split(np.abs(np.diff(picture, axis=1)), 4):
        steps = part.mean(axis=0)
        ratios.append(steps / (median_filter(steps, 31) + 0.002))
    seam = np.sort(ratios, axis=0)[1][int(0.3 * width) : int(0.7 * width)]
    if seam.size == 0 or seam.max() < limit:
        return False
    at = int(seam.argmax()) + int(0.3 * width)
    return all(side.std() > _LEAST_HALF_SPREAD for side in (picture[:, : at - 2], picture[:, at + 3 :]))


def _coloured(colour: NDArray[np.uint8]) -> bool:
    """Whether more than a few pixels have a colour; smoothed, since JPEG colours single ones of a grey picture."""
    chroma = np.ptp(colour, axis=2).astype(np.float32) / 255
    return bool((uniform_filter(chroma, 3) > _LEAST_CHROMA).mean() > _LEAST_COLOURED)
