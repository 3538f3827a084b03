"""Loading the published study: its numbers on every way out, and folders that are not it."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from readerstudy.accounts.models import User
from readerstudy.reading.models import Answer, Reading
from readerstudy.results.gifsplanation import RECORD
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.selectors import cases_contradicted
from tests.factories.results import published_folder, read_rows, trial_make, write_read
from tests.published import PUBLISHED, PUBLISHED_SD
from tests.results.conftest import Compute

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
SLUG = "gifsplanation"


def load(folder: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command("import_gifsplanation", str(folder), *arguments, stdout=out)
    return out.getvalue()


def signed_in(client: Client, output: str) -> Client:
    """The analyst, by the link that the command printed."""
    link = re.search(r"/sign-in/\S+/", output)
    assert link is not None
    assert client.post(link[0]).status_code == 302
    return client


def reported(client: Client, shared_data_dir: Path, compute: Compute) -> str:
    """The results page of the published study, whose report a worker has computed, as its analyst sees it."""
    signed_in(client, load(shared_data_dir / SLUG, "--analyst", "analyst@example.org"))
    client.get(f"/results/{SLUG}/")
    assert compute() == ["computed"]
    return str(client.get(f"/results/{SLUG}/").content.decode())


def content(client: Client, name: str) -> bytes:
    response = client.get(f"/results/{SLUG}/{name}")
    assert response.status_code == 200
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.shared_data
def test_the_published_numbers_are_on_the_page(client: Client, shared_data_dir: Path, compute: Compute) -> None:
    page = reported(client, shared_data_dir, compute)

    table = page.split("Wilcoxon signed-rank tests, as published.</strong>")[1].split("</table>")[0]
    table = table.split("How confident are you")[1].split("</tbody>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
    for label, target, mean, statistic, p_value in PUBLISHED:
        name = ["all", "targets"] if target == "all" else target.split()
        row = next(row for row in rows if row[: 1 + len(name)] == [label, *name])
        pairs, shown_mean, sd, shown_statistic, p, *_ = row[1 + len(name) :]
        assert int(pairs) == (240 if target == "all" else 40)
        assert float(shown_mean) == pytest.approx(mean, abs=5e-5)
        assert float(shown_statistic) == statistic
        assert p == f"{p_value:.3f}".removeprefix("0")
        if target == "all":
            assert float(sd) == PUBLISHED_SD[label]
    assert "No true positive has an IoU" in page
    # Two readers: the fixed-reader result is the one to report (statistics.md).
    assert re.search(r"FRRC <span class=\"badge accent\">to report", page)
    # From one reader comes the effect on true positives; the second period scores the feature lower.
    assert "+0.2833" in page
    period = page.split("Period and carry-over.</strong>")[1].split("</table>")[0]
    assert re.findall(r"-0\.2667|-0\.3417", period) == ["-0.2667", "-0.3417"]
    # By all flips, where 2,000 draws said .042; and the cases that share an X-ray or a patient are counted.
    effect = page.split("Effect with cases as units.</strong>")[1].split("</table>")[0]
    assert ">.064<" in effect
    assert "5 images and 7 patients have more than one case, so that 240 cases are 231 clusters" in page


@pytest.mark.shared_data
def test_the_command_line_gives_the_same_numbers_from_the_downloaded_responses(
    client: Client, shared_data_dir: Path, tmp_path: Path, compute_in_full: Compute
) -> None:
    reported(client, shared_data_dir, compute_in_full)
    responses = tmp_path / "responses.csv"
    responses.write_bytes(content(client, "responses.csv"))

    subprocess.run(
        [sys.executable, "-m", "analysis", "report", str(responses), "--out", str(tmp_path / "out"), "--scale", "1,5"],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )

    results = json.loads((tmp_path / "out" / "results.json").read_text())
    confidence = {
        (row["label"], row["target"]): row for row in results["tables"]["wilcoxon"] if row["question"] == "confidence"
    }
    assert len(confidence) == len(PUBLISHED)
    for label, target, mean, statistic, p_value in PUBLISHED:
        row = confidence[label, target]
        assert row["mean_difference"] == pytest.approx(mean, abs=1e-6)
        assert row["statistic"] == statistic
        assert row["p_value"] == pytest.approx(p_value, rel=1e-4)
    # Only Cardiomegaly survives Holm's adjustment (statistics.md).
    survivors = {key: row["p_holm"] for key, row in confidence.items() if row["p_holm"] and row["p_holm"] < 0.05}
    assert survivors == {
        ("TP", "Cardiomegaly"): pytest.approx(0.0496, abs=5e-5),
        ("FP", "Cardiomegaly"): pytest.approx(0.0324, abs=5e-5),
    }

    archive = tmp_path / "report.zip"
    archive.write_bytes(content(client, "report.zip"))
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(archive), str(tmp_path / "zip")], check=True)
    assert {path.name for path in (tmp_path / "zip").iterdir()} == {path.name for path in (tmp_path / "out").iterdir()}
    for name in ("wilcoxon.csv", "methods.md", "scores_confidence.svg"):
        assert (tmp_path / "zip" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    archived = json.loads((tmp_path / "zip" / "results.json").read_text())
    # The file of the responses does not know how the questions are worded; the study does.
    assert set(archived["provenance"].pop("wording")) == {"confidence", "correct_feature"}
    assert results["provenance"].pop("wording") == {}
    assert archived == results


@pytest.mark.shared_data
def test_the_downloaded_responses_are_the_whole_study(client: Client, shared_data_dir: Path, compute: Compute) -> None:
    reported(client, shared_data_dir, compute)

    rows = list(csv.DictReader(io.StringIO(content(client, "responses.csv").decode())))

    assert len(rows) == 240 * 2 * 2 * 2
    first = {row["arm"] for row in rows if row["case"] == "1" and row["period"] == "1"}
    second = {row["arm"] for row in rows if row["case"] == "1" and row["period"] == "2"}
    assert (first, second) == ({"A"}, {"B"})  # trial 0 of case 1: Traditional in read 0
    # read0-reader1.csv, line 2: 1,4,3
    given = [row["value"] for row in rows if (row["reader"], row["case"], row["period"]) == ("R1", "1", "1")]
    assert given == ["4", "3"]
    assert {row["answered_at"] for row in rows} == {""}  # unknown, not the time of the import
    # Both X-rays that were read twice keep their name in both cases.
    names = {row["case"]: row["image"] for row in rows}
    assert names["213"] == names["231"]
    assert names["220"] == names["229"]


@pytest.mark.shared_data
def test_the_truth_of_every_published_case_is_that_of_its_image(shared_data_dir: Path) -> None:
    load(shared_data_dir / SLUG)
    study = Study.objects.get(slug=SLUG)

    assert cases_contradicted(study) == []
    for label, state in (("TP", "positive"), ("FP", "negative")):
        cases = study.cases.filter(label=label, target="Mass")
        assert set(cases.filter(image__labels__finding="Mass").values_list("image__labels__state", flat=True)) == {
            state
        }


def test_the_study_is_closed_and_its_readers_cannot_sign_in(tmp_path: Path) -> None:
    output = load(published_folder(tmp_path))

    study = Study.objects.get(slug=SLUG)
    assert study.status == Study.Status.CLOSED
    assert study.cases.count() == 240
    assert Reading.objects.count() == 960
    assert Answer.objects.count() == 1920
    readers = User.objects.filter(memberships__role=Membership.Role.READER).order_by("email")
    assert [reader.email for reader in readers] == [f"reader{number}@{SLUG}.invalid" for number in (1, 2)]
    assert not any(reader.has_usable_password() for reader in readers)
    assert "sign-in" not in output.lower()
    assert "Times were not published" in output


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    folder = published_folder(tmp_path)
    load(folder)
    before = set(Answer.objects.values_list("pk", flat=True))

    assert "there already" in load(folder)

    assert set(Answer.objects.values_list("pk", flat=True)) == before
    assert Study.objects.count() == 1


def test_another_study_of_that_name_is_left_alone(tmp_path: Path) -> None:
    trial_make(SLUG)
    with pytest.raises(CommandError, match="another study"):
        load(published_folder(tmp_path))
    assert "Loaded" in load(tmp_path, "--slug", "published")


def test_an_impossible_slug_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--slug"):
        load(published_folder(tmp_path), "--slug", "a b")


def _change(read: int, reader: int, line: int, cell: int, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        rows = read_rows(folder, read, reader)
        rows[line - 1][cell] = text
        write_read(folder, read, reader, rows)

    return change


def _drop_last(folder: Path) -> None:
    write_read(folder, 0, 2, read_rows(folder, 0, 2)[:-1])


BROKEN = {
    "unknown column": (_change(0, 1, 1, 1, "Confidence?"), r"read0-reader1.csv, line 1: .*unknown: 'Confidence\?'"),
    "off the scale": (_change(1, 2, 17, 1, "6"), r"read1-reader2.csv, line 17: .*the scale goes from 1 to 5"),
    "no number": (_change(1, 2, 17, 2, ""), r"read1-reader2.csv, line 17: .*whole number"),
    "unknown case": (_change(1, 1, 3, 0, "241"), r"read1-reader1.csv, line 3: Example is 241"),
    "case twice": (_change(0, 2, 5, 0, "1"), r"read0-reader2.csv: .*more than once: 1; lacking: 4"),
    "row missing": (_drop_last, r"read0-reader2.csv: 239 rows.*lacking: 240"),
    "read missing": (lambda folder: (folder / "read1-reader2.csv").unlink(), r"read1-reader2.csv does not exist"),
    "record missing": (lambda folder: (folder / RECORD).unlink(), rf"{RECORD} does not exist"),
    "record cut": (
        lambda folder: (folder / RECORD).write_bytes((folder / RECORD).read_bytes()[:900]),
        "Fetch it again",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_folder_that_is_not_the_published_study_is_refused_whole(name: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    change(published_folder(tmp_path))
    with pytest.raises(CommandError, match=message):
        load(tmp_path)
    assert not Study.objects.exists()
    assert not User.objects.exists()
