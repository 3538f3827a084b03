"""No file of an export names a person, whoever wrote the name where."""

from __future__ import annotations

import csv
import io
import re
import uuid
import zlib
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command

from readerstudy.accounts.models import User
from readerstudy.reading.models import Unlock
from readerstudy.results.pseudonyms import pseudonyms_of
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Membership, Question, Study
from readerstudy.studies.services import audit, member_add, reader_withdraw
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, rater_make, trial_make
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role
NAMES = {
    "R1": ("Zdenka", "Quarkova"),
    "R2": ("Mark", "Ölvedi-Brandt"),
    "C1": ("Xaver", "Yttrium"),
    "A1": ("Wilhelmina", "van Dongelen"),
}


@pytest.fixture
def study() -> Study:
    """Two readers, a coordinator and an analyst, whose names and addresses stand wherever a person can write."""
    study = trial_make(cases=4, unblinded=False)
    Question.objects.create(study=study, key="comment", text="Comment", kind="text", required=False, position=3)
    readers = [rater_make(study), rater_make(study)]
    for role in (Role.COORDINATOR, Role.ANALYST):
        member_add(study=study, email=f"{role}@hospital.invalid", role=role, now=NOW)
    for member in study.memberships.select_related("user"):
        code = member.code or {"coordinator": "C1", "analyst": "A1"}[member.role]
        User.objects.filter(pk=member.user_id).update(
            first_name=NAMES[code][0], last_name=NAMES[code][1], email=f"{code.lower()}.person@hospital.invalid"
        )
    coordinator = User.objects.get(email="c1.person@hospital.invalid")
    everybody = "; ".join(
        f"{user.get_full_name()} <{user.email.upper()}>, Dr {user.last_name}, {user.first_name.upper()}"
        for user in User.objects.order_by("email")
    )
    for reader in readers:
        answer_all(reader, {"A": 3, "B": 4})
        answer(reader, 1, "B", [None], question="comment", content={"text": everybody})
        answer(reader, 1, "B", [4], first=2, reason=everybody[:180])
    unlock = Unlock.objects.create(
        id=uuid.uuid4(), reading=present(readers[0].readings.first()), reason=everybody[:500], asked_at=NOW
    )
    detail = {"reader": "R1", "reason": unlock.reason, "because": [{"told": everybody}]}
    audit(study=study, actor=readers[0].membership.user, action=Action.UNLOCK_ASKED, detail=detail, now=NOW)
    audit(study=study, actor=coordinator, action=Action.UNLOCK_GRANTED, detail={"reason": everybody}, now=NOW)
    reader_withdraw(membership=readers[1].membership, reason=everybody, now=NOW, actor=coordinator)
    gone = User.objects.create_user("gone@hospital.invalid", first_name="Vanished", last_name="Operator")
    study.audit.create(actor=gone, action="something", at=NOW)
    return study


def export(study: Study, path: Path, *options: str) -> dict[str, bytes]:
    call_command("study_export", study.slug, str(path), *options, stdout=io.StringIO())
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def readable(content: bytes) -> str:
    """The bytes of a file, with what a PDF has compressed."""
    if content.startswith(b"%PDF"):
        streams = re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)
        content += b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"\x78")
    return content.decode(errors="replace").casefold()


def words_of(user: User) -> list[str]:
    return [word for word in (user.email, user.first_name, user.last_name, user.get_full_name()) if word]


@pytest.mark.parametrize("options", [(), ("--masked",)])
@pytest.mark.usefixtures("in_a_hurry")
def test_no_byte_of_an_export_names_anybody(study: Study, tmp_path: Path, options: tuple[str, ...]):
    files = export(study, tmp_path / "out.zip", *options)
    assert {"audit.csv", "answers.csv", "responses.csv", "README.txt", "report/results.json"} <= files.keys()
    for user in User.objects.all():
        for word in words_of(user):
            whole = re.compile(rf"(?<!\w){re.escape(word.casefold())}(?!\w)")
            assert [name for name, content in files.items() if whole.search(name + readable(content))] == [], word


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.usefixtures("without_report")
def test_who_did_what_is_still_told_by_codes(study: Study, tmp_path: Path):
    files = export(study, tmp_path / "out.zip")
    who = {row["action"]: row["actor"] for row in rows(files["audit.csv"])}
    assert (who["unlock_asked"], who["unlock_granted"], who["reader_withdrawn"], who["something"]) == (
        "R1", "C1", "C1", "P1",
    )  # fmt: skip
    assert '"user": "C1"' in files["audit.csv"].decode().replace('""', '"')
    comment = next(row["content"] for row in rows(files["answers.csv"]) if row["question"] == "comment")
    assert "Dr R1, R1; R2 <R2>" in comment
    assert "A1 <A1>, Dr A1" in comment


def test_a_name_that_is_a_word_too_is_left_where_it_is_the_word(study: Study):
    people = pseudonyms_of(study)
    assert people.text("the mark is beside the lung, as Mark said") == "the mark is beside the lung, as R2 said"
    assert people.text("benchmarks, Markov, Zdenkas") == "benchmarks, Markov, Zdenkas"


def test_a_name_that_two_people_have_stands_for_somebody(study: Study):
    User.objects.filter(first_name="Mark").update(first_name="Zdenka")
    assert pseudonyms_of(study).text("Zdenka, or Zdenka Quarkova") == "somebody, or R1"
