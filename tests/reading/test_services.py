"""Allocation of readers, answers that are stored once, time that only grows."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from readerstudy.explanations.models import Explanation
from readerstudy.reading import errors, selectors, services
from readerstudy.reading.crossover import AllocationError
from readerstudy.reading.models import Allocation, Answer, Period, Reading, Visit
from readerstudy.reading.selectors import PeriodState
from readerstudy.studies.models import Membership, Question, Study
from tests.factories.people import NOW, member_make
from tests.factories.reading import case_make, explain, reader_make, study_make
from tests.reading.threads import at_once
from tests.typed import present

LATER = NOW + timedelta(minutes=10)
pytestmark = pytest.mark.django_db


def sequence(allocation: Allocation) -> list[tuple[int, int, str, int, uuid.UUID]]:
    readings = allocation.readings.select_related("period", "case", "arm")
    return [(r.period.number, r.position, r.arm.key, r.case.number, r.pk) for r in readings]


def first_reading(allocation: Allocation, *, period: int = 1, position: int = 1) -> Reading:
    reading = allocation.readings.get(period__number=period, position=position)
    return services.reading_open(reading_id=reading.pk, user=allocation.membership.user, now=NOW)


def answer(reading: Reading, key: str = "confidence", value: int = 3, **changes) -> services.Stored:
    given = {
        "answer_id": uuid.uuid4(),
        "reading_id": reading.pk,
        "question_key": key,
        "value": value,
        "seconds": 4.0,
        "user": reading.allocation.membership.user,
        "now": LATER,
    }
    return services.answer_store(**{**given, **changes})


def rate_period(allocation: Allocation, number: int, *, now=NOW, leave: int = 0) -> None:
    """Answers every case of a period but the last `leave`."""
    readings = list(allocation.readings.filter(period__number=number))
    for reading in readings[: len(readings) - leave]:
        services.reading_open(reading_id=reading.pk, user=allocation.membership.user, now=now)
        for key in ("confidence", "correct_feature"):
            answer(reading, key, now=now)


# Allocation


def test_allocation_opens_the_study_and_makes_a_period_per_arm():
    study = study_make(washout_days=14)
    allocation = reader_make(study)
    assert study.status == Study.Status.OPEN
    assert list(Period.objects.filter(study=study).values_list("number", "washout_days")) == [(1, 0), (2, 14)]
    assert allocation.readings.count() == 2 * study.cases.count()
    assert list(study.audit.order_by("pk").values_list("action", flat=True)) == ["reader_allocated", "study_opened"]


def test_the_design_is_balanced_in_the_database():
    allocation = reader_make(study_make(per_cell=4))
    for target in ("Cardiomegaly", "Effusion"):
        for label in ("TP", "FP"):
            cell = allocation.readings.filter(case__target=target, case__label=label)
            for period in (1, 2):
                assert cell.filter(period__number=period, arm__key="A").count() == 2
                assert cell.filter(period__number=period, arm__key="B").count() == 2


def test_a_second_call_changes_nothing():
    study = study_make()
    allocation = reader_make(study)
    before = sequence(allocation)
    assert services.readers_allocate(study=study, now=LATER) == []
    assert sequence(allocation) == before


def test_a_reader_who_joins_later_is_allocated_without_touching_the_others():
    study = study_make()
    first = reader_make(study)
    before = sequence(first)
    second = reader_make(study)
    assert second.readings.count() == first.readings.count()
    assert [row[:4] for row in sequence(second)] != [row[:4] for row in before]
    assert sequence(first) == before


def test_a_case_added_later_never_changes_the_order_of_a_reader_who_has_started():
    study = study_make()
    first = reader_make(study)
    before = sequence(first)
    for label in ("TP", "TP", "FP", "FP"):
        explain(case_make(study, target="Effusion", label=label, number=study.cases.count() + 1))
    reader_make(study)
    assert sequence(first) == before


def test_the_same_key_gives_the_same_sequence_on_another_database_and_no_seed_does():
    first, second = (reader_make(study_make(slug, allocation_key=bytes(32))) for slug in ("one", "two"))
    other = reader_make(study_make("three", allocation_key=bytes(31) + b"1"))
    assert [row[:4] for row in sequence(first)] == [row[:4] for row in sequence(second)]
    assert [row[:4] for row in sequence(first)] != [row[:4] for row in sequence(other)]
    assert first.membership.study.seed == other.membership.study.seed
    assert {row[4] for row in sequence(first)}.isdisjoint(row[4] for row in sequence(second))


def test_cases_without_explanation_are_refused_with_their_number():
    study = study_make(explained=False)
    explain(present(study.cases.first()), status=Explanation.Status.FAILED)
    member_make(study, Membership.Role.READER)
    with pytest.raises(AllocationError, match=r"8 of 8 cases are not explained yet \(1 failed\)"):
        services.readers_allocate(study=study, now=NOW)
    assert not Allocation.objects.exists()
    study.refresh_from_db()
    assert study.status == Study.Status.DRAFT


def test_a_study_without_readers_is_refused():
    with pytest.raises(AllocationError, match="no reader"):
        services.readers_allocate(study=study_make(), now=NOW)


def test_a_closed_study_is_refused():
    study = study_make()
    member_make(study, Membership.Role.READER)
    Study.objects.update(status=Study.Status.CLOSED)
    with pytest.raises(AllocationError, match="closed"):
        services.readers_allocate(study=study, now=NOW)


def test_an_odd_cell_is_refused():
    study = study_make(per_cell=3)
    member_make(study, Membership.Role.READER)
    with pytest.raises(AllocationError, match="Cardiomegaly TP: 3"):
        services.readers_allocate(study=study, now=NOW)
    assert not Period.objects.filter(study=study).exists()


def test_the_command_allocates_and_says_whom(capsys):
    study = study_make()
    member_make(study, Membership.Role.READER)
    call_command("study_allocate", study.slug)
    assert "R1: 16 readings" in capsys.readouterr().out
    call_command("study_allocate", study.slug)
    assert "nothing was changed" in capsys.readouterr().out


def test_the_command_names_an_unknown_study():
    with pytest.raises(CommandError, match="no study 'nowhere'"):
        call_command("study_allocate", "nowhere")


# The end of a study


def test_a_closed_study_takes_no_answer_and_says_what_was_missing(capsys: pytest.CaptureFixture[str]):
    study = study_make()
    reading = first_reading(reader_make(study))
    answer(reading)
    with pytest.raises(CommandError, match="unfinished"):
        call_command("study_close", study.slug)

    call_command("study_close", study.slug, "--unfinished")

    assert "16 unfinished readings" in capsys.readouterr().out
    assert study.audit.get(action="study_closed").detail == {"unfinished_readings": 16}
    assert answer(reading, value=5).late
    assert [kept.value for kept in selectors.current_answers(reading).values()] == [3]
    with pytest.raises(CommandError, match="closed"):
        call_command("study_close", study.slug)


# Answers


def test_an_answer_sent_twice_is_stored_once_with_success_both_times():
    reading = first_reading(reader_make(study_make()))
    answer_id = uuid.uuid4()
    first = answer(reading, answer_id=answer_id)
    second = answer(reading, answer_id=answer_id, now=LATER + timedelta(seconds=9))
    assert (first.added, second.added) == (True, False)
    assert first.revision == second.revision == 1
    assert Answer.objects.get().answered_at == LATER


def test_an_id_used_for_another_value_or_case_is_a_conflict():
    allocation = reader_make(study_make())
    reading, other = first_reading(allocation), first_reading(allocation, position=2)
    answer_id = uuid.uuid4()
    answer(reading, answer_id=answer_id, value=3)
    for changes in ({"value": 4}, {"question_key": "correct_feature"}, {"reading_id": other.pk}):
        with pytest.raises(errors.AnswerConflictError):
            answer(reading, answer_id=answer_id, **changes)
    assert Answer.objects.count() == 1


def test_another_value_adds_a_revision_and_the_same_value_does_not():
    reading = first_reading(reader_make(study_make()))
    assert [answer(reading, value=value).revision for value in (3, 5, 5, 3)] == [1, 2, 2, 3]
    assert list(Answer.objects.values_list("value", flat=True)) == [3, 5, 3]


@pytest.mark.parametrize("value", [0, 6, -1, 10**9])
def test_a_value_off_the_scale_is_refused(value: int):
    reading = first_reading(reader_make(study_make()))
    with pytest.raises(errors.AnswerRefusedError, match="scale"):
        answer(reading, value=value)


def test_a_question_of_another_study_is_refused():
    reading = first_reading(reader_make(study_make()))
    Question.objects.create(study=study_make("other"), key="elsewhere", text="?", position=9)
    with pytest.raises(errors.AnswerRefusedError, match="elsewhere"):
        answer(reading, "elsewhere")


@pytest.mark.parametrize(
    ("seconds", "kept", "doubt"),
    [
        (None, None, ""),
        (599.0, 599.0, ""),  # ten minutes have passed
        (10_000.0, 10_000.0, "beyond_elapsed"),
        (-1.0, -1.0, "negative"),
        (float("nan"), None, "no_number"),
        (float("inf"), None, "no_number"),
        (1e300, None, "no_number"),
    ],
)
def test_no_answer_is_refused_for_its_time_which_is_kept_with_a_doubt(seconds, kept, doubt: str):
    reading = first_reading(reader_make(study_make()))
    assert answer(reading, seconds=seconds).added
    stored = Answer.objects.get()
    assert (stored.value, stored.seconds, stored.seconds_doubt) == (3, kept, doubt)


@pytest.mark.parametrize(("back", "doubt"), [(5, ""), (120, "beyond_elapsed"), (86_400, "beyond_elapsed")])
def test_with_the_server_s_clock_set_back_every_answer_is_stored(back: int, doubt: str):
    """Opened at NOW by one host or before the clock was set; what comes next has an earlier time."""
    reading = first_reading(reader_make(study_make()))
    earlier = NOW - timedelta(seconds=back)
    for key in ("confidence", "correct_feature"):
        answer(reading, key, seconds=4.0, now=earlier)
    assert set(Answer.objects.values_list("seconds", "seconds_doubt", "superseded")) == {(4.0, doubt, False)}
    reading.refresh_from_db()
    assert reading.completed_at == earlier
    visit_id = uuid.uuid4()
    time = services.VisitTime(seconds=4.0)
    user = reading.allocation.membership.user
    services.visit_store(visit_id=visit_id, reading_id=reading.pk, time=time, user=user, now=earlier)
    assert Visit.objects.values_list("seconds", "seconds_doubt").get() == (4.0, doubt)


def test_a_case_is_not_complete_before_its_answers_whatever_the_clock_says():
    reading = first_reading(reader_make(study_make()))
    answer(reading, "confidence", seconds=7.0, now=LATER)
    answer(reading, "correct_feature", seconds=9.0, now=LATER - timedelta(minutes=5))
    reading.refresh_from_db()
    assert reading.completed_at == LATER
    row = dict(zip(selectors.EXPOSURE_COLUMNS, next(iter(selectors.exposure_of(Study.objects.get()))), strict=True))
    assert row["seconds_first"] == 9.0


def test_an_answer_to_a_case_that_the_server_does_not_know_to_be_open_is_kept_and_opens_it():
    """A server that was set back to a backup; the page is still on the reader's screen."""
    reading = first_reading(reader_make(study_make()))
    Reading.objects.update(opened_at=None)
    answer(reading)
    assert Answer.objects.get().seconds_doubt == "not_opened"
    reading.refresh_from_db()
    assert reading.opened_at == LATER


