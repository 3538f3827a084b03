"""Makers of what tests need: studies from a protocol, tiny real X-rays, scored images, cases, members, explanations."""

import hashlib
import io
import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from explainer.catalogue.artefacts import Kind
from explainer.rendering import npy
from readerstudy.explanations import services as explanations
from readerstudy.explanations.models import Explanation
from readerstudy.explanations.types import ExplanationResult
from readerstudy.lib.media import content_name, media_write
from readerstudy.studies import services as studies
from readerstudy.studies.models import Case, Image, Prediction, Study
from readerstudy.studies.protocol import Protocol, load_protocol

PAPER = Path(__file__).resolve().parents[2] / "docs" / "protocols" / "paper.toml"
NOW = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
TARGETS = ("Effusion", "Mass")
SIDE = 64
_numbers = itertools.count(1)


def make_protocol(**changes: Any) -> Protocol:
    """The paper's protocol, shrunk to two targets and two cases per cell, with these changes."""
    number = next(_numbers)
    small = {
        "slug": f"study-{number}",
        "targets": TARGETS,
        "cases_per_cell": 2,
        "washout_days": 0,
        "seed": 7,
        "classifier": "test-classifier",
        "autoencoder": "test-autoencoder",
    }
    return load_protocol(PAPER).model_copy(update={**small, **changes})


def make_study(*, status: str = Study.Status.DRAFT, **changes: Any) -> Study:
    """A study with its arms and questions; `changes` go into its protocol."""
    study = studies.study_create(protocol=make_protocol(**changes), now=NOW)
    if status != Study.Status.DRAFT:
        study.status = status
        study.save(update_fields=["status"])
    return study


def pixels(seed: int, *, side: int = SIDE, dtype: type = np.uint8) -> np.ndarray:
    """Grey values that differ from seed to seed."""
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(seed).integers(0, top, size=(side, side), endpoint=True).astype(dtype)


def png(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Picture.fromarray(values).save(stream, format="PNG")
    return stream.getvalue()


def make_image(study: Study, *, findings: Sequence[str] = (), **fields: Any) -> Image:
    """An image with real pixels in the media folder, labelled for every target; `labels` are states by finding."""
    number = next(_numbers)
    data = png(pixels(fields.pop("seed", number)))
    sha256 = hashlib.sha256(data).hexdigest()
    name = content_name("images", sha256, ".png")
    media_write(name, data)
    given = {"name": f"{number:08d}_000.png", "patient": str(number), "width": SIDE, "height": SIDE, **fields}
    states = {target: "positive" if target in findings else "negative" for target in (*study.targets, *findings)}
    states |= given.pop("labels", {})
    image = Image.objects.create(study=study, sha256=sha256, file=name, created_at=NOW, **given)
    studies.labels_store({image.pk: states})
    return image


def make_score(image: Image, target: str, score: float) -> Prediction:
    return Prediction.objects.create(
        image=image,
        classifier=image.study.classifier,
        weights_sha256="0" * 64,
        target=target,
        score=score,
        created_at=NOW,
    )


def make_scored_pool(study: Study, *, per_cell: int | None = None) -> list[Image]:
    """Images for every target and label, each positive for one target alone."""
    pool = []
    for target in study.targets:
        for findings in ([target], []):
            for _ in range(per_cell or study.cases_per_cell):
                image = make_image(study, findings=findings)
                for other in study.targets:
                    make_score(image, other, 0.9 if other == target else 0.1)
                pool.append(image)
    return pool


def make_cases(study: Study) -> list[Case]:
    """The cases of the study's protocol, with images and scores."""
    make_scored_pool(study)
    return studies.cases_select(study=study, now=NOW)


def make_result(methods: Sequence[str], **changes: Any) -> ExplanationResult:
    """A worker's result, with real if meaningless files; `changes` are other fields.

    Among them `files` beside the usual ones; None for one that is left out.
    """
    number = next(_numbers)
    frames = 3
    files = {("", Kind.XRAY): png(pixels(number))}
    for index, method in enumerate(methods):
        files[method, Kind.RAW] = npy(pixels(number, side=8).astype(np.float16))
        files[method, Kind.OVERLAY] = png(pixels(number + index))
    if "latent_shift" in methods:
        files["latent_shift", Kind.FILMSTRIP] = png(np.hstack([pixels(number + frame) for frame in range(frames)]))
        files["latent_shift", Kind.VIDEO] = b"\0\0\0\x18ftypmp42"
        files["latent_shift", Kind.CURVE] = json.dumps(
            {
                "lambdas": [-1.0, 0.0, 1.0],
                "predictions": [0.5, 0.8, 0.9],
                "frames": frames,
                "zero": 1,
                "frame_width": SIDE,
                "frame_height": SIDE,
                "columns": frames,
            }
        ).encode()
    given: dict[str, Any] = {
        "seconds": 0.5,
        "ious": {},
        "measures": {},
        "provenance": {"classifier": "test-classifier"},
    }
    files |= changes.pop("files", {})
    return ExplanationResult(
        files={place: data for place, data in files.items() if data is not None}, **{**given, **changes}
    )


def make_explained(study: Study) -> list[Explanation]:
    """Every case of the study explained, as a worker would have done it."""
    explanations.explanations_request(study=study, now=NOW)
    made = list(Explanation.objects.filter(case__study=study).select_related("case").order_by("case__number"))
    for explanation in made:
        job = explanations.EXPLAINING.claim(explanation.pk, worker="test", now=NOW)
        assert job is not None
        result = make_result(job.methods)
        assert explanations.explanation_store(explanation_id=explanation.pk, token=job.token, result=result, now=NOW)
        explanation.refresh_from_db()
    return made


def make_study_ready(**changes: Any) -> Study:
    """A study with cases and explanations, ready for readers to be allocated."""
    study = make_study(**changes)
    make_cases(study)
    make_explained(study)
    return study


def write_labels(folder: Path, rows: Sequence[str], *, header: str = "") -> Path:
    """A labels.csv in this folder."""
    path = folder / "labels.csv"
    path.write_text("\n".join([header or "image,findings,patient_id,age,sex,view,file", *rows]) + "\n")
    return path


def write_pair(models: Path, name: str, **development: Any) -> None:
    """The description of a shipped pair of models, as far as the web reads it."""
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "pair.json").write_text(json.dumps({"id": name, "development": development}))
