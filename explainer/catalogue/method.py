"""What a method of explanation is to everybody: one object with its words, settings and files. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from explainer.catalogue.artefacts import MAP_ARTEFACTS, PanelKind

if TYPE_CHECKING:
    from explainer.catalogue.artefacts import Artefact, Panel


@dataclass(frozen=True)
class Paper:
    """Where a method was published."""

    authors: str
    year: int
    title: str
    url: str


@dataclass(frozen=True)
class NoSettings:
    """There is nothing to set."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of explanation.

    `key` is its name in protocols, commands and files, and that of its modules in `explainer.catalogue.methods` and
    `explainer.methods`; `title`, its name in a sentence. `settings`: a frozen dataclass whose fields are made with
    `explainer.catalogue.settings.setting`. `needs_autoencoder`; `tells_prediction`, whether what a reader sees gives
    the prediction away; `scored`, whether its map is compared with an expert's annotation (IoU). `artefacts`: the files
    of its result. `panels`: what a reader may see, its map first; whatever is not said here is withheld.
    """

    key: str
    title: str
    paper: Paper
    settings: type[Any] = NoSettings
    needs_autoencoder: bool = False
    tells_prediction: bool = False
    scored: bool = True
    artefacts: tuple[Artefact, ...] = MAP_ARTEFACTS
    panels: tuple[Panel, ...]

    @cached_property
    def files(self) -> tuple[Artefact, ...]:
        """The artefacts under the names that they have for this method."""
        return tuple(artefact.of(self.key) for artefact in self.artefacts)

    @property
    def without_autoencoder(self) -> str:
        """What is said of a request that names none although the method needs one."""
        return f"{self.title} needs an autoencoder: name one, or leave this method out."

    @property
    def map_panel(self) -> Panel | None:
        """How the rating page shows the map, and tells what the method does; None for a map that is withheld."""
        return next((panel for panel in self.panels if panel.kind == PanelKind.MAP), None)
