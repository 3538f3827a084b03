"""Makes studies that can be read: cases with real picture files, secrets where secrets are kept, readers."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.lib.media import media_path, random_name
from readerstudy.reading.models import Allocation
from readerstudy.reading.services import instructions_acknowledge, readers_allocate
from readerstudy.studies.models import Arm, Case, Image, Membership, Question, Study
from readerstudy.studies.services import cases_select, consent_accept, key_draw
from tests.factories.people import NOW, member_make
from tests.factories.studies import make_score, make_study

ARMS = (
    ("A", "Attribution maps", ["input_gradient", "guided_backprop", "integrated_gradients"]),
    ("B", "Latent Shift", ["latent_shift"]),
)
QUESTIONS = (
    ("confidence", "How confident are you in the model's prediction?", "Not confident at all", "Very confident"),
    ("correct_feature", "Is the model looking at the correct feature?", "Not at all", "Exactly"),
)
# Words that must never reach a reader: the factory puts them wherever such things are kept.
SECRET_DATASET = "secret-dataset"
SECRET_PATIENT = "secret-patient"
SECRET_NAME = "secret-name"
FRAME = 64
FRAMES = 9


def study_make(
    slug: str = "study",
    *,
    targets: Sequence[str] = ("Cardiomegaly", "Effusion"),
    per_cell: int = 2,
    washout_days: int = 0,
    explained: bool = True,
    synthetic: bool = False,
    files: bool = False,
    training: int = 0,
    allocation_key: bytes | None = None,
    **reading: Any,
) -> Study:
    """A study in preparation with its cases selected and, unless told otherwise, explained; `files` takes longer.

    `training` cases are added after them, true and false positives in turn; `reading` goes into its [reading] table.
    Orders and arms are drawn from `allocation_key`, without it from one that the slug gives.
    """
    study = Study.objects.create(
        slug=slug,
        title=f"The {slug} study",
        instructions="Rate **every** case.",
        synthetic=synthetic,
        targets=list(targets),
        cases_per_cell=per_cell,
        seed=20,
        classifier="nih-small",
        autoencoder="nih-small",
        washout_days=washout_days,
        reading={"training_cases": training, **reading},
        created_at=NOW,
    )
    for position, (key, name, methods) in enumerate(ARMS, start=1):
        Arm.objects.create(study=study, key=key, name=name, position=position, methods=methods)
    for position, (key, text, low, high) in enumerate(QUESTIONS, start=1):
        Question.objects.create(study=study, key=key, text=text, position=position, low_anchor=low, high_anchor=high)
    cells = [(target, label) for target in targets for label in Case.Label.values for _ in range(per_cell)]
    practice = [(targets[0], Case.Label.values[index % 2]) for index in range(training)]
    for number, (target, label) in enumerate([*cells, *practice], start=1):
        case = case_make(study, target=target, label=label, number=number)
        if number > len(cells):
            Case.objects.filter(pk=case.pk).update(purpose=Case.Purpose.TRAINING)
        if explained:
            explain(case, files=files)
    # The same orders in every run, so that no test passes or fails by chance.
    key_draw(study=study, now=NOW, key=allocation_key or hashlib.sha256(slug.encode()).digest())
    return study


def selected_make(per_cell: int, **protocol: Any) -> Study:
    """A study whose cases were selected from a pool of one more in each cell, numbered by a random key, explained."""
    study = make_study(cases_per_cell=per_cell, **protocol)
    cells = [(target, label) for target in study.targets for label in Case.Label.values for _ in range(per_cell + 1)]
    for number, (target, label) in enumerate(cells, start=1):
        make_score(case_make(study, target=target, label=label, number=number).image, target, 0.9)
    cases_select(study=study, now=NOW)
    for case in study.cases.all():
        explain(case)
    return study


def question_make(study: Study, kind: str, key: str = "", **fields: Any) -> Question:
    """One more question of this kind, named after it unless `key` says otherwise."""
    of_kind: dict[str, dict[str, Any]] = {
        "yes_no": {"minimum": 0, "maximum": 1},
        "choice": {"minimum": 1, "maximum": 3, "options": ["Left", "Right", "Both sides"]},
        "location": {"shape": "point"},
    }
    position = study.questions.count() + 1
    text = f"A question of the kind {kind}?"
    given = {"key": key or kind, "text": text, "position": position, **of_kind.get(kind, {}), **fields}
    return Question.objects.create(study=study, kind=kind, **given)


def case_make(study: Study, *, target: str, label: str, number: int) -> Case:
    """A case with an image of its own."""
    image = Image.objects.create(
        study=study,
        sha256=hashlib.sha256(f"{study.slug}/{number}".encode()).hexdigest(),
        file=f"images/{number}.png",
        name=f"{SECRET_NAME}-{number}.png",
        patient=f"{SECRET_PATIENT}-{number}",
        dataset=SECRET_DATASET,
        width=FRAME,
        height=FRAME,
        created_at=NOW,
    )
    image.labels.create(finding=target, state="positive" if label == Case.Label.TRUE_POSITIVE else "negative")
    score = 0.55 + (number % 40) / 100
    return Case.objects.create(
        study=study, image=image, target=target, label=label, score=score, number=number, created_at=NOW
    )


def explain(case: Case, *, status: str = Explanation.Status.DONE, files: bool = False) -> Explanation:
    """The case's explanation; with `files`, all that a worker would have stored."""
    explanation = Explanation.objects.create(
        case=case,
        status=status,
        methods=["input_gradient", "guided_backprop", "integrated_gradients", "latent_shift"],
        ious={"latent_shift": 0.25, "input_gradient": 0.1},
        created_at=NOW,
        finished_at=NOW,
    )
    if not files:
        return explanation
    seed = case.number
    kept = [artefact_of(explanation, "", Artefact.Kind.XRAY, ".png", _xray_png(seed))]
    for index, method in enumerate(explanation.methods):
        kept.append(artefact_of(explanation, method, Artefact.Kind.OVERLAY, ".png", _overlay_png(seed, index)))
        kept.append(artefact_of(explanation, method, Artefact.Kind.RAW, ".npy", _raw_map(seed, index)))
    kept.append(artefact_of(explanation, "latent_shift", Artefact.Kind.FILMSTRIP, ".png", _filmstrip_png(seed)))
    kept.append(artefact_of(explanation, "latent_shift", Artefact.Kind.CURVE, ".json", json.dumps(curve()).encode()))
    Artefact.objects.bulk_create(kept)
    return explanation


