"""Around the rating, over HTTP: consent, next step, minutes, thanks, certificate, header, failed cases, withdrawal."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from readerstudy.explanations.models import Explanation
from readerstudy.reading import selectors, services
from readerstudy.reading.models import Allocation, Answer, Reading, Visit
from readerstudy.studies.models import Image, Membership, Study
from readerstudy.studies.services import StudyError, reader_withdraw
from tests.factories.people import NOW, member_make
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role
CONSENT = "You may stop **at any time**. <script>alert(1)</script>"


def url(name: str, allocation: Allocation) -> str:
    return reverse(name, args=[allocation.membership.study.slug])


def case_url(reading: Reading) -> str:
    return reverse("reading_case", args=[reading.pk])


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def put_answer(client: Client, reading: Reading, key: str, value: int = 3) -> int:
    address = reverse("answer_put", args=[reading.pk, uuid.uuid4()])
    body = json.dumps({"question": key, "value": value, "seconds": None})
    return client.put(address, body, content_type="application/json").status_code


def rate(client: Client, reading: Reading, value: int = 3) -> None:
    assert client.get(case_url(reading)).status_code == 200
    for key in ("confidence", "correct_feature"):
        assert put_answer(client, reading, key, value) == 200


def rated(allocation: Allocation, period: int, *, seconds: float = 0, count: int | None = None, at: datetime = NOW):
    """Marks cases of a period as rated at a time, with this active time each."""
    questions = list(allocation.membership.study.questions.all())
    for reading in list(allocation.readings.filter(period__number=period))[:count]:
        Reading.objects.filter(pk=reading.pk).update(opened_at=at, completed_at=at)
        if seconds:
            Visit.objects.create(id=uuid.uuid4(), reading=reading, seconds=seconds, started_at=at)
        for question in questions:
            Answer.objects.create(
                id=uuid.uuid4(), reading=reading, question=question, revision=1, value=3, answered_at=at
            )


def fail(reading: Reading) -> None:
    Explanation.objects.filter(case=reading.case).update(status=Explanation.Status.FAILED)


def repair(reading: Reading) -> None:
    Explanation.objects.filter(case=reading.case).update(status=Explanation.Status.DONE)


# Consent


def test_nothing_can_be_read_before_consent(client: Client):
    allocation = reader_make(study_make(files=True, consent=CONSENT), ready=False)
    services.instructions_acknowledge(allocation=allocation, now=NOW)
    reading = present(allocation.readings.first())
    client.force_login(allocation.membership.user)

    for name in ("reading_start", "reading_thanks"):
        assert client.get(url(name, allocation), follow=True).redirect_chain[-1][0] == url(
            "reading_consent", allocation
        )
    assert client.post(url("reading_begin", allocation), follow=True).redirect_chain[-1][0] == url(
        "reading_consent", allocation
    )
    assert client.get(case_url(reading)).status_code == 302
    assert client.get(reverse("reading_asset", args=[reading.pk, "xray.png"])).status_code == 404
    assert put_answer(client, reading, "confidence") == 403
    assert not Answer.objects.exists()


def test_consent_is_recorded_with_time_and_hash_of_the_text_and_opens_the_study(client: Client):
    allocation = reader_make(study_make(consent=CONSENT), ready=False)
    client.force_login(allocation.membership.user)
    page = client.get(url("reading_consent", allocation)).text
    assert "at any time</strong>" in page
    assert "<script>alert" not in page
    sha256 = hashlib.sha256(CONSENT.encode()).hexdigest()
    assert f'value="{sha256}"' in page

    refused = client.post(url("reading_consent_accept", allocation), {"sha256": sha256}, follow=True)
    assert "Please tick the box" in refused.text
    for _ in range(2):
        client.post(url("reading_consent_accept", allocation), {"sha256": sha256, "accept": "yes"})

    member = Membership.objects.get(pk=allocation.membership.pk)
    assert member.consent_sha256 == sha256
    assert member.consent_accepted_at is not None
    entry = member.study.audit.get(action="consent_accepted")
    assert entry.detail == {"reader": "R1", "consent_sha256": sha256}
    assert "I have read the instructions" in client.get(url("reading_start", allocation)).text
    assert "You accepted this text on" in client.get(url("reading_consent", allocation)).text


def test_another_text_has_to_be_accepted_anew_and_the_one_shown_counts(client: Client):
    allocation = reader_make(study_make(consent="Old text"))
    client.force_login(allocation.membership.user)
    shown = allocation.membership.study.reading_plan.consent_sha256
    assert client.get(case_url(present(allocation.readings.first()))).status_code == 200
    Study.objects.update(reading={"consent": "New text"})

    assert client.get(case_url(present(allocation.readings.first()))).status_code == 302
    page = client.get(url("reading_consent", allocation)).text
    assert "The text has changed since you accepted it" in page
    late = client.post(url("reading_consent_accept", allocation), {"sha256": shown, "accept": "yes"}, follow=True)
    assert "The text has changed since this page was opened" in late.text

    new = hashlib.sha256(b"New text").hexdigest()
    client.post(url("reading_consent_accept", allocation), {"sha256": new, "accept": "yes"})
    assert client.get(case_url(present(allocation.readings.first()))).status_code == 200


def test_consent_is_asked_for_while_the_cases_are_still_prepared(client: Client):
    member = member_make(study_make(consent=CONSENT), Role.READER)
    client.force_login(member.user)
    sha256 = hashlib.sha256(CONSENT.encode()).hexdigest()
    assert "your consent" in text_of(client.get("/").text)
    client.post(reverse("reading_consent_accept", args=["study"]), {"sha256": sha256, "accept": "yes"})
    assert "Your cases are not ready yet" in text_of(client.get("/").text)


# What comes next, and how long it takes


def test_minutes_left_are_the_protocol_s_until_the_reader_s_own_pace_is_known(client: Client):
    allocation = reader_make(study_make(per_cell=4, expected_seconds_per_case=60))
    client.force_login(allocation.membership.user)
    assert "0 of 16 cases, about 16 minutes left" in text_of(client.get("/").text)
    rated(allocation, 1, seconds=120, count=2)
    assert "2 of 16 cases, about 14 minutes left" in text_of(client.get(url("reading_start", allocation)).text)
    rated_three = allocation.readings.filter(period__number=1)[2]
    rated_three_visits = [30.0, 60.0]  # a case that was looked at twice takes the sum of both
    rate(client, rated_three)
    for seconds in rated_three_visits:
        Visit.objects.create(id=uuid.uuid4(), reading=rated_three, seconds=seconds, started_at=NOW)
    # 120, 120 and 90 seconds: the median is 120, for 13 cases.
    assert "3 of 16 cases, about 26 minutes left" in text_of(client.get("/").text)
    assert "about 26 min left" in text_of(client.get(case_url(allocation.readings.all()[3])).text)


def test_my_studies_name_the_day_on_which_the_washout_ends(client: Client, monkeypatch: pytest.MonkeyPatch):
    allocation = reader_make(study_make(washout_days=14, expected_seconds_per_case=30))
    rated(allocation, 1)
    client.force_login(allocation.membership.user)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1))
    page = text_of(client.get("/").text)
    assert "Period 2 opens on Monday, 16 March 2026 at 09:00 UTC and takes about 4 minutes" in page
    assert "8 of 16 readings done" in page


def test_one_resumes_at_the_first_unanswered_case_in_any_browser():
    allocation = reader_make(study_make())
    first, second = allocation.readings.all()[:2]
    here, there = Client(), Client()
    for client in (here, there):
        client.force_login(allocation.membership.user)
    rate(here, first)
    here.get(case_url(second))
    put_answer(here, second, "confidence")
    assert there.get(url("reading_next", allocation))["Location"] == case_url(second)


# Header and help of the rating page


@pytest.mark.parametrize(
    ("show", "age", "sex", "says"),
    [
        (["age", "sex"], 62, "F", "62-year-old woman"),
        (["age", "sex"], 17, "M", "17-year-old boy"),
        (["age"], 62, "F", "62-year-old patient"),
        (["sex"], 62, "F", "Female"),
        (["age", "sex"], None, "M", "Male"),
    ],
)
def test_the_patient_is_described_as_far_as_the_protocol_allows(
    client: Client, show: list[str], age: int | None, sex: str, says: str
):
    allocation = reader_make(study_make(show_patient=show))
    Image.objects.update(age=age, sex=sex)
    client.force_login(allocation.membership.user)
    page = client.get(case_url(present(allocation.readings.first()))).text
    assert f'<p class="patient">{says}</p>' in page


def test_nothing_is_said_of_the_patient_unless_the_protocol_allows_it(client: Client):
    allocation = reader_make(study_make())
    Image.objects.update(age=101, sex="F")  # no share of a hundred can be taken for it
    client.force_login(allocation.membership.user)
    page = client.get(case_url(present(allocation.readings.first()))).text
    assert "101" not in re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}", "", page.split('<header class="bar">')[1].split("</header>")[0]
    )
    assert "woman" not in page


def test_the_prediction_s_number_can_be_kept_back(client: Client):
    allocation = reader_make(study_make(show_prediction=False))
    client.force_login(allocation.membership.user)
    reading = present(allocation.readings.first())
    page = client.get(case_url(reading)).text
    heading = present(re.search(r"(?s)<h1.*?</h1>", page)).group()
    assert reading.case.target in heading
    assert "%" not in heading


def test_instructions_and_keys_are_on_the_rating_page_and_alike_in_both_arms(client: Client):
    allocation = reader_make(study_make())
    client.force_login(allocation.membership.user)
    helps = set()
    for key in ("A", "B"):
        reading = present(allocation.readings.filter(period__number=1, arm__key=key).first())
        helps.add(
            present(re.search(r'(?s)<dialog class="help".*?</dialog>', client.get(case_url(reading)).text)).group()
        )
    assert len(helps) == 1
    assert "Rate <strong>every</strong> case." in helps.pop()


# The end


def test_the_last_answer_leads_to_thanks_and_a_certificate_of_what_was_done(client: Client):
    allocation = reader_make(study_make(certificate=True))
    user = allocation.membership.user
    user.first_name, user.last_name = "Ada", "Reader"
    user.save()
    client.force_login(user)
    assert client.get(url("reading_certificate", allocation))["Location"] == url("reading_start", allocation)
    rated(allocation, 1, seconds=600, at=NOW)
    rated(allocation, 2, seconds=300, at=NOW + timedelta(days=20))

    thanks = client.get(url("reading_next", allocation), follow=True)
    assert thanks.redirect_chain[-1][0] == url("reading_thanks", allocation)
    assert "Thank you!" in thanks.text
    certificate = text_of(client.get(url("reading_certificate", allocation)).text)
    for part in (
        "Ada Reader",
        "The study study",
        "Cases 8",
        "16 readings",
        "2 March 2026",
        "22 March 2026",
        "2 h 0 min",
    ):
        assert part in certificate
    assert not re.search(r"\b(TP|FP|positive|Cardiomegaly|Effusion)\b", certificate)


def test_a_study_without_certificates_gives_none(client: Client):
    allocation = reader_make(study_make())
    rated(allocation, 1)
    rated(allocation, 2)
    client.force_login(allocation.membership.user)
    assert "certificate" not in client.get(url("reading_thanks", allocation)).text.lower()
    assert client.get(url("reading_certificate", allocation)).status_code == 404


# Failed explanations


def test_a_reader_is_led_past_a_failed_case_and_back_once_it_is_repaired(client: Client):
    allocation = reader_make(study_make())
    first, second, *others = allocation.readings.filter(period__number=1)
    fail(first)
    client.force_login(allocation.membership.user)
    assert client.get(url("reading_next", allocation))["Location"] == case_url(second)
    page = client.get(case_url(first)).text
    assert "cannot be shown now" in page
    assert "http-equiv" not in page
    for reading in (second, *others):
        rate(client, reading)

    start = text_of(client.get(url("reading_start", allocation)).text)
    assert "7 of 8 cases" in start
    assert "1 case cannot be shown now" in start
    repair(first)
    assert client.get(url("reading_next", allocation))["Location"] == case_url(first)


def test_a_failed_case_does_not_hold_a_reader_before_period_two(client: Client):
    allocation = reader_make(study_make())
    first, *others = allocation.readings.filter(period__number=1)
    fail(first)
    client.force_login(allocation.membership.user)
    for reading in others:
        rate(client, reading)
    second = list(allocation.readings.filter(period__number=2).exclude(case=first.case))
    assert client.get(url("reading_next", allocation), follow=True).redirect_chain[-1][0] == url(
        "reading_start", allocation
    )
    client.post(url("reading_begin", allocation), {"begins": "2"})
    assert client.get(url("reading_next", allocation))["Location"] == case_url(second[0])
    rate(client, second[0])

    # Repaired in period 2, the case is read in the order of the periods, and never in both arms at once.
    repair(first)
    later = allocation.readings.get(period__number=2, case=first.case)
    assert client.get(url("reading_next", allocation))["Location"] == case_url(first)
    assert client.get(case_url(later)).status_code == 302
    assert client.get(case_url(others[0])).status_code == 302
    rate(client, first)
    assert client.get(case_url(later)).status_code == 200
    assert client.get(case_url(first)).status_code == 302


def test_a_reader_with_nothing_but_failed_cases_is_told_to_come_back(client: Client):
    allocation = reader_make(study_make())
    Explanation.objects.update(status=Explanation.Status.FAILED)
    client.force_login(allocation.membership.user)
    assert client.get(url("reading_next", allocation))["Location"] == url("reading_start", allocation)
    assert "Others are being repaired" in client.get(url("reading_start", allocation)).text


def test_a_reader_is_not_led_past_a_case_that_waits_to_be_tried_again(client: Client):
    allocation = reader_make(study_make())
    first = present(allocation.readings.first())
    waiting = {"status": Explanation.Status.PENDING, "error": "the disk is full", "retry_at": NOW + timedelta(days=1)}
    Explanation.objects.filter(case=first.case).update(**waiting)
    client.force_login(allocation.membership.user)
    assert client.get(url("reading_next", allocation))["Location"] == case_url(first)
    assert "This case is being prepared" in client.get(case_url(first)).text


# Withdrawal


def withdraw(client: Client, member: Membership, reason: str):
    address = reverse("member_withdraw", args=[member.study.slug, member.pk])
    return client.post(address, {"reason": reason}, follow=True)


def test_a_coordinator_withdraws_a_reader_with_a_reason_and_keeps_the_answers(client: Client):
    study = study_make()
    allocation = reader_make(study)
    reader = Client()
    reader.force_login(allocation.membership.user)
    first, second = allocation.readings.all()[:2]
    rate(reader, first)
    client.force_login(member_make(study, Role.COORDINATOR).user)

    assert "Say why R1 is withdrawn" in withdraw(client, allocation.membership, " ").text
    assert "R1 is withdrawn" in withdraw(client, allocation.membership, "moved away").text

    entry = study.audit.get(action="reader_withdrawn")
    assert entry.detail == {"reader": "R1", "reason": "moved away"}
    assert present(entry.actor).email == "coordinator@study.invalid"
    assert Answer.objects.count() == 2
    assert "You no longer take part" in reader.get(url("reading_start", allocation)).text
    assert reader.get(case_url(second)).status_code == 302
    assert put_answer(reader, first, "confidence", 5) == 403
    assert "withdrawn already" in withdraw(client, allocation.membership, "again").text


def test_a_new_reader_takes_over_the_sequence_of_a_withdrawn_one_and_only_one_does():
    study = study_make(training=2)
    left, stays = reader_make(study), reader_make(study)
    reader_withdraw(membership=left.membership, reason="ill", now=NOW)

    new, other = reader_make(study), reader_make(study)

    def sequence(allocation: Allocation) -> list[tuple[int, ...]]:
        return list(allocation.readings.values_list("period__number", "position", "case__number", "arm__position"))

    assert sequence(new) == sequence(left)
    assert (new.seed, new.takes_over) == (left.seed, left)
    assert other.takes_over is None
    assert len({tuple(sequence(allocation)) for allocation in (stays, new, other)}) == 3
    assert study.audit.filter(action="reader_allocated", detail__takes_over="R1").count() == 1


def test_a_withdrawn_reader_is_not_waited_for():
    study = study_make()
    left, stays = reader_make(study), reader_make(study)
    reader_withdraw(membership=left.membership, reason="ill", now=NOW)
    for period in (1, 2):
        rated(stays, period)
    assert services.study_close(study=study, now=NOW) == 0


def test_a_withdrawn_reader_is_not_added_again(client: Client):
    study = study_make()
    left = reader_make(study).membership
    reader_withdraw(membership=left, reason="ill", now=NOW)
    client.force_login(member_make(study, Role.COORDINATOR).user)
    form = {"email": left.user.email, "role": Role.READER}
    response = client.post(reverse("member_add", args=[study.slug]), form)
    assert response.status_code == 422
    assert "cannot read in it again" in response.text


def test_the_command_says_whom_a_reader_takes_over_from_and_allocates_although_a_case_failed(
    capsys: pytest.CaptureFixture[str],
):
    study = study_make()
    left = reader_make(study)
    fail(present(left.readings.first()))
    reader_withdraw(membership=left.membership, reason="ill", now=NOW)
    member_make(study, Role.READER)
    with pytest.raises(CommandError, match="1 of 8 cases are not explained yet"):
        call_command("study_allocate", study.slug)
    call_command("study_allocate", study.slug, "--unexplained")
    assert "R2: 16 readings, taking over from R1" in (said := capsys.readouterr().out)
    assert "taking over from R1" in said


def test_a_reader_can_be_withdrawn_from_the_shell(capsys: pytest.CaptureFixture[str]):
    study = study_make()
    reader_make(study)
    with pytest.raises(CommandError, match="Its readers are: R1"):
        call_command("study_member_withdraw", study.slug, "R7", reason="ill")
    call_command("study_member_withdraw", study.slug, "R1", reason="ill")
    assert "R1 is withdrawn" in capsys.readouterr().out
    assert study.audit.get(action="reader_withdrawn").detail["reason"] == "ill"
    with pytest.raises(CommandError, match="withdrawn already"):
        call_command("study_member_withdraw", study.slug, "R1", reason="ill")


def test_only_readers_can_be_withdrawn():
    member = member_make(study_make(), Role.ANALYST)
    with pytest.raises(StudyError, match="Only readers"):
        reader_withdraw(membership=member, reason="no longer here", now=NOW)


def test_the_coordinator_sees_consent_training_and_withdrawal(client: Client):
    study = study_make(consent=CONSENT, training=2)
    left = reader_make(study)
    reader_make(study, ready=False)
    reader_withdraw(membership=left.membership, reason="ill", now=NOW)
    reader_make(study)
    client.force_login(member_make(study, Role.COORDINATOR).user)
    page = text_of(client.get(reverse("study_detail", args=[study.slug])).text)
    assert re.search(r"R1 \S+ Training: 0 of 2 Period 1: 0 of 8 .*? withdrawn 2 Mar 2026 taken over by R3", page)
    assert re.search(r"R2 \S+ Training: 0 of 2 .*? not given", page)
    assert "2 training cases of patients who are not in the study" in page
    assert re.search(r"Cardiomegaly positive \d+ \d+ true positives 2 of", page)  # the training cases are none of them


def test_nobody_s_standing_is_that_of_somebody_else():
    study = study_make()
    mine, theirs = reader_make(study), reader_make(study)
    rated(theirs, 1)
    standing = present(selectors.standing_of(mine.membership.user, study, now=NOW))
    assert (standing.done, standing.step) == (0, selectors.NextStep.READING)
