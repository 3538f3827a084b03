"""Where the rating page sends answers, time and events: PUT under ids that the browser made, JSON back."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from readerstudy.accounts.models import User
from readerstudy.reading import services
from readerstudy.reading.errors import (
    AnswerConflictError,
    AnswerRefusedError,
    ReadingClosedError,
    ReadingNotFoundError,
    ReasonMissingError,
)
from readerstudy.reading.events import SEQUENCE_LIMIT, EventError, records_from

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
MAX_BODY = 32 * 1024  # a text of the greatest length, and all that goes with it
OTHER_READER = "Somebody else is signed in on this computer now. Sign in as yourself: your answers wait here."
MAX_EVENTS_BODY = 160_000  # a full batch of the longest events
# A reply without it decides nothing in the browser: a proxy, a portal or another program may answer in JSON too.
MARK = "readerstudy"
STATUS_OF: Mapping[type[Exception], int] = {
    ReadingNotFoundError: 404,
    ReadingClosedError: 403,
    AnswerRefusedError: 400,
    ReasonMissingError: 428,
    AnswerConflictError: 409,
}


class UnreadableError(Exception):
    """What arrived is not what a page sends: cut off or changed on its way, so that sending it again may help."""


def from_script(view: View) -> View:
    """For what only the rating page's script asks for: it cannot follow a redirect to the sign-in page.

    It is told 401 instead, and keeps the answer.
    """
    return login_not_required(never_cache(require_http_methods(["PUT"])(view)))


@from_script
def answer_put(request: HttpRequest, reading_id: uuid.UUID, answer_id: uuid.UUID) -> JsonResponse:
    """Stores one answer: {"question": key, "value": number or "content": object, "seconds": number or null}.

    Further keys: "known_revision", the revision that the page knew to stand; "reason", for a change after submission;
    "reader", whose answer it is, so that somebody else who signed in meanwhile does not send it as theirs.
    """

    def store(user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        stored = services.answer_store(
            answer_id=answer_id,
            reading_id=reading_id,
            question_key=_text(body, "question"),
            value=None if body.get("value") is None else _whole(body, "value"),
            content=_content(body),
            known_revision=None if body.get("known_revision") is None else _whole(body, "known_revision", minimum=0),
            reason=_text(body, "reason") if "reason" in body else "",
            seconds=None if body.get("seconds") is None else _duration(body, "seconds"),
            user=user,
            now=timezone.now(),
        )
        reply: dict[str, Any] = {"revision": stored.revision, "complete": stored.complete}
        if stored.current is not None:
            reply["standing"] = stored.current.revision
        if stored.late:
            reply["late"] = True
        return reply

    return _put(request, store)


@from_script
def submission_put(request: HttpRequest, reading_id: uuid.UUID) -> JsonResponse:
    """The reader goes on from a completed case: {"unlock": id of the unlocking that this ends, or null}."""

    def store(user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        submitted_at = services.submission_store(
            reading_id=reading_id,
            unlock_id=None if body.get("unlock") is None else _uuid(body, "unlock"),
            user=user,
            now=timezone.now(),
        )
        return {"submitted_at": submitted_at.isoformat()}

    return _put(request, store)


@from_script
def unlock_put(request: HttpRequest, reading_id: uuid.UUID, unlock_id: uuid.UUID) -> JsonResponse:
    """Asks the coordinator to unlock a submitted case: {"reason": text}."""

    def store(user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        unlock = services.unlock_request(
            unlock_id=unlock_id,
            reading_id=reading_id,
            reason=_text(body, "reason"),
            user=user,
            now=timezone.now(),
        )
        return {"asked_at": unlock.asked_at.isoformat()}

    return _put(request, store)


@from_script
def visit_put(request: HttpRequest, reading_id: uuid.UUID, visit_id: uuid.UUID) -> JsonResponse:
    """Stores the time of one opening of a case so far: {"seconds"}, and optional "idle", "hidden" and "painted"."""

    def store(user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        seconds = services.visit_store(
            visit_id=visit_id, reading_id=reading_id, time=_visit_time(body), user=user, now=timezone.now()
        )
        return {"seconds": seconds}

    return _put(request, store)


@from_script
def events_put(request: HttpRequest, reading_id: uuid.UUID, visit_id: uuid.UUID) -> JsonResponse:
    """Stores what was looked at: {"events": [...], "lost": number}, and the time of the visit as visit_put takes it."""

    def store(user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            records, refused = records_from(body.get("events"))
        except EventError as error:
            raise AnswerRefusedError(str(error)) from error
        lost = _whole(body, "lost") if "lost" in body else 0
        if not 0 <= lost <= SEQUENCE_LIMIT:
            raise AnswerRefusedError(f"lost must be from 0 to {SEQUENCE_LIMIT}.")
        impossible = services.events_store(
            visit_id=visit_id,
            reading_id=reading_id,
            records=records,
            time=_visit_time(body),
            lost=lost,
            user=user,
            now=timezone.now(),
        )
        return {"stored": len(records) - len(impossible), "refused": len(refused) + len(impossible)}

    return _put(request, store, limit=MAX_EVENTS_BODY)


def _visit_time(body: Mapping[str, Any]) -> services.VisitTime:
    return services.VisitTime(
        seconds=_duration(body, "seconds"),
        idle_seconds=_duration(body, "idle") if "idle" in body else 0,
        hidden_seconds=_duration(body, "hidden") if "hidden" in body else 0,
        painted_ms=_duration(body, "painted") if body.get("painted") is not None else None,
    )


def _put(
    request: HttpRequest, store: Callable[[User, Mapping[str, Any]], dict[str, Any]], *, limit: int = MAX_BODY
) -> JsonResponse:
    if not isinstance(request.user, User):
        return _reply({"error": "Your session has ended: sign in again. Your answers wait here."}, status=401)
    try:
        body = _body(request, limit)
        if body.get("reader") not in (None, str(request.user.pk)):
            return _reply({"error": OTHER_READER}, status=401)
        return _reply(store(request.user, body))
    except UnreadableError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except tuple(STATUS_OF) as error:
        return _reply({"error": str(error)}, status=STATUS_OF[type(error)])


def _reply(content: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse({MARK: True, **content}, status=status)


def _body(request: HttpRequest, limit: int) -> Mapping[str, Any]:
    if len(request.body) > limit:
        raise AnswerRefusedError(f"At most {limit} bytes are taken at once.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:  # the latter for brackets within brackets without end
        raise UnreadableError("The request is not JSON.") from error
    if not isinstance(body, dict):
        raise UnreadableError("The request must be a JSON object.")
    return body


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise AnswerRefusedError(f"{key} must be text.")
    return value


def _content(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = body.get("content")
    if content is not None and not isinstance(content, dict):
        raise AnswerRefusedError("content must be a JSON object.")
    return content


def _uuid(body: Mapping[str, Any], key: str) -> uuid.UUID:
    try:
        return uuid.UUID(_text(body, key))
    except ValueError as error:
        raise AnswerRefusedError(f"{key} must be a UUID.") from error


def _whole(body: Mapping[str, Any], key: str, *, minimum: int | None = None) -> int:
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or (minimum is not None and not minimum <= value < 2**31):
        raise AnswerRefusedError(f"{key} must be a whole number.")
    return value


def _duration(body: Mapping[str, Any], key: str) -> float:
    """A time that a page counted; NaN for what is none: it is told as doubtful, and nothing is refused for it."""
    value = body.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
