"""Seconds of a page beside the server's clock: of how many visits, and from when they are in doubt."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from readerstudy.reading import services
from readerstudy.reading.durations import CLOCK_TOLERANCE, LONGEST, duration_of
from readerstudy.reading.models import Answer, Reading, TimeDoubt, Visit
from tests.factories.people import NOW
from tests.factories.reading import reader_make, study_make
from tests.typed import present

PASSED = timedelta(seconds=100)
#: The most that one visit can have counted by then; two windows count beside each other.
MOST = (PASSED + CLOCK_TOLERANCE).total_seconds()


@pytest.mark.parametrize("visits", [1, 2, 3])
def test_every_visit_may_have_counted_all_the_time_since_the_case_was_opened(visits: int):
    def doubt(seconds: float) -> str:
        return duration_of(seconds, opened_at=NOW, visits=visits, now=NOW + PASSED).doubt

    assert doubt(MOST * visits) == TimeDoubt.NONE
    assert doubt(MOST * visits + 0.1) == TimeDoubt.BEYOND


@pytest.mark.parametrize(("seconds", "kept"), [(LONGEST, LONGEST), (LONGEST + 1, None), (float("inf"), None)])
def test_more_than_anybody_could_spend_is_no_number(seconds: float, kept: float | None):
    duration = duration_of(seconds, opened_at=NOW, now=NOW + timedelta(seconds=LONGEST))
    assert (duration.seconds, duration.doubt) == (kept, TimeDoubt.NONE if kept else TimeDoubt.NO_NUMBER)


@pytest.mark.django_db
@pytest.mark.parametrize("reported", [0, 1, 2])
def test_an_answer_counts_the_time_of_the_visits_that_were_reported_and_of_the_one_it_comes_from(reported: int):
    allocation = reader_make(study_make())
    user, reading = allocation.membership.user, present(allocation.readings.first())
    services.reading_open(reading_id=reading.pk, user=user, now=NOW)
    for _ in range(reported):
        Visit.objects.create(id=uuid.uuid4(), reading=reading, started_at=NOW, seconds=1)

    def doubt(seconds: float, reading: Reading, question: str) -> str:
        stored = uuid.uuid4()
        services.answer_store(
            answer_id=stored,
            reading_id=reading.pk,
            question_key=question,
            value=3,
            seconds=seconds,
            user=user,
            now=NOW + PASSED,
        )
        return Answer.objects.get(pk=stored).seconds_doubt

    assert doubt(MOST * (reported + 1), reading, "confidence") == TimeDoubt.NONE
    assert doubt(MOST * (reported + 1) + 0.1, reading, "correct_feature") == TimeDoubt.BEYOND