def curve() -> dict[str, object]:
    """What the engine stores beside a filmstrip, with keys that a reader has no business with."""
    return {
        "lambdas": [round(20.0 * (index - 6), 2) for index in range(FRAMES)],
        "predictions": [round(0.3 + 0.05 * index, 3) for index in range(FRAMES)],
        "stop_reason": {"lower": SECRET_NAME, "upper": "rise"},
        "zero": 6,
        "frames": FRAMES,
        "frame_width": FRAME,
        "frame_height": FRAME,
        "columns": 4,
    }


def reader_make(study: Study, email: str = "", *, ready: bool = True, now: datetime = NOW) -> Allocation:
    """A reader with a sequence; `ready` ones have read the instructions, and before them the consent text if any."""
    membership = member_make(study, Membership.Role.READER, email)
    readers_allocate(study=study, now=now)
    study.refresh_from_db()
    allocation = Allocation.objects.select_related("membership__user", "membership__study").get(membership=membership)
    if ready:
        if sha256 := study.reading_plan.consent_sha256:
            consent_accept(membership=membership, sha256=sha256, now=now)
        instructions_acknowledge(allocation=allocation, now=now)
        allocation.refresh_from_db()
    return allocation


def artefact_of(explanation: Explanation, method: str, kind: str, suffix: str, data: bytes) -> Artefact:
    """An artefact to be saved, its file stored as a worker would."""
    name = random_name("explanations", suffix)
    path = media_path(name)  # written without media_write's flush to the disk: tests make hundreds of files
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return Artefact(explanation=explanation, method=method, kind=kind, file=name, sha256=sha256, size=len(data))


@functools.cache
def _chest(seed: int, heart: float = 0.2) -> np.ndarray:
    """A rough chest: two dark lungs, a bright heart of this width, some noise."""
    y, x = np.mgrid[0:1:256j, 0:1:256j]
    picture = np.full((256, 256), 150.0)
    for centre in (0.3, 0.7):
        picture[((x - centre) / 0.17) ** 2 + ((y - 0.47) / 0.33) ** 2 < 1] = 55
    for rib in np.linspace(0.2, 0.8, 8):
        picture[np.abs(y - rib - 0.12 * (x - 0.5) ** 2) < 0.008] += 25
    picture[((x - 0.53) / heart) ** 2 + ((y - 0.62) / 0.17) ** 2 < 1] = 190
    noise = np.random.default_rng(seed).normal(0, 7, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _png(picture: Picture.Image) -> bytes:
    stream, text = io.BytesIO(), PngInfo()
    text.add_text("Source", SECRET_NAME)
    picture.save(stream, format="PNG", pnginfo=text)
    return stream.getvalue()


@functools.cache
def _xray_png(seed: int) -> bytes:
    return _png(Picture.fromarray(_chest(seed)))


@functools.cache
def _overlay_png(seed: int, index: int) -> bytes:
    values = _map(seed, index)
    colour = np.repeat(_chest(seed)[..., None], 3, axis=2)
    colour[values >= np.percentile(values, 95)] = (255, 0, 0)
    return _png(Picture.fromarray(colour))


@functools.cache
def _raw_map(seed: int, index: int) -> bytes:
    stream = io.BytesIO()
    np.save(stream, _map(seed, index).astype(np.float16))
    return stream.getvalue()


@functools.cache
def _map(seed: int, index: int) -> np.ndarray:
    """A smooth map from 0 to 1, with values that half precision cannot tell apart."""
    coarse = Picture.fromarray(np.random.default_rng([seed, index]).random((16, 16)).astype(np.float32))
    smooth = np.asarray(coarse.resize((256, 256), Picture.Resampling.BILINEAR))
    found: np.ndarray = smooth / smooth.max()
    return found


@functools.cache
def _filmstrip_png(seed: int) -> bytes:
    columns = 4
    strip = Picture.new("L", (columns * FRAME, -(-FRAMES // columns) * FRAME))
    for index in range(FRAMES):
        frame = Picture.fromarray(_chest(seed, heart=0.12 + 0.015 * index)).resize((FRAME, FRAME))
        strip.paste(frame, ((index % columns) * FRAME, (index // columns) * FRAME))
    return _png(strip)
