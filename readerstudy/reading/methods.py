"""What a reader is told about each explanation method: name, two sentences for a clinician, what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RED = "Red: the 5% of pixels that count most"


@dataclass(frozen=True)
class Method:
    """A method in a clinician's words."""

    key: str
    name: str
    explanation: str
    legend: str = RED


@dataclass(frozen=True)
class Panel:
    """One picture of the rating page, in the order shown; a player has frames instead of a still picture."""

    asset: str
    title: str
    explanation: str
    legend: str
    player: bool = False


XRAY = Panel(
    asset="xray.png",
    title="X-ray",
    explanation=(
        "The chest X-ray as the model sees it: cropped to a square and reduced to the model's resolution. "
        "The model has no other information about the patient."
    ),
    legend="Without any marking",
)
METHODS = {
    method.key: method
    for method in (
        Method(
            "input_gradient",
            "Input gradient",
            "For every pixel, this measures how strongly the prediction would react if that pixel became slightly "
            "brighter or darker. Red marks where the reaction is strongest, whichever way it goes.",
        ),
        Method(
            "guided_backprop",
            "Guided backprop",
            "Like the input gradient, but on the way back through the model only signals that speak for the prediction "
            "are passed on. This gives a cleaner picture; red marks where what is left is strongest.",
        ),
        Method(
            "integrated_gradients",
            "Integrated gradients",
            "The X-ray is faded in step by step from a blank image, and each pixel's influence on the prediction is "
            "added up on the way. Red marks the pixels that contributed most.",
        ),
        Method(
            "iterative_delete",
            "Iterative delete",
            "The pixels that the prediction reacts to most are blanked out and the model looks again, many times over, "
            "so that it also has to show what else it relies on. Red marks where it reacted most on average.",
        ),
        Method(
            "latent_shift",
            "Latent Shift map",
            "A second model redraws the X-ray so that the prediction rises and falls, as in the animation. Red marks "
            "where the redrawn images differ most: what would have to change for the model to change its mind.",
            "Red: the 5% of pixels that change most",
        ),
    )
}
COUNTERFACTUAL = Panel(
    asset="filmstrip.png",
    title="Counterfactual",
    explanation=(
        "The same X-ray redrawn with less and with more of what the model takes for this finding; watch what appears "
        "and disappears. The images are simulated by a second model, which may blur fine detail or change it."
    ),
    legend="",
    player=True,
)


def described(keys: Iterable[str]) -> list[Method]:
    """The methods of these keys, each once, in order."""
    return [METHODS[key] for key in dict.fromkeys(keys)]


def panels(keys: Sequence[str]) -> list[Panel]:
    """The X-ray, then the arm's pictures in the protocol's order; Latent Shift brings its animation."""
    found = [XRAY]
    for method in described(keys):
        found.append(Panel(f"{method.key}.png", method.name, method.explanation, method.legend))
        if method.key == "latent_shift":
            found.append(COUNTERFACTUAL)
    return found
