"""The names of doubts about a picture, and what they say to a person."""

from __future__ import annotations

from enum import StrEnum


class Doubt(StrEnum):
    """Names of doubts, as they are stored, printed and exported; `sentence` says them to a person."""

    LATERAL = "lateral"
    VIEW = "view"
    MODALITY = "modality"
    BODY_PART = "body_part"
    FOR_PROCESSING = "for_processing"
    BLANK = "blank"
    SATURATED = "saturated"
    NOISE = "noise"
    FEW_GREYS = "few_greys"
    INVERTED = "inverted"
    TURNED = "turned"
    UNLIKE = "unlike"
    TWO_VIEWS = "two_views"
    SHAPE = "shape"
    TEXT = "text"
    COLOUR = "colour"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Doubt.LATERAL: "It is said to be a lateral view; the classifiers know frontal views.",
    Doubt.VIEW: "Its view is none that is known as frontal (PA, AP).",
    Doubt.MODALITY: "Its header says that it is no radiograph (CR, DX): it may be CT, MR or a screenshot.",
    Doubt.BODY_PART: "Its header names another part of the body than the chest.",
    Doubt.FOR_PROCESSING: "Its header says that it is stored for processing: it is not as its device would show it.",
    Doubt.BLANK: "It is nearly blank: next to nothing of the range from black to white is used.",
    Doubt.SATURATED: "Much of its middle is fully black or fully white: what was there is lost.",
    Doubt.NOISE: "It looks like noise: neighbouring pixels have little in common.",
    Doubt.FEW_GREYS: "It has very few shades of grey: fine structures are lost.",
    Doubt.INVERTED: "It looks inverted: air seems white and bone black.",
    Doubt.TURNED: "It looks turned on its side or upside down.",
    Doubt.UNLIKE: "It does not look like a frontal chest radiograph: a lateral, another part, another kind of picture?",
    Doubt.TWO_VIEWS: "There seem to be two pictures on one film.",
    Doubt.SHAPE: "It is much longer than wide, or much wider than long.",
    Doubt.TEXT: "There is more text on it than the usual side markers: it may name the patient.",
    Doubt.COLOUR: "Parts of it are coloured: somebody may have drawn on it.",
}
