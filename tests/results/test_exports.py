"""The archive of a study."""

import csv
import hashlib
import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from analysis.schema import COLUMN_NAMES
from readerstudy.studies.services import audit
from tests.results.factories import NOW, answer, answer_all, reader_make, study_make

pytestmark = pytest.mark.django_db


def export(slug: str, path: Path) -> dict[str, bytes]:
    call_command("study_export", slug, str(path), stdout=io.StringIO())
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_archive_holds_all_that_an_audit_asks_for(tmp_path: Path) -> None:
    study = study_make(cases=2)
    reader = reader_make(study)
    answer(reader, 1, "A", [2, 5])
    audit(study=study, actor=reader.membership.user, action="=looks like a formula", detail={"b": 1, "a": 2}, now=NOW)

    files = export("trial", tmp_path / "out.zip")

    assert [row["value"] for row in rows(files["responses.csv"])] == ["5"]
    assert [row["value"] for row in rows(files["answers.csv"])] == ["2", "5"]
    assert tuple(row["column"] for row in rows(files["codebook.csv"])) == COLUMN_NAMES
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
            "actor": "r1@trial.invalid",
            "action": "'=looks like a formula",
            "detail": '{"a": 2, "b": 1}',
        }
    ]
    assert files["protocol.toml"] == b"# as it was read\n"
    assert {"report/results.json", "report/wilcoxon.csv", "report/methods.md", "README.txt"} <= files.keys()


def test_every_file_has_its_checksum(tmp_path: Path) -> None:
    study = study_make()
    answer_all(reader_make(study), {"A": 3, "B": 4})

    files = export("trial", tmp_path / "out.zip")

    lines = files.pop("SHA256SUMS").decode().splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_archive_holds_files_for_other_programs(tmp_path: Path) -> None:
    study = study_make(cases=4)
    study.questions.filter(key="confidence").update(low_anchor="not at all")
    answer_all(reader_make(study), {"A": 3, "B": 4})

    files = export("trial", tmp_path / "out.zip")

    assert {"confidence.imrmc", "confidence.lrc", "correct_feature.imrmc", "load.R", "load.sps"} <= files.keys()
    assert b"R1,1,A,3" in files["confidence.imrmc"]
    assert b'"not at all" = 1' in files["load.R"]
    assert b"VALUE LABELS q_confidence 1 'not at all'." in files["load.sps"]
    assert b'"Arm A", "Arm B"' in files["load.R"]


def test_a_study_too_large_for_a_report_comes_with_the_same_data_and_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_make(cases=4)
    answer_all(reader_make(study), {"A": 3, "B": 4})
    whole = export("trial", tmp_path / "whole.zip")
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", 1)

    files = export("trial", tmp_path / "large.zip")

    assert not any(name.startswith("report/") or name.endswith((".imrmc", ".lrc")) for name in files)
    assert {name: files[name] for name in files if name.endswith((".csv", ".R", ".sps"))} == {
        name: content for name, content in whole.items() if "/" not in name and name.endswith((".csv", ".R", ".sps"))
    }


def test_the_same_study_gives_the_same_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the report, whose drawing takes the time; its files are the same bytes by a test of their own.
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", 0)
    answer_all(reader_make(study_make()), {"A": 3, "B": 4})
    export("trial", tmp_path / "one.zip")
    export("trial", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_study_without_answers_can_be_exported(tmp_path: Path) -> None:
    study_make()
    files = export("trial", tmp_path / "out.zip")
    assert rows(files["responses.csv"]) == []
    assert "load.R" in files
    assert "confidence.imrmc" not in files


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    path.write_bytes(b"old")
    answer_all(reader_make(study_make(target="all")), {"A": 3, "B": 4})
    with pytest.raises(CommandError, match="reserved"):
        export("trial", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_study_is_named_with_those_that_exist(tmp_path: Path) -> None:
    study_make()
    with pytest.raises(CommandError, match=r"no study 'other'\. Studies: trial"):
        export("other", tmp_path / "out.zip")


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    study_make()
    with pytest.raises(CommandError, match="cannot be written"):
        export("trial", tmp_path / "nowhere" / "out.zip")
