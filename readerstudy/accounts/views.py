"""Signing in by a one-time link."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from readerstudy.accounts import services


@login_not_required
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Shows whose link it is; the button uses it up. Opening alone does not: mail scanners open links too."""
    try:
        if request.method == "POST":
            user = services.sign_in_link_use(token=token, now=timezone.now())
            login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
            return redirect("home")
        link = services.sign_in_link_open(token=token, now=timezone.now())
    except services.SignInLinkError as error:
        return render(request, "accounts/sign_in_refused.html", {"reason": str(error)}, status=410)
    return render(request, "accounts/sign_in.html", {"person": link.user})


@require_GET
def signed_in(request: HttpRequest) -> HttpResponse:
    """Where signing in leads when the page that asked for it waits in another tab."""
    return render(request, "accounts/signed_in.html")
