"""The coordinator's page: selection, explanations, readers, members."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from readerstudy.accounts.models import SignInLink
from readerstudy.explanations.models import Explanation
from readerstudy.studies.models import Import, Membership, Prediction, Scoring, Study
from readerstudy.studies.services import CorrectionOrder, Facts, image_correct
from readerstudy.work.models import Worker
from tests.factories.people import NOW, member_make
from tests.factories.reading import explain, reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role


def page_of(client: Client, study: Study) -> str:
    """The study's page as its coordinator reads it, without tags and repeated spaces."""
    coordinator = study.memberships.filter(role=Role.COORDINATOR).first() or member_make(study, Role.COORDINATOR)
    client.force_login(coordinator.user)
    text = re.sub(r"<[^>]+>", " ", client.get(reverse("study_detail", args=[study.slug])).text)
    return re.sub(r"\s+", " ", text)


def test_it_shows_selection_per_target(client: Client):
    page = page_of(client, study_make())
    assert "Cardiomegaly positive 2 0 true positives 2 of 0" in page
    assert "uncertain 0 0 none not assessed 4 0 none" in page
    assert "2 are wanted per target and label" in page


def test_it_shows_texts_that_are_no_known_finding_and_what_to_look_at(client: Client):
    study = study_make()
    present(study.images.first()).labels.create(finding="Cardiomegalie", state="positive")
    warning = {"source": "labels.csv", "line": None, "reason": "columns that are not read: followup"}
    Import.objects.create(study=study, created_at=NOW, warnings=[warning])

    page = page_of(client, study)

    assert "no known finding: Cardiomegalie (1 image, Cardiomegaly uncertain there)" in page
    assert "labels.csv: columns that are not read: followup" in page


def test_it_shows_corrections_with_what_was_before_and_what_they_ask_for(client: Client):
    study = study_make(explained=False)
    case = present(study.cases.filter(label="TP").first())
    order = CorrectionOrder("read again", NOW)
    image_correct(image=case.image, said=Facts({"age": 57}, {case.target: "negative"}), order=order)

    page = page_of(client, study)

    assert "must be selected again" in page
    assert f"case {case.number}, TP of {case.target}, whose label is negative" in page
    assert f"label {case.target} positive negative read again replaced; nobody had begun to read the image" in page
    assert "age not given 57 read again" in page
    assert "study_select study" in page


def test_it_shows_what_was_not_imported_with_line_and_reason(client: Client):
    study = study_make()
    problem = {"source": "labels.csv", "line": 17, "reason": "no file 4711.png"}
    Import.objects.create(study=study, created_at=NOW, images_added=4, problems=[problem])
    page = page_of(client, study)
    assert "1 row or file not imported" in page
    assert "labels.csv 17 no file 4711.png" in page


def test_it_shows_progress_of_explanations_and_offers_failed_ones_for_retry(client: Client):
    study = study_make(explained=False)
    states = Explanation.Status
    for case, status in zip(study.cases.all(), [states.DONE, states.DONE, states.PENDING, states.FAILED], strict=False):
        explain(case, status=status)
    Explanation.objects.filter(status=states.FAILED).update(error="The image has no lungs.")
    page = page_of(client, study)
    assert "2 of 4 cases explained, 1 waiting, 1 failed" in page
    assert "The image has no lungs. Retry" in page
    assert "No worker is alive" in page


def test_it_counts_workers_that_were_seen_lately(client: Client):
    study, now = study_make(), timezone.now()
    for name, age in (("gpu@here", 5), ("gone@there", 300)):
        seen = now - timedelta(seconds=age)
        Worker.objects.create(name=name, queues="gpu", host="here", pid=1, started_at=seen, seen_at=seen)
    page = page_of(client, study)
    assert "1 worker alive: gpu@here" in page
    assert "gone@there" not in page


