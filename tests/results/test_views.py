"""The analyst's page and its downloads."""

import csv
import io
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from readerstudy.explanations.models import Explanation
from readerstudy.lib.media import media_path
from readerstudy.reading.models import Event
from readerstudy.results.models import ReportRun
from readerstudy.results.selectors import progress
from readerstudy.results.services import REPORTING, run_step
from readerstudy.studies.models import Image, Membership, Study
from readerstudy.work.workers import worker_seen
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, person_make, rater_make, trial_case_make, trial_make, visit
from tests.results.conftest import Compute

pytestmark = pytest.mark.django_db
Role = Membership.Role
Page = Callable[..., str]
MaxQueries = Callable[[int], AbstractContextManager[object]]


def addresses(study: Study) -> list[str]:
    return [
        reverse("results_detail", args=[study.slug]),
        reverse("results_state", args=[study.slug]),
        reverse("results_responses", args=[study.slug]),
        reverse("results_figure", args=[study.slug, "scores_confidence", "svg"]),
        reverse("results_file", args=[study.slug, "effect.csv"]),
        reverse("results_report", args=[study.slug]),
    ]


def get(client: Client, study: Study, query: str = "") -> str:
    """The page as the study's analyst sees it."""
    if "_auth_user_id" not in client.session:
        client.force_login(person_make(study, Role.ANALYST))
    response = client.get(reverse("results_detail", args=[study.slug]) + query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def page(compute: Compute) -> Page:
    """The page with the report of the present data: opened, computed by a worker, opened again."""

    def opened(client: Client, study: Study, query: str = "") -> str:
        get(client, study, query)
        compute()
        return get(client, study, query)

    return opened


def statuses(client: Client, study: Study) -> list[int]:
    """What each address answers, its file read to the end."""
    found = []
    for address in addresses(study):
        response = client.get(address)
        if response.streaming:
            content(response)
        found.append(response.status_code)
    return found


def content(response: Any) -> bytes:
    """The bytes of a file that was sent."""
    return b"".join(response.streaming_content)


def rows(page: str, title: str) -> list[list[str]]:
    """The cells of the rows of the first table with this title, as text."""
    table = page[page.index(f"<strong>{title}.</strong>") :].split("</table>", maxsplit=1)[0]
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in found
    ]


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COORDINATOR])
def test_analysts_and_coordinators_see_results_and_downloads(client: Client, compute: Compute, role: str) -> None:
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})
    client.force_login(person_make(study, role))
    assert statuses(client, study) == [200, 200, *[503] * 4]
    assert compute() == ["computed"]
    assert statuses(client, study) == [200] * 6


def test_outsiders_find_nothing(client: Client, compute: Compute) -> None:
    study, other = trial_make(), trial_make("other")
    answer_all(rater_make(study), {"A": 3, "B": 4})
    get(client, study)
    compute()
    client.force_login(person_make(other, Role.ANALYST))
    assert statuses(client, study) == [404] * 6


@pytest.mark.parametrize("status", Study.Status.values)
def test_readers_are_refused(client: Client, status: str) -> None:
    study = trial_make(status=status)
    client.force_login(rater_make(study).membership.user)
    assert statuses(client, study) == [403] * 6
    assert not ReportRun.objects.exists()


def test_a_coordinator_who_reads_sees_results_only_when_the_study_is_closed(client: Client) -> None:
    study = trial_make(status=Study.Status.OPEN)
    reader = rater_make(study)
    answer_all(reader, {"A": 3, "B": 4})
    Membership.objects.create(study=study, user=reader.membership.user, role=Role.COORDINATOR, created_at=NOW)
    client.force_login(reader.membership.user)
    assert statuses(client, study) == [403] * 6

    Study.objects.update(status=Study.Status.CLOSED)
    assert client.get(addresses(study)[0]).status_code == 200


