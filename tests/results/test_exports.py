"""The archive of a study."""

import csv
import hashlib
import io
import json
import uuid
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from analysis.data.allocation import load_allocation
from analysis.data.schema import COLUMN_NAMES
from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Answer, Event, Reading, Visit
from readerstudy.studies.models import Question
from readerstudy.studies.services import CorrectionOrder, Facts, image_correct
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, rater_make, trial_make, visit

# How the pictures were shown, of which no event tells here.
UNTOLD = {
    "picture_css", "picture_device", "picture_pixels", "pixel_ratio", "viewport_width", "viewport_height",
    "window_width", "window_level",
}  # fmt: skip
pytestmark = pytest.mark.django_db


def export(slug: str, path: Path) -> dict[str, bytes]:
    call_command("study_export", slug, str(path), stdout=io.StringIO())
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_archive_holds_all_that_an_audit_asks_for(tmp_path: Path) -> None:
    study = trial_make(cases=2)
    reader = rater_make(study)
    answer(reader, 1, "A", [2, 5])
    user = reader.membership.user
    study.audit.create(actor=user, action="=looks like a formula", detail={"b": 1, "a": 2}, at=NOW)

    files = export("trial", tmp_path / "out.zip")

    assert [row["value"] for row in rows(files["responses.csv"])] == ["5"]
    assert [row["value"] for row in rows(files["answers.csv"])] == ["2", "5"]
    book = rows(files["codebook.csv"])
    assert tuple(row["column"] for row in book if not row["question"]) == COLUMN_NAMES
    scales = {row["question"]: (row["minimum"], row["maximum"]) for row in book if row["question"]}
    assert scales["confidence"] == ("1", "5")
    allocation = rows(files["allocation.csv"])
    assert [(row["period"], row["position"], row["case"], row["arm"]) for row in allocation] == [
        ("1", "1", "1", "A"),
        ("1", "2", "2", "A"),
        ("2", "1", "1", "B"),
        ("2", "2", "2", "B"),
    ]
    assert {row["seed"] for row in allocation} == {"7"}
    assert rows(files["audit.csv"]) == [
        {
            "at": "2026-03-02T09:00:00+00:00",
            "actor": "R1",
            "action": "'=looks like a formula",
            "detail": '{"a": 2, "b": 1}',
        }
    ]
    assert files["protocol.toml"] == b"# as it was read\n"
    assert {"report/results.json", "report/wilcoxon.csv", "report/methods.md", "README.txt"} <= files.keys()


@pytest.mark.usefixtures("without_report")
def test_the_archive_tells_the_labels_of_each_case_and_what_was_corrected(tmp_path: Path) -> None:
    study = trial_make(cases=2, unblinded=False)
    first, second = study.cases.order_by("number").select_related("image")
    for image, states in ((first.image, ("positive", "uncertain")), (second.image, ("negative", "not assessed"))):
        for finding, state in zip(("Effusion", "Mass"), states, strict=True):
            image.labels.create(finding=finding, state=state)
    reader = rater_make(study)
    answer(reader, 1, "A", [2])
    answer(reader, 2, "A", [4])
    Reading.objects.filter(case=second).update(opened_at=NOW)
    order = CorrectionOrder("read again", NOW, "exclude")
    image_correct(image=second.image, said=Facts({"age": 57}, {"Effusion": "positive"}), order=order)

    files = export("trial", tmp_path / "out.zip")

    columns = ("case", "label", "excluded", "state", "positive", "negative", "uncertain", "not_assessed")
    assert [tuple(row[name] for name in columns) for row in rows(files["labels.csv"])] == [
        ("1", "TP", "", "positive", "Effusion", "", "Mass", ""),
        ("2", "FP", "read again", "positive", "Effusion", "", "", "Mass"),
    ]
    assert [row["case"] for row in rows(files["responses.csv"])] == ["1"]
    assert {row["excluded"] for row in rows(files["allocation.csv"]) if row["case"] == "2"} == {"case excluded"}
    corrected = ("image", "field", "finding", "before", "after", "outcome", "reason")
    assert [tuple(row[name] for name in corrected) for row in rows(files["corrections.csv"])] == [
        ("chest-2.png", "age", "", "", "57", "excluded", "read again"),
        ("chest-2.png", "label", "Effusion", "negative", "positive", "excluded", "read again"),
    ]
    assert [(row["target"], row["state"]) for row in rows(files["truth.csv"])] == [
        ("Effusion", state) for state in ("positive", "negative", "uncertain", "not assessed")
    ]


