"""The coordinator's look at one case with all its explanations, and another try of one that failed."""

import json
import uuid

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from readerstudy.explanations import selectors, services
from readerstudy.explanations.models import Explanation
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Case, Study

NO_STORE = "private, no-store"
CAPTIONS = {"xray.png": "X-ray"}
FILMSTRIP = "filmstrip.png"  # too long for a picture on a page: linked


@require_safe
def case_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One case with its label, its expert's annotations and every method; only for who does not read here."""
    study = study_for(user_of(request), slug, Role.COORDINATOR)
    case = _case(study, number)
    explanation = Explanation.objects.filter(case=case).first()
    assets = selectors.assets_present(explanation) if explanation else []
    context = {
        "study": study,
        "case": case,
        "image": case.image,
        "annotations": case.image.annotations.filter(finding=case.target),
        "explanation": explanation,
        "last": study.cases.order_by("number").values_list("number", flat=True).last(),
        "pictures": [(name, _caption(name)) for name in assets if name.endswith(".png") and name != FILMSTRIP],
        "video": next((name for name in assets if name.endswith(".mp4")), ""),
        "ious": sorted(explanation.ious.items()) if explanation else [],
        "provenance": json.dumps(explanation.provenance, indent=2) if explanation else "",
    }
    return render(request, "coordination/case.html", context)


@require_safe
def case_asset(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponseBase:
    """A stored picture, curve or video of a case."""
    case = _case(study_for(user_of(request), slug, Role.COORDINATOR), number)
    explanation = Explanation.objects.filter(case=case).first()
    asset = selectors.asset_for(case, name, methods=explanation.methods) if explanation else None
    if asset is None or not asset.path.is_file():
        raise Http404
    response = FileResponse(asset.path.open("rb"), content_type=asset.content_type)
    response["Cache-Control"] = NO_STORE
    return response


@require_POST
def explanation_retry(request: HttpRequest, slug: str, explanation_id: uuid.UUID) -> HttpResponse:
    """Send a failed case to the workers again."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    explanation = get_object_or_404(Explanation, pk=explanation_id, case__study=study)
    try:
        services.explanation_retry(explanation=explanation, now=timezone.now(), actor=user)
    except services.ExplanationError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Case {explanation.case.number} is in the queue again.")
    return redirect("study_detail", slug=slug)


def _caption(name: str) -> str:
    return CAPTIONS.get(name, name.removesuffix(".png").replace("_", " ").capitalize())


def _case(study: Study, number: int) -> Case:
    return get_object_or_404(study.cases.select_related("image"), number=number)
