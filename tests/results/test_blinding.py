"""An analyst does not learn which arm is which before the coordinator has unblinded the closed study."""

import csv
import io
import re
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from readerstudy.explanations.models import Explanation
from readerstudy.lib.media import media_path
from readerstudy.reading.models import Event
from readerstudy.reading.selectors import EXPOSURE_COLUMNS
from readerstudy.results.blinding import coding_for, coding_of
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Membership, Question, Study
from readerstudy.studies.services import StudyError, audit, study_unblind
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, person_make, rater_make, trial_make, visit
from tests.results.worker import work
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role
SEED = 918273645
NAMES = {"A": ("conventional", "Attribution maps"), "B": ("moving", "Latent Shift")}
#: Whatever names an arm, or lets it be worked out.
SECRETS = (
    "conventional", "moving", "Attribution maps", "Latent Shift", "input_gradient", "guided_backprop",
    "latent_shift", "filmstrip", "animation_started", "loops", str(SEED), "lungs wobble",
)  # fmt: skip


@pytest.fixture
def study() -> Study:
    """A closed study that is not unblinded; moving was rated 4 and conventional 3, with traces of both everywhere."""
    study = trial_make(cases=6, unblinded=False)
    study.protocol, study.seed = 'arms = ["conventional", "moving"]\n', SEED
    study.save()
    for case in study.cases.all():
        ious = {"input_gradient": case.number / 20, "guided_backprop": case.number / 30, "latent_shift": 0.4}
        fields = {"methods": list(ious), "ious": ious, "measures": {"mask_area": 0.1}}
        Explanation.objects.create(case=case, status="done", created_at=NOW, **fields)
    Question.objects.create(study=study, key="comment", text="Comment", kind="text", required=False, position=3)
    for reader in (rater_make(study), rater_make(study)):
        reader.seed = SEED
        reader.save()
        answer_all(reader, {"A": 3, "B": 4})
        answer(reader, 1, "B", [None], question="comment", content={"text": "lungs wobble"})
        answer(reader, 1, "B", [4], first=2, reason="lungs wobble")
        opened = visit(reader, 1, "B", 12.0)
        visit(reader, 1, "A", 8.0)
        for sequence, kind in enumerate(("animation_started", "loop", "tab_hidden"), start=1):
            Event.objects.create(
                visit=opened, sequence=sequence, kind=kind, panel="filmstrip", seconds=1, received_at=NOW
            )
    detail = {"reader": "R1", "study_seed": SEED, "seed": SEED, "new_detail": "moving"}
    audit(study=study, actor=None, action=Action.READER_ALLOCATED, detail=detail, now=NOW)
    for arm in study.arms.all():
        arm.key, arm.name = NAMES[arm.key]
        arm.save()
    return study


def found(content: bytes) -> set[str]:
    """Secrets in these bytes, in those of an archive's files, and in the compressed parts of a PDF."""
    if content.startswith(b"PK"):
        with ZipFile(io.BytesIO(content)) as archive:
            return set().union(*(found(name.encode() + archive.read(name)) for name in archive.namelist()))
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL) if b"%PDF" in content[:100] else []:
        content += zlib.decompressobj().decompress(stream) if stream[:1] == b"\x78" else b""
    return {secret for secret in SECRETS if secret.lower().encode() in content.lower()}