@pytest.mark.usefixtures("without_report")
def test_the_archive_holds_answers_of_every_kind_and_the_statistics_only_those_with_an_order(tmp_path: Path) -> None:
    study = trial_make(cases=2)
    make = Question.objects.create
    make(study=study, key="agree", text="Agree?", kind="yes_no", minimum=0, maximum=1, position=3)
    make(study=study, key="side", text="Side?", kind="choice", maximum=2, options=["=left", "right"], position=4)
    make(study=study, key="comment", text="Comment", kind="text", required=False, position=5)
    make(study=study, key="place", text="Where?", kind="location", shape="point", position=6)
    reader = rater_make(study)
    answer(reader, 1, "A", [3, 5])
    answer(reader, 1, "A", [1], question="agree")
    answer(reader, 1, "A", [2], question="side")
    answer(reader, 1, "A", [None], question="comment", content={"text": 'Käse, "quoted"'})
    answer(reader, 1, "A", [None], question="place", content={"x": 12.5, "y": 7.25})
    answer(reader, 1, "B", [1, 4])
    answer(reader, 2, "A", [3])
    answer(reader, 2, "A", [5], first=2, superseded=True, known_revision=0)
    answer(reader, 2, "A", [2], first=3, known_revision=1)

    files = export("trial", tmp_path / "out.zip")

    columns = ("case", "arm", "question", "value", "revisions")
    responses = [tuple(row[column] for column in columns) for row in rows(files["responses.csv"])]
    assert sorted(responses) == [
        ("1", "A", "agree", "1", "0"),
        ("1", "A", "confidence", "5", "1"),
        ("1", "B", "confidence", "4", "1"),
        ("2", "A", "confidence", "2", "1"),
    ]
    given = {(row["question"], row["case"], row["arm"], row["revision"]): row for row in rows(files["answers.csv"])}
    assert len(given) == 11
    assert json.loads(given["comment", "1", "A", "1"]["content"]) == {"text": 'Käse, "quoted"'}
    assert json.loads(given["place", "1", "A", "1"]["content"]) == {"x": 12.5, "y": 7.25}
    assert given["side", "1", "A", "1"]["value"] == "2"
    superseded = [row for row in given.values() if row["superseded"]]
    assert [(row["value"], row["superseded"], row["known_revision"]) for row in superseded] == [("5", "yes", "0")]
    assert "Question side (choice): Side? [1 = =left, 2 = right]" in files["README.txt"].decode()


