"""Reads about a study that span tables."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from readerstudy.studies.draws import arm_codes
from readerstudy.studies.models import Annotation, Arm, Case, Image, Label, Prediction, Scoring, Study
from readerstudy.studies.vocabulary import vocabulary_of
from readerstudy.work.lease import Postponed, postponed

LABELS = (Case.Label.TRUE_POSITIVE, Case.Label.FALSE_POSITIVE)
#: What a positive prediction is, by what is known of its image; of the other states, nobody can say.
CASE_OF_STATE = {
    Label.State.POSITIVE.value: Case.Label.TRUE_POSITIVE.value,
    Label.State.NEGATIVE.value: Case.Label.FALSE_POSITIVE.value,
}


@dataclass(frozen=True)
class ImageToScore:
    """An image as the classifier needs it; `scoring_id` is the key of its row of work."""

    scoring_id: uuid.UUID
    image_id: int
    path: Path


@dataclass(frozen=True)
class ScoreBatch:
    """Images still to be scored, with what to score them."""

    study_id: int
    classifier: str
    targets: tuple[str, ...]
    images: tuple[ImageToScore, ...]
    token: uuid.UUID

    @property
    def rows(self) -> tuple[uuid.UUID, ...]:
        """Keys of their rows of work."""
        return tuple(image.scoring_id for image in self.images)

    def of(self, image_ids: Collection[int]) -> "ScoreBatch":
        """The part of it that is about these images."""
        return replace(self, images=tuple(image for image in self.images if image.image_id in image_ids))


@dataclass(frozen=True)
class Scores:
    """Scores by image and target, and of which weights they are."""

    weights_sha256: str
    rows: Sequence[tuple[int, Mapping[str, float]]]


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
class TruthRow:
    """The images of one target and state of its label: all, and those that the classifier calls positive.

    `cell` is what selection can draw of them; there is none of uncertain and of not assessed.
    """

    target: str
    state: str
    images: int
    above: int
    cell: Cell | None


@dataclass(frozen=True)
class UnknownText:
    """What labels say that is no known finding, on how many images, and which findings it leaves uncertain there."""

    text: str
    images: int
    doubted: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """How many images selection leaves out.

    `doubted` were not looked at yet, `excluded` were by a person; on the `developed` the study's models were developed.
    """

    doubted: int
    excluded: int
    developed: int


@dataclass(frozen=True)
class ScoreProgress:
    """How far scoring is; of the images that wait, `postponed` says which wait to be tried again, and why."""

    images: int
    scored: int
    failed: int
    running: int
    pending: int
    postponed: tuple[Postponed, ...]

    @property
    def unfinished(self) -> int:
        """Images that were asked for, and are still to come."""
        return self.running + self.pending


def images_without_score(study: Study) -> QuerySet[Image]:
    """Images of the study that its classifier has not scored."""
    scored = Prediction.objects.filter(image=OuterRef("pk"), classifier=study.classifier, target__in=study.targets)
    return study.images.exclude(file="").filter(~Exists(scored))


def scorings_failed(study: Study) -> QuerySet[Scoring]:
    """Images of the study that its classifier could not score, by name."""
    failed = Scoring.objects.filter(image__in=images_without_score(study), status=Scoring.Status.FAILED)
    return failed.select_related("image").order_by("image__name", "pk")


def score_progress(study: Study) -> ScoreProgress:
    """How many images there are, are scored, could not be, and are asked for."""
    waiting = images_without_score(study)
    asked = Scoring.objects.filter(image__in=waiting)
    images, left = study.images.exclude(file="").count(), waiting.count()
    count = dict(asked.order_by().values_list("status").annotate(Count("pk")))
    return ScoreProgress(
        images=images,
        scored=images - left,
        failed=count.get(Scoring.Status.FAILED, 0),
        running=count.get(Scoring.Status.RUNNING, 0),
        pending=count.get(Scoring.Status.PENDING, 0),
        postponed=tuple(postponed(asked)),
    )


def images_doubted(study: Study) -> QuerySet[Image]:
    """Images with a doubt that nobody has looked at yet, in the order of their names."""
    return study.images.filter(_doubted()).order_by("name", "pk")


def images_decided(study: Study) -> QuerySet[Image]:
    """Images that a person kept or excluded, the latest decision first."""
    return study.images.exclude(decision="").select_related("decided_by").order_by("-decided_at", "name", "pk")


def images_left_out(study: Study) -> LeftOut:
    """How many images selection leaves out for their doubts, by decision, or for what the models were developed on."""
    counts = study.images.aggregate(
        doubted=Count("pk", filter=_doubted()),
        excluded=Count("pk", filter=Q(decision=Image.Decision.EXCLUDE)),
        developed=Count("pk", filter=_developed(study)),
    )
    return LeftOut(**counts)


def cases_left_out(study: Study) -> int:
    """How many selected cases show an image that selection would leave out by now."""
    return study.cases.filter(Q(image__in=images_doubted(study)) | Q(image__decision=Image.Decision.EXCLUDE)).count()


def _doubted(image: str = "") -> Q:
    """Images with a doubt that nobody has looked at; `image` leads to them from the row at hand, with its `__`."""
    return Q(**{f"{image}decision": ""}) & ~Q(**{f"{image}doubts": []})


def _developed(study: Study, image: str = "") -> Q:
    """Images that the study's classifier or autoencoder was developed on; `image` as above."""
    models = f"{image}used_in_development_of__contains"
    return Q(**{models: [study.classifier]}) | Q(**{models: [study.autoencoder]})


