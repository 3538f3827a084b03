"""Search along one side of the latent direction for the lambda where the prediction has moved far enough.

The search knows neither networks nor batches: it is a coroutine that yields the distances at which it wants the
prediction and receives what was measured there, so that many searches share one batch. Distances are |lambda|;
progress is the change of the prediction in the wanted direction. It stops, walking away from zero, at the first of:
the goal, a turn of the prediction, a plateau, an image that is too far from the reconstruction, the largest lambda
(Section 4.2 and Appendix C of the paper; bracketing and refinement replace its fixed step).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

REACHED = "reached"
TURNED = "turned"
FLAT = "flat"
IMAGE_CHANGE = "image_change"
MAX_LAMBDA = "max_lambda"

#: Points per round: doublings while looking outward, an even grid over what was found, then a narrowing bracket.
_OUTWARD = 4
_FILL = 8
_REFINEMENTS = 6
#: A bracket this narrow, relative to its end, is not refined further when there is no goal to hit.
_NARROW = 0.03
#: Share of what could be gained at most that counts as progress, and as none.
_GAINED, _NOTHING = 0.5, 0.05


@dataclass(frozen=True)
class Measured:
    """What was found at one distance: progress of the prediction, change of the image (fraction of the range)."""

    distance: float
    progress: float
    change: float


@dataclass(frozen=True)
class Goal:
    """What one side looks for. `room` is how far the prediction could move at all on this side."""

    progress: float
    room: float
    tolerance: float
    turn: float
    max_change: float
    max_distance: float


@dataclass(frozen=True)
class Side:
    """Where one side of the search ended and why."""

    distance: float
    progress: float
    reason: str


@dataclass(frozen=True)
class _Event:
    reason: str
    before: int
    after: int


Search = Generator[list[float], list[Measured], Side]


def search_side(goal: Goal, first: float) -> Search:
    """Search from a first guess of the distance; send it the measurements of every list of distances it yields."""
    points = [Measured(0.0, 0.0, 0.0)]
    first = min(first, goal.max_distance)
    wanted = [first / 2 ** (_OUTWARD - 2 - i) for i in range(_OUTWARD)]
    event = None
    while event is None:
        wanted = [distance for distance in wanted if distance < goal.max_distance] or [goal.max_distance]
        points = _merged(points, (yield wanted))
        event = _first_event(points, goal)
        wanted = [points[-1].distance * 2 ** (i + 1) for i in range(_OUTWARD)]
    end = points[event.after].distance
    points = _merged(points, (yield [end * (i + 1) / (_FILL + 1) for i in range(_FILL)]))
    for _ in range(_REFINEMENTS):
        event = _event(points, goal)
        wanted = _between(points, event, goal)
        if not wanted:
            break
        points = _merged(points, (yield wanted))
    return _side(points, _event(points, goal), goal)


def _merged(points: list[Measured], new: list[Measured]) -> list[Measured]:
    return sorted({point.distance: point for point in (*points, *new)}.values(), key=lambda point: point.distance)


def _event(points: list[Measured], goal: Goal) -> _Event:
    event = _first_event(points, goal)
    # The points that made an event stay, and points in between can only bring it forward.
    if event is None:
        raise RuntimeError("A search lost the points at which it ended.")
    return event


def _first_event(points: list[Measured], goal: Goal) -> _Event | None:
    """First reason to stop, walking outward; `before` and `after` are the points it lies between."""
    most = min(goal.progress, goal.room)
    best = 0
    for index, point in enumerate(points[1:], start=1):
        if point.change > goal.max_change:
            return _Event(IMAGE_CHANGE, index - 1, index)
        if point.progress >= goal.progress:
            return _Event(REACHED, index - 1, index)
        if point.progress < points[best].progress - goal.turn:
            return _Event(TURNED, best, index)
        if point.progress > points[best].progress:
            best = index
        half = max(i for i in range(index) if points[i].distance <= point.distance / 2)
        gained = points[half].progress
        if gained > _GAINED * most and points[best].progress - gained < _NOTHING * most:
            return _Event(FLAT, half, index)
    if points[-1].distance >= goal.max_distance:
        return _Event(MAX_LAMBDA, len(points) - 2, len(points) - 1)
    return None


def _between(points: list[Measured], event: _Event, goal: Goal) -> list[float]:
    """Distances that would tell more about the event; none if it is known well enough."""
    low, high = points[event.before], points[event.after]
    if event.reason == REACHED:
        if min(abs(low.progress - goal.progress), abs(high.progress - goal.progress)) <= goal.tolerance:
            return []
        share = (goal.progress - low.progress) / (high.progress - low.progress)
        guess = low.distance + share * (high.distance - low.distance)
        return [(low.distance + guess) / 2, guess, (guess + high.distance) / 2]
    if event.reason in (MAX_LAMBDA, FLAT):
        return []
    if event.reason == TURNED:
        # The peak lies beside the best point, on either side.
        low = points[max(event.before - 1, 0)]
        peak, high = points[event.before], points[event.before + 1]
        if high.distance - low.distance <= _NARROW * high.distance:
            return []
        return sorted({(low.distance + peak.distance) / 2, (peak.distance + high.distance) / 2} - {peak.distance})
    if high.distance - low.distance <= _NARROW * high.distance:
        return []
    return [low.distance + (high.distance - low.distance) * share for share in (0.25, 0.5, 0.75)]


def _side(points: list[Measured], event: _Event, goal: Goal) -> Side:
    low, high = points[event.before], points[event.after]
    if event.reason == REACHED:
        nearest = min((high, low), key=lambda point: abs(point.progress - goal.progress))
        return Side(nearest.distance, nearest.progress, REACHED)
    end = high if event.reason == MAX_LAMBDA else low
    return Side(end.distance, end.progress, event.reason)
