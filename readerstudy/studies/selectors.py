"""Reads about a study that span tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Exists, OuterRef, QuerySet

from readerstudy.lib.media import media_path
from readerstudy.studies.drawing import arm_codes
from readerstudy.studies.models import Annotation, Arm, Case, Image, Prediction, Study

LABELS = (Case.Label.TRUE_POSITIVE, Case.Label.FALSE_POSITIVE)


@dataclass(frozen=True)
class ImageToScore:
    """An image as the classifier needs it."""

    image_id: int
    path: Path


@dataclass(frozen=True)
class ScoreBatch:
    """Images still to be scored, with what to score them."""

    study_id: int
    classifier: str
    targets: tuple[str, ...]
    images: tuple[ImageToScore, ...]


@dataclass(frozen=True)
class Candidate:
    """An image that could become a case of one target."""

    image_id: int
    sha256: str
    patient: str
    score: float
    annotated: bool


@dataclass(frozen=True)
class Cell:
    """How many cases of one target and label there can be, are asked for, and are chosen."""

    target: str
    label: str
    wanted: int
    available: int
    selected: int


@dataclass(frozen=True)
class ScoreProgress:
    """How far scoring is."""

    images: int
    scored: int
    failed: int


def images_without_score(study: Study) -> QuerySet[Image]:
    """Images of the study that its classifier has not scored."""
    scored = Prediction.objects.filter(image=OuterRef("pk"), classifier=study.classifier, target__in=study.targets)
    return study.images.exclude(file="").filter(~Exists(scored))


def images_to_score(study_id: int, image_ids: Iterable[int]) -> ScoreBatch:
    """Of these images, those that still need a score; none where the batch was done before."""
    study = Study.objects.get(pk=study_id)
    rows = images_without_score(study).filter(pk__in=list(image_ids)).order_by("pk").values_list("pk", "file")
    images = tuple(ImageToScore(pk, media_path(file)) for pk, file in rows)
    return ScoreBatch(study.pk, study.classifier, tuple(study.targets), images)


def score_progress(study: Study) -> ScoreProgress:
    """How many images there are, are scored, and could not be."""
    images = study.images.exclude(file="").count()
    waiting = images_without_score(study)
    return ScoreProgress(images, images - waiting.count(), waiting.exclude(score_error="").count())


def candidates(study: Study) -> dict[tuple[str, str], list[Candidate]]:
    """Target and label -> images that could be a case, in an order that no database decides.

    An image counts where the classifier's score of the target is above the study's threshold, and neither the
    classifier nor the autoencoder was developed on it. It is a true positive where the target is among its labels.
    """
    models = {study.classifier, study.autoencoder}
    annotated = set(Annotation.objects.filter(image__study=study).values_list("image_id", "finding"))
    found: dict[tuple[str, str], list[Candidate]] = {
        (target, label): [] for target in study.targets for label in LABELS
    }
    rows = (
        Prediction.objects.filter(
            image__study=study, classifier=study.classifier, target__in=study.targets, score__gt=study.threshold
        )
        .exclude(image__file="")
        .order_by("image__sha256", "target")
        .values_list(
            "target", "score", "image_id", "image__sha256", "image__patient", "image__findings",
            "image__used_in_development_of",
        )
    )  # fmt: skip
    for target, score, image_id, sha256, patient, findings, developed in rows:
        if models.intersection(developed):
            continue
        label = Case.Label.TRUE_POSITIVE if target in findings else Case.Label.FALSE_POSITIVE
        candidate = Candidate(image_id, sha256, patient, score, (image_id, target) in annotated)
        found[target, label].append(candidate)
    return found


def selection_table(study: Study) -> list[Cell]:
    """Per target and label: asked for, available, selected."""
    found = candidates(study)
    chosen = Counter(study.cases.studied().values_list("target", "label"))
    return [
        Cell(target, label, study.cases_per_cell, len(found[target, label]), chosen[target, label])
        for target in study.targets
        for label in LABELS
    ]


def excluded_for_development(study: Study) -> int:
    """How many images selection leaves out because the study's models were developed on them."""
    models = {study.classifier, study.autoencoder}
    used: Sequence[list[str]] = list(study.images.values_list("used_in_development_of", flat=True))
    return sum(bool(models.intersection(names)) for names in used)


def masked_arms(study: Study) -> dict[str, Arm]:
    """Code -> arm, in the order of the codes: how the study's arms are known to who is blind to them.

    Which arm has which was drawn from the study's key; neither their order nor anything public tells it.
    """
    arms = {arm.key: arm for arm in study.arms.all()}
    return {code: arms[key] for code, key in arm_codes({key: arm.mask for key, arm in arms.items()}).items()}
