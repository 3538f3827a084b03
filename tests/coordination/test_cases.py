"""The coordinator's look at a case, its files, and another try of one that failed."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import EXPLAINING, explanations_request
from readerstudy.studies.models import Membership, Study
from readerstudy.work.sending import sender
from tests.factories.people import make_user, member_make
from tests.factories.studies import NOW, make_cases, make_explained, make_study

pytestmark = pytest.mark.django_db
Role = Membership.Role


@pytest.fixture
def study() -> Study:
    study = make_study()
    make_cases(study)
    make_explained(study)
    return study


@pytest.fixture
def failed() -> Explanation:
    """The first explanation of a study, failed."""
    study = make_study()
    make_cases(study)
    explanations_request(study=study, now=NOW)
    explanation = Explanation.objects.filter(case__study=study).order_by("case__number")[0]
    job = EXPLAINING.claim(explanation.pk, worker="one", now=NOW)
    assert job is not None
    EXPLAINING.fail(job, error="Out of memory.", now=NOW)
    return explanation


def sign_in(client: Client, study: Study, *roles: str) -> None:
    email = f"{uuid.uuid4()}@example.org"
    user = make_user(email)
    for role in roles:
        member_make(study, role, email)
    client.force_login(user)


def test_a_coordinator_sees_label_image_and_every_method(client: Client, study: Study):
    sign_in(client, study, Role.COORDINATOR)

    page = client.get(reverse("case_detail", args=[study.slug, 2])).content.decode()

    case = study.cases.get(number=2)
    assert case.get_label_display() in page
    assert case.image.name in page
    for name in ("xray.png", "guided_backprop.png", "latent_shift.png", "filmstrip.png", "video.mp4"):
        assert reverse("case_asset", args=[study.slug, 2, name]) in page


def test_a_coordinator_gets_the_files(client: Client, study: Study):
    sign_in(client, study, Role.COORDINATOR)

    response = client.get(reverse("case_asset", args=[study.slug, 1, "latent_shift.png"]))

    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert "no-store" in response["Cache-Control"]
    assert b"".join(response.streaming_content).startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert client.get(reverse("case_asset", args=[study.slug, 1, "latent_shift.npy"])).status_code == 404


@pytest.mark.parametrize("name", ["case_detail", "case_asset"])
@pytest.mark.parametrize(
    ("roles", "status"),
    [((), 404), ((Role.READER,), 403), ((Role.ANALYST,), 403), ((Role.COORDINATOR, Role.READER), 403)],
)
def test_nobody_else_sees_a_case(client: Client, study: Study, name: str, roles: tuple[str, ...], status: int):
    sign_in(client, study, *roles)

    args = [study.slug, 1] if name == "case_detail" else [study.slug, 1, "xray.png"]

    assert client.get(reverse(name, args=args)).status_code == status


def test_a_failed_case_shows_its_error_and_can_be_retried(
    client: Client, failed: Explanation, monkeypatch: pytest.MonkeyPatch, on_commit: Callable
):
    sent: list[list[str]] = []

    def send(name: str, args: list[str], queue: str) -> None:
        sent.append(args)

    monkeypatch.setattr(sender, "send_task", send)
    study = failed.case.study
    sign_in(client, study, Role.COORDINATOR)

    assert b"Out of memory." in client.get(reverse("case_detail", args=[study.slug, failed.case.number])).content
    with on_commit(execute=True):
        response = client.post(reverse("explanation_retry", args=[study.slug, failed.pk]))

    assert response.status_code == 302
    assert sent == [[str(failed.pk)]]
    failed.refresh_from_db()
    assert failed.status == "pending"


def test_a_retry_of_another_studys_case_is_not_found(client: Client, failed: Explanation, study: Study):
    sign_in(client, study, Role.COORDINATOR)

    assert client.post(reverse("explanation_retry", args=[study.slug, failed.pk])).status_code == 404


def test_a_reader_cannot_retry(client: Client, failed: Explanation):
    sign_in(client, failed.case.study, Role.READER)

    assert client.post(reverse("explanation_retry", args=[failed.case.study.slug, failed.pk])).status_code == 403