def test_nobody_is_asked_to_post(client: Client) -> None:
    study = trial_make()
    client.force_login(person_make(study, Role.ANALYST))
    assert [client.post(address).status_code for address in addresses(study)] == [405] * 6


def test_a_study_without_readers_says_what_is_to_come(client: Client) -> None:
    text = get(client, trial_make(status=Study.Status.DRAFT))
    assert "No answers yet" in text
    assert "<img" not in text.split("<main")[1]
    assert not ReportRun.objects.exists()


def test_a_study_without_answers_says_how_many_readings_wait(client: Client) -> None:
    study = trial_make(status=Study.Status.OPEN)
    rater_make(study)
    text = get(client, study)
    assert "4 readings are allocated and none has been answered" in text
    assert "not begun" in text


@pytest.mark.parametrize("values", [{"A": 3, "B": 3}, {"A": 3, "B": 4}], ids=["no difference", "one difference"])
def test_thin_data_give_messages_and_no_nan(client: Client, page: Page, values: dict[str, int]) -> None:
    study = trial_make()
    answer_all(rater_make(study), values)
    text = page(client, study)
    assert "There is one reader" in text
    assert "only one pair" in text
    assert not re.search(r">\s*[+-]?(nan|inf|None)\b", text)


def test_one_single_answer_is_shown_without_an_error(client: Client, page: Page) -> None:
    study = trial_make(status=Study.Status.OPEN)
    answer(rater_make(study), 1, "A", [2])
    assert "1 response of 1 reader" in page(client, study)
    assert content(client.get(reverse("results_report", args=[study.slug]))).startswith(b"PK")


def test_a_study_with_one_arm_is_described_and_not_compared(client: Client, page: Page) -> None:
    study = trial_make(cases=4)
    study.arms.filter(key="B").delete()
    study.periods.filter(number=2).delete()
    answer_all(rater_make(study), {"A": 3})
    text = page(client, study)
    assert "the study has one arm" in text
    assert "arms cannot be compared" in text
    assert "--arms" not in text


def test_the_scales_of_the_protocol_divide_scores_and_stand_in_the_command(client: Client, page: Page) -> None:
    """Nobody gave more than 3 of 5: a 3 is no high score."""
    study = trial_make(cases=4)
    answer_all(rater_make(study), {"A": 2, "B": 3})
    text = page(client, study)
    assert "--scale confidence=1,5 --scale correct_feature=1,5" in text
    assert {row[1] for row in rows(text, "Sensitivity and specificity") if len(row) > 1} == {"Threshold", "4"}
    assert "the scale is not known" not in text


def test_results_of_an_open_study_are_called_interim(client: Client) -> None:
    study = trial_make(status=Study.Status.OPEN)
    reader = rater_make(study)
    for question in ("confidence", "correct_feature"):
        answer(reader, 1, "A", [2], question=question)
    answer(reader, 2, "A", [2])
    text = get(client, study)
    assert "1 of 4 readings are complete" in text
    assert "under way" in text

    Study.objects.update(status=Study.Status.CLOSED)
    assert "Interim" not in get(client, study)


def test_while_newer_answers_are_analysed_the_earlier_report_stands_with_its_time(
    client: Client, page: Page, compute: Compute
) -> None:
    study = trial_make()
    reader = rater_make(study)
    answer(reader, 1, "A", [2])
    answer(reader, 1, "B", [4])
    text = page(client, study)
    assert "+2.0000" in text
    assert "newer answers" not in text
    ReportRun.objects.update(finished_at=NOW)

    answer(reader, 1, "B", [5], first=2)
    text = get(client, study)
    assert "There are newer answers" in text
    assert "What follows is the report of <strong><time" in text
    assert "2 March 2026, 09:00" in text
    assert "+2.0000" in text

    compute()
    text = get(client, study)
    assert "+3.0000" in text
    assert "+2.0000" not in text
    assert "newer answers" not in text


