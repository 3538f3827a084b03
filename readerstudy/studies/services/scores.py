"""Predictions of the study's classifier: asked for in batches, stored once however often a batch is run."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from readerstudy.lib.queue import SCORE_IMAGE_BATCH, send_on_commit
from readerstudy.studies.models import Prediction, Study
from readerstudy.studies.selectors import images_without_score
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError

BATCH = 32


@transaction.atomic
def scores_request(*, study: Study, now: datetime) -> int:
    """Send tasks that score every image without a score; returns how many images that is."""
    if not study.images.exclude(file="").exists():
        raise StudyError(f"{study.slug} has no images. Import some first: study_import {study.slug} --images ... .")
    wanted = list(images_without_score(study).order_by("pk").values_list("pk", flat=True))
    study.images.filter(pk__in=wanted).update(score_error="")
    for start in range(0, len(wanted), BATCH):
        send_on_commit(SCORE_IMAGE_BATCH, [study.pk, wanted[start : start + BATCH]])
    audit(study=study, actor=None, action="scores_request", detail={"images": len(wanted)}, now=now)
    return len(wanted)


@transaction.atomic
def scores_store(
    *,
    study_id: int,
    classifier: str,
    weights_sha256: str,
    rows: Sequence[tuple[int, Mapping[str, float]]],
    now: datetime,
) -> int:
    """Store scores by image and target; what is stored already stays. Returns how many are new.

    Raises StudyError for an image of another study, for the same classifier with other weights than before, and where
    scores of a target of the study are missing: one study has one classifier.
    """
    study = Study.objects.get(pk=study_id)
    known = set(study.images.filter(pk__in=[image for image, _ in rows]).values_list("pk", flat=True))
    if strangers := [image for image, _ in rows if image not in known]:
        raise StudyError(f"Images {strangers} are not of study {study.slug}.")
    stored = Prediction.objects.filter(image__study=study, classifier=classifier)
    if other := stored.exclude(weights_sha256=weights_sha256).values_list("weights_sha256", flat=True).first():
        raise StudyError(
            f"{study.slug} has scores of {classifier} with weights {other[:12]}, and these come from "
            f"{weights_sha256[:12]}. Make a new study for other weights."
        )
    if missing := sorted({target for _, scores in rows for target in study.targets if target not in scores}):
        raise StudyError(f"{classifier} has no score for {', '.join(missing)}. Choose targets that it knows.")
    before = stored.count()
    Prediction.objects.bulk_create(
        (
            Prediction(
                image_id=image,
                classifier=classifier,
                weights_sha256=weights_sha256,
                target=target,
                score=float(score),
                created_at=now,
            )
            for image, scores in rows
            for target, score in scores.items()
        ),
        ignore_conflicts=True,
        batch_size=1000,
    )
    study.images.filter(pk__in=known).exclude(score_error="").update(score_error="")
    return stored.count() - before


def scores_fail(*, study_id: int, image_ids: Sequence[int], error: str, now: datetime) -> None:  # noqa: ARG001
    """Remember why these images could not be scored, so that nobody waits for them; asking again clears it."""
    study = Study.objects.get(pk=study_id)
    images_without_score(study).filter(pk__in=image_ids).update(score_error=error[:2000] or "no reason given")
