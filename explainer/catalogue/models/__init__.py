"""What is known of models before one is loaded: which there are, and what a classifier predicts. Loads no torch.

Each source of models has a listing here, and what loads them in `explainer.sources`.
"""

from __future__ import annotations

import re
from pathlib import Path

from explainer.catalogue.models.descriptions import DESCRIPTIONS
from explainer.catalogue.models.functions import FUNCTIONS
from explainer.catalogue.models.listing import Kind, Listing
from explainer.catalogue.models.pairs import PAIRS
from explainer.catalogue.models.released import NO_CLASSIFIERS, RELEASED
from explainer.errors import UnknownModelError

#: In the order in which they are asked: a folder on somebody's disk does not take a released model's name.
LISTINGS: tuple[Listing, ...] = (RELEASED, DESCRIPTIONS, FUNCTIONS, PAIRS)
_RESIZED = re.compile(r"(.+)@([1-9]\d{0,3})")


def identifiers(kind: Kind) -> tuple[str, ...]:
    """Identifiers of classifiers or autoencoders that hold everywhere, the shipped ones first."""
    return tuple(identifier for listing in reversed(LISTINGS) for identifier in listing.identifiers(kind))


def listing_of(kind: Kind, id_or_path: str) -> Listing:
    """The source that a model belongs to. Raises UnknownModelError where there is no such model."""
    for listing in LISTINGS:
        if listing.has(kind, id_or_path):
            return listing
    if kind == "classifier" and id_or_path in NO_CLASSIFIERS:
        raise UnknownModelError(f"{id_or_path} is not offered as a classifier: {NO_CLASSIFIERS[id_or_path]}.")
    *namings, last = (listing.naming for listing in LISTINGS if listing.naming)
    end = "." if kind == "classifier" else "; each with @SIZE for images of another size."
    known = ", ".join((*identifiers(kind), *namings))
    raise UnknownModelError(f"There is no {kind} '{id_or_path}'. Known: {known}, or {last}{end}")


def without_size(id_or_path: str) -> tuple[str, int | None]:
    """An autoencoder's identifier without `@SIZE`, and that size; None where the autoencoder keeps its own."""
    resized = _RESIZED.fullmatch(id_or_path)
    if resized is None or Path(id_or_path).exists():
        return id_or_path, None
    return resized[1], int(resized[2])


def classifier_targets(id_or_path: str) -> tuple[str, ...] | None:
    """What a classifier predicts; None where only the code of a `module:function` knows.

    Raises UnknownModelError where there is no such classifier, and ModelDescriptionError or WeightsError for a
    description or a pair that cannot be read.
    """
    return listing_of("classifier", id_or_path).targets(id_or_path)


def check_autoencoder(id_or_path: str) -> None:
    """Raise UnknownModelError where there is no such autoencoder, and as `classifier_targets` does."""
    name, _ = without_size(id_or_path)
    listing_of("autoencoder", name).check_autoencoder(name)
