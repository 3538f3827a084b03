"""Answers of every kind, which of several revisions counts, and what a study's policy lets a reader change."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from readerstudy.reading import errors, selectors, services
from readerstudy.reading.models import Allocation, Answer, Reading, Unlock
from readerstudy.studies.models import Image, Membership, Question, Study
from readerstudy.studies.services import reader_withdraw
from tests.factories.people import NOW, member_make
from tests.factories.reading import question_make, reader_make, study_make
from tests.reading.threads import at_once
from tests.typed import present

LATER = NOW + timedelta(minutes=10)
CHANGES = Study.Changes
pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return study_make(targets=("Mass",))


def opened(study: Study) -> Reading:
    """The first case of a new reader, opened."""
    allocation = reader_make(study)
    return services.reading_open(
        reading_id=present(allocation.readings.first()).pk, user=allocation.membership.user, now=NOW
    )


def user_of(reading: Reading):
    return reading.allocation.membership.user


def answer(reading: Reading, key: str = "confidence", value: int | None = None, **changes) -> services.Stored:
    given = {
        "answer_id": uuid.uuid4(),
        "reading_id": reading.pk,
        "question_key": key,
        "value": value,
        "seconds": None,
        "user": user_of(reading),
        "now": LATER,
    }
    return services.answer_store(**{**given, **changes})


def submit(reading: Reading, unlock_id: uuid.UUID | None = None):
    return services.submission_store(reading_id=reading.pk, unlock_id=unlock_id, user=user_of(reading), now=LATER)


def submitted(study: Study, policy: str) -> Reading:
    """A case whose two questions are answered with 3 and that was gone on from."""
    study.changes = policy
    study.save()
    reading = opened(study)
    for key in ("confidence", "correct_feature"):
        answer(reading, key, 3)
    submit(reading)
    return reading


def current(reading: Reading, key: str = "confidence") -> Answer | None:
    return {found.question.key: found for found in selectors.current_answers(reading).values()}.get(key)


# Kinds


@pytest.mark.parametrize(
    ("kind", "fields", "value", "content"),
    [
        ("yes_no", {}, 0, None),
        ("choice", {}, 3, None),
        ("likert", {"minimum": 0, "maximum": 9}, 0, None),
        ("text", {}, None, {"text": "As typed, \n with a line."}),
    ],
)
def test_an_answer_is_stored_as_its_kind_says(
    study: Study, kind: str, fields: dict, value: int | None, content: dict | None
):
    question_make(study, kind, **fields)
    reading = opened(study)
    answer(reading, kind, value, content=content)
    stored = Answer.objects.get()
    assert (stored.value, stored.content) == (value, content)


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        ("yes_no", 2, None),
        ("yes_no", None, {"text": "yes"}),
        ("choice", 0, None),
        ("choice", 4, None),
        ("text", 1, None),
        ("text", None, None),
        ("text", None, {}),
        ("text", None, {"text": 5}),
        ("text", None, {"text": "   "}),  # required
        ("text", None, {"text": "x" * 4001}),
        ("text", None, {"text": "a\0b"}),
        ("text", None, {"text": "a\ud800b"}),
        ("text", None, {"text": "a", "more": 1}),
        ("location", None, {}),
        ("location", None, {"x": 1, "y": 1}),
        ("location", None, {"x": -1, "y": 1, "size": 64}),
        ("location", None, {"x": 65, "y": 1, "size": 64}),
        ("location", None, {"x": float("nan"), "y": 1, "size": 64}),
        ("location", None, {"x": "1", "y": 1, "size": 64}),
        ("location", None, {"x": 0, "y": 0, "size": 0}),
        ("location", None, {"x": 1, "y": 1, "width": 5, "height": 5, "size": 64}),  # a point was asked for
    ],
)
def test_what_is_no_answer_to_its_question_is_refused(study: Study, kind: str, value: int | None, content: dict | None):
    question_make(study, kind)
    reading = opened(study)
    with pytest.raises(errors.AnswerRefusedError):
        answer(reading, kind, value, content=content)
    assert not Answer.objects.exists()


@pytest.mark.parametrize("box", [{"width": 0, "height": 5}, {"width": 5, "height": -5}, {"width": 64, "height": 5}])
def test_a_box_without_area_or_beyond_the_picture_is_refused(study: Study, box: dict):
    question_make(study, "location", shape="box")
    reading = opened(study)
    with pytest.raises(errors.AnswerRefusedError):
        answer(reading, "location", content={"x": 10, "y": 10, "size": 64, **box})


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        # Readers see the centred square, here drawn 512 pixels wide; the box begins in its middle.
        (2048, 2048, {"x": 1024, "y": 1024, "width": 512, "height": 256}),
        (2500, 2048, {"x": 1250, "y": 1024, "width": 512, "height": 256}),
        (1024, 1500, {"x": 512, "y": 750, "width": 256, "height": 128}),
        (None, None, {"x": 256, "y": 256, "width": 128, "height": 64}),
    ],
)
def test_a_place_is_stored_in_pixels_of_the_image_and_shown_where_it_was_marked(
    study: Study, width: int | None, height: int | None, expected: dict
):
    question_make(study, "location", shape="box")
    reading = opened(study)
    Image.objects.update(width=width, height=height)
    sent = {"x": 256, "y": 256, "width": 128, "height": 64, "size": 512}
    answer(reading, "location", content=sent)
    assert Answer.objects.get().content == expected
    if width:
        asked = selectors.asked_questions(Reading.objects.get(pk=reading.pk))[-1]
        assert asked.content == {"x": 0.5, "y": 0.5, "width": 0.25, "height": 0.125}


@pytest.mark.parametrize(
    "sent",
    [
        {"x": 33.34, "y": 10, "width": 966.67, "height": 5, "size": 1000},  # 33.335 and 966.665, rounded each
        {"x": 0.3333, "y": 0.01, "width": 0.6668, "height": 0.005, "size": 1},  # shares, as a page is given them
    ],
)
def test_a_box_to_the_edge_that_rounding_took_beyond_it_is_taken(study: Study, sent: dict):
    question_make(study, "location", shape="box")
    reading = opened(study)
    Image.objects.update(width=3000, height=3000)
    answer(reading, "location", content=sent)
    stored = present(Answer.objects.get().content)
    assert stored["x"] + stored["width"] == pytest.approx(3000, abs=0.02)


def test_a_mark_sent_twice_is_stored_once(study: Study):
    question_make(study, "location")
    reading, answer_id = opened(study), uuid.uuid4()
    sent = {"x": 100.123, "y": 33.3333, "size": 700}
    assert [answer(reading, "location", content=sent, answer_id=answer_id).added for _ in range(2)] == [True, False]


def test_an_optional_text_can_be_taken_back_and_an_empty_one_is_no_answer(study: Study):
    question_make(study, "text", required=False)
    reading = opened(study)
    assert answer(reading, "text", content={"text": ""}).revision == 0
    answer(reading, "text", content={"text": "Hm."})
    answer(reading, "text", content={"text": " "})
    assert list(Answer.objects.values_list("content", flat=True)) == [{"text": "Hm."}, {"text": ""}]


def test_only_required_questions_make_a_case_complete(study: Study):
    question_make(study, "text", required=False)
    reading = opened(study)
    answer(reading, "text", content={"text": "Hm."})
    answer(reading, "confidence", 3)
    assert selectors.first_unanswered(reading.allocation, now=LATER) == reading.pk
    assert answer(reading, "correct_feature", 3).complete
    assert selectors.first_unanswered(reading.allocation, now=LATER) != reading.pk


@pytest.mark.parametrize(("value", "content"), [(None, None), (3, {"text": "both"})])
def test_the_database_takes_a_number_or_a_content_never_both_or_none(study: Study, value, content):
    reading = opened(study)
    question = Question.objects.get(study=study, key="confidence")
    with pytest.raises(IntegrityError, match="answer_is_number_or_content"), transaction.atomic():
        Answer.objects.create(
            id=uuid.uuid4(),
            reading=reading,
            question=question,
            revision=1,
            value=value,
            content=content,
            answered_at=NOW,
        )


# Which revision counts


def test_an_answer_whose_page_knew_the_one_that_stood_replaces_it(study: Study):
    reading = opened(study)
    answer(reading, value=2, known_revision=0)
    assert answer(reading, value=4, known_revision=1).current is None
    assert present(current(reading)).value == 4


def test_an_answer_that_waited_while_a_newer_one_was_given_is_kept_and_does_not_count(study: Study):
    reading, waited = opened(study), uuid.uuid4()
    answer(reading, value=2, known_revision=0)
    late = answer(reading, value=5, known_revision=0, answer_id=waited)
    assert (late.added, present(late.current).value) == (True, 2)
    assert present(current(reading)).value == 2
    assert selectors.asked_questions(reading)[0].revision == 1
    assert list(Answer.objects.values_list("revision", "value", "superseded")) == [(1, 2, False), (2, 5, True)]
    replay = answer(reading, value=5, known_revision=0, answer_id=waited)
    assert (replay.added, present(replay.current).value) == (False, 2)


def test_a_reader_who_decides_for_the_late_answer_gets_it(study: Study):
    reading = opened(study)
    answer(reading, value=2, known_revision=0)
    late = answer(reading, value=5, known_revision=0)
    answer(reading, value=5, known_revision=present(late.current).revision)
    assert present(current(reading)).value == 5


def test_a_late_answer_that_agrees_with_the_one_that_stands_adds_nothing(study: Study):
    reading = opened(study)
    answer(reading, value=2, known_revision=0)
    assert answer(reading, value=2, known_revision=0) == services.Stored(revision=1, added=False, complete=False)


@pytest.mark.django_db(transaction=True)
def test_two_computers_that_answer_at_once_give_one_that_counts_and_one_that_is_kept(study: Study):
    reading = opened(study)
    at_once(
        lambda: answer(reading, value=2, known_revision=0),
        lambda: answer(reading, value=4, known_revision=0),
    )
    assert list(Answer.objects.values_list("revision", "superseded")) == [(1, False), (2, True)]


# Submission and policies


def test_a_case_that_lacks_an_answer_cannot_be_submitted(study: Study):
    reading = opened(study)
    answer(reading, value=3)
    with pytest.raises(errors.AnswerRefusedError, match="not complete"):
        submit(reading)
    assert Reading.objects.get(pk=reading.pk).submitted_at is None


def test_a_case_is_submitted_once_however_often_that_is_said(study: Study):
    reading = submitted(study, CHANGES.UNTIL_PERIOD_END)
    again = services.submission_store(
        reading_id=reading.pk, unlock_id=None, user=user_of(reading), now=LATER + timedelta(days=300)
    )
    assert again == Reading.objects.get(pk=reading.pk).submitted_at == LATER


@pytest.mark.django_db(transaction=True)
def test_a_case_submitted_twice_at_once_is_submitted_once(study: Study):
    reading = opened(study)
    for key in ("confidence", "correct_feature"):
        answer(reading, key, 3)
    assert at_once(*[lambda: submit(reading)] * 4) == [LATER] * 4


def test_nobody_submits_another_reader_s_case(study: Study):
    reading, other = opened(study), reader_make(study).membership.user
    with pytest.raises(errors.ReadingNotFoundError):
        services.submission_store(reading_id=reading.pk, unlock_id=None, user=other, now=LATER)


def test_until_the_period_ends_a_change_needs_a_reason_which_is_kept(study: Study):
    reading = submitted(study, CHANGES.UNTIL_PERIOD_END)
    with pytest.raises(errors.AnswerRefusedError, match="say why"):
        answer(reading, value=5)
    for nothing in ("  ", "a\0b", "a\ud800b"):  # the last two can be sent, and not stored
        with pytest.raises(errors.AnswerRefusedError, match="say why"):
            answer(reading, value=5, reason=nothing)
    answer(reading, value=5, reason="A slip.")
    assert (present(current(reading)).value, present(current(reading)).reason) == (5, "A slip.")


def test_a_reason_before_submission_is_not_asked_for_and_not_kept(study: Study):
    reading = opened(study)
    answer(reading, value=5, reason="Whatever")
    assert present(current(reading)).reason == ""


@pytest.mark.parametrize("policy", [CHANGES.UNTIL_SUBMIT, CHANGES.BY_REQUEST])
def test_a_locked_case_takes_no_change_whatever_the_reason(study: Study, policy: str):
    question_make(study, "text", "comment", required=False)
    reading = submitted(study, policy)
    for change in ({"value": 5}, {"key": "comment", "content": {"text": "Hm."}}):
        with pytest.raises(errors.ReadingClosedError, match="locked"):
            answer(reading, **change, reason="A slip.")
    assert Answer.objects.count() == 2


@pytest.mark.parametrize("policy", CHANGES.values)
def test_a_question_added_later_is_answered_in_a_submitted_case_without_a_reason(study: Study, policy: str):
    reading = submitted(study, policy)
    question_make(study, "yes_no")
    assert answer(reading, "yes_no", 1).complete


@pytest.mark.parametrize("policy", CHANGES.values)
def test_a_late_answer_from_another_computer_to_a_submitted_case_is_kept_beside(study: Study, policy: str):
    reading = submitted(study, policy)
    late = answer(reading, value=5, known_revision=0)
    assert (late.added, present(late.current).value) == (True, 3)
    assert present(current(reading)).value == 3


def ask(reading: Reading, unlock_id: uuid.UUID | None = None, reason: str = "I was interrupted.") -> Unlock:
    return services.unlock_request(
        unlock_id=unlock_id or uuid.uuid4(), reading_id=reading.pk, reason=reason, user=user_of(reading), now=LATER
    )


def test_a_case_is_unlocked_by_the_coordinator_until_it_is_submitted_again(study: Study):
    coordinator = member_make(study, Membership.Role.COORDINATOR).user
    reading = submitted(study, CHANGES.BY_REQUEST)
    unlock = ask(reading)
    with pytest.raises(errors.ReadingClosedError):
        answer(reading, value=5)
    assert list(selectors.unlocks_waiting(study)) == [unlock]

    services.unlock_grant(study=study, unlock_id=unlock.pk, actor=coordinator, now=LATER)

    assert list(selectors.unlocks_waiting(study)) == []
    submit(reading)  # an earlier submission, sent once more because its reply was lost, ends nothing
    answer(reading, value=5)
    submit(reading, unlock.pk)
    with pytest.raises(errors.ReadingClosedError):
        answer(reading, value=1)
    assert present(current(reading)).value == 5
    assert [
        (entry.action, entry.actor) for entry in study.audit.filter(action__startswith="unlock").order_by("pk")
    ] == [
        ("unlock_asked", user_of(reading)),
        ("unlock_granted", coordinator),
    ]
    assert ask(reading).pk != unlock.pk  # and may be asked for once more


def test_a_submission_that_arrives_late_ends_no_later_unlocking(study: Study):
    reading = submitted(study, CHANGES.BY_REQUEST)
    first = ask(reading)
    services.unlock_grant(study=study, unlock_id=first.pk, now=LATER)
    submit(reading, first.pk)
    second = ask(reading)
    services.unlock_grant(study=study, unlock_id=second.pk, now=LATER)
    submit(reading, first.pk)
    second.refresh_from_db()
    assert second.ended_at is None


def test_of_who_was_withdrawn_not_even_a_late_answer_is_taken(study: Study):
    reading = opened(study)
    reader_withdraw(membership=reading.allocation.membership, reason="moved away", now=NOW)
    with pytest.raises(errors.ReadingClosedError):
        answer(reading, value=3)
    assert not Answer.objects.exists()


def decline(unlock: Unlock, reason: str = "The protocol allows no second look.") -> Unlock:
    study = unlock.reading.allocation.membership.study
    return services.unlock_decline(study=study, unlock_id=unlock.pk, reason=reason, now=LATER)


def test_a_request_is_declined_with_a_reason_that_its_reader_is_told(study: Study, client: Client):
    reading = submitted(study, CHANGES.BY_REQUEST)
    unlock = ask(reading)

    decline(unlock)
    decline(unlock, reason="Sent twice.")

    assert list(selectors.unlocks_waiting(study)) == []
    with pytest.raises(errors.ReadingClosedError):
        answer(reading, value=5)
    assert study.audit.get(action="unlock_declined").detail["declined_because"] == "The protocol allows no second look."
    client.force_login(user_of(reading))
    page = client.get(reverse("reading_case", args=[reading.pk])).content.decode()
    assert "The coordinator did not unlock it: The protocol allows no second look." in page
    assert "Ask to unlock" in page


def test_who_was_declined_can_ask_again_and_be_unlocked(study: Study):
    reading = submitted(study, CHANGES.BY_REQUEST)
    first = decline(ask(reading))
    again = ask(reading)
    assert again.pk != first.pk
    services.unlock_grant(study=study, unlock_id=again.pk, now=LATER)
    answer(reading, value=5)
    assert present(current(reading)).value == 5


def test_an_answered_request_is_not_answered_otherwise(study: Study):
    first, second = (submitted(study, CHANGES.BY_REQUEST) for _ in range(2))
    declined, granted = decline(ask(first)), ask(second)
    services.unlock_grant(study=study, unlock_id=granted.pk, now=LATER)
    with pytest.raises(errors.UnlockAnswerError, match="unlocked already"):
        decline(granted)
    with pytest.raises(errors.UnlockAnswerError, match="was declined"):
        services.unlock_grant(study=study, unlock_id=declined.pk, now=LATER)


@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "a\ud800b"])
def test_who_leaves_a_case_locked_says_why(study: Study, reason: str):
    with pytest.raises(errors.UnlockAnswerError, match="Say why"):
        decline(ask(submitted(study, CHANGES.BY_REQUEST)), reason=reason)


def test_the_command_declines_with_a_reason(study: Study, capsys: pytest.CaptureFixture[str]):
    unlock = ask(submitted(study, CHANGES.BY_REQUEST))
    call_command("study_unlock", study.slug, str(unlock.pk), decline="Too late.")
    assert "Left locked: R1" in capsys.readouterr().out
    unlock.refresh_from_db()
    assert unlock.declined_because == "Too late."
    with pytest.raises(CommandError, match="was declined"):
        call_command("study_unlock", study.slug, str(unlock.pk))


def test_the_command_lists_requests_and_grants_them(study: Study, capsys: pytest.CaptureFixture[str]):
    unlock = ask(submitted(study, CHANGES.BY_REQUEST))

    call_command("study_unlock", study.slug)
    assert f"{unlock.pk}  R1, period 1, case 1 in order: I was interrupted." in capsys.readouterr().out
    call_command("study_unlock", study.slug, str(unlock.pk))
    assert "Unlocked: R1" in capsys.readouterr().out

    unlock.refresh_from_db()
    assert (unlock.granted_at is not None, unlock.granted_by) == (True, None)
    call_command("study_unlock", study.slug)
    assert "No case of study waits" in capsys.readouterr().out
    with pytest.raises(CommandError, match="has no request"):
        call_command("study_unlock", study.slug, str(uuid.uuid4()))


def test_asking_twice_is_one_request(study: Study):
    reading, unlock_id = submitted(study, CHANGES.BY_REQUEST), uuid.uuid4()
    assert {ask(reading, unlock_id).pk, ask(reading, unlock_id).pk, ask(reading).pk} == {unlock_id}
    assert study.audit.filter(action="unlock_asked").count() == 1


@pytest.mark.parametrize("policy", [CHANGES.UNTIL_PERIOD_END, CHANGES.UNTIL_SUBMIT])
def test_where_the_study_does_not_unlock_nothing_can_be_asked(study: Study, policy: str):
    with pytest.raises(errors.AnswerRefusedError, match="no unlocking"):
        ask(submitted(study, policy))


@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "a\ud800b"])
def test_a_request_says_why(study: Study, reason: str):
    with pytest.raises(errors.AnswerRefusedError, match="Say why"):
        ask(submitted(study, CHANGES.BY_REQUEST), reason=reason)


def test_a_coordinator_cannot_unlock_through_another_study(study: Study):
    unlock = ask(submitted(study, CHANGES.BY_REQUEST))
    other = study_make("other", targets=("Mass",))
    coordinator = member_make(other, Membership.Role.COORDINATOR).user
    with pytest.raises(Unlock.DoesNotExist):
        services.unlock_grant(study=other, unlock_id=unlock.pk, actor=coordinator, now=LATER)
    assert Allocation.objects.count() == 1
