"""Training cases: drawn from what the study leaves, of patients who are not in it, since their truth is told."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from readerstudy.studies.models import Case
from readerstudy.studies.selectors import LABELS, Candidate

Cells = Mapping[tuple[str, str], Sequence[Candidate]]


def left_for_training(pool: Sequence[Candidate], taken: Sequence[Candidate]) -> list[Candidate]:
    """Candidates whose image and patient are in no study case; where no patient is named, the image must do."""
    images = {one.image_id for one in taken}
    patients = {one.patient for one in taken} - {""}
    return [one for one in pool if one.image_id not in images and one.patient not in patients]


def training_draw(left: Cells, *, count: int, seed: int) -> list[tuple[str, str, Candidate]]:
    """Target, label and image of `count` cases, or fewer where there are no more: each with another image and patient.

    True and false positives in turn, so half of each; targets in turn, passing over those that have no image left. Of
    the true positives, those with an expert's annotation come first: it is what the feedback can show.
    """
    order = {cell: list(pool) for cell, pool in left.items()}
    for (target, label), pool in order.items():
        random.Random(f"{seed}:training:{target}:{label}").shuffle(pool)
        if label == Case.Label.TRUE_POSITIVE:
            pool.sort(key=lambda one: not one.annotated)
    targets = list(dict.fromkeys(target for target, _ in order))
    drawn: list[tuple[str, str, Candidate]] = []
    for index in range(count):
        label, turn = LABELS[index % 2], index // 2
        taken = [one for _, _, one in drawn]
        pools = (
            (target, left_for_training(order[target, label], taken))
            for target in (targets[(turn + step) % len(targets)] for step in range(len(targets)))
        )
        found = next(((target, pool[0]) for target, pool in pools if pool), None)
        if found is None:
            break
        drawn.append((found[0], label.value, found[1]))
    return drawn
