"""What a reader is told about each explanation method: name, two sentences for a clinician, what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.translation import gettext_noop as _  # templates translate what stands here

RED = _("that count most")


@dataclass(frozen=True)
class Method:
    """A method in a clinician's words."""

    key: str
    name: str
    explanation: str
    legend: str = RED


class Kind(StrEnum):
    """What a panel shows."""

    XRAY = "xray"
    MAP = "map"
    PLAYER = "player"
    CURVE = "curve"


@dataclass(frozen=True)
class Panel:
    """One picture of the rating page, in the order shown; `legend` ends the sentence on what is red."""

    kind: Kind
    key: str
    asset: str
    title: str
    explanation: str
    legend: str = ""


XRAY = Panel(
    Kind.XRAY,
    key="xray",
    asset="xray.png",
    title=_("X-ray"),
    explanation=_(
        "The chest X-ray, cropped to the square that the model is given; the model sees it at a lower resolution. It "
        "has no other information about the patient."
    ),
)
METHODS = {
    method.key: method
    for method in (
        Method(
            "input_gradient",
            _("Input gradient"),
            _(
                "For every pixel, this measures how strongly the prediction would react if that pixel became slightly "
                "brighter or darker. Red marks where the reaction is strongest, whichever way it goes."
            ),
        ),
        Method(
            "guided_backprop",
            _("Guided backprop"),
            _(
                "Like the input gradient, but on the way back through the model only signals that speak for the "
                "prediction are passed on. This gives a cleaner picture; red marks where what is left is strongest."
            ),
        ),
        Method(
            "integrated_gradients",
            _("Integrated gradients"),
            _(
                "The X-ray is faded in step by step from a blank image, and each pixel's influence on the prediction "
                "is added up on the way. Red marks the pixels that contributed most."
            ),
        ),
        Method(
            "iterative_delete",
            _("Iterative delete"),
            _(
                "The pixels that the prediction reacts to most are blanked out and the model looks again, many times "
                "over, so that it also has to show what else it relies on. Red marks where it reacted most on average."
            ),
        ),
        Method(
            "latent_shift",
            _("Latent Shift map"),
            _(
                "A second model redraws the X-ray so that the prediction rises and falls, as in the animation. Red "
                "marks where the redrawn images differ most: what would have to change for the model to change its "
                "mind."
            ),
            _("that change most"),
        ),
    )
}
COUNTERFACTUAL = Panel(
    Kind.PLAYER,
    key="counterfactual",
    asset="filmstrip.png",
    title=_("Counterfactual"),
    explanation=_(
        "The same X-ray redrawn with less and with more of what the model takes for this finding; watch what appears "
        "and disappears. The images are simulated by a second model, which may blur fine detail or change it."
    ),
)
CURVE = Panel(
    Kind.CURVE,
    key="curve",
    asset="curve.json",
    title=_("Prediction curve"),
    explanation=_(
        "What the model predicts for each image of the counterfactual. Lambda says how far an image was changed: at 0 "
        "it is redrawn without a change, to the left and right with less and with more of the finding. Click on the "
        "curve to see the image there."
    ),
)


def described(keys: Iterable[str]) -> list[Method]:
    """The methods of these keys, each once, in order."""
    return [METHODS[key] for key in dict.fromkeys(keys)]


def panels(keys: Sequence[str], *, deep: bool = False) -> list[Panel]:
    """The X-ray, then the arm's pictures in the protocol's order; Latent Shift brings its animation and its curve.

    `deep` where the X-ray has more than 8 bits.
    """
    found = [replace(XRAY, asset="xray.gz") if deep else XRAY]
    for method in described(keys):
        found.append(Panel(Kind.MAP, method.key, f"{method.key}.png", method.name, method.explanation, method.legend))
        if method.key == "latent_shift":
            found += [COUNTERFACTUAL, CURVE]
    return found