def test_another_reader_s_case_does_not_exist_for_me():
    study = study_make()
    mine, theirs = reader_make(study), reader_make(study)
    reading = first_reading(theirs)
    with pytest.raises(errors.ReadingNotFoundError):
        answer(reading, user=mine.membership.user)
    with pytest.raises(errors.ReadingNotFoundError):
        services.visit_store(
            visit_id=uuid.uuid4(),
            reading_id=reading.pk,
            time=services.VisitTime(seconds=1),
            user=mine.membership.user,
            now=LATER,
        )


def test_another_reader_s_answers_never_change_my_progress():
    study = study_make()
    mine, theirs = reader_make(study), reader_make(study)
    before = (sequence(mine), selectors.periods_of(mine, now=LATER))
    rate_period(theirs, 1)
    assert (sequence(mine), selectors.periods_of(mine, now=LATER)) == before


def test_a_half_answered_case_is_not_complete_and_is_where_one_resumes():
    allocation = reader_make(study_make())
    reading = first_reading(allocation)
    assert not answer(reading, "confidence").complete
    reading.refresh_from_db()
    assert reading.completed_at is None
    assert selectors.first_unanswered(allocation, now=LATER) == reading.pk
    assert answer(reading, "correct_feature").complete
    reading.refresh_from_db()
    assert reading.completed_at == LATER
    assert selectors.first_unanswered(allocation, now=LATER) != reading.pk


