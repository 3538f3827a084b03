"""What a browser keeps of the pages that somebody saw: nothing, and after signing out not even pictures."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

CLEAR = '"cache"'  # not "storage": answers that are still to be sent wait there


def no_store(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Every response says `no-store` unless its view says something else about caching.

    Without it, going back after signing out shows the page as it was, from memory or disk, with labels and results.
    Whoever signs out, or in as somebody else, also has emptied what the browser kept of pictures.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        before = request.user.pk
        response = get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        if before is not None and request.user.pk != before:
            response["Clear-Site-Data"] = CLEAR
        return response

    return respond
