"""Corrections of an image's facts: they replace what stands until somebody reads the image, and are recorded always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from explainer.catalogue.findings import State
from readerstudy.accounts.models import User
from readerstudy.lib.texts import unstorable
from readerstudy.studies.actions import Action
from readerstudy.studies.image_files import picture_doubts
from readerstudy.studies.models import Annotation, Case, Correction, Image, Label, Study, correction_text
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError

Field, Outcome = Correction.Field, Correction.Outcome
Decision = Literal["", "keep", "exclude"]
#: A box {x, y, width, height} in pixels of the stored image, or {mask}, the name of a stored mask.
Drawing = Mapping[str, float | str]
FACTS = (Field.PATIENT, Field.AGE, Field.SEX, Field.VIEW, Field.DATASET)
_REASON_LENGTH = 500


@dataclass(frozen=True)
class Facts:
    """What is said of an image: facts by field, states by finding, and all that experts drew of a finding."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, Sequence[Drawing]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A fact of which something else is said than what is stored."""

    field: str
    finding: str
    before: Any
    after: Any

    def __str__(self) -> str:
        before, after = correction_text(self.before), correction_text(self.after)
        if self.field == Field.DRAWN:
            return f"{self.finding} has {before}, here {after}"
        return f"{self.finding if self.field == Field.LABEL else self.field} {before}, here {after}"


@dataclass(frozen=True)
class CorrectionOrder:
    """That differences are to be corrected: why, what becomes of cases that were begun, by whom and when."""

    reason: str
    now: datetime
    decision: Decision = ""
    actor: User | None = None


def changes_of(image: Image, said: Facts, labels: Mapping[str, str] | None = None) -> list[Change]:
    """Where something else is said of an image than what is stored, but for what was corrected and kept before.

    `labels` are those that are stored, where they are at hand.
    """
    if labels is None:
        labels = dict(image.labels.values_list("finding", "state"))
    drawn = drawings_of(image) if said.drawn else {}
    found = [
        *(Change(name, "", getattr(image, name), after) for name, after in said.facts.items()),
        *(
            Change(Field.LABEL.value, finding, labels.get(finding, State.NOT_ASSESSED.value), str(after))
            for finding, after in said.labels.items()
        ),
        *(Change(Field.DRAWN.value, finding, drawn.get(finding, []), list(one)) for finding, one in said.drawn.items()),
    ]
    changes = [change for change in found if not _same(change)]
    kept = (
        [(one.field, one.finding, one.after) for one in image.corrections.filter(outcome=Outcome.KEPT)]
        if changes
        else []
    )
    return [change for change in changes if (change.field, change.finding, change.after) not in kept]


def drawings_of(image: Image) -> dict[str, list[Drawing]]:
    """Finding -> what experts drew of it."""
    found: dict[str, list[Drawing]] = {}
    for one in image.annotations.order_by("pk"):
        found.setdefault(one.finding, []).append(_drawing(one))
    return found


@transaction.atomic
def image_correct(*, image: Image, said: Facts, order: CorrectionOrder) -> list[Correction]:
    """Correct what is stored of an image where `said` differs; returns the corrections, none where nothing differs.

    Until a reading of the image has begun, what is said replaces what was. A correction that changes the truth of a
    selected case makes the selection outdated while the study is being prepared. Once a reading has begun, or where
    readers have been given a case whose truth would change, `order.decision` must say what becomes of the cases: with
    "keep" the image stays as it was read and the correction is only recorded, with "exclude" the cases are in no
    analysis. What experts drew of a finding goes where the finding is not positive any more.

    Raises StudyError where there is no reason, where a decision is needed, and for a drawing of what is not positive.
    """
    study = Study.objects.select_for_update().get(pk=image.study_id)
    image = Image.objects.select_for_update().get(pk=image.pk)
    reason = order.reason.strip()
    if not reason or len(reason) > _REASON_LENGTH or unstorable(reason):
        raise StudyError(f"Say why {image.name} is corrected, in up to {_REASON_LENGTH} characters.")
    changes = changes_of(image, said)
    changes += _undrawn(image, changes)
    if not changes:
        return []
    cases = list(study.cases.filter(image=image))
    outcome = _outcome(study, image, cases, changes, order.decision)
    if outcome != Outcome.KEPT:
        _apply(image, changes)
    if outcome == Outcome.EXCLUDED:
        Case.objects.filter(pk__in=[case.pk for case in cases]).update(excluded_because=reason)
    if study.status == Study.Status.DRAFT and outcome == Outcome.REPLACED and _touches_truth(cases, changes):
        selection_outdate(study, f"{image.name} was corrected: {'; '.join(map(str, changes))}")
    made = Correction.objects.bulk_create(
        Correction(
            study=study,
            image=image,
            field=change.field,
            finding=change.finding,
            before=change.before,
            after=change.after,
            outcome=outcome,
            reason=reason,
            actor=order.actor,
            at=order.now,
        )
        for change in changes
    )
    detail = {
        "image": image.name,
        "fields": [f"{change.field} {change.finding}".strip() for change in changes],
        "outcome": outcome,
        "reason": reason,
    }
    audit(study=study, actor=order.actor, action=Action.IMAGE_CORRECTED, detail=detail, now=order.now)
    return made


