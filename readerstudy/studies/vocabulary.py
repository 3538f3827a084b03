"""The vocabulary of a study's labels: its targets, what its classifier predicts, the standard names, its synonyms."""

import json
import tomllib
from pathlib import Path
from typing import Any

from django.conf import settings

from explainer.catalogue.findings import Vocabulary, folded, vocabulary
from readerstudy.studies.models import Study


def vocabulary_of(study: Study) -> Vocabulary:
    """Which texts stand for which finding in this study; a target's own spelling is the finding's name."""
    synonyms = {folded(text) for text in study.synonyms}
    predicted = [name for name in classifier_targets(study.classifier) if folded(name) not in synonyms]
    return vocabulary((*study.targets, *predicted), study.synonyms)


def classifier_targets(classifier: str) -> tuple[str, ...]:
    """What a classifier predicts, as far as a description beside it tells without loading it.

    None are told of released classifiers, whose targets are standard names, nor where the description lies on another
    machine than this.
    """
    pairs = (Path(settings.MODELS_DIR) / classifier / "pair.json", Path(classifier) / "pair.json")
    targets: Any = ()
    if pair := next((path for path in pairs if path.is_file()), None):
        targets = json.loads(pair.read_text(encoding="utf-8")).get("classifier", {}).get("targets", ())
    elif classifier.endswith(".toml") and Path(classifier).is_file():
        targets = tomllib.loads(Path(classifier).read_text(encoding="utf-8")).get("targets", ())
    return tuple(str(target) for target in targets)