def _available(study: Study) -> Q:
    """Positive predictions that selection may draw a case from."""
    excluded = Q(image__decision=Image.Decision.EXCLUDE)
    return ~(_doubted("image__") | excluded | _developed(study, "image__"))


def _above_threshold(study: Study) -> QuerySet[Any]:
    """Positive predictions of the study's targets, with `state`, the label's; None is not assessed."""
    label = Label.objects.filter(image=OuterRef("image"), finding=OuterRef("target")).values("state")
    return (
        Prediction.objects.filter(
            image__study=study, classifier=study.classifier, target__in=study.targets, score__gt=study.threshold
        )
        .exclude(image__file="")
        .annotate(state=Subquery(label))
    )


def candidates(study: Study) -> dict[tuple[str, str], list[Candidate]]:
    """Target and label -> images that could be a case, in an order that no database decides.

    An image counts where the classifier's score of the target is above the study's threshold, and neither the
    classifier nor the autoencoder was developed on it; where there are doubts about it, a person has to have kept it,
    and nobody to have excluded it. It is a true positive where its label of the target is positive
    and a false positive where it is negative; uncertain and not assessed make no case.
    """
    annotated = set(Annotation.objects.filter(image__study=study).values_list("image_id", "finding"))
    found: dict[tuple[str, str], list[Candidate]] = {
        (target, label): [] for target in study.targets for label in LABELS
    }
    rows = (
        _above_threshold(study)
        .filter(_available(study), state__in=CASE_OF_STATE)
        .order_by("image__sha256", "target")
        .values_list("target", "score", "image_id", "image__sha256", "image__patient", "state")
    )
    for target, score, image_id, sha256, patient, state in rows:
        candidate = Candidate(image_id, sha256, patient, score, (image_id, target) in annotated)
        found[target, CASE_OF_STATE[state]].append(candidate)
    return found


def selection_table(study: Study) -> list[Cell]:
    """Per target and label: asked for, available, selected."""
    return [row.cell for row in truth_table(study) if row.cell is not None]


def truth_table(study: Study) -> list[TruthRow]:
    """Per target and state of its label: images, those above the threshold, and the cell that is drawn from them.

    Counted by the database: no row per image.
    """
    pool = study.images.exclude(file="")
    labelled = Label.objects.filter(image__in=pool, finding__in=study.targets).order_by()
    images: Counter[tuple[str, str]] = Counter()
    for target, state, count in labelled.values_list("finding", "state").annotate(Count("pk")):
        images[target, state] = count
    total = pool.count()
    for target in study.targets:
        stated = sum(images[target, state] for state in Label.State.values)
        images[target, Label.State.NOT_ASSESSED.value] += total - stated
    above: Counter[tuple[str, str]] = Counter()
    available: Counter[tuple[str, str]] = Counter()
    positives = _above_threshold(study).order_by().values_list("target", "state")
    for target, state, count, free in positives.annotate(above=Count("pk"), free=Count("pk", filter=_available(study))):
        above[target, state or Label.State.NOT_ASSESSED.value] += count
        available[target, state] += free
    chosen: Counter[tuple[str, str]] = Counter()
    selected = study.cases.studied().order_by().values_list("target", "label")
    for target, label, count in selected.annotate(Count("pk")):
        chosen[target, label] = count

    def cell(target: str, state: str) -> Cell | None:
        label = CASE_OF_STATE.get(state)
        if label is None:
            return None
        return Cell(target, label, study.cases_per_cell, available[target, state], chosen[target, label])

    return [
        TruthRow(target, state, images[target, state], above[target, state], cell(target, state))
        for target in study.targets
        for state in Label.State.values
    ]


def cases_contradicted(study: Study) -> list[str]:
    """Cases whose label is not what the image's label of the target says, in words."""
    label = Label.objects.filter(image=OuterRef("image"), finding=OuterRef("target")).values("state")
    rows = study.cases.filter(excluded_because="").annotate(state=Subquery(label)).exclude(state=None)
    return [
        f"case {number}, {kind} of {target}, whose label is {state}"
        for number, kind, target, state in rows.order_by("number").values_list("number", "label", "target", "state")
        if CASE_OF_STATE.get(state) != kind
    ]


def targets_never_assessed(study: Study) -> list[str]:
    """Targets of which no image has a label that says anything."""
    said = Label.objects.filter(image__study=study).exclude(state=Label.State.NOT_ASSESSED)
    assessed = set(said.exclude(image__file="").order_by().values_list("finding", flat=True).distinct())
    return [target for target in study.targets if target not in assessed]


def unknown_findings(study: Study) -> list[UnknownText]:
    """What the labels of the study say that is no finding of its vocabulary, the most frequent first."""
    vocabulary = vocabulary_of(study)
    said = Label.objects.filter(image__study=study, state=Label.State.POSITIVE).order_by()
    counts = said.values_list("finding").annotate(Count("pk"))
    return sorted(
        (UnknownText(text, count, vocabulary.alike(text)) for text, count in counts if vocabulary.name(text) is None),
        key=lambda one: (-one.images, one.text),
    )


def masked_arms(study: Study) -> dict[str, Arm]:
    """Code -> arm, in the order of the codes: how the study's arms are known to who is blind to them.

    Which arm has which was drawn from the study's key; neither their order nor anything public tells it.
    """
    arms = {arm.key: arm for arm in study.arms.all()}
    return {code: arms[key] for code, key in arm_codes({key: arm.mask for key, arm in arms.items()}).items()}
