"""The tasks with a database: a case ends explained once, or failed with a reason, and the worker goes on."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from explainer.errors import MemoryExhaustedError
from explainer.worker.tasks import explain_case, score_image_batch
from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.explanations.selectors import explanation_progress
from readerstudy.explanations.services import explanations_request
from readerstudy.lib.media import media_path
from readerstudy.studies.models import Prediction, Scoring, Study
from readerstudy.studies.services import scores_request
from readerstudy.work.sending import sender
from tests.explainer.models import write_pair
from tests.factories.studies import NOW, make_cases, make_image, make_study

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db
TARGETS = ["Effusion", "Mass"]


@pytest.fixture
def pair(tmp_path: Path) -> str:
    return str(write_pair(tmp_path / "pair"))


def study_with(pair: str, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> Study:
    """A study whose cases are selected and asked for, with small settings."""
    monkeypatch.setattr(sender, "send_task", lambda *_args, **_more: None)
    study = make_study()
    make_cases(study)
    parameters = {"integrated_gradients": {"steps": 4}, "latent_shift": {"frames": 4}, "display_size": 64}
    values = {"classifier": pair, "autoencoder": pair, "parameters": parameters, **fields}
    Study.objects.filter(pk=study.pk).update(**values)
    study.refresh_from_db()
    explanations_request(study=study, now=NOW)
    return study


def first() -> Explanation:
    return Explanation.objects.order_by("case__number").filter(case__target__in=TARGETS).first()  # type: ignore[return-value]


def test_a_case_is_explained_once_however_often_it_is_delivered(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study_with(pair, monkeypatch)
    explanation = first()
    assert explain_case(str(explanation.pk)) == "explained"
    files = set(Artefact.objects.values_list("file", flat=True))
    assert explain_case(str(explanation.pk)) == "nothing to do"
    assert set(Artefact.objects.values_list("file", flat=True)) == files
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("done", "")
    assert explanation.provenance["target"] == explanation.case.target
    # Four maps and four overlays, the X-ray, and the strip, curve and video of the counterfactual.
    assert len(files) == 12
    assert all(media_path(file).stat().st_size for file in files)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"classifier": "nowhere"}, "There is no classifier 'nowhere'"),
        ({"autoencoder": "nowhere"}, "There is no autoencoder 'nowhere'"),
        ({"parameters": {"latent_shift": {"drop": -1}}}, "drop of Latent Shift must be a positive number"),
    ],
)
def test_a_case_that_cannot_be_explained_says_why(
    pair: str, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], reason: str
) -> None:
    study_with(pair, monkeypatch, **fields)
    explanation = first()
    assert explain_case(str(explanation.pk)) == "failed"
    explanation.refresh_from_db()
    assert explanation.status == "failed"
    assert reason in explanation.error


def test_an_image_that_cannot_be_read_fails_its_case_alone(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study_with(pair, monkeypatch)
    explanation = first()
    media_path(explanation.case.image.file).write_bytes(b"damaged")
    assert explain_case(str(explanation.pk)) == "failed"
    explanation.refresh_from_db()
    assert "neither PNG" in explanation.error


def test_a_batch_is_scored_and_a_bad_image_keeps_its_reason(pair: str) -> None:
    study = make_study()
    Study.objects.filter(pk=study.pk).update(classifier=pair, targets=TARGETS)
    images = [make_image(study) for _ in range(3)]
    media_path(images[1].file).write_bytes(b"damaged")
    scores_request(study=study, now=NOW)
    ids = [image.pk for image in images]
    assert score_image_batch(study.pk, ids) == 2
    stored = Prediction.objects.filter(image__study=study)
    assert set(stored.values_list("image_id", "target")) == {(i, t) for i in (ids[0], ids[2]) for t in TARGETS}
    assert "neither PNG" in images[1].scoring.error
    assert score_image_batch(study.pk, ids) == 0
    assert stored.count() == 4


def test_a_classifier_that_cannot_be_loaded_is_told_to_the_coordinator(pair: str) -> None:
    study = make_study()
    Study.objects.filter(pk=study.pk).update(classifier="nowhere")
    image = make_image(study)
    scores_request(study=study, now=NOW)
    assert score_image_batch(study.pk, [image.pk]) == 0
    assert "There is no classifier 'nowhere'" in image.scoring.error


def test_several_cases_are_explained_together_and_each_is_stored_once(
    pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_with(pair, monkeypatch)
    monkeypatch.setenv("EXPLAINER_BATCH", "3")
    rows = list(Explanation.objects.order_by("case__number"))
    broken = rows[1]
    media_path(broken.case.image.file).write_bytes(b"damaged")
    assert explain_case(str(rows[0].pk)) == "explained"
    status = dict(Explanation.objects.order_by("case__number").values_list("case__number", "status"))
    assert list(status.values())[:4] == ["done", "failed", "done", "pending"]
    # The tasks of those that went with it are delivered later and find nothing to do.
    assert [explain_case(str(row.pk)) for row in rows[:3]] == ["nothing to do"] * 3
    assert explain_case(str(rows[3].pk)) == "explained"
    broken.refresh_from_db()
    assert "neither PNG" in broken.error
    done = Explanation.objects.filter(case__study=study, status="done")
    assert set(done.values_list("attempts", flat=True)) == {1}
    assert Artefact.objects.filter(explanation__in=done).count() == 12 * done.count()


def test_an_unforeseen_error_is_stored_on_the_case_that_causes_it(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from explainer import images

    study_with(pair, monkeypatch)
    monkeypatch.setenv("EXPLAINER_BATCH", "3")
    rows = list(Explanation.objects.select_related("case__image").order_by("case__number")[:3])
    bad = media_path(rows[2].case.image.file)
    load_array = images.load_array

    def fail_for_one(path: Path, **options: Any) -> Any:
        if path == bad:
            raise ZeroDivisionError("a decoder that nobody foresaw")
        return load_array(path, **options)

    monkeypatch.setattr("explainer.run.load_array", fail_for_one)
    assert explain_case(str(rows[0].pk)) == "explained"
    assert [
        row.status for row in Explanation.objects.filter(pk__in=[row.pk for row in rows]).order_by("case__number")
    ] == [
        "done",
        "done",
        "failed",
    ]
    rows[2].refresh_from_db()
    assert rows[2].error == "ZeroDivisionError: a decoder that nobody foresaw"


def test_a_batch_that_is_no_number_is_told_to_the_coordinator(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study_with(pair, monkeypatch)
    monkeypatch.setenv("EXPLAINER_BATCH", "many")
    explanation = first()
    assert explain_case(str(explanation.pk)) == "failed"
    explanation.refresh_from_db()
    assert "EXPLAINER_BATCH must be a number of cases above zero" in explanation.error


@pytest.fixture
def full_disk(media_folder: Path) -> Iterator[Path]:
    """A file system without room where explanations are stored."""
    folder = media_folder / "explanations"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_no_case_and_no_half_file_stays(
    pair: str, monkeypatch: pytest.MonkeyPatch, full_disk: Path
) -> None:
    study = study_with(pair, monkeypatch)
    (full_disk / "filler").write_bytes(b"x" * 60_000)
    explanation = first()
    assert explain_case(str(explanation.pk)) == "postponed"
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("pending", "the disk is full")
    assert explanation.retry_at is not None
    assert [path.name for path in full_disk.rglob("*") if path.is_file()] == ["filler"]
    (reason,) = explanation_progress(study).postponed
    assert str(reason).endswith("because the disk is full")

    assert explain_case(str(explanation.pk)) == "nothing to do"
    subprocess.run(["mount", "-o", "remount,size=16m", str(full_disk)], check=True)  # somebody has made room
    Explanation.objects.update(retry_at=NOW)
    assert explain_case(str(explanation.pk)) == "explained"


def test_too_little_memory_fails_no_case(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    study_with(pair, monkeypatch)

    def short(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("explainer.run.explain_many", short)
    explanation = first()
    assert explain_case(str(explanation.pk)) == "postponed"
    explanation.refresh_from_db()
    assert (explanation.status, explanation.error) == ("pending", "there was too little memory")


def test_a_media_folder_that_is_not_mounted_fails_no_case_and_no_image(
    pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_with(pair, monkeypatch)
    image = make_image(study)
    scores_request(study=study, now=NOW)
    media_path("images").rename(media_path("elsewhere"))
    explanation = first()
    assert explain_case(str(explanation.pk)) == "postponed"
    assert score_image_batch(study.pk, [image.pk]) == 0
    explanation.refresh_from_db()
    assert explanation.error == image.scoring.error == "the folder of files does not answer"
    assert (explanation.status, image.scoring.status) == ("pending", "pending")


def test_a_bad_image_fails_and_the_memory_that_another_needs_is_waited_for(
    pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explainer import scores

    study = make_study()
    Study.objects.filter(pk=study.pk).update(classifier=pair, targets=TARGETS)
    bad, large, good = (make_image(study) for _ in range(3))
    media_path(bad.file).write_bytes(b"damaged")
    scores_request(study=study, now=NOW)
    score = scores.score

    def short_for_one(paths: list[Path], classifier: Any, *, on_error: Any) -> Any:
        on_error(media_path(large.file), MemoryExhaustedError("There is too little memory for one image."))
        return score([path for path in paths if path != media_path(large.file)], classifier, on_error=on_error)

    monkeypatch.setattr(scores, "score", short_for_one)
    assert score_image_batch(study.pk, [bad.pk, large.pk, good.pk]) == 1
    status = dict(Scoring.objects.values_list("image_id", "status"))
    assert status == {bad.pk: "failed", large.pk: "pending", good.pk: "done"}
    assert large.scoring.error == "there was too little memory"


def test_an_unforeseen_error_of_one_image_fails_it_alone(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from explainer import scores

    study = make_study()
    Study.objects.filter(pk=study.pk).update(classifier=pair, targets=TARGETS)
    images = [make_image(study) for _ in range(3)]
    scores_request(study=study, now=NOW)
    score, bad = scores.score, media_path(images[1].file)

    def trips(paths: list[Path], classifier: Any, *, on_error: Any) -> Any:
        if bad in paths:
            raise ZeroDivisionError("a decoder that nobody foresaw")
        return score(paths, classifier, on_error=on_error)

    monkeypatch.setattr(scores, "score", trips)
    assert score_image_batch(study.pk, [image.pk for image in images]) == 2
    rows = list(Scoring.objects.order_by("image_id").values_list("status", "error"))
    assert rows == [("done", ""), ("failed", "ZeroDivisionError: a decoder that nobody foresaw"), ("done", "")]