def addresses(study: Study, patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[str]:
    """Every address of the application that can be made of what the study has."""
    values = {
        "slug": study.slug,
        "number": 1,
        "name": "latent_shift.png",
        "explanation_id": present(Explanation.objects.first()).pk,
        "reading_id": present(present(study.cases.first()).readings.first()).pk,
        "membership_id": present(study.memberships.first()).pk,
        "image_id": present(study.images.first()).pk,
        "run_id": present(study.report_runs.first()).pk,
        **dict.fromkeys(("answer_id", "unlock_id", "visit_id"), uuid.uuid4()),
    }
    stored = [path.name for run in study.report_runs.all() for path in media_path(run.folder).iterdir()]
    figures = [f"{kind}_{question}" for kind in ("scores", "counts", "iou") for question in ("confidence", "comment")]
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(study, pattern.url_patterns)
        elif pattern.name == "results_figure":
            yield from (
                reverse(pattern.name, args=[study.slug, name, kind]) for name in figures for kind in ("svg", "pdf")
            )
        elif pattern.name == "results_file":
            yield from (
                reverse(pattern.name, args=[study.slug, name]) for name in stored if not name.endswith((".svg", ".zip"))
            )
        else:
            named = {**values, "name": "latent_shift"} if pattern.name == "reading_outline" else values
            wanted = pattern.pattern.regex.groupindex
            try:
                yield reverse(pattern.name, kwargs={name: named[name] for name in wanted})
            except (KeyError, NoReverseMatch):
                assert present(pattern.name).startswith(("account_", "mfa_", "sign_in")), f"{pattern.name} is not tried"


def crawled(client: Client, study: Study) -> tuple[set[str], int]:
    """Secrets on any address of the application, and how many of them answered with content."""
    secrets, opened = set(), 0
    for address in addresses(study):
        if "logout" in address:
            continue
        response = client.get(address)
        content = response.getvalue() if response.streaming else response.content
        secrets |= found(content + repr(response.headers).encode())
        opened += response.status_code == 200
    return secrets, opened


def export(study: Study, path: Path, *options: str) -> bytes:
    call_command("study_export", study.slug, str(path), *options, stdout=io.StringIO())
    return path.read_bytes()


def files(archive: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def results(client: Client, study: Study) -> str:
    """The page with the report of the present data."""
    client.get(reverse("results_detail", args=[study.slug]))
    work()
    return client.get(reverse("results_detail", args=[study.slug])).text


def test_no_address_tells_an_analyst_the_arms(client: Client, study: Study) -> None:
    client.force_login(person_make(study, Role.ANALYST))
    assert found(results(client, study).encode()) == set()
    secrets, opened = crawled(client, study)
    assert secrets == set()
    assert opened >= 40  # the page, the responses, the report with every table, the figures of a question

    coordinator = Client()
    coordinator.force_login(person_make(study, Role.COORDINATOR))
    assert found(coordinator.get(reverse("case_detail", args=[study.slug, 1])).content) >= {"latent_shift"}


def test_no_file_of_a_masked_export_tells_the_arms(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked = export(study, tmp_path / "masked.zip", "--masked")
    assert found(masked) == set()
    assert {"report/report.pdf", "report/results.json", "confidence.imrmc", "load.sps"} <= files(masked).keys()
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", -1)
    assert set(found(export(study, tmp_path / "true.zip"))) == set(SECRETS)


@pytest.mark.usefixtures("in_a_hurry")
def test_page_and_files_use_the_same_codes(client: Client, study: Study, tmp_path: Path) -> None:
    masked = files(export(study, tmp_path / "masked.zip", "--masked"))
    own = {(row["reader"], row["case"], row["period"]): row["arm"] for row in rows(masked["allocation.csv"])}
    value = {row["arm"]: row["value"] for row in rows(masked["responses.csv"])}

    assert sorted(value) == ["X", "Y"]
    assert sorted(value.values()) == ["3", "4"]  # one value in each arm, so that no row has the other's code
    for name in ("responses.csv", "answers.csv", "exposure.csv"):
        for row in rows(masked[name]):
            assert own[row["reader"], row["case"], row["period"]] == row["arm"], name
    ratings = [line.split(",") for line in masked["confidence.imrmc"].decode().splitlines() if line.startswith("1,")]
    assert {(arm, rating) for _, _, arm, rating in ratings} == set(value.items())
    difference = int(value["Y"]) - int(value["X"])
    assert {float(row["mean_difference"]) for row in rows(masked["report/effect.csv"])} == {difference}
    assert '"Arm X", "Arm Y"' in masked["load.R"].decode()
    client.force_login(person_make(study, Role.ANALYST))
    text = results(client, study)
    overview = text.split("At a glance</h2>")[1].split("</table>")[0]
    assert f"{difference:+.4f}" in overview
    assert f"{-difference:+.4f}" not in overview
    assert "--arms X,Y" in text
    downloaded = client.get(reverse("results_responses", args=[study.slug])).getvalue()
    assert downloaded == masked["responses.csv"]


@pytest.mark.usefixtures("without_report")
def test_a_masked_export_keeps_what_is_handled_alike_in_every_arm(study: Study, tmp_path: Path) -> None:
    masked = files(export(study, tmp_path / "masked.zip", "--masked"))
    assert not {"events.csv", "protocol.toml"} & masked.keys()
    exposure = rows(masked["exposure.csv"])
    assert set(exposure[0]) == {
        "reader", "case", "arm", "period", "position", "visits", "seconds", "seconds_first", "idle_seconds",
        "hidden_seconds", "instructions_opened", "tab_hidden", "excluded", "seconds_doubt", "picture_css",
        "picture_device", "picture_pixels", "pixel_ratio", "viewport_width", "viewport_height", "window_width",
        "window_level",
    }  # fmt: skip
    assert {row["column"] for row in rows(masked["codebook-exposure.csv"])} == set(exposure[0])
    responses = rows(masked["responses.csv"])
    assert {row["iou"] + row["map_area"] for row in responses} == {""}
    assert {row["mask_area"] for row in responses if row["label"] == "TP"} == {"0.1"}
    assert [row["detail"] for row in rows(masked["audit.csv"])] == [
        '{"new_detail": "withheld", "reader": "R1", "seed": "withheld", "study_seed": "withheld"}'
    ]
    texts = [row["content"] for row in rows(masked["answers.csv"]) if row["question"] == "comment"]
    assert texts == ['{"text": "withheld"}'] * 2
    assert sum(row["reason"] == "withheld" for row in rows(masked["answers.csv"])) == 2
    assert "this export is masked" in masked["README.txt"].decode()


def test_a_new_column_of_exposure_is_withheld_until_somebody_decides(study: Study) -> None:
    columns = [*EXPOSURE_COLUMNS, "pictures_turned"]
    assert "pictures_turned" not in coding_of(study, "masked").exposure_columns(columns)
    assert coding_of(study, "protocol").exposure_columns(columns) == columns


def test_codes_are_drawn_per_study_and_stay() -> None:
    first = []
    for number in range(40):
        study = trial_make(f"study-{number}", cases=0, unblinded=False)
        codes = {own: arm.key for own, arm in coding_of(study, "masked").arms.items()}
        assert sorted(codes.values()) == ["X", "Y"]
        assert codes == {own: arm.key for own, arm in coding_of(Study.objects.get(pk=study.pk), "masked").arms.items()}
        first.append(codes["A"])
    assert set(first) == {"X", "Y"}  # by chance all alike once in 10^12 runs


def test_a_code_is_never_the_key_of_an_arm() -> None:
    study = trial_make(cases=0, unblinded=False)
    study.arms.filter(key="A").update(key="Y")
    study.arms.filter(key="B").update(key="x")
    assert [arm.key for arm in coding_of(study, "masked").shown] == ["W", "Z"]


@pytest.mark.usefixtures("in_a_hurry")
def test_who_coordinates_sees_the_names_and_that_analysts_do_not(client: Client, study: Study) -> None:
    person = person_make(study, Role.COORDINATOR)
    Membership.objects.create(study=study, user=person, role=Role.ANALYST, created_at=NOW)
    client.force_login(person)
    text = results(client, study)
    assert "Attribution maps" in text
    assert "Not for analysts yet" in text


def test_a_coordinator_of_another_study_stays_blind(study: Study) -> None:
    person = person_make(study, Role.ANALYST)
    Membership.objects.create(study=trial_make("other", cases=0), user=person, role=Role.COORDINATOR, created_at=NOW)
    assert coding_for(person, study).is_masked


@pytest.mark.usefixtures("in_a_hurry")
def test_unblinding_shows_the_names_at_once_and_is_recorded(client: Client, study: Study) -> None:
    analyst, coordinator = person_make(study, Role.ANALYST), person_make(study, Role.COORDINATOR)
    client.force_login(analyst)
    codes = {arm.key: own for own, arm in coding_for(analyst, study).arms.items()}
    assert "Attribution maps" not in results(client, study)

    at_work = Client()
    at_work.force_login(coordinator)
    page = at_work.get(reverse("study_detail", args=[study.slug])).text
    assert "Unblind the study" in page
    assert "Arm X" not in page
    response = at_work.post(reverse("study_unblind", args=[study.slug]), {"confirm": "yes"}, follow=True)

    assert "is unblinded" in response.text
    assert coordinator.email in response.text
    assert "Unblind the study" not in response.text
    text = results(client, study)
    assert "Attribution maps" in text
    assert f"X is arm {codes['X']}, Y is arm {codes['Y']}" in text
    entry = study.audit.get(action="study_unblinded")
    assert (entry.actor, entry.detail) == (coordinator, {"arms_by_code": codes})


def test_unblinding_needs_the_confirmation(client: Client, study: Study) -> None:
    client.force_login(person_make(study, Role.COORDINATOR))
    response = client.post(reverse("study_unblind", args=[study.slug]), follow=True)
    assert "Nothing was unblinded" in response.text
    assert Study.objects.get(pk=study.pk).unblinded_at is None


@pytest.mark.parametrize("status", [Study.Status.DRAFT, Study.Status.OPEN])
def test_a_study_that_is_not_closed_stays_blind(client: Client, status: str) -> None:
    study = trial_make(status=status)
    client.force_login(person_make(study, Role.COORDINATOR))
    page = client.post(reverse("study_unblind", args=[study.slug]), {"confirm": "yes"}, follow=True).text
    assert "Close it first" in page
    assert "Unblind the study" not in page
    assert not study.audit.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(unblinded_at=NOW)


def test_unblinding_happens_once(study: Study) -> None:
    study_unblind(study=study, now=NOW)
    with pytest.raises(StudyError, match="unblinded on 2026-03-02 already"):
        study_unblind(study=study, now=NOW)
    assert study.audit.filter(action="study_unblinded").count() == 1


def test_the_command_unblinds_and_says_what_was_what(study: Study) -> None:
    codes = {arm.key: own for own, arm in coding_of(study, "masked").arms.items()}
    out = io.StringIO()
    call_command("study_unblind", study.slug, stdout=out)
    assert f"X was arm {codes['X']}" in out.getvalue()
    assert Study.objects.get(pk=study.pk).unblinded_at is not None
    with pytest.raises(CommandError, match="already"):
        call_command("study_unblind", study.slug)


@pytest.mark.usefixtures("without_report")
def test_an_export_after_unblinding_tells_what_masked_results_meant(study: Study, tmp_path: Path) -> None:
    codes = {arm.key: own for own, arm in coding_of(study, "masked").arms.items()}
    assert "Masked results" not in files(export(study, tmp_path / "before.zip"))["README.txt"].decode()
    study_unblind(study=study, now=NOW)
    readme = files(export(study, tmp_path / "after.zip"))["README.txt"].decode()
    assert f"have X for {codes['X']}, Y for {codes['Y']}" in readme


@pytest.mark.usefixtures("in_a_hurry")
def test_a_report_made_for_coordinators_is_not_handed_to_an_analyst(client: Client, study: Study) -> None:
    client.force_login(person_make(study, Role.COORDINATOR))
    results(client, study)
    run = study.report_runs.get()
    assert run.coding == "protocol"
    address = f"{reverse('results_responses', args=[study.slug])}?v={run.short_version}"
    assert client.get(address).getvalue()
    client.force_login(person_make(study, Role.ANALYST))
    assert client.get(address).status_code == 404
    assert found(results(client, study).encode()) == set()
    assert set(study.report_runs.values_list("coding", flat=True)) == {"protocol", "masked"}
