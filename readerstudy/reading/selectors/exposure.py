"""Time and exposure of readings, for analysts: how long a reader was active, and what they looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Count, FloatField, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from explainer.catalogue.artefacts import XRAY
from readerstudy.reading.models import Allocation, Answer, Event, Reading, Visit
from readerstudy.reading.selectors.exclusion import EXCLUDED, exclusion
from readerstudy.studies.models import Study

SHOWN = "shown"  # the kind of the event, one per picture and visit
# Columns of a reading's exposure: what is counted, and what the codebook says of it.
_RECORDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "animation_started": (("animation_started",), "How often the counterfactual began to play, by itself or by hand."),
    "animation_paused": (("animation_paused",), "How often it was paused."),
    "map_changes": (("map_opacity", "map_threshold"), "Changes of a map's opacity or threshold, one a second at most."),
    "window_changes": (("window",), "Changes of window or level, one a second at most."),
    "zooms": (("zoom",), "Zooming and moving of the pictures, one a second at most."),
    "comparisons": (("compare",), "How often the counterfactual was compared with the original."),
    "help_opened": (("help_opened",), "How often the explanation of a method or the list of keys was opened."),
    "instructions_opened": (("instructions_opened",), "How often the instructions were opened beside the case."),
    "tab_hidden": (("tab_hidden",), "How often the page went out of view."),
    "events": ((), "Records of any kind in events.csv."),
}
_SUMS: Mapping[str, tuple[str, str]] = {
    "loops": ("loop", "How often the counterfactual went there and back again."),
    "frames_scrubbed": ("frame", "Frames of the counterfactual that the reader moved to."),
}
_TIMES: Mapping[str, str] = {
    "visits": "How often the page of the case was opened and its pictures painted.",
    "seconds": "Active seconds on the case: in view and touched within the last minute; all visits together.",
    "seconds_first": "Active seconds until all questions were answered for the first time.",
    "idle_seconds": "Seconds in view that do not count, since nobody had touched the page for a minute.",
    "hidden_seconds": "Seconds in which the page was out of view and came back.",
    "painted_ms": "Milliseconds from asking for the page to all pictures painted, at the first visit.",
    "events_lost": "Records that the page could not deliver.",
    "seconds_doubt": "Visits and answers with a time that cannot be right, or the server's clock was not: they count "
    "as they were told; answers.csv says why, answer by answer.",
}
# What an event of the kind `shown` tells of the X-ray: column -> key of its value, and what the codebook says of it.
_SHOWN: Mapping[str, tuple[str, str]] = {
    "picture_css": ("css", "Side of the X-ray on the page in CSS pixels, when it was first painted."),
    "picture_device": ("device", "Its side in pixels of the screen; all pictures of a case are as large."),
    "picture_pixels": ("pixels", "Pixels that the X-ray itself has along its side."),
    "pixel_ratio": ("ratio", "Pixels of the screen per CSS pixel, with the zoom of the browser."),
    "viewport_width": ("viewport_width", "Width of the window of the browser in CSS pixels."),
    "viewport_height": ("viewport_height", "Height of the window of the browser in CSS pixels."),
    "window_width": (
        "width",
        "Width of the grey window in which the X-ray was first shown, as a share of its grey scale.",
    ),
    "window_level": ("level", "Level of that window, as a share of the grey scale."),
}
_PLACE: Mapping[str, tuple[str, str]] = {
    "reader": ("allocation__membership__code", "Pseudonym of the reader."),
    "case": ("case__number", "Case, as in responses.csv."),
    "arm": ("arm__key", "Arm in which the reader saw the case."),
    "period": ("period__number", "Period of the crossover, counted from 1; 0 is training."),
    "position": ("position", "Position of the case in the reader's period, counted from 1."),
}
_EVENT: Mapping[str, tuple[str, str]] = {
    **{name: (f"visit__reading__{path}", text) for name, (path, text) in _PLACE.items()},
    "excluded": ("excluded", EXCLUDED),
    "visit": ("visit", "One opening of the case's page."),
    "sequence": ("sequence", "Order within the visit, counted by the page; a gap is a record that was lost."),
    "kind": ("kind", "What happened."),
    "panel": ("panel", "The picture that it happened to, where it happened to one."),
    "value": ("value", "Details as JSON, such as the frame or the window chosen last."),
    "count": ("count", "How many of its kind the record stands for: while something is dragged, one record a second."),
    "seconds": ("seconds", "Active seconds of the visit when it happened."),
    "received_at": ("received_at", "When the server received it; the page sends every ten seconds."),
}
EXPOSURE_COLUMNS: Mapping[str, str] = {
    **{name: text for name, (_, text) in _PLACE.items()},
    "excluded": EXCLUDED,
    **_TIMES,
    **{name: text for name, (_, text) in _SHOWN.items()},
    **{name: text for name, (_, text) in (*_RECORDS.items(), *_SUMS.items())},
}
EVENT_COLUMNS: Mapping[str, str] = {name: text for name, (_, text) in _EVENT.items()}


def active_seconds(reading: str) -> Greatest:
    """The active seconds of a reading, `reading` being the way to it from the row at hand ("pk" for a reading itself).

    All visits together; where their reports were lost, at least what the reader's answers tell. NULL without either.
    """
    visits = Visit.objects.filter(reading=OuterRef(reading)).order_by().values("reading")
    answers = Answer.objects.filter(reading=OuterRef(reading)).order_by().values("reading")
    return Greatest(  # PostgreSQL's passes over NULL
        Subquery(visits.annotate(total=Sum("seconds")).values("total"), FloatField()),
        Subquery(answers.annotate(last=Max("seconds")).values("last"), FloatField()),
    )


def exposure_of(study: Study) -> Iterator[tuple[Any, ...]]:
    """EXPOSURE_COLUMNS of every reading that was opened, analysed or not, by reader, period and position.

    One reader is in memory at a time.
    """
    nothing, unknown = (0,) * (len(_RECORDS) + len(_SUMS)), (None,) * len(_SHOWN)
    for allocation in Allocation.objects.filter(membership__study=study).order_by("membership__code"):
        counts, shown = _counts(allocation), _shown(allocation)
        for pk, *place_and_times in _places_and_times(allocation):
            yield (*place_and_times, *shown.get(pk, unknown), *counts.get(pk, nothing))


def events_of(study: Study) -> Iterator[tuple[Any, ...]]:
    """EVENT_COLUMNS of every record, by reader, period, position, visit and sequence."""
    order = [_EVENT[name][0] for name in ("reader", "period", "position")]
    events = Event.objects.filter(visit__reading__case__study=study).order_by(
        *order, "visit__started_at", "visit", "sequence"
    )
    events = events.annotate(excluded=exclusion("visit__reading__"))
    return events.values_list(*(path for path, _ in _EVENT.values())).iterator(chunk_size=5000)


def _places_and_times(allocation: Allocation) -> Iterable[tuple[Any, ...]]:
    # The case was first complete when the last of the first answers came; a question added later does not count.
    first = (
        Answer.objects.filter(reading=OuterRef("pk"), revision=1, answered_at__lte=OuterRef("completed_at"))
        .order_by()
        .values("reading")
        .annotate(last=Max("seconds"))
    )
    visits = Visit.objects.filter(reading=OuterRef("pk")).order_by().values("reading")

    def of_visits(aggregate: Any) -> Subquery:
        return Subquery(visits.annotate(result=aggregate).values("result"))

    doubtful = ~Q(seconds_doubt="")
    answers = Answer.objects.filter(doubtful, reading=OuterRef("pk")).order_by().values("reading")
    answers_in_doubt = Subquery(answers.annotate(result=Count("pk")).values("result"))
    earliest = Visit.objects.filter(reading=OuterRef("pk"), painted_ms__isnull=False).order_by("started_at")
    times: dict[str, Any] = {
        "visits": of_visits(Count("pk")),
        "seconds": active_seconds("pk"),
        "seconds_first": Subquery(first.values("last"), FloatField()),
        "idle_seconds": of_visits(Sum("idle_seconds")),
        "hidden_seconds": of_visits(Sum("hidden_seconds")),
        "painted_ms": Subquery(earliest.values("painted_ms")[:1]),
        "events_lost": of_visits(Sum("events_lost")),
        "seconds_doubt": Coalesce(of_visits(Count("pk", filter=doubtful)), 0) + Coalesce(answers_in_doubt, 0),
    }
    paths = [path for path, _ in _PLACE.values()]
    opened = Reading.objects.filter(allocation=allocation, opened_at__isnull=False)
    return opened.order_by(*(_PLACE[name][0] for name in ("period", "position"))).values_list(
        "pk", *paths, exclusion(), *(times[name] for name in _TIMES)
    )


def _shown(allocation: Allocation) -> dict[Any, tuple[float | None, ...]]:
    """Reading -> how its X-ray was shown at the first visit that told."""
    events = Event.objects.filter(visit__reading__allocation=allocation, kind=SHOWN, panel=XRAY.key)
    found: dict[Any, tuple[float | None, ...]] = {}
    for pk, value in events.order_by("visit__started_at", "sequence").values_list("visit__reading", "value"):
        told = (value.get(key) for key, _ in _SHOWN.values())
        found.setdefault(pk, tuple(number if isinstance(number, int | float) else None for number in told))
    return found


def _counts(allocation: Allocation) -> dict[Any, tuple[int, ...]]:
    records = [Count("pk", filter=Q(kind__in=kinds) if kinds else None) for kinds, _ in _RECORDS.values()]
    sums = [Sum("count", filter=Q(kind=kind), default=0) for kind, _ in _SUMS.values()]
    events = Event.objects.filter(visit__reading__allocation=allocation).order_by()
    aggregates = {f"count_{number}": aggregate for number, aggregate in enumerate((*records, *sums))}
    rows: Iterable[tuple[Any, ...]] = events.values_list("visit__reading").annotate(**aggregates)
    return {pk: tuple(counts) for pk, *counts in rows}
