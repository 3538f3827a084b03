"""The analyst's page and its downloads."""

import csv
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.urls import reverse

from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Event
from readerstudy.studies.models import Image, Membership, Study
from tests.results.factories import (
    NOW,
    answer,
    answer_all,
    case_make,
    member_make,
    reader_make,
    study_make,
    visit,
)

pytestmark = pytest.mark.django_db
Role = Membership.Role
MaxQueries = Callable[[int], AbstractContextManager[object]]


def addresses(study: Study) -> list[str]:
    return [
        reverse("results_detail", args=[study.slug]),
        reverse("results_responses", args=[study.slug]),
        reverse("results_figure", args=[study.slug, "scores_confidence", "svg"]),
        reverse("results_report", args=[study.slug]),
    ]


def page(client: Client, study: Study) -> str:
    """The page as the study's analyst sees it."""
    if "_auth_user_id" not in client.session:
        client.force_login(member_make(study, Role.ANALYST))
    response = client.get(reverse("results_detail", args=[study.slug]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COORDINATOR])
def test_analysts_and_coordinators_see_results_and_downloads(client: Client, role: str) -> None:
    study = study_make()
    answer_all(reader_make(study), {"A": 3, "B": 4})
    client.force_login(member_make(study, role))
    assert [client.get(address).status_code for address in addresses(study)] == [200] * 4


def test_outsiders_find_nothing(client: Client) -> None:
    study, other = study_make(), study_make("other")
    answer_all(reader_make(study), {"A": 3, "B": 4})
    client.force_login(member_make(other, Role.ANALYST))
    assert [client.get(address).status_code for address in addresses(study)] == [404] * 4


@pytest.mark.parametrize("status", Study.Status.values)
def test_readers_are_refused(client: Client, status: str) -> None:
    study = study_make(status=status)
    client.force_login(reader_make(study).membership.user)
    assert [client.get(address).status_code for address in addresses(study)] == [403] * 4


def test_a_coordinator_who_reads_sees_results_only_when_the_study_is_closed(client: Client) -> None:
    study = study_make(status=Study.Status.OPEN)
    reader = reader_make(study)
    answer_all(reader, {"A": 3, "B": 4})
    Membership.objects.create(study=study, user=reader.membership.user, role=Role.COORDINATOR, created_at=NOW)
    client.force_login(reader.membership.user)
    assert [client.get(address).status_code for address in addresses(study)] == [403] * 4

    Study.objects.update(status=Study.Status.CLOSED)
    assert [client.get(address).status_code for address in addresses(study)] == [200] * 4


def test_nobody_is_asked_to_post(client: Client) -> None:
    study = study_make()
    client.force_login(member_make(study, Role.ANALYST))
    assert [client.post(address).status_code for address in addresses(study)] == [405] * 4


def test_a_study_without_readers_says_what_is_to_come(client: Client) -> None:
    text = page(client, study_make(status=Study.Status.DRAFT))
    assert "No answers yet" in text
    assert "<img" not in text.split("<main")[1]


def test_a_study_without_answers_says_how_many_readings_wait(client: Client) -> None:
    study = study_make(status=Study.Status.OPEN)
    reader_make(study)
    text = page(client, study)
    assert "4 readings are allocated and none has been answered" in text
    assert "not begun" in text


@pytest.mark.parametrize("values", [{"A": 3, "B": 3}, {"A": 3, "B": 4}], ids=["no difference", "one difference"])
def test_thin_data_give_messages_and_no_nan(client: Client, values: dict[str, int]) -> None:
    study = study_make()
    answer_all(reader_make(study), values)
    text = page(client, study)
    assert "There is one reader" in text
    assert "only one pair" in text
    assert "nan" not in text.lower().replace("nance", "")


def test_one_single_answer_is_shown_without_an_error(client: Client) -> None:
    study = study_make(status=Study.Status.OPEN)
    answer(reader_make(study), 1, "A", [2])
    text = page(client, study)
    assert "1 response of 1 reader" in text
    assert client.get(reverse("results_report", args=[study.slug])).status_code == 200


def test_a_study_with_one_arm_is_described_and_not_compared(client: Client) -> None:
    study = study_make(cases=4)
    study.arms.filter(key="B").delete()
    study.periods.filter(number=2).delete()
    answer_all(reader_make(study), {"A": 3})
    text = page(client, study)
    assert "the study has one arm" in text
    assert "arms cannot be compared" in text
    assert "--arms" not in text


def test_results_of_an_open_study_are_called_interim(client: Client) -> None:
    study = study_make(status=Study.Status.OPEN)
    reader = reader_make(study)
    for question in ("confidence", "correct_feature"):
        answer(reader, 1, "A", [2], question=question)
    assert "1 of 4 readings are complete" in page(client, study)

    Study.objects.update(status=Study.Status.CLOSED)
    assert "Interim" not in page(client, study)