def test_a_revision_never_moves_the_time_of_completion():
    reading = first_reading(reader_make(study_make()))
    answer(reading, "confidence")
    answer(reading, "correct_feature")
    answer(reading, "confidence", 5, now=LATER + timedelta(minutes=1))
    reading.refresh_from_db()
    assert reading.completed_at == LATER


def test_a_question_added_mid_study_makes_earlier_cases_incomplete_and_loses_nothing():
    study = study_make()
    allocation = reader_make(study)
    rate_period(allocation, 1)
    answers = Answer.objects.count()
    Question.objects.create(study=study, key="third", text="And?", position=3)
    period = selectors.periods_of(allocation, now=LATER)[0]
    assert (period.done, period.state) == (0, PeriodState.OPEN)
    assert selectors.first_unanswered(allocation, now=LATER) == present(allocation.readings.first()).pk
    assert Answer.objects.count() == answers


@pytest.mark.parametrize("statement", ["UPDATE reading_answer SET value = 1", "DELETE FROM reading_answer"])
def test_the_database_refuses_to_change_an_answer(statement: str):
    answer(first_reading(reader_make(study_make())))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Answer.objects.get().value == 3


def test_the_database_refuses_to_empty_the_answers():
    answer(first_reading(reader_make(study_make())))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL readerstudy.allow_truncate = 'off'")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE reading_answer")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL readerstudy.allow_truncate = 'on'")


