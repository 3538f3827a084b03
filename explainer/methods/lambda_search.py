"""Search along one side of the latent direction for the lambda where the prediction has moved far enough.

A search knows neither networks nor batches: it is a coroutine that yields the distances at which it wants the
prediction and receives what was measured there, so that many searches share one batch. Distances are |lambda|;
progress is the change of the prediction in the wanted direction.

`search_side` walks away from zero until the first of: the goal, a turn of the prediction, a plateau, an image that is
too far from the reconstruction, the largest lambda. It doubles its steps until it has one of these, then narrows down
where. The frames of the counterfactual, which are computed anyway, are its fine grid: if they show that the end came
earlier (`overlooked`), the search goes on from what is then known.

`published_search` walks given steps; the first that fulfils a condition is the end. `equal_steps` are those of the
paper (Appendix C), `code_steps` those of its code.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

REACHED = "reached"
TURNED = "turned"
FLAT = "flat"
IMAGE_CHANGE = "image_change"
MAX_LAMBDA = "max_lambda"
#: The end was given, not searched.
FIXED = "fixed"

#: Distances per round while looking outward, each twice the one before.
_OUTWARD = 3
_REFINEMENTS = 8
#: A bracket this narrow, relative to its end, is not refined further when there is no goal to hit.
_NARROW = 0.03
#: Share of what could be gained at most that counts as progress, and as none.
_GAINED, _NOTHING = 0.5, 0.05
#: Steps of the published search that are measured together; what lies beyond its end is thrown away.
_PUBLISHED_AT_ONCE = 8


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
    """Where one side of the search ended and why, and all that was measured on the way, by distance."""

    distance: float
    reason: str
    points: tuple[Measured, ...]


@dataclass(frozen=True)
class _Event:
    reason: str
    before: int
    after: int


Search = Generator[list[float], list[Measured], Side]


def search_side(goal: Goal, first: float, known: Iterable[Measured] = ()) -> Search:
    """Search from a first guess of the distance; send it the measurements of every list of distances it yields.

    `known` is what was measured on this side before.
    """
    points = _merged([Measured(0.0, 0.0, 0.0)], known)
    wanted = [min(first, goal.max_distance) * 2.0 ** (i - 1) for i in range(_OUTWARD)]
    while (event := _first_event(points, goal)) is None:
        if points[-1].distance > 0:
            wanted = [points[-1].distance * 2.0 ** (i + 1) for i in range(_OUTWARD)]
        wanted = [distance for distance in wanted if distance < goal.max_distance] or [goal.max_distance]
        points = _merged(points, (yield wanted))
    for _ in range(_REFINEMENTS):
        wanted = _between(points, event, goal)
        if not wanted:
            break
        points = _merged(points, (yield wanted))
        event = _event(points, goal)
    return _side(points, event, goal)


def overlooked(side: Side, goal: Goal, frames: Iterable[Measured]) -> bool:
    """Whether frames between zero and the end show that the side should have ended before."""
    best = 0.0
    for point in sorted(frames, key=lambda frame: frame.distance):
        if point.distance >= side.distance:
            break
        beyond = point.progress > goal.progress + goal.tolerance or point.change > goal.max_change
        if beyond or point.progress < best - goal.turn:
            return True
        best = max(best, point.progress)
    return False


def published_search(goal: Goal, steps: Iterator[float]) -> Search:
    """Stepping as published: the end is the first of the distances `steps` at which the prediction has turned, has
    moved by more than the goal, or at which lambda is at its bound. Of the goal `progress` and `max_distance` count.
    """
    points = [Measured(0.0, 0.0, 0.0)]
    while True:
        new = yield list(itertools.islice(steps, _PUBLISHED_AT_ONCE))
        for point in new:
            last = points[-1]
            points.append(point)
            if point.progress < last.progress:
                return Side(point.distance, TURNED, tuple(points))
            if point.progress > goal.progress:
                return Side(point.distance, REACHED, tuple(points))
            if point.distance >= goal.max_distance:
                return Side(point.distance, MAX_LAMBDA, tuple(points))


def equal_steps(step: float) -> Iterator[float]:
    """`step`, twice `step`, and so on."""
    return (step * count for count in itertools.count(1))


def code_steps(step: float) -> Iterator[float]:
    """1, 2, 3 and so on until `step` is reached, then by `step`, as every version of the paper's code has it."""
    distance = 0.0
    while True:
        distance += 1.0 if distance < step else step
        yield distance


def _merged(points: Iterable[Measured], new: Iterable[Measured]) -> list[Measured]:
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
        return _towards_goal(points, event, goal)
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


def _towards_goal(points: list[Measured], event: _Event, goal: Goal) -> list[float]:
    """The best guess of where the goal is reached, and the middle of the longer part of what it leaves over."""
    low, high = points[event.before], points[event.after]
    if min(abs(low.progress - goal.progress), abs(high.progress - goal.progress)) <= goal.tolerance:
        return []
    guess = _interpolated(points[max(event.before - 1, 0) : event.after + 1], goal.progress)
    if guess is None or not low.distance < guess < high.distance:
        share = (goal.progress - low.progress) / (high.progress - low.progress)
        guess = low.distance + share * (high.distance - low.distance)
    other = low.distance if guess - low.distance > high.distance - guess else high.distance
    return sorted({guess, (guess + other) / 2})


def _interpolated(points: list[Measured], progress: float) -> float | None:
    """Distance at a progress by inverse quadratic interpolation of three points; None where they do not rise."""
    if len(points) < 3:  # a parabola
        return None
    (x0, y0), (x1, y1), (x2, y2) = ((point.distance, point.progress) for point in points)
    if not y0 < y1 < y2:
        return None
    return (
        x0 * (progress - y1) * (progress - y2) / ((y0 - y1) * (y0 - y2))
        + x1 * (progress - y0) * (progress - y2) / ((y1 - y0) * (y1 - y2))
        + x2 * (progress - y0) * (progress - y1) / ((y2 - y0) * (y2 - y1))
    )


def _side(points: list[Measured], event: _Event, goal: Goal) -> Side:
    low, high = points[event.before], points[event.after]
    if event.reason == REACHED:
        end = min((high, low), key=lambda point: abs(point.progress - goal.progress))
    else:
        end = high if event.reason == MAX_LAMBDA else low
    return Side(end.distance, event.reason, tuple(points))