@pytest.mark.usefixtures("without_report")
def test_time_and_what_was_looked_at_are_exported_per_reading_and_per_event(tmp_path: Path) -> None:
    study = trial_make(cases=2)
    reader = rater_make(study)
    reading = reader.readings.get(case__number=1, arm__key="B")
    timed_answers(reading, {"confidence": 12.5, "correct_feature": 20.0})
    reading.completed_at = NOW + timedelta(hours=1)
    reading.save()
    # A change of mind later, and a visit whose reports were lost but for what the answer says.
    Answer.objects.create(
        id=uuid.uuid4(),
        reading=reading,
        question=study.questions.get(key="confidence"),
        revision=2,
        value=5,
        seconds=50.0,
        answered_at=NOW + timedelta(hours=2),
    )
    first = visit(reader, 1, "B", 22.0)
    Visit.objects.filter(pk=first.pk).update(idle_seconds=4, hidden_seconds=30, painted_ms=210, events_lost=1)
    second = visit(reader, 1, "B", 3.0)
    Visit.objects.filter(pk=second.pk).update(started_at=NOW + timedelta(hours=2))
    events = [
        (first, 1, "animation_started", "filmstrip", {}, 1),
        (first, 2, "loop", "filmstrip", {}, 1),
        (first, 3, "loop", "filmstrip", {}, 1),
        (first, 4, "frame", "filmstrip", {"frame": 7}, 9),
        (first, 5, "window", "xray", {"centre": 120.5, "text": "=1+1"}, 40),
        (second, 1, "map_threshold", "latent_shift", {"percent": 10}, 3),
        (second, 2, "map_opacity", "latent_shift", {"percent": 50}, 2),
        (second, 3, "help_opened", "latent_shift", {}, 1),
        (second, 4, "tab_hidden", "", {}, 1),
    ]
    for of, sequence, kind, panel, value, count in events:
        Event.objects.create(
            visit=of, sequence=sequence, kind=kind, panel=panel, value=value, count=count, seconds=1.5, received_at=NOW
        )

    files = export("trial", tmp_path / "out.zip")

    exposure = {(row["case"], row["arm"]): row for row in rows(files["exposure.csv"])}
    assert len(exposure) == 4  # every reading that was opened
    assert {name: value for name, value in exposure["1", "B"].items() if value != "0" and name not in UNTOLD} == {
        "reader": "R1",
        "case": "1",
        "arm": "B",
        "period": "2",
        "position": "1",
        "excluded": "",
        "visits": "2",
        "seconds": "50.0",
        "seconds_first": "20.0",
        "idle_seconds": "4.0",
        "hidden_seconds": "30.0",
        "painted_ms": "210",
        "events_lost": "1",
        "animation_started": "1",
        "loops": "2",
        "frames_scrubbed": "9",
        "window_changes": "1",
        "map_changes": "2",
        "help_opened": "1",
        "tab_hidden": "1",
        "events": "9",
    }
    assert exposure["2", "A"]["events"] == "0"
    assert exposure["2", "A"]["seconds"] == ""
    log = rows(files["events.csv"])
    assert [(row["case"], row["kind"], row["count"]) for row in log] == [
        ("1", event[2], str(event[5])) for event in events
    ]
    assert log[4]["value"] == '{"centre": 120.5, "text": "=1+1"}'
    assert {row["seconds"] for row in rows(files["responses.csv"])} == {"50"}
    described = {(row["file"], row["column"]) for row in rows(files["codebook-exposure.csv"])}
    assert {("exposure.csv", name) for name in exposure["1", "B"]} <= described
    assert {("events.csv", name) for name in log[0]} <= described


def timed_answers(reading: Reading, seconds: dict[str, float]) -> None:
    for key, active in seconds.items():
        Answer.objects.create(
            id=uuid.uuid4(),
            reading=reading,
            question=reading.case.study.questions.get(key=key),
            revision=1,
            value=3,
            seconds=active,
            answered_at=NOW + timedelta(minutes=30),
        )


@pytest.mark.usefixtures("without_report")
def test_what_is_in_no_analysis_is_marked_with_the_reason(tmp_path: Path) -> None:
    study = trial_make(cases=4)
    study.cases.filter(number=3).update(purpose="training")
    Explanation.objects.create(case=study.cases.get(number=4), status="failed", methods=[], created_at=NOW)
    for reader in (rater_make(study), rater_make(study)):
        opened = visit(reader, 1, "A", 5.0)
        visit(reader, 3, "A", 5.0)
        Event.objects.create(visit=opened, sequence=1, kind="tab_hidden", seconds=1, received_at=NOW)
    study.memberships.filter(code="R2").update(withdrawn_at=NOW)

    files = export("trial", tmp_path / "out.zip")

    for name in ("allocation.csv", "exposure.csv"):
        reasons = {(row["reader"], row["case"]): row["excluded"] for row in rows(files[name])}
        assert {case: reasons["R1", case] for case in "1234"} == {
            "1": "",
            "2": "",
            "3": "training",
            "4": "explanation failed",
        }
        assert {case: reasons["R2", case] for case in "123"} == {
            "1": "reader withdrawn",
            "2": "reader withdrawn",
            "3": "training",
        }
    assert [row["excluded"] for row in rows(files["events.csv"])] == ["", "reader withdrawn"]
    planned = load_allocation(io.BytesIO(files["allocation.csv"]))
    assert planned["excluded"].value_counts().to_dict() == {"": 4, "explanation failed": 2, "reader withdrawn": 6}


