"""Selection: a balanced, seeded set of true and false positives out of the scored images."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import models, transaction

from readerstudy.lib.shuffling import shuffled
from readerstudy.studies.actions import Action
from readerstudy.studies.draws import NUMBERS, case_name
from readerstudy.studies.models import Case, Scoring, Study
from readerstudy.studies.selectors import (
    Candidate,
    Cell,
    candidates,
    images_left_out,
    images_without_score,
    scorings_failed,
    selection_table,
    targets_never_assessed,
    truth_table,
    unknown_findings,
)
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.development import development_mark
from readerstudy.studies.services.keys import key_draw
from readerstudy.studies.services.training import left_for_training, training_draw

_TEXTS_SHOWN = 10
Drawn = tuple[str, str, Candidate]  # target, label and image of a case


class SelectionError(Exception):
    """A selection that cannot be made; nothing was created. `cells` has the count per target and label."""

    def __init__(self, message: str, cells: Sequence[Cell] = ()) -> None:
        super().__init__(message)
        self.cells = tuple(cells)


@transaction.atomic
def cases_select(*, study: Study, now: datetime, seed: int | None = None, key: bytes | None = None) -> list[Case]:
    """Draw the study's cases: for each target, as many true as false positives.

    The draw depends on the seed (the study's own unless given), the files and the protocol alone: not on the order of
    rows in the database. An image serves one case as long as there are others; among the rest, true positives that an
    expert annotated come first where the study prefers them, then patients who have no case yet. Selecting again
    replaces cases that nobody was asked to read. Where the protocol wants training cases, they are drawn from what is
    left, numbered after the others; the study's cases are returned.

    What number a case gets is not the seed's affair: seed, protocol and code are open, and numbers are seen by people
    who must not know labels. They are drawn from a new random key (or `key`), as the allocation will be.

    Raises SelectionError where there are too few images, scores are missing, or readers have the cases already.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    _check(study)
    development_mark(study=study)
    seed = study.seed if seed is None else seed
    found = candidates(study)
    cells = selection_table(study)
    if any(cell.available < cell.wanted for cell in cells):
        raise SelectionError(_too_few(study, cells), cells)
    drawn = _draw(study, found, seed)
    practice = training_draw(
        {cell: left_for_training(found[cell], [one for _, _, one in drawn]) for cell in found},
        count=study.reading_plan.training_cases,
        seed=seed,
    )
    if len(practice) < study.reading_plan.training_cases:
        raise SelectionError(_too_little_training(study, len(practice)), cells)
    try:
        study.cases.all().delete()
    except models.ProtectedError as error:
        raise SelectionError(f"Readers have been given the cases of {study.slug}; they stay as they are.") from error
    secret = key_draw(study=study, now=now, key=key)
    numbered = [one for part in (drawn, practice) for one in _numbered(part, secret.key)]
    cases = Case.objects.bulk_create(
        Case(
            study=study,
            image_id=candidate.image_id,
            target=target,
            label=label,
            purpose=Case.Purpose.STUDY if number <= len(drawn) else Case.Purpose.TRAINING,
            score=candidate.score,
            number=number,
            created_at=now,
        )
        for number, (target, label, candidate) in enumerate(numbered, start=1)
    )
    study.selection_outdated = ""
    study.save(update_fields=["selection_outdated"])
    detail = {"seed": seed, "cases": len(drawn), "training_cases": len(practice), "key_sha256": secret.sha256}
    audit(study=study, actor=None, action=Action.CASES_SELECTED, detail=detail, now=now)
    return cases[: len(drawn)]


def _check(study: Study) -> None:
    if study.status != Study.Status.DRAFT:
        raise SelectionError(f"{study.slug} is {study.get_status_display()}; its cases stay as they are.")
    if not study.images.exists():
        raise SelectionError(f"{study.slug} has no images. Import some first: study_import {study.slug} --images ... .")
    if never := targets_never_assessed(study):
        raise SelectionError(_never_assessed(study, never))
    waiting = images_without_score(study)
    if missing := waiting.exclude(scoring__status=Scoring.Status.FAILED).count():
        raise SelectionError(f"{missing} images have no score yet. Score them first: study_score {study.slug}.")


def _never_assessed(study: Study, targets: Sequence[str]) -> str:
    reason = (
        f"No image has a label of {', '.join(targets)}: no table of labels names it, so nobody knows where it is not. "
        "If a table assessed it and found none, import it with --assessed; if it has another name there, add that to "
        "[synonyms] in the protocol; else import images that were assessed for it, or leave it out of the protocol. "
        "Nothing was selected."
    )
    lines = [reason]
    if texts := unknown_findings(study)[:_TEXTS_SHOWN]:
        lines.append(f"The labels also say: {', '.join(f'{one.text!r} ({one.images})' for one in texts)}.")
    return "\n".join(lines)


def _numbered(drawn: Sequence[Drawn], key: bytes) -> list[Drawn]:
    return shuffled(drawn, key=key, purpose=NUMBERS, name=lambda one: case_name(one[2].sha256, one[0]))


def _draw(study: Study, found: dict[tuple[str, str], list[Candidate]], seed: int) -> list[Drawn]:
    """Fill the cells, those with the fewest images to spare first: so the others leave them what they need."""
    images: Counter[int] = Counter()
    patients: Counter[str] = Counter()
    drawn: dict[tuple[str, str], list[Candidate]] = {}
    for cell in sorted(found, key=lambda cell: len(found[cell])):
        order = list(found[cell])
        random.Random(f"{seed}:{cell[0]}:{cell[1]}").shuffle(order)
        wants_annotation = study.prefer_annotated and cell[1] == Case.Label.TRUE_POSITIVE
        drawn[cell] = []
        for _ in range(study.cases_per_cell):
            best = min(
                order,
                key=lambda one: (
                    images[one.image_id],
                    wants_annotation and not one.annotated,
                    patients[one.patient] if one.patient else 0,
                ),
            )
            order.remove(best)
            drawn[cell].append(best)
            images[best.image_id] += 1
            patients[best.patient] += 1
    return [(target, label, one) for target, label in found for one in drawn[target, label]]


def _too_little_training(study: Study, found: int) -> str:
    return (
        f"There are images for {found} of {study.reading_plan.training_cases} training cases, half of them true and "
        "half false positives, of patients who are not in the study. Import more images with labels, or ask for fewer "
        "training_cases or cases_per_cell in the protocol. Nothing was selected."
    )


def _too_few(study: Study, cells: Sequence[Cell]) -> str:
    """What there is, what is missing, and what would help."""
    width = max(len(cell.target) for cell in cells)
    lines = [f"There are too few images for {study.cases_per_cell} cases per target and label:"]
    for cell in cells:
        short = f"  {cell.wanted - cell.available} missing" if cell.available < cell.wanted else ""
        lines.append(f"  {cell.target:<{width}}  {cell.label}  {cell.available:>5} of {cell.wanted}{short}")
    fewest = min(cell.available for cell in cells)
    helps = [f"import more images with labels (study_import {study.slug} ...)"]
    if fewest >= 2:  # half of a cell starts in each arm
        helps.append(f"ask for {fewest - fewest % 2} cases per cell in the protocol")
    if empty := sorted({cell.target for cell in cells if cell.available < min(cell.wanted, 2)}):
        helps.append(f"leave out {', '.join(empty)} in the protocol")
    lines.append(f"What would help: {'; '.join(helps)}.")
    left_out = images_left_out(study)
    if left_out.developed:
        lines.append(
            f"{left_out.developed} images do not count since {study.classifier} or {study.autoencoder} was developed "
            "on them."
        )
    if left_out.doubted:
        lines.append(
            f"{left_out.doubted} images do not count since nobody has looked at what is doubtful about them: "
            f"study_doubts {study.slug}."
        )
    if left_out.excluded:
        lines.append(f"{left_out.excluded} images do not count since they were excluded.")
    if failed := scorings_failed(study).count():
        lines.append(f"{failed} images do not count since they could not be scored.")
    if unused := [row for row in truth_table(study) if row.cell is None and row.above]:
        states = ", ".join(f"{row.target} {row.state}: {row.above}" for row in unused)
        lines.append(f"Images above the threshold that make no case, since their label is no truth: {states}.")
    lines.append("Nothing was selected.")
    return "\n".join(lines)