@pytest.mark.django_db(transaction=True)
def test_a_double_click_stores_one_answer():
    reading = first_reading(reader_make(study_make()))
    for _ in range(5):
        answer_id, value = uuid.uuid4(), 2 + Answer.objects.count()
        if value > 5:
            break
        outcomes = at_once(*[lambda: answer(reading, answer_id=answer_id, value=value)] * 4)  # noqa: B023
        assert all(isinstance(outcome, services.Stored) for outcome in outcomes), outcomes
        assert sum(outcome.added for outcome in outcomes) == 1
        assert Answer.objects.filter(pk=answer_id).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_answer_at_once_give_two_revisions_in_some_order():
    reading = first_reading(reader_make(study_make()))
    outcomes = at_once(lambda: answer(reading, value=2), lambda: answer(reading, value=4))
    assert sorted(outcome.revision for outcome in outcomes) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_one_id_sent_for_two_cases_at_once_is_stored_for_one_of_them():
    allocation = reader_make(study_make())
    one, two = first_reading(allocation), first_reading(allocation, position=2)
    answer_id = uuid.uuid4()
    outcomes = at_once(lambda: answer(one, answer_id=answer_id), lambda: answer(two, answer_id=answer_id))
    assert {type(outcome) for outcome in outcomes} == {services.Stored, errors.AnswerConflictError}
    assert Answer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_readers_allocated_twice_at_once_get_one_sequence():
    study = study_make()
    member_make(study, Membership.Role.READER)
    outcomes = at_once(*[lambda: len(services.readers_allocate(study=study, now=NOW))] * 2)
    assert sorted(outcomes) == [0, 1]
    assert Reading.objects.count() == 2 * study.cases.count()


