"""Input gradient: how strongly the prediction reacts to each pixel."""

from __future__ import annotations

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.words import gettext_noop as _

METHOD = Method(
    key="input_gradient",
    title="Input gradient",
    paper=Paper(
        "Simonyan, Vedaldi and Zisserman",
        2014,
        "Deep inside convolutional networks: visualising image classification models and saliency maps",
        "https://arxiv.org/abs/1312.6034",
    ),
    panels=(
        map_panel(
            "input_gradient",
            title=_("Input gradient"),
            explanation=_(
                "For every pixel, this measures how strongly the prediction would react if that pixel became slightly "
                "brighter or darker. Red marks where the reaction is strongest, whichever way it goes."
            ),
        ),
    ),
)