def test_the_flow_tells_what_was_allocated_and_not_read(tmp_path: Path) -> None:
    study = trial_make(cases=4)
    reader = rater_make(study)
    rater_make(study)
    study.memberships.filter(code="R2").update(withdrawn_at=NOW)
    for case in (1, 2, 3):
        for arm in "AB":
            answer(reader, case, arm, [3])
    reader.readings.filter(case__number=4, arm__key="A").update(opened_at=None)

    files = export("trial", tmp_path / "out.zip")

    flow = {row["reader"]: row for row in rows(files["flow.csv"])}
    columns = ("allocated", "reader_withdrawn", "not_read", "no_answer")
    assert [flow["R1"][name] for name in columns] == ["8", "0", "1", "1"]
    assert [flow["R2"][name] for name in columns] == ["8", "8", "0", "0"]
    assert rows(files["report/flow.csv"])[0]["allocated"] == ""  # of the responses alone


def test_every_file_has_its_checksum(tmp_path: Path) -> None:
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})

    files = export("trial", tmp_path / "out.zip")

    lines = files.pop("SHA256SUMS").decode().splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_archive_holds_files_for_other_programs(tmp_path: Path) -> None:
    study = trial_make(cases=4)
    study.questions.filter(key="confidence").update(low_anchor="not at all")
    answer_all(rater_make(study), {"A": 3, "B": 4})

    files = export("trial", tmp_path / "out.zip")

    assert {"confidence.imrmc", "confidence.lrc", "correct_feature.imrmc", "load.R", "load.sps"} <= files.keys()
    assert b"\n1,1,A,3" in files["confidence.imrmc"]
    assert b'"not at all" = 1' in files["load.R"]
    assert b"VALUE LABELS q_confidence 1 'not at all'." in files["load.sps"]
    assert b'"Arm A", "Arm B"' in files["load.R"]


def test_a_study_too_large_for_a_report_comes_with_the_same_data_and_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = trial_make(cases=4)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    whole = export("trial", tmp_path / "whole.zip")
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", 1)

    files = export("trial", tmp_path / "large.zip")

    assert not any(name.startswith(("report/", "flow")) or name.endswith((".imrmc", ".lrc")) for name in files)
    del whole["flow.csv"]
    assert {name: files[name] for name in files if name.endswith((".csv", ".R", ".sps"))} == {
        name: content for name, content in whole.items() if "/" not in name and name.endswith((".csv", ".R", ".sps"))
    }


def test_the_same_study_gives_the_same_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the report, whose drawing takes the time; its files are the same bytes by a test of their own.
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", 0)
    answer_all(rater_make(trial_make()), {"A": 3, "B": 4})
    export("trial", tmp_path / "one.zip")
    export("trial", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_study_without_answers_can_be_exported(tmp_path: Path) -> None:
    trial_make()
    files = export("trial", tmp_path / "out.zip")
    assert rows(files["responses.csv"]) == []
    assert "load.R" in files
    assert "confidence.imrmc" not in files


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    path.write_bytes(b"old")
    answer_all(rater_make(trial_make(target="all")), {"A": 3, "B": 4})
    with pytest.raises(CommandError, match="reserved"):
        export("trial", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_study_is_named_with_those_that_exist(tmp_path: Path) -> None:
    trial_make()
    with pytest.raises(CommandError, match=r"no study 'other'\. Studies: trial"):
        export("other", tmp_path / "out.zip")


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    trial_make()
    with pytest.raises(CommandError, match="cannot be written"):
        export("trial", tmp_path / "nowhere" / "out.zip")