# Time


def visit(reading: Reading, seconds: float, visit_id: uuid.UUID) -> float:
    user = reading.allocation.membership.user
    time = services.VisitTime(seconds=seconds)
    return services.visit_store(visit_id=visit_id, reading_id=reading.pk, time=time, user=user, now=LATER)


def test_reports_of_one_visit_are_not_added_and_never_shrink():
    reading = first_reading(reader_make(study_make()))
    visit_id = uuid.uuid4()
    assert [visit(reading, seconds, visit_id) for seconds in (5, 20, 12)] == [5, 20, 20]
    assert Visit.objects.get().seconds == 20


def test_revisits_add_up():
    reading = first_reading(reader_make(study_make()))
    visit(reading, 20, uuid.uuid4())
    visit(reading, 7.5, uuid.uuid4())
    assert selectors.blind_reading(reading).seconds_before == 27.5


def test_a_missing_duration_never_erases_recorded_time():
    reading = first_reading(reader_make(study_make()))
    visit(reading, 20, uuid.uuid4())
    answer(reading, seconds=None)
    assert Visit.objects.get().seconds == 20
    assert Answer.objects.get().seconds is None


@pytest.mark.parametrize(
    ("seconds", "kept", "doubt"),
    [(-0.1, 0, "negative"), (float("nan"), 0, "no_number"), (3600.0, 3600.0, "beyond_elapsed")],
)
def test_an_impossible_visit_is_kept_with_a_doubt(seconds: float, kept: float, doubt: str):
    reading = first_reading(reader_make(study_make()))
    visit(reading, seconds, uuid.uuid4())
    assert Visit.objects.values_list("seconds", "seconds_doubt").get() == (kept, doubt)


def test_the_doubt_of_a_visit_is_about_the_time_that_stands():
    reading, visit_id = first_reading(reader_make(study_make())), uuid.uuid4()
    user, time = reading.allocation.membership.user, services.VisitTime(seconds=20)
    early = NOW - timedelta(minutes=5)
    services.visit_store(visit_id=visit_id, reading_id=reading.pk, time=time, user=user, now=early)
    assert Visit.objects.get().seconds_doubt == "beyond_elapsed"
    visit(reading, 30, visit_id)  # the clock is right again
    assert Visit.objects.values_list("seconds", "seconds_doubt").get() == (30, "")
    services.visit_store(visit_id=visit_id, reading_id=reading.pk, time=time, user=user, now=early)  # a late one
    assert Visit.objects.values_list("seconds", "seconds_doubt").get() == (30, "")


def test_a_visit_of_another_case_is_a_conflict():
    allocation = reader_make(study_make())
    visit_id = uuid.uuid4()
    visit(first_reading(allocation), 5, visit_id)
    with pytest.raises(errors.AnswerConflictError):
        visit(first_reading(allocation, position=2), 9, visit_id)
    assert Visit.objects.get().seconds == 5


# Periods


def states(allocation: Allocation, now) -> list[str]:
    return [period.state for period in selectors.periods_of(allocation, now=now)]


def test_period_two_waits_for_all_of_period_one():
    allocation = reader_make(study_make())
    rate_period(allocation, 1, leave=1)
    assert states(allocation, LATER) == ["open", "waiting"]
    second = present(allocation.readings.filter(period__number=2).first())
    with pytest.raises(errors.ReadingClosedError):
        services.reading_open(reading_id=second.pk, user=allocation.membership.user, now=LATER)


