"""Results before a study is closed are shown to whom its protocol says, and every look is recorded."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from analysis.data.errors import AnalysisError
from readerstudy.accounts.models import User
from readerstudy.results.interim import interim_refusal
from readerstudy.results.models import ReportRun
from readerstudy.results.services.interim import PAGE, interim_seen
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.protocol import PROTOCOLS_DIR, ProtocolError, load_protocol, protocol_parse
from tests.factories.people import NOW
from tests.factories.results import answer_all, person_make, rater_make, trial_make
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role
Compute = Callable[[], list[str]]
FILES = ("results_responses", "results_report", "results_state")


@pytest.fixture
def study() -> Study:
    """Open, with all answers of one reader, and a protocol that says nothing of interim results."""
    study = trial_make(cases=4, status=Study.Status.OPEN)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    return allow(study)


def allow(study: Study, *roles: str) -> Study:
    protocol = f"[results]\ninterim = {[str(role) for role in roles]}\n" if roles else ""
    Study.objects.filter(pk=study.pk).update(protocol=protocol)
    return Study.objects.get(pk=study.pk)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def opened(client: Client, name: str, *arguments: str) -> Any:
    response: Any = client.get(reverse(name, args=arguments))
    if response.streaming:
        response.getvalue()
    return response


def looks(study: Study) -> list[tuple[str, str]]:
    entries = study.audit.filter(action="interim_results_seen").order_by("pk")
    return [(present(entry.actor).email, entry.detail["seen"]) for entry in entries]


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.ANALYST])
def test_nobody_sees_interim_results_unless_the_protocol_says_so(study: Study, role: str, compute: Compute):
    client = signed_in(person_make(study, role))
    page = opened(client, "results_detail", study.slug)
    assert compute() == []  # nothing was asked to be computed
    assert page.status_code == 200
    assert "The results are shown when the study is closed" in page.text
    assert f"study_close {study.slug}" in page.text
    assert "[results] interim = [&quot;coordinator&quot;, &quot;analyst&quot;]" in page.text
    for name in FILES:
        response = opened(client, name, study.slug)
        assert response.status_code == 403
    refused = opened(client, "results_file", study.slug, "effect.csv")
    assert "to nobody, since who knows them can hardly help acting on them" in refused.text
    assert opened(client, "results_figure", study.slug, "scores_confidence", "svg").status_code == 403
    assert looks(study) == []


def test_how_many_have_answered_is_no_result(study: Study):
    page = opened(signed_in(person_make(study, Role.ANALYST)), "results_detail", study.slug)
    assert "Who rated what" in page.text
    assert '<td class="number">8</td>' in page.text  # answers of a period: 4 cases, 2 questions


def test_a_version_that_somebody_else_may_see_is_not_handed_out(study: Study, compute: Compute):
    study = allow(study, Role.ANALYST)
    opened(signed_in(person_make(study, Role.ANALYST)), "results_detail", study.slug)
    compute()
    coordinator = signed_in(person_make(study, Role.COORDINATOR))
    for run in study.report_runs.all():
        address = f"{reverse('results_responses', args=[study.slug])}?v={run.short_version}"
        assert coordinator.get(address).status_code == 403


def test_who_may_see_them_does_and_every_look_is_recorded(study: Study, compute: Compute):
    study = allow(study, Role.ANALYST)
    analyst, coordinator = person_make(study, Role.ANALYST), person_make(study, Role.COORDINATOR)
    client = signed_in(analyst)
    opened(client, "results_detail", study.slug)  # nothing to see before it is computed
    assert looks(study) == []
    compute()

    page = opened(client, "results_detail", study.slug)
    assert "Do not decide on them when to stop. That you looked is recorded." in page.text
    assert opened(client, "results_figure", study.slug, "counts_confidence", "svg").status_code == 200  # of the page
    opened(client, "results_responses", study.slug)
    opened(client, "results_detail", study.slug)

    who = analyst.email
    assert looks(study) == [(who, "results page"), (who, "responses.csv"), (who, "results page")]
    entry = present(study.audit.filter(action="interim_results_seen").first())
    assert entry.detail["version"] == study.report_runs.get().short_version
    assert "only to: analyst" in opened(signed_in(coordinator), "results_detail", study.slug).text


def test_a_figure_alone_is_a_look_too(study: Study, compute: Compute):
    study = allow(study, Role.ANALYST)
    client = signed_in(person_make(study, Role.ANALYST))
    opened(client, "results_responses", study.slug)
    compute()
    assert opened(client, "results_figure", study.slug, "counts_confidence", "svg").status_code == 200
    assert [seen for _, seen in looks(study)] == ["counts_confidence.svg"]


def test_the_results_of_a_closed_study_are_open_and_no_look_is_recorded(study: Study, compute: Compute):
    Study.objects.update(status=Study.Status.CLOSED)
    client = signed_in(person_make(study, Role.ANALYST))
    opened(client, "results_detail", study.slug)
    compute()
    assert "At a glance" in opened(client, "results_detail", study.slug).text
    assert looks(study) == []


def test_a_role_in_another_study_opens_nothing(study: Study):
    study = allow(study, Role.COORDINATOR)
    person = person_make(study, Role.ANALYST)
    other = trial_make("other", cases=0)
    Membership.objects.create(study=other, user=person, role=Role.COORDINATOR, created_at=NOW)
    assert interim_refusal(person, study)
    Membership.objects.create(study=study, user=person, role=Role.COORDINATOR, created_at=NOW)
    assert interim_refusal(person, study) == ""


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("masked", [True, False])
def test_an_export_from_the_shell_before_closing_is_recorded_in_itself(study: Study, tmp_path: Path, masked: bool):
    out, said = tmp_path / "out.zip", io.StringIO()
    call_command("study_export", study.slug, str(out), *["--masked"] * masked, stdout=io.StringIO(), stderr=said)
    assert "these results are interim, and the audit record says so" in said.getvalue()
    entry = study.audit.get(action="interim_results_exported")
    assert (entry.actor, entry.detail) == (None, {"masked": masked})
    Study.objects.update(status=Study.Status.CLOSED)
    call_command("study_export", study.slug, str(out), stdout=io.StringIO())
    assert study.audit.filter(action="interim_results_exported").count() == 1


def test_an_export_that_was_not_written_is_not_recorded(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise AnalysisError("No.")

    monkeypatch.setattr("readerstudy.results.management.commands.study_export.write_export", refuse)
    with pytest.raises(CommandError):
        call_command("study_export", study.slug, str(tmp_path / "out.zip"))
    assert not study.audit.exists()


def test_the_demonstrations_let_everybody_look_and_the_paper_nobody():
    for name in ("demo-nih", "demo-phantoms"):
        assert load_protocol(PROTOCOLS_DIR / f"{name}.toml").results.interim == ("coordinator", "analyst")
    paper = Path(__file__).resolve().parents[2] / "docs" / "protocols" / "paper.toml"
    assert load_protocol(paper).results.interim == ()
    with pytest.raises(ProtocolError, match=r"'reader'; interim results can be shown to: coordinator, analyst"):
        protocol_parse(paper.read_text() + '\n[results]\ninterim = ["reader"]\n')


def test_that_somebody_saw_the_page_does_not_cover_what_somebody_else_sees_of_it() -> None:
    study = trial_make(status=Study.Status.OPEN)
    run = ReportRun.objects.create(study=study, version="0" * 64, coding="masked", created_at=NOW, queued_at=NOW)
    first, second = person_make(study, "coordinator"), person_make(study, "analyst")
    interim_seen(run=run, what=PAGE, actor=first, now=NOW)
    for actor in (first, second):
        interim_seen(run=run, what="a figure", actor=actor, now=NOW, part_of_page=True)
    assert [(entry.actor, entry.detail["seen"]) for entry in study.audit.order_by("pk")] == [
        (first, PAGE),
        (second, "a figure"),
    ]