def test_a_new_answer_shows_at_once(client: Client) -> None:
    study = study_make()
    reader = reader_make(study)
    answer(reader, 1, "A", [2])
    answer(reader, 1, "B", [4])
    assert "+2.0000" in page(client, study)

    reading = reader.readings.get(case__number=1, arm__key="B")
    last = reading.answers.get()
    last.pk = "7c1f6c6e-6f0e-4b45-9f55-c0b1c2fbbf0f"
    last.revision, last.value, last.answered_at = 2, 5, NOW.replace(day=3)
    last.save(force_insert=True)

    text = page(client, study)
    assert "+3.0000" in text
    assert "+2.0000" not in text


def test_the_report_is_computed_once_for_page_and_figures(
    client: Client, django_assert_max_num_queries: MaxQueries
) -> None:
    study = study_make(cases=4)
    answer_all(reader_make(study), {"A": 3, "B": 4})
    first = page(client, study)
    image = reverse("results_figure", args=[study.slug, "scores_confidence", "svg"])
    # Session, user, study, roles, coding, arms and three small counts: no responses are fetched again.
    with django_assert_max_num_queries(10):
        assert client.get(image).status_code == 200
    assert page(client, study).split("<main")[1] == first.split("<main")[1]


def test_figures_come_as_svg_and_pdf_and_nothing_else(client: Client) -> None:
    study = study_make()
    answer_all(reader_make(study), {"A": 3, "B": 4})
    text = page(client, study)
    for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        response = client.get(reverse("results_figure", args=[study.slug, "counts_confidence", kind]))
        assert response.content.startswith(start)
        assert response["Cache-Control"] == "private, no-cache"
    versioned = text.split('<img src="')[2].split('"')[0]
    response = client.get(versioned)
    assert response["Content-Type"] == "image/svg+xml"
    assert "immutable" in response["Cache-Control"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert client.get(f"/results/{study.slug}/figures/unknown.svg").status_code == 404
    assert client.get(f"/results/{study.slug}/figures/counts_confidence.exe").status_code == 404


def test_the_overlap_with_the_annotations_is_shown_where_it_is_known(client: Client) -> None:
    study = study_make(cases=10)
    for case in study.cases.filter(label="TP"):
        iou = case.number / 20
        ious = {"input_gradient": iou, "guided_backprop": iou, "latent_shift": iou / 2}
        Explanation.objects.create(case=case, status="done", methods=list(ious), ious=ious, created_at=NOW)
    reader = reader_make(study)
    for case in study.cases.all():
        answer(reader, case.number, "A", [1 + case.number // 3])
        answer(reader, case.number, "B", [1 + case.number // 3])
    text = page(client, study)
    assert "iou_confidence.svg" in text
    # Scores 1, 2, 2, 3, 4 of cases 1, 3, 5, 7, 9 whose IoU is a twentieth of their number, by hand: 0.70 / 5.2.
    assert "+0.1346" in text
    assert client.get(reverse("results_figure", args=[study.slug, "iou_confidence", "svg"])).status_code == 200


def test_cells_that_a_spreadsheet_would_run_are_made_safe(client: Client) -> None:
    study = study_make(cases=0)
    case_make(study, number=1, label="TP", name='=HYPERLINK("http://example.org")')
    Image.objects.update(patient="+1-2")
    answer_all(reader_make(study), {"A": 3, "B": 4})
    client.force_login(member_make(study, Role.ANALYST))

    response = client.get(reverse("results_responses", args=[study.slug]))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="trial-responses.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert {row["image"] for row in rows} == {'\'=HYPERLINK("http://example.org")'}
    assert {row["patient"] for row in rows} == {"'+1-2"}


def test_names_in_the_data_are_escaped_on_the_page(client: Client) -> None:
    study = study_make(target="<script>alert(1)</script>")
    answer_all(reader_make(study), {"A": 3, "B": 4})
    assert "<script>alert" not in page(client, study)


def test_data_that_cannot_be_analysed_are_refused_with_the_reason(client: Client) -> None:
    study = study_make(target="all")
    answer_all(reader_make(study), {"A": 3, "B": 4})
    client.force_login(member_make(study, Role.ANALYST))
    for address in addresses(study):
        response = client.get(address)
        assert response.status_code == 409
        assert "reserved for all of them" in response.content.decode()


def test_time_and_exposure_are_summed_up_by_arm(client: Client) -> None:
    study = study_make(cases=2)
    reader = reader_make(study)
    for case, arm, seconds, loops in ((1, "B", 10.0, 4), (2, "B", 31.0, 0)):
        opened = visit(reader, case, arm, seconds)
        for number in range(1, loops + 1):
            Event.objects.create(
                visit=opened, sequence=number, kind="loop", panel="filmstrip", seconds=1, received_at=NOW
            )
    client.force_login(member_make(study, "analyst"))
    page = client.get(reverse("results_detail", args=["trial"])).text
    table = page[page.index("Time and exposure by arm") :]
    row = re.search(r'<th scope="row">B</th>(.*?)</tr>', table, re.DOTALL)[1]
    assert re.findall(r">([^<>\s]+)</td>", row) == ["2", "–", "20.5", "0%", "2", "0%", "0%", "0%", "0%"]
    assert '<th scope="row">A</th>' not in table  # nothing was recorded there