def test_the_page_says_how_far_the_report_is_and_that_nobody_computes_it(client: Client) -> None:
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})
    text = get(client, study)
    assert "The report is being computed" in text
    assert "Waiting for a worker" in text
    assert re.search(r'id="state-worker">[^<]*<code>celery -A readerstudy.results worker -Q reports -c 1', text)
    assert '<noscript><meta http-equiv="refresh"' in text

    worker_seen(name="reports@host", queues="reports", host="host", pid=1, now=timezone.now())
    run = ReportRun.objects.get()
    job = REPORTING.claim(run.pk, worker="one", now=timezone.now())
    assert job is not None
    run_step(job=job, step="Agreement of the readers", done=4, steps=15)
    text = get(client, study)
    assert "Agreement of the readers, step 5 of 15" in text
    assert 'id="state-worker" hidden' in text
    state = client.get(reverse("results_state", args=[study.slug])).json()
    assert state == {
        "active": True,
        "status": "running",
        "step": "Agreement of the readers",
        "done": 4,
        "steps": 15,
        "waits": "",
        "worker": True,
        "shown": "",
    }


def test_the_same_data_are_not_computed_again(
    client: Client, page: Page, compute: Compute, django_assert_max_num_queries: MaxQueries
) -> None:
    study = trial_make(cases=4)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    first = page(client, study)
    image = reverse("results_figure", args=[study.slug, "scores_confidence", "svg"])
    # Session, user, study, roles, coding, choices of the filters, three small counts and the run: no responses.
    with django_assert_max_num_queries(13):
        assert content(client.get(image))
    assert get(client, study).split("<main")[1] == first.split("<main")[1]
    assert compute() == []
    assert ReportRun.objects.count() == 1


