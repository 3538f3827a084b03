"""What a source of models can say of them before one is loaded. Loads no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

Kind = Literal["classifier", "autoencoder"]


class Listing(ABC):
    """The models of one source: which there are, what a classifier predicts, whether an autoencoder can be used."""

    #: How models that `identifiers` does not name are named, in words; empty if it names all.
    naming: ClassVar[str]

    @abstractmethod
    def identifiers(self, kind: Kind) -> tuple[str, ...]:
        """Identifiers that hold on every machine."""

    @abstractmethod
    def has(self, kind: Kind, id_or_path: str) -> bool:
        """Whether this source is the one that the identifier belongs to; the other methods are for such identifiers."""

    @abstractmethod
    def targets(self, id_or_path: str) -> tuple[str, ...] | None:
        """What a classifier predicts, in the order of its outputs; None where only its code knows.

        Raises UnknownModelError, ModelDescriptionError or WeightsError where a file that says so cannot be read.
        """

    @abstractmethod
    def check_autoencoder(self, id_or_path: str) -> None:
        """Raise as `targets` does where an autoencoder is described wrongly."""
