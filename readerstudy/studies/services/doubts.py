"""What becomes of doubtful images: a person looks at them, and keeps or excludes them with a reason."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.lib.texts import unstorable
from readerstudy.studies.actions import Action
from readerstudy.studies.image_files import picture_doubts
from readerstudy.studies.models import Image, Study
from readerstudy.studies.services.audit import audit

REASON_LENGTH = 500
DECIDED = {Image.Decision.KEEP: Action.IMAGE_KEPT, Image.Decision.EXCLUDE: Action.IMAGE_EXCLUDED}


class DecisionError(Exception):
    """A decision that cannot be made about images; nothing was changed. The message says why and what to do."""


def images_keep(
    *, study: Study, images: Collection[Image], reason: str, now: datetime, actor: User | None = None
) -> list[Image]:
    """Let selection take these images: what was doubtful about them was looked at, or an exclusion was a mistake.

    Returns those that were not kept already. Raises DecisionError without a reason, for an image that was never in
    doubt, and once readers have cases.
    """
    undoubted = sorted(image.name for image in images if not image.doubts and not image.decision)
    if undoubted:
        raise DecisionError(f"Nothing is doubtful about {', '.join(undoubted)}: selection takes such images anyway.")
    return _decide(study, images, Image.Decision.KEEP, reason, now, actor)


def images_exclude(
    *, study: Study, images: Collection[Image], reason: str, now: datetime, actor: User | None = None
) -> list[Image]:
    """Keep these images out of selection, whether there are doubts about them or not.

    Returns those that were not excluded already. Cases that were selected of them go when cases are selected again,
    without which nothing is allocated. Raises DecisionError without a reason, and once readers have cases.
    """
    return _decide(study, images, Image.Decision.EXCLUDE, reason, now, actor)


@transaction.atomic
def doubts_examine(*, study: Study, now: datetime) -> list[Image]:
    """Look at the stored pictures again: for images that came in before there were doubts, or before they were as now.

    Images about which a person has decided keep what they have, as do those whose picture is not there. Returns the
    images of which the doubts changed. Raises DecisionError once readers have cases.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    _check_changeable(study)
    changed = []
    for image in study.images.filter(decision="").exclude(file="").order_by("name", "pk"):
        found = picture_doubts(image.file, technical=image.technical, view=image.view, known=image.doubts)
        if found != image.doubts:
            image.doubts = found
            changed.append(image)
    Image.objects.bulk_update(changed, ["doubts"], batch_size=500)
    detail = {"images": {image.name: image.doubts for image in changed}}
    audit(study=study, actor=None, action=Action.DOUBTS_EXAMINED, detail=detail, now=now)
    return changed


@transaction.atomic
def _decide(
    study: Study, images: Collection[Image], decision: Image.Decision, reason: str, now: datetime, actor: User | None
) -> list[Image]:
    study = Study.objects.select_for_update().get(pk=study.pk)
    _check_changeable(study)
    reason = " ".join(reason.split())[:REASON_LENGTH]
    if not reason or unstorable(reason):
        raise DecisionError(f"Say why the images are {decision.label}: the reason goes into the audit record.")
    rows = study.images.select_for_update().filter(pk__in=[image.pk for image in images]).order_by("name", "pk")
    changed = []
    for image in rows:
        if image.decision == decision:
            continue
        before, image.decision = image.decision, decision
        image.decision_reason, image.decided_by, image.decided_at = reason, actor, now
        image.save(update_fields=["decision", "decision_reason", "decided_by", "decided_at"])
        detail = {"image": image.name, "sha256": image.sha256, "doubts": image.doubts, "before": before}
        audit(study=study, actor=actor, action=DECIDED[decision], detail={**detail, "reason": reason}, now=now)
        changed.append(image)
    return changed


def _check_changeable(study: Study) -> None:
    if study.status != Study.Status.DRAFT:
        raise DecisionError(
            f"{study.slug} is {study.get_status_display()}: its cases are with the readers, so its images stay as they "
            "are. What is possible: correct what is wrong about one and leave its cases out of the analysis "
            f"(study_correct {study.slug} IMAGE ... --exclude), or set up another study without these images."
        )
