"""Marks images on which a model was developed: they must never become cases of a study of that model."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from readerstudy.studies.models import Image, Study


class DevelopmentError(Exception):
    """A model's description that cannot be read: without it, nobody knows whose images the model has seen."""


@dataclass(frozen=True)
class Development:
    """Whose images a model was trained or calibrated on, by patient in the image's name or by the file itself."""

    model: str
    pattern: re.Pattern[str] | None
    patients: frozenset[str]
    sha256: frozenset[str]

    def used(self, image: Image) -> bool:
        if image.sha256 and image.sha256 in self.sha256:
            return True
        match = self.pattern.search(Path(image.name).name) if self.pattern else None
        return match is not None and match.group(1) in self.patients


def development_mark(*, study: Study) -> int:
    """Write into each image of the study which models were developed on it; returns how many images changed.

    Looks at the models that come with the project and at those of the study that are folders. Import and selection call
    it, so that a model that came later counts too. Raises DevelopmentError.
    """
    developments = [_read(path, name) for name, path in _descriptions(study).items()]
    changed = []
    for image in study.images.iterator():
        models = sorted(development.model for development in developments if development.used(image))
        if models != image.used_in_development_of:
            image.used_in_development_of = models
            changed.append(image)
    Image.objects.bulk_update(changed, ["used_in_development_of"], batch_size=500)
    return len(changed)


def _descriptions(study: Study) -> dict[str, Path]:
    """Model as a study names it -> its description."""
    found = {path.parent.name: path for path in sorted(Path(settings.MODELS_DIR).glob("*/pair.json"))}
    for model in (study.classifier, study.autoencoder):
        path = Path(model) / "pair.json"
        if model not in found and path.is_file():
            found[model] = path
    return found


def _read(path: Path, name: str) -> Development:
    try:
        block: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["development"]
        pattern = block.get("image_name_pattern")
        return Development(
            model=name,
            pattern=re.compile(pattern) if pattern else None,
            patients=frozenset(str(patient) for patient in block.get("patients", ())),
            sha256=frozenset(block.get("image_sha256", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise DevelopmentError(
            f"{path} does not tell on whose images {name} was developed ({error!r}). Restore the file; without it "
            "cases could be drawn from training images."
        ) from error