def test_the_washout_counts_from_the_reader_s_last_case():
    allocation = reader_make(study_make(washout_days=14))
    rate_period(allocation, 1, now=NOW)
    second = present(allocation.readings.filter(period__number=2).first())
    user = allocation.membership.user
    almost = NOW + timedelta(days=14, seconds=-1)
    assert states(allocation, almost) == ["done", "washout"]
    assert selectors.periods_of(allocation, now=almost)[1].opens_at == NOW + timedelta(days=14)
    with pytest.raises(errors.ReadingClosedError):
        services.reading_open(reading_id=second.pk, user=user, now=almost)
    assert services.reading_open(reading_id=second.pk, user=user, now=NOW + timedelta(days=14)).opened_at is not None


def test_without_a_washout_period_two_opens_at_once():
    allocation = reader_make(study_make(washout_days=0))
    rate_period(allocation, 1)
    assert states(allocation, NOW) == ["correctable", "open"]
    assert (
        selectors.first_unanswered(allocation, now=NOW)
        == present(allocation.readings.filter(period__number=2).first()).pk
    )


def test_answers_of_a_finished_period_can_be_corrected_until_the_next_one_begins():
    allocation = reader_make(study_make(washout_days=0))
    rate_period(allocation, 1)
    last = present(allocation.readings.filter(period__number=1).last())
    assert answer(last, value=5, now=NOW).revision == 2
    first_reading(allocation, period=2)
    assert answer(last, value=1, now=NOW).late
    assert selectors.current_answers(last)[Question.objects.get(key="confidence").pk].value == 5


def test_corrections_end_an_hour_after_the_last_case():
    allocation = reader_make(study_make(washout_days=14))
    rate_period(allocation, 1)
    last = present(allocation.readings.filter(period__number=1).last())
    answer(last, value=5, now=NOW + timedelta(minutes=59))
    late = answer(last, value=1, known_revision=2, now=NOW + timedelta(minutes=61))
    assert (late.late, late.revision, present(late.current).value) == (True, 3, 5)


def test_a_replay_is_a_success_even_after_the_period_has_closed():
    allocation = reader_make(study_make(washout_days=14))
    rate_period(allocation, 1)
    stored = present(Answer.objects.last())
    much_later = NOW + timedelta(days=3)
    replay = answer(stored.reading, stored.question.key, present(stored.value), answer_id=stored.pk, now=much_later)
    assert (replay.added, replay.complete) == (False, True)


def test_nothing_is_open_before_the_instructions_are_read():
    allocation = reader_make(study_make(), ready=False)
    reading = present(allocation.readings.first())
    with pytest.raises(errors.ReadingClosedError):
        services.reading_open(reading_id=reading.pk, user=allocation.membership.user, now=NOW)


def test_instructions_are_acknowledged_once():
    allocation = reader_make(study_make())
    services.instructions_acknowledge(allocation=allocation, now=LATER)
    allocation.refresh_from_db()
    assert allocation.instructions_read_at == NOW


def test_a_closed_study_takes_no_answers():
    allocation = reader_make(study_make())
    reading = first_reading(allocation)
    Study.objects.update(status=Study.Status.CLOSED)
    assert answer(reading).late
    assert Answer.objects.values_list("value", "late", "superseded").get() == (3, True, True)


def test_a_late_answer_is_kept_never_counts_and_makes_no_case_complete():
    allocation = reader_make(study_make())
    reading, answer_id = first_reading(allocation), uuid.uuid4()
    answer(reading, "correct_feature")
    Study.objects.update(status=Study.Status.CLOSED)
    for _ in range(2):  # the reply was lost
        late = answer(reading, "confidence", answer_id=answer_id)
        assert (late.late, late.complete, late.current) == (True, False, None)
    assert Answer.objects.count() == 2
    reading.refresh_from_db()
    assert reading.completed_at is None
    Study.objects.update(status=Study.Status.OPEN)
    assert selectors.first_unanswered(allocation, now=LATER) == reading.pk
    assert answer(reading, "confidence", 5, known_revision=0).complete


def test_a_case_that_was_never_opened_takes_no_late_answer():
    allocation = reader_make(study_make())
    reading = present(allocation.readings.filter(period__number=2).first())
    with pytest.raises(errors.ReadingClosedError):
        answer(reading)
