"""The key is in an export after unblinding, with which anybody draws the allocation again; before, in none."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from readerstudy.reading.services import readers_allocate
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.protocol_reading import ReadingPlan
from readerstudy.studies.services import study_unblind
from tests.factories.people import NOW, member_make
from tests.factories.reading import selected_make
from tests.reading.attack import by_hmac, of_seeds, starts_in_first_arm

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_report")]
PER_CELL = 6


@pytest.fixture
def study() -> Study:
    """A study of 24 selected cases and two to practise on, with two readers."""
    study = selected_make(PER_CELL, reading=ReadingPlan(training_cases=2))
    for _ in range(2):
        member_make(study, Membership.Role.READER)
    readers_allocate(study=study, now=NOW)
    return Study.objects.get(pk=study.pk)


def closed(study: Study) -> Study:
    Study.objects.filter(pk=study.pk).update(status=Study.Status.CLOSED)
    return Study.objects.get(pk=study.pk)


def export(study: Study, path: Path, *options: str) -> dict[str, bytes]:
    call_command("study_export", study.slug, str(path), *options, stdout=io.StringIO())
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def verified(what: Path | str) -> str:
    out = io.StringIO()
    call_command("study_allocation_verify", str(what), stdout=out)
    return out.getvalue()


def test_no_export_has_the_key_before_unblinding_and_the_full_one_has_it_after(study: Study, tmp_path: Path):
    key = study.allocation_key.key
    for status in (study, closed(study)):
        for options in ((), ("--masked",)):
            for name, content in export(status, tmp_path / "before.zip", *options).items():
                assert name != "allocation-key.json"
                assert key not in content
                assert key.hex() not in content.decode(errors="replace").lower()
    study_unblind(study=study, now=NOW)
    after = export(study, tmp_path / "after.zip")
    assert key.hex() in after["allocation-key.json"].decode()
    assert "allocation-key.json" in after["README.txt"].decode()
    assert "allocation-key.json" not in export(study, tmp_path / "masked.zip", "--masked")


def test_an_export_is_verified_by_itself(study: Study, tmp_path: Path):
    study_unblind(study=closed(study), now=NOW)
    export(study, tmp_path / "all.zip")
    slug = study.slug
    Study.objects.filter(pk=study.pk).update(slug="another")  # so that nothing comes from the database
    assert verified(tmp_path / "all.zip") == "R1, R2: drawn again from the key, everything agrees.\n"
    assert slug != "another"


def changed(path: Path, name: str, old: str, new: str) -> Path:
    """The archive with a text in one of its files replaced."""
    with ZipFile(path) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    assert old in files[name].decode()
    files[name] = files[name].decode().replace(old, new, 1).encode()
    with ZipFile(path.with_name("changed.zip"), "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return path.with_name("changed.zip")


def test_a_changed_export_is_found(study: Study, tmp_path: Path):
    study_unblind(study=closed(study), now=NOW)
    files = export(study, path := tmp_path / "all.zip")
    first = rows(files["allocation.csv"])[0]
    line = f"{first['reader']},{first['seed']},{first['period']},{first['position']},{first['case']},"
    other = "B" if first["arm"] == "A" else "A"
    with pytest.raises(CommandError, match="R1: the order or the arms are not those of the key"):
        verified(changed(path, "allocation.csv", f"{line}{first['arm']}", f"{line}{other}"))
    with pytest.raises(CommandError, match="would be number"):
        verified(changed(path, "allocation-key.json", study.allocation_key.key.hex(), "00" * 32))


@pytest.mark.parametrize("options", [(), ("--masked",)])
def test_an_export_without_the_key_says_where_it_is(study: Study, tmp_path: Path, options: tuple[str, ...]):
    export(study, tmp_path / "early.zip", *options)
    with pytest.raises(CommandError, match="after the study was unblinded"):
        verified(tmp_path / "early.zip")


def test_what_is_no_export_is_refused(tmp_path: Path):
    with pytest.raises(CommandError, match="There is no file"):
        verified(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(CommandError, match="is no ZIP archive"):
        verified(tmp_path / "text.zip")


def test_a_blind_analyst_cannot_work_out_the_arms_by_trying_seeds_and_could_with_the_key(study: Study, tmp_path: Path):
    """Given all of the masked export and the labels, what is missing is which of the codes is the protocol's first."""
    table = rows(export(closed(study), tmp_path / "masked.zip", "--masked")["allocation.csv"])
    table = [row for row in table if row["reader"] == "R1" and row["period"] != "0"]
    placed = {(int(row["period"]), int(row["position"])): int(row["case"]) for row in table}
    numbers = sorted(set(placed.values()))

    assert not any(order(numbers) == placed for order in of_seeds("R1", cells=4, per_cell=PER_CELL))

    key = study.allocation_key.key
    assert by_hmac(key, "R1")(numbers) == placed
    cells = defaultdict(list)
    for number, target, label in study.cases.studied().values_list("number", "target", "label"):
        cells[target, label].append(number)
    first = set().union(*(starts_in_first_arm(key, "R1", cell) for cell in cells.values()))
    code = {row["arm"] for row in table if row["period"] == "1" and int(row["case"]) in first}
    study_unblind(study=study, now=NOW)
    assert study.audit.get(action="study_unblinded").detail["arms_by_code"][code.pop()] == "A"
    assert not code
