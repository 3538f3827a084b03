"""How far our results are from those of the public packages, and both from captum in float64."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.explain import peers
from benchmarks.explain.cases import GUIDED_BACKPROP, TRADITIONAL, Ours, Theirs
from explainer.methods.latent_shift import project

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

    from explainer.catalogue.methods.latent_shift import Projection

#: Our projections of a sequence to a map, and what `latentshift` calls them.
_PROJECTIONS: dict[Projection, str] = {"max": "max", "mean": "mean", "minmax": "mm", "sliding": "int"}


@dataclass(frozen=True)
class Difference:
    """Largest absolute difference, relative to the largest absolute value of what is compared with.

    `peers` ours to theirs; for captum's methods also each to captum in float64, which shows whose rounding it is.
    """

    result: str
    peers: float
    ours_to_float64: float | None = None
    peers_to_float64: float | None = None


def relative(found: ArrayLike, expected: ArrayLike) -> float:
    """The largest absolute difference, relative to the largest absolute value expected."""
    ours, theirs = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def compare(ours: Ours, theirs: Theirs, path: Path) -> list[Difference]:
    """Every result of one image."""
    return [*_traditional(ours, theirs, path), *_latent_shift(ours, theirs, path)]


def _traditional(ours: Ours, theirs: Theirs, path: Path) -> list[Difference]:
    image, column = theirs.image(path), theirs.peer.column
    exact = copy.deepcopy(theirs.peer.rectified).double()
    differences = []
    for method in TRADITIONAL:
        attribute = getattr(peers, method)
        at_once = {} if method in TRADITIONAL[:2] else {"at_once": 10}
        # captum reaches no ReLU that is a function; with that one as a module it computes what it says it does.
        network = theirs.peer.rectified if method == GUIDED_BACKPROP else theirs.peer.classifier
        single = attribute(network, image, column)[0, 0].cpu()
        double = attribute(exact, image.double(), column, **at_once)[0, 0].cpu()
        found = ours.map(method, ours.image(path)).cpu()
        differences.append(
            Difference(method, relative(found, single), relative(found, double), relative(single, double))
        )
    return differences


def _latent_shift(ours: Ours, theirs: Theirs, path: Path) -> list[Difference]:
    """At the lambdas between the end that `latentshift` finds and 0, which is where its search stops."""
    searched = theirs.latent_shift.sequence(theirs.image(path), ours.frames)
    lambdas = (float(searched["lambdas"][0]), 0.0)
    found = ours.sequence(ours.image(path), lambdas)
    expected = {
        kind: theirs.latent_shift.sequence(theirs.image(path), ours.frames, lambdas, kind)
        for kind in _PROJECTIONS.values()
    }
    sequence = expected["max"]
    return [
        Difference("latent_shift frames", relative(found.frames, sequence["generated_images"][:, 0])),
        Difference("latent_shift predictions", relative(found.predictions, sequence["preds"])),
        *(
            Difference(
                f"latent_shift map, {ours_name}", relative(project(found, ours_name), expected[kind]["heatmap"][0])
            )
            for ours_name, kind in _PROJECTIONS.items()
        ),
    ]
