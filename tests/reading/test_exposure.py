"""Events and time of a page: stored once, never in another's name, never erased, and counted for analysts."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from readerstudy.reading.events import BATCH_LIMIT, KINDS
from readerstudy.reading.models import Allocation, Event, Reading, Visit
from readerstudy.reading.selectors import EXPOSURE_COLUMNS, exposure_of
from readerstudy.studies.models import Study
from tests.factories.reading import reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
SHOWN_COLUMNS = (
    "picture_css", "picture_device", "picture_pixels", "pixel_ratio", "viewport_width", "viewport_height",
    "window_width", "window_level",
)  # fmt: skip


@pytest.fixture
def allocation() -> Allocation:
    return reader_make(study_make())


@pytest.fixture
def reader(allocation: Allocation, client: Client) -> Client:
    client.force_login(allocation.membership.user)
    for reading in allocation.readings.all()[:2]:
        client.get(reverse("reading_case", args=[reading.pk]))
    return client


@pytest.fixture
def first(reader: Client, allocation: Allocation) -> Reading:
    return present(allocation.readings.first())


def event(sequence: int = 1, kind: Any = "window", **more: Any) -> dict[str, object]:
    return {"sequence": sequence, "kind": kind, "panel": "xray", "value": {}, "seconds": 0.5, **more}


def send(client: Client, reading: Reading, visit_id: uuid.UUID, *events: object, **more: Any):
    body = {"seconds": 1.0, "events": list(events), **more}
    url = reverse("events_put", args=[reading.pk, visit_id])
    return client.put(url, json.dumps(body), content_type="application/json")


def test_a_batch_sent_twice_is_stored_once_and_carries_the_time(reader: Client, first: Reading):
    visit_id, batch = uuid.uuid4(), [event(1), event(2, "loop"), event(3, "frame", count=7, value={"frame": 3})]
    for _ in range(2):
        assert send(reader, first, visit_id, *batch, idle=0.5, painted=321.4, lost=2).status_code == 200
    assert list(Event.objects.values_list("sequence", "kind", "count", "value")) == [
        (1, "window", 1, {}),
        (2, "loop", 1, {}),
        (3, "frame", 7, {"frame": 3}),
    ]
    visit = Visit.objects.get()
    assert (visit.seconds, visit.idle_seconds, visit.painted_ms, visit.events_lost) == (1.0, 0.5, 321, 2)


def test_a_late_batch_takes_nothing_back(reader: Client, first: Reading):
    visit_id = uuid.uuid4()
    send(reader, first, visit_id, event(2), seconds=4.0, idle=2, hidden=3, painted=300, lost=5)
    send(reader, first, visit_id, event(1), seconds=1.0, idle=1, hidden=0, painted=900, lost=1)
    visit = Visit.objects.get()
    assert (visit.seconds, visit.idle_seconds, visit.hidden_seconds) == (4.0, 2, 3)
    assert (visit.painted_ms, visit.events_lost, visit.events.count()) == (300, 5, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        "no event",
        event(kind="thoughts"),
        event(kind=["window"]),
        event(kind=None),
        event(panel="<script>"),
        event(panel="x" * 41),
        event(value=[1]),
        event(value={"text": "x" * 600}),
        event(value={"text": "\x00"}),
        event(value={"text": "\ud800"}),
        event(value={"number": float("nan")}),
        event(sequence=0),
        event(sequence=True),
        event(sequence=10**9),
        event(count=0),
        event(count=2.5),
        event(seconds=-1),
        event(seconds=float("inf")),
        event(seconds=100),  # later than the visit is long
        event(seconds=None),
    ],
)
def test_an_event_that_no_page_of_ours_records_is_left_out_alone(reader: Client, first: Reading, wrong: object):
    reply = send(reader, first, uuid.uuid4(), event(1001), wrong, event(1002, "loop"))
    assert reply.status_code == 200
    assert reply.json() == {"readerstudy": True, "stored": 2, "refused": 1}
    assert list(Event.objects.values_list("sequence", "kind")) == [(1001, "window"), (1002, "loop")]


@pytest.mark.parametrize(
    "more",
    [
        {"events": None},
        {"events": [event(number + 1) for number in range(BATCH_LIMIT + 1)]},
        {"lost": -1},
        {"lost": "many"},
    ],
)
def test_a_batch_that_cannot_be_is_refused(reader: Client, first: Reading, more: dict[str, object]):
    assert send(reader, first, uuid.uuid4(), **{"events": [event()], **more}).status_code == 400
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("more", "doubt"),
    [
        ({"seconds": 3600}, "beyond_elapsed"),
        ({"idle": 3600}, "beyond_elapsed"),
        ({"hidden": -1}, "negative"),
        ({"seconds": None}, "no_number"),
        ({"painted": float("nan")}, ""),
        ({"painted": -3}, ""),
    ],
)
def test_a_batch_is_not_refused_for_its_times(reader: Client, first: Reading, more: dict[str, object], doubt: str):
    assert send(reader, first, uuid.uuid4(), event(seconds=0), **more).status_code == 200
    assert Event.objects.count() == 1
    visit = Visit.objects.get()
    assert (visit.seconds_doubt, visit.painted_ms) == (doubt, None)


def test_how_the_pictures_were_shown_is_a_column_each_from_the_first_visit_that_told(reader: Client, first: Reading):
    seen = {"css": 412.5, "device": 825, "pixels": 1024, "ratio": 2, "viewport_width": 1440, "viewport_height": 900}
    window = {"width": 1, "level": 0.5}
    send(reader, first, uuid.uuid4(), event(1, "shown", value=seen | window, seconds=0), seconds=5)
    send(reader, first, uuid.uuid4(), event(1, "shown", value={"css": 100, "device": "many"}, seconds=0), seconds=0)
    rows = [dict(zip(EXPOSURE_COLUMNS, row, strict=True)) for row in exposure_of(Study.objects.get())]
    assert [[row[name] for name in SHOWN_COLUMNS] for row in rows] == [
        [412.5, 825, 1024, 2, 1440, 900, 1, 0.5],
        [None] * 8,
    ]


def test_the_longest_batch_is_taken(reader: Client, first: Reading):
    batch = [event(number + 1, value={"text": "x" * 480}) for number in range(BATCH_LIMIT)]
    assert send(reader, first, uuid.uuid4(), *batch).status_code == 200
    assert Event.objects.count() == BATCH_LIMIT


def test_a_visit_of_another_case_takes_no_events(reader: Client, first: Reading, allocation: Allocation):
    visit_id, second = uuid.uuid4(), allocation.readings.all()[1]
    send(reader, first, visit_id, event(1))
    assert send(reader, second, visit_id, event(2), seconds=4.0).status_code == 409
    assert list(Event.objects.values_list("sequence", flat=True)) == [1]
    assert Visit.objects.get().seconds == 1.0


def test_events_are_neither_changed_nor_deleted(reader: Client, first: Reading):
    send(reader, first, uuid.uuid4(), event())
    for change in (lambda: Event.objects.update(kind="zoom"), lambda: Event.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_every_kind_that_the_page_s_script_knows_is_taken(reader: Client, first: Reading):
    batch = [event(number, kind) for number, kind in enumerate(KINDS, start=1)]
    assert send(reader, first, uuid.uuid4(), *batch).status_code == 200
    assert set(Event.objects.values_list("kind", flat=True)) == set(KINDS)
