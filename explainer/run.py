"""From images and targets to explanations: `explain` one, or `explain_many` in batches.

Cases with the same models, methods and settings go through the networks together; files are read while the batch
before is computed. A case that fails says so and does not keep the others of its batch from their results.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from explainer.cases import Case, Outcomes, Together
from explainer.devices import cases_together
from explainer.errors import ExplainerError
from explainer.images import load_array
from explainer.types import ExplanationRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from explainer.types import Explanation

#: Threads that read image files.
_READERS = 4


def explain(request: ExplanationRequest) -> Explanation:
    """Every requested map of one image and target, computed with models that stay loaded in this process.

    Raises an ExplainerError that says what was wrong with the image, the models, the target or the settings.
    """
    return next(explain_many([request]))[1]


def explain_many(
    requests: Iterable[ExplanationRequest],
    *,
    batch_size: int | None = None,
    on_error: Callable[[ExplanationRequest, ExplainerError], None] | None = None,
) -> Iterator[tuple[ExplanationRequest, Explanation]]:
    """Explanation of each request, in the order given, `batch_size` of a kind at a time.

    Without `batch_size`, 1 on a CPU, which a single case keeps busy, and 16 on a GPU. Results are those of each case
    alone, to rounding. A case that cannot be explained is handed to `on_error` and left out; without `on_error` its
    ExplainerError is raised.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        ahead: deque[_Loading] = deque()
        for chunk in _chunks(requests, batch_size):
            ahead.append(_Loading(chunk, readers))
            if len(ahead) > 1:
                yield from _delivered(ahead.popleft(), on_error)
        for loading in ahead:
            yield from _delivered(loading, on_error)


def _chunks(requests: Iterable[ExplanationRequest], batch_size: int | None) -> Iterator[list[ExplanationRequest]]:
    """Consecutive requests that differ in image, target and annotations only, as many as go together."""
    for _, alike in groupby(requests, key=_kind):
        waiting = list(alike)
        count = batch_size or cases_together(waiting[0].device)
        for start in range(0, len(waiting), count):
            yield waiting[start : start + count]


def _kind(request: ExplanationRequest) -> ExplanationRequest:
    return replace(request, image=Path(), target="", annotations=())


class _Loading:
    """Requests of a kind whose images are being read."""

    def __init__(self, requests: Sequence[ExplanationRequest], readers: ThreadPoolExecutor) -> None:
        self.requests = requests
        self._together: Together | None = None
        self._outcomes = Outcomes()
        try:
            self._together = Together.of(requests[0])
        except ExplainerError as error:
            self._outcomes.failed = dict.fromkeys(range(len(requests)), error)
            return
        classifier = self._together.models.classifier
        self._reads = [
            readers.submit(load_array, request.image, size=classifier.input_size, input_range=classifier.input_range)
            for request in requests
        ]

    def outcomes(self) -> Outcomes:
        """An explanation, or the reason why there is none, for each request by its place."""
        outcomes = self._outcomes
        if self._together is None:
            return outcomes
        cases: dict[int, Case] = {}
        for index, (request, read) in enumerate(zip(self.requests, self._reads, strict=True)):
            try:
                cases[index] = Case(request, self._together.models.classifier.index(request.target), *read.result())
            except ExplainerError as error:
                outcomes.failed[index] = error
        if cases:
            self._together.explain(cases, outcomes)
        return outcomes


def _delivered(
    loading: _Loading, on_error: Callable[[ExplanationRequest, ExplainerError], None] | None
) -> Iterator[tuple[ExplanationRequest, Explanation]]:
    outcomes = loading.outcomes()
    for index, request in enumerate(loading.requests):
        if index in outcomes.explained:
            yield request, outcomes.explained[index]
        elif on_error is None:
            raise outcomes.failed[index]
        else:
            on_error(request, outcomes.failed[index])
