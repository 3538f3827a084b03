"""A reader's way to the rating page and from it: home, consent, start of a study, thanks, certificate."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from readerstudy.accounts.models import User
from readerstudy.reading import selectors, services
from readerstudy.reading.markdown import markdown_html
from readerstudy.reading.panels import map_panels
from readerstudy.reading.selectors import NextStep, Standing
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Study
from readerstudy.studies.services import StudyError, consent_accept

READS = {NextStep.TRAINING, NextStep.READING}


def _standing(user: User, slug: str) -> Standing:
    standing = selectors.standing_of(user, study_for(user, slug, Role.READER), now=timezone.now())
    if standing is None:
        raise Http404
    return standing


@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The user's studies: for each role what it lets them do, and for readers what comes next and how long it takes."""
    entries = selectors.studies_of(user_of(request), now=timezone.now())
    return render(request, "reading/home.html", {"entries": entries})


@require_GET
@never_cache
def reading_start(request: HttpRequest, slug: str) -> HttpResponse:
    """Instructions, what is open now and until when, and how far the reader is; consent comes before all of it."""
    standing = _standing(user_of(request), slug)
    if standing.step is NextStep.CONSENT:
        return redirect("reading_consent", slug)
    return render(request, "reading/start.html", {"standing": standing, **instructions(standing.study)})


def instructions(study: Study) -> dict[str, object]:
    """What the start page and the help of the rating page tell: the study's text, and its methods in all arms."""
    return {
        "study": study,
        "instructions": markdown_html(study.instructions),
        "shown_methods": map_panels(method for arm in study.arms.all() for method in arm.methods),
    }


@require_GET
@never_cache
def reading_consent(request: HttpRequest, slug: str) -> HttpResponse:
    """The consent text, to be accepted or, once it is, to be read again."""
    standing = _standing(user_of(request), slug)
    plan = standing.study.reading_plan
    if not plan.consent:
        return redirect("reading_start", slug)
    context = {
        "study": standing.study,
        "standing": standing,
        "consent": markdown_html(plan.consent),
        "sha256": plan.consent_sha256,
        "asks": standing.step is NextStep.CONSENT,
    }
    return render(request, "reading/consent.html", context)


@require_POST
@never_cache
def reading_consent_accept(request: HttpRequest, slug: str) -> HttpResponse:
    """The reader accepts the text that they were shown."""
    standing = _standing(user_of(request), slug)
    if standing.step is not NextStep.CONSENT:
        return redirect("reading_start", slug)
    if request.POST.get("accept") != "yes":
        messages.error(request, "Please tick the box if you agree; without your consent no case can be shown.")
        return redirect("reading_consent", slug)
    try:
        consent_accept(membership=standing.membership, sha256=request.POST.get("sha256", ""), now=timezone.now())
    except StudyError as error:
        messages.error(request, str(error))
        return redirect("reading_consent", slug)
    return redirect("reading_start", slug)


@require_POST
def reading_begin(request: HttpRequest, slug: str) -> HttpResponse:
    """The reader has read the instructions, or begins a period, and goes on to the first unanswered case.

    A period that ends another begins only where the reader was told so: the form names it in `begins`.
    """
    user, now = user_of(request), timezone.now()
    standing = _standing(user, slug)
    if standing.step is NextStep.INSTRUCTIONS and standing.allocation is not None:
        services.instructions_acknowledge(allocation=standing.allocation, now=now)
    elif standing.step is NextStep.READING and standing.allocation is not None and standing.current is not None:
        first = selectors.first_unanswered(standing.allocation, now=now)
        if first and request.POST.get("begins") == str(standing.current.number):
            services.reading_open(reading_id=first, user=user, now=now)
    return redirect("reading_next", slug)


@require_GET
@never_cache
def reading_next(request: HttpRequest, slug: str) -> HttpResponse:
    """Leads to the first unanswered case, to the thanks after the last, else to the start page.

    That is where none is open, and where going on would end a period: there the reader is told.
    """
    user, now = user_of(request), timezone.now()
    standing = _standing(user, slug)
    if standing.step is NextStep.DONE:
        return redirect("reading_thanks", slug)
    reading_id = None
    if standing.step in READS and standing.allocation is not None:
        reading_id = selectors.first_unanswered(standing.allocation, now=now)
    reading = selectors.reading_of(user, reading_id) if reading_id else None
    if reading is None or selectors.ends_a_period(reading, now=now):
        return redirect("reading_start", slug)
    return redirect("reading_case", reading.pk)


@require_GET
@never_cache
def reading_thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """Thanks for a study that is all rated, with what was done."""
    standing = _standing(user_of(request), slug)
    if standing.step is not NextStep.DONE or standing.allocation is None:
        return redirect("reading_start", slug)
    contribution = selectors.contribution_of(standing.allocation)
    context = {"study": standing.study, "standing": standing, "contribution": contribution}
    return render(request, "reading/thanks.html", context)


@require_GET
@never_cache
def reading_certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """A page to be printed, for a reader who is through with a study whose protocol gives certificates."""
    user = user_of(request)
    standing = _standing(user, slug)
    if not standing.study.reading_plan.certificate:
        raise Http404
    if standing.step is not NextStep.DONE or standing.allocation is None:
        return redirect("reading_start", slug)
    context = {
        "study": standing.study,
        "contribution": selectors.contribution_of(standing.allocation),
        "name": user.get_full_name() or user.email,
    }
    return render(request, "reading/certificate.html", context)
