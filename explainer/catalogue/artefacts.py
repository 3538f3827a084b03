"""Files that are made of an explanation: which kinds there are, what each is called where, and what a reader may see.

What no `Panel` of a method is made of is withheld from readers, whatever else becomes of it (docs/decisions/0004).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath

from explainer.catalogue.words import gettext_noop as _


class Kind(StrEnum):
    """What a file holds. A worker stores those that are in STORED; the others are written by the command line alone."""

    XRAY = "xray"
    DEEP = "deep"
    RAW = "raw"
    OVERLAY = "overlay"
    FILMSTRIP = "filmstrip"
    CURVE = "curve"
    VIDEO = "video"
    GIF = "gif"
    PLOT = "plot"
    FLOW = "flow"
    FLOW_LOWER = "flow_lower"
    FLOW_UPPER = "flow_upper"
    RECONSTRUCTION = "reconstruction"
    RECONSTRUCTION_ERROR = "reconstruction_error"


#: What a worker stores of a case -> in words.
STORED = {
    Kind.XRAY: "X-ray as shown beside the maps",
    Kind.DEEP: "X-ray with more than 8 bits, gzipped uint16",
    Kind.RAW: "raw map, float16 .npy",
    Kind.OVERLAY: "overlay of the top percentile, PNG",
    Kind.FILMSTRIP: "frames of the counterfactual, PNG",
    Kind.CURVE: "lambda and prediction per frame, JSON",
    Kind.VIDEO: "counterfactual, MP4",
}


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A file of a method's result, or of the case itself.

    `file`: its name in the folder that `python -m explainer explain` writes. `page`: its name on the coordinator's
    page of a case, which shows none without a name. Both may hold `{method}`, the method's key. `option`: made only
    where the command line is given this option.
    """

    kind: Kind
    file: str
    page: str = ""
    option: str = ""

    def of(self, method: str) -> Artefact:
        """With the names that the file has for a method."""
        return replace(self, file=self.file.format(method=method), page=self.page.format(method=method))

    @property
    def suffix(self) -> str:
        """The end of its name, which says what format it has."""
        return PurePath(self.file).suffix


CASE_ARTEFACTS = (
    Artefact(kind=Kind.XRAY, file="xray.png", page="xray.png"),
    Artefact(kind=Kind.DEEP, file="xray.gz"),
)
MAP_ARTEFACTS = (
    Artefact(kind=Kind.RAW, file="{method}.npy"),
    Artefact(kind=Kind.OVERLAY, file="{method}.png", page="{method}.png"),
)
COUNTERFACTUAL_ARTEFACTS = (
    Artefact(kind=Kind.FILMSTRIP, file="{method}_frames.png", page="filmstrip.png"),
    Artefact(kind=Kind.CURVE, file="{method}.json", page="curve.json"),
    Artefact(kind=Kind.VIDEO, file="{method}.mp4", page="video.mp4"),
    Artefact(kind=Kind.PLOT, file="{method}_curve.svg"),
    Artefact(kind=Kind.RECONSTRUCTION, file="reconstruction.png"),
    Artefact(kind=Kind.RECONSTRUCTION_ERROR, file="reconstruction_error.png"),
    Artefact(kind=Kind.GIF, file="{method}.gif", option="gif"),
    Artefact(kind=Kind.FLOW, file="{method}_flow.png", option="flow"),
    Artefact(kind=Kind.FLOW_LOWER, file="{method}_flow_lower.npy", option="flow"),
    Artefact(kind=Kind.FLOW_UPPER, file="{method}_flow_upper.npy", option="flow"),
)


class PanelKind(StrEnum):
    """How the rating page shows a picture."""

    XRAY = "xray"
    MAP = "map"
    PLAYER = "player"
    CURVE = "curve"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture of the rating page, in a clinician's words, and the file that a reader gets for it.

    `asset` is the file's name in the reader's addresses, `made_of` the kinds of the stored files behind it, which are
    those of `method` (none for the X-ray itself). `legend` ends the sentence on what is red.
    """

    kind: PanelKind
    key: str
    asset: str
    made_of: tuple[Kind, ...]
    title: str
    explanation: str
    legend: str = ""
    method: str = ""


XRAY = Panel(
    kind=PanelKind.XRAY,
    key="xray",
    asset="xray.png",
    made_of=(Kind.XRAY,),
    title=_("X-ray"),
    explanation=_(
        "The chest X-ray, cropped to the square that the model is given; the model sees it at a lower resolution. It "
        "has no other information about the patient."
    ),
)
#: The same X-ray where it has more than 8 bits.
DEEP_XRAY = replace(XRAY, asset="xray.gz", made_of=(Kind.DEEP,))


def map_panel(method: str, *, title: str, explanation: str, legend: str = _("that count most")) -> Panel:
    """A method's map, whose largest values the page marks in red.

    A reader gets how high each pixel ranks, which is made of the raw map and of the overlay that marks the same.
    """
    return Panel(
        kind=PanelKind.MAP,
        key=method,
        asset=f"{method}.png",
        made_of=(Kind.RAW, Kind.OVERLAY),
        title=title,
        explanation=explanation,
        legend=legend,
        method=method,
    )