def selection_outdate(study: Study, reason: str) -> None:
    """Remember why the cases must be selected again."""
    Study.objects.filter(pk=study.pk).update(selection_outdated=reason[:_REASON_LENGTH])


def drawings_store(image: Image, finding: str, drawings: Sequence[Drawing]) -> int:
    """Add what an expert drew of a finding, of which nothing was stored; returns how many drawings are new."""
    made = Annotation.objects.bulk_create(Annotation(image=image, finding=finding, **drawing) for drawing in drawings)
    return len(made)


def _outcome(
    study: Study, image: Image, cases: Sequence[Case], changes: Sequence[Change], decision: str
) -> Correction.Outcome:
    begun = study.cases.filter(image=image, readings__opened_at__isnull=False).distinct().count()
    given = study.status != Study.Status.DRAFT and _touches_truth(cases, changes)
    if not begun and not given:
        return Outcome.REPLACED
    if decision == "keep":
        return Outcome.KEPT
    if decision == "exclude":
        return Outcome.EXCLUDED
    numbers = " and ".join(str(case.number) for case in cases)
    why = "has been read, or begun" if begun else "has been given to readers, and its truth would change"
    raise StudyError(
        f"{image.name} is case {numbers}, which {why}. Say whether it is kept as it was read (--keep) or left out of "
        "the analysis (--exclude). Nothing was corrected."
    )


def _touches_truth(cases: Sequence[Case], changes: Sequence[Change]) -> bool:
    """Whether a change concerns what a case's label, patient or overlap is made of."""
    targets = {case.target for case in cases}
    return bool(targets) and any(change.field == Field.PATIENT or change.finding in targets for change in changes)


def _undrawn(image: Image, changes: Sequence[Change]) -> list[Change]:
    """What goes because its finding is not there any more. Raises StudyError for what is drawn of no finding."""
    drawn = drawings_of(image)
    states = dict(image.labels.values_list("finding", "state")) | {
        change.finding: change.after for change in changes if change.field == Field.LABEL
    }
    redrawn = {change.finding: change.after for change in changes if change.field == Field.DRAWN}
    for finding, after in redrawn.items():
        if after and states.get(finding) != State.POSITIVE:
            state = states.get(finding, State.NOT_ASSESSED.value)
            raise StudyError(f"{finding} is {state} on {image.name}, so that nothing of it can be drawn there.")
    return [
        Change(Field.DRAWN, finding, before, [])
        for finding, before in drawn.items()
        if finding not in redrawn and states.get(finding) != State.POSITIVE
    ]


def _apply(image: Image, changes: Sequence[Change]) -> None:
    for change in changes:
        if change.field == Field.LABEL:
            Label.objects.update_or_create(image=image, finding=change.finding, defaults={"state": change.after})
        elif change.field == Field.DRAWN:
            image.annotations.filter(finding=change.finding).delete()
            drawings_store(image, change.finding, change.after)
        else:
            setattr(image, change.field, change.after)
    if facts := [change.field for change in changes if change.field in FACTS]:
        image.save(update_fields=facts)
    if Field.VIEW in facts and not image.decision:  # another view is another doubt, or none
        image.doubts = picture_doubts(image.file, technical=image.technical, view=image.view, known=image.doubts)
        image.save(update_fields=["doubts"])


def _drawing(annotation: Annotation) -> Drawing:
    if annotation.mask:
        return {"mask": annotation.mask}
    box = {"x": annotation.x, "y": annotation.y, "width": annotation.width, "height": annotation.height}
    return {name: value for name, value in box.items() if value is not None}


def _same(change: Change) -> bool:
    if change.field != Field.DRAWN:
        return bool(change.before == change.after)
    return _rounded(change.before) == _rounded(change.after)


def _rounded(drawings: Sequence[Drawing]) -> set[tuple[tuple[str, Any], ...]]:
    """Drawings to a tenth of a pixel, in no order: a box that was written with fewer digits is the same."""
    return {
        tuple((name, value if isinstance(value, str) else round(value, 1)) for name, value in sorted(one.items()))
        for one in drawings
    }
