"""Requests whose text no database can hold get a sentence before any view, session or form meets them."""

from collections.abc import Callable, Iterator

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import QueryDict, UnreadablePostError
from django.template.loader import render_to_string

from readerstudy.lib.texts import unstorable

GetResponse = Callable[[HttpRequest], HttpResponse]


def unstorable_text_middleware(get_response: GetResponse) -> GetResponse:
    """Answers 400 where address, query, cookies or a form hold what cannot be stored.

    A body of JSON is left to the view that takes it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        for place, text in _texts(request):
            if what := unstorable(text):
                return _refused(f"{place} holds {what}, which cannot be stored. Take it out and send it again.")
        return get_response(request)

    return middleware


def _texts(request: HttpRequest) -> Iterator[tuple[str, str]]:
    yield "The address", request.path_info
    yield from _values("The address", request.GET)
    for name, value in request.COOKIES.items():
        yield "A cookie", name
        yield "A cookie", value
    if request.method == "POST":
        try:
            form, files = request.POST, request.FILES
        except (UnreadablePostError, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent, MultiPartParserError):
            return  # Django's own middleware and handlers know what to say to these
        yield from _values("The form", form)
        for name, file in files.items():
            yield "The form", name
            yield "The name of a file", getattr(file, "name", None) or ""


def _values(place: str, values: QueryDict) -> Iterator[tuple[str, str]]:
    for name, several in values.lists():
        yield place, name
        for value in several:
            yield f"{place}, in {ascii(name)[:60]},", str(value)


def _refused(reason: str) -> HttpResponse:
    return HttpResponseBadRequest(render_to_string("400.html", {"reason": reason}))