def test_figures_come_as_svg_and_pdf_and_nothing_else(client: Client, compute_in_full: Compute) -> None:
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})
    get(client, study)
    compute_in_full()
    for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        response = client.get(reverse("results_figure", args=[study.slug, "counts_confidence", kind]))
        assert content(response).startswith(start)
        assert "no-store" in response["Cache-Control"]
    versioned = get(client, study).split('<img src="')[2].split('"')[0]
    response = client.get(versioned)
    assert content(response).startswith(b"<?xml")
    assert response["Content-Type"] == "image/svg+xml"
    assert "no-store" in response["Cache-Control"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert client.get(f"/results/{study.slug}/figures/unknown.svg").status_code == 404
    assert client.get(f"/results/{study.slug}/figures/counts_confidence.exe").status_code == 404
    assert client.get(f"/results/{study.slug}/files/page.json").status_code == 404
    assert client.get(f"{addresses(study)[2]}?v=0123456789abcdef").status_code == 404


def test_the_overlap_with_the_annotations_is_shown_where_it_is_known(client: Client, page: Page) -> None:
    study = trial_make(cases=10)
    for case in study.cases.filter(label="TP"):
        iou = case.number / 20
        ious = {"input_gradient": iou, "guided_backprop": iou, "latent_shift": iou / 2}
        Explanation.objects.create(case=case, status="done", methods=list(ious), ious=ious, created_at=NOW)
    reader = rater_make(study)
    for case in study.cases.all():
        answer(reader, case.number, "A", [1 + case.number // 3])
        answer(reader, case.number, "B", [1 + case.number // 3])
    text = page(client, study)
    assert "iou_confidence.svg" in text
    # Scores 1, 2, 2, 3, 4 of cases 1, 3, 5, 7, 9 whose IoU is a twentieth of their number, by hand: 0.70 / 5.2.
    assert "+0.1346" in text


def test_cells_that_a_spreadsheet_would_run_are_made_safe(client: Client, compute: Compute) -> None:
    study = trial_make(cases=0)
    trial_case_make(study, number=1, label="TP", name='=HYPERLINK("http://example.org")')
    Image.objects.update(patient="+1-2")
    answer_all(rater_make(study), {"A": 3, "B": 4})
    get(client, study)
    compute()

    response = client.get(reverse("results_responses", args=[study.slug]))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="trial-responses.csv"'
    table = list(csv.DictReader(io.StringIO(content(response).decode())))
    assert {row["image"] for row in table} == {'\'=HYPERLINK("http://example.org")'}
    assert {row["patient"] for row in table} == {"'+1-2"}


def test_names_in_the_data_are_escaped_on_the_page(client: Client, page: Page) -> None:
    study = trial_make(target="<script>alert(1)</script>")
    answer_all(rater_make(study), {"A": 3, "B": 4})
    assert "<script>alert" not in page(client, study)


def test_data_that_cannot_be_analysed_say_why_and_can_be_tried_again(client: Client, compute: Compute) -> None:
    study = trial_make(target="all")
    answer_all(rater_make(study), {"A": 3, "B": 4})
    get(client, study)
    assert compute() == ["failed"]
    text = get(client, study)
    assert "The report could not be computed" in text
    assert "reserved for all of them" in text
    for address in addresses(study)[2:]:
        response = client.get(address)
        assert response.status_code == 409
        assert "reserved for all of them" in response.content.decode()

    study.cases.update(target="Effusion")
    retry = re.findall(r'action="(/results/[^"]+/retry)"', text)[0]
    assert client.post(retry).status_code == 302
    assert compute() == ["computed"]
    assert "could not be computed" not in get(client, study)
    assert study.audit.filter(action="report_retry").count() == 1
    assert client.post(retry, follow=True).content.decode().count("Only a failed report can be tried again") == 1


def test_nobody_else_can_send_a_report_again(client: Client) -> None:
    study, other = trial_make(), trial_make("other")
    answer_all(rater_make(study), {"A": 3, "B": 4})
    get(client, study)
    run = ReportRun.objects.get()
    client.force_login(person_make(other, Role.ANALYST))
    assert client.post(reverse("results_retry", args=[study.slug, run.pk])).status_code == 404
    assert client.post(reverse("results_retry", args=["other", run.pk])).status_code == 404
    assert client.post(reverse("results_retry", args=["other", uuid.uuid4()])).status_code == 404


def test_time_and_exposure_are_summed_up_by_arm(client: Client, page: Page) -> None:
    study = trial_make(cases=2)
    reader = rater_make(study)
    for case, arm, seconds, loops in ((1, "B", 10.0, 4), (2, "B", 31.0, 0)):
        answer(reader, case, arm, [3])
        opened = visit(reader, case, arm, seconds)
        for number in range(1, loops + 1):
            Event.objects.create(
                visit=opened, sequence=number, kind="loop", panel="filmstrip", seconds=1, received_at=NOW
            )
    table = page(client, study).split("Time and exposure by arm</h4>")[1]
    row = re.search(r'<th scope="row">B</th>(.*?)</tr>', table, re.DOTALL)[1]  # type: ignore[index]
    assert re.findall(r">([^<>\s]+)</td>", row) == ["2", "–", "20.5", "0%", "2", "0%", "0%", "0%", "0%"]
    assert '<th scope="row">A</th>' not in table.split("</table>")[0]  # nothing was recorded there


# Parts of the data


def two_targets() -> Study:
    """Two readers on two cases of each of two targets; only Mass is rated higher in arm B, and only by R2."""
    study = trial_make(cases=4)
    Study.objects.update(targets=["Effusion", "Mass"])
    study.cases.filter(number__gt=2).update(target="Mass")
    for code, mass in (("R1", 3), ("R2", 5)):
        reader = rater_make(study)
        assert reader.membership.code == code
        for case in range(1, 5):
            answer(reader, case, "A", [3])
            answer(reader, case, "B", [mass if case > 2 else 3])
    return study


def test_a_filtered_report_is_a_run_of_its_own_and_called_exploration_everywhere(client: Client, page: Page) -> None:
    study = two_targets()
    whole = page(client, study)
    assert rows(whole, "Each reader")[3][3:6] == ["3.0000", "4.0000", "+1.0000"]
    part = page(client, study, "?target=Mass&reader=R2")
    assert "Exploration: filtered to target Mass; reader R2." in part
    assert "Planned analysis</h2>" not in part
    assert "--target &quot;Mass&quot; --reader &quot;R2&quot;" in part
    assert rows(part, "Each reader")[2][1:6] == ["R2", "1", "3.0000", "5.0000", "+2.0000"]
    assert ReportRun.objects.count() == 2
    assert get(client, study).split("<main")[1] == whole.split("<main")[1]

    query = "?target=Mass&reader=R2"
    response = client.get(reverse("results_report", args=[study.slug]) + query)
    assert response["Content-Disposition"] == 'attachment; filename="trial-exploration-report.zip"'
    with ZipFile(io.BytesIO(content(response))) as archive:
        assert "Exploration: filtered to" in archive.read("methods.md").decode()
        assert b'"selection": {' in archive.read("results.json")
        assert "exploration: part of the data" in archive.read("report.html").decode()


def test_every_choice_of_a_filter_is_the_same_as_none(client: Client) -> None:
    study = two_targets()
    get(client, study)
    get(client, study, "?target=Effusion&target=Mass&period=1&period=2")
    assert ReportRun.objects.count() == 1


def test_a_filter_that_the_study_does_not_have_is_not_found(client: Client) -> None:
    study = two_targets()
    client.force_login(person_make(study, Role.ANALYST))
    for query in ("?target=Edema", "?reader=R9", "?period=0", "?period=x"):
        assert client.get(reverse("results_detail", args=[study.slug]) + query).status_code == 404


# What was planned


PLANNED = """
[analysis]
primary = ["equivalence", "wilcoxon"]
questions = ["confidence"]
margin = 0.5
"""


def test_what_the_protocol_plans_stands_first_and_the_rest_is_exploration(client: Client, page: Page) -> None:
    study = trial_make(cases=4)
    Study.objects.update(protocol=PLANNED)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    answer_all(rater_make(study), {"A": 2, "B": 4})
    text = page(client, study)
    planned, exploration = text.split("Planned analysis</h2>")[1].split("Exploration</h2>")
    assert re.findall(r"<h3>(.*?)</h3>", planned) == [
        "Equivalence and non-inferiority",
        "Wilcoxon signed-rank test, as published",
    ]
    assert "correct feature" not in planned
    assert "What the protocol states" in planned
    assert "not adjusted for looking" in exploration
    # The other question's tests were not planned.
    assert "Is it the correct feature?" in exploration.split("Wilcoxon signed-rank test, as published")[1]
    assert "--margin 0.5" in text


def test_every_table_of_the_report_is_on_the_page_with_its_file(client: Client, page: Page) -> None:
    study = two_targets()
    text = page(client, study)
    run = ReportRun.objects.get()
    stored = {path.name for path in media_path(run.folder).glob("*.csv")} - {"responses.csv"}
    with_rows = {name for name in stored if media_path(f"{run.folder}/{name}").read_text().count("\n") > 1}
    assert with_rows
    assert with_rows <= set(re.findall(r"/files/(\w+\.csv)\?v=", text))
    figures = {path.name for path in media_path(run.folder).glob("*.svg")}
    assert figures == {name.rsplit("/", 1)[1] for name in re.findall(r'<img src="([^?"]+)\?v=', text)}


def test_of_who_was_withdrawn_no_reading_is_waited_for() -> None:
    study = trial_make(status=Study.Status.OPEN)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    rater_make(study)
    assert (progress(study).complete, progress(study).planned) == (4, 8)
    study.memberships.filter(code="R2").update(withdrawn_at=NOW)
    assert (progress(study).complete, progress(study).planned) == (4, 4)
