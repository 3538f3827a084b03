"""Guided backpropagation: the gradient of which every rectifier passes on only what is positive."""

from __future__ import annotations

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.words import gettext_noop as _

METHOD = Method(
    key="guided_backprop",
    title="Guided backprop",
    paper=Paper(
        "Springenberg, Dosovitskiy, Brox and Riedmiller",
        2015,
        "Striving for simplicity: the all convolutional net",
        "https://arxiv.org/abs/1412.6806",
    ),
    panels=(
        map_panel(
            "guided_backprop",
            title=_("Guided backprop"),
            explanation=_(
                "Like the input gradient, but on the way back through the model only signals that speak for the "
                "prediction are passed on. This gives a cleaner picture; red marks where what is left is strongest."
            ),
        ),
    ),
)
