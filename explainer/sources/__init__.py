"""Where models come from: an identifier belongs to one source, which loads its classifier or its autoencoder.

Another source is a listing among those of `explainer.catalogue.models`, and a module here with its `SOURCE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from explainer.autoencoders import resized
from explainer.catalogue.models import listing_of, without_size
from explainer.sources import from_description, from_function, from_pair, from_release

if TYPE_CHECKING:
    from explainer.autoencoders import Autoencoder
    from explainer.catalogue.models.listing import Kind
    from explainer.catalogue.parameters import Scoring
    from explainer.classifiers import Classifier
    from explainer.sources.source import Source

SOURCES: tuple[Source, ...] = (
    from_release.SOURCE,
    from_description.SOURCE,
    from_function.SOURCE,
    from_pair.SOURCE,
)


def load_classifier(id_or_path: str, device: str = "cpu", *, scoring: Scoring = "calibrated") -> Classifier:
    """Classifier by identifier, ready for inference on `device`.

    An identifier is one of `catalogue.models.identifiers`, the path of a pair folder, the path of a description
    (`model.toml`), or `module:function` for a function that returns a Classifier; docs/models.md tells how to bring a
    model of one's own.

    Raises UnknownModelError for an unknown identifier, and as `Source` says.
    """
    return _source("classifier", id_or_path).classifier(id_or_path, device, scoring)


def load_autoencoder(id_or_path: str, device: str = "cpu") -> Autoencoder:
    """Autoencoder by identifier, ready for inference on `device`; identifiers and errors as of `load_classifier`.

    With `@SIZE` at its end, as in `xrv-vqgan-768-sd@224`, the autoencoder serves classifiers of that size: images are
    resized before `encode` and after `decode`.
    """
    name, size = without_size(id_or_path)
    autoencoder = _source("autoencoder", name).autoencoder(name, device)
    return autoencoder if size is None else resized(autoencoder, size)


def _source(kind: Kind, id_or_path: str) -> Source:
    listing = listing_of(kind, id_or_path)
    return next(source for source in SOURCES if source.listing is listing)