def test_it_says_what_is_tried_again_when_and_why(client: Client):
    study = study_make(explained=False)
    explained, stored = study.cases.order_by("number")[:2]
    explain(explained)
    explain(stored, status=Explanation.Status.PENDING)
    Explanation.objects.filter(case=stored).update(error="the disk is full", retry_at=NOW + timedelta(seconds=30))
    page = page_of(client, study)
    assert "1 waits to be tried again at 09:00:30, because the disk is full." in page
    assert "1 of 2 cases explained, 1 waiting 1 of 2" in page, "none failed"
    assert "No worker is alive" in page


def test_it_shows_how_far_scoring_is_and_what_could_not_be_scored(client: Client):
    study = study_make()
    states = {"done": "", "failed": "x.png is damaged.", "pending": "", "running": ""}
    Prediction.objects.filter(image__study=study).delete()
    for image, (status, error) in zip(study.images.order_by("pk"), states.items(), strict=False):
        image.file = "images/ab/cd.png"
        image.save()
        Scoring.objects.create(
            image=image, status=status, error=error, created_at=NOW, lease_token=uuid.uuid4(), lease_until=NOW
        )
    page = page_of(client, study)
    assert re.search(r"0 of \d images scored, 1 running, 1 waiting", page), page
    assert "The images wait until one is started: celery -A readerstudy worker --queues gpu" in page
    assert "1 image could not be scored" in page
    assert "x.png is damaged." in page


def test_it_shows_how_far_each_reader_is(client: Client):
    study = study_make()
    reader_make(study)
    member_make(study, Role.READER)
    page = page_of(client, study)
    assert re.search(r"R1 \S+ Period 1: 0 of 8 Period 2: 0 of 8 open waiting –", page)
    assert re.search(r"R2 \S+ not allocated", page)


@pytest.mark.parametrize(
    ("changes", "command"),
    [({"explained": False}, "study_explain study"), ({}, "study_allocate study")],
)
def test_it_names_the_next_command(client: Client, changes: dict[str, Any], command: str):
    study = study_make(**changes)
    member_make(study, Role.READER)
    assert f"python manage.py {command}" in page_of(client, study)


def test_a_new_member_s_link_is_shown_once_and_signs_them_in(client: Client):
    study = study_make()
    page_of(client, study)
    form = {"email": "new@example.org", "name": "New Reader", "role": Role.READER}
    response = client.post(reverse("member_add", args=[study.slug]), form)
    assert "no-store" in response["Cache-Control"]
    link = present(re.search(r'value="(http://testserver/sign-in/[^"]+)"', response.text)).group(1)
    token = link.rstrip("/").rsplit("/", 1)[-1]
    assert token not in page_of(client, study)
    assert SignInLink.objects.get().token_sha256 != token
    newcomer = Client()
    assert newcomer.get(link).status_code == 200
    assert newcomer.post(link)["Location"] == "/"
    assert "The study study" in newcomer.get("/").text
    assert newcomer.post(link).status_code == 410


def test_a_mistyped_address_is_refused_with_a_reason(client: Client):
    study = study_make()
    page_of(client, study)
    members = study.memberships.count()
    response = client.post(reverse("member_add", args=[study.slug]), {"email": "not one", "role": Role.READER})
    assert response.status_code == 422
    assert "valid email address" in response.text
    assert study.memberships.count() == members


@pytest.mark.parametrize(("status", "answer"), [("draft", 403), ("open", 403), ("closed", 200)])
def test_who_reads_in_a_study_coordinates_it_only_once_it_is_closed(client: Client, status: str, answer: int):
    """Labels and selection are on its pages: before the reading has begun they tell as much as during it."""
    study = study_make(explained=False)
    both = member_make(study, Role.READER).user
    member_make(study, Role.COORDINATOR, both.email)
    Study.objects.update(status=status)
    client.force_login(both)

    opened = {
        name: client.get(reverse(name, args=[study.slug])).status_code for name in ("study_detail", "study_progress")
    }
    opened["case_detail"] = client.get(reverse("case_detail", args=[study.slug, 1])).status_code

    assert opened == dict.fromkeys(opened, answer)
    assert (reverse("study_detail", args=[study.slug]) in client.get(reverse("home")).text) is (answer == 200)
