"""Doubtful images on the coordinator's page of a study: a small picture of each, and what is decided about it."""

from __future__ import annotations

import io

import numpy as np
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from PIL import Image as Picture

from readerstudy.lib.media import media_path
from readerstudy.studies import services
from readerstudy.studies.access import Role, study_for, user_of

THUMBNAIL_SIDE = 320
_DECISIONS = {"keep": services.images_keep, "exclude": services.images_exclude}


@require_safe
@never_cache
def image_thumbnail(request: HttpRequest, slug: str, image_id: int) -> HttpResponse:
    """A small picture of an image of the pool, for its coordinator."""
    image = get_object_or_404(study_for(user_of(request), slug, Role.COORDINATOR).images, pk=image_id)
    path = media_path(image.file) if image.file else None
    if path is None or not path.is_file():
        raise Http404
    with Picture.open(path, formats=("PNG",)) as stored:
        values = np.asarray(stored)
    grey = Picture.fromarray((values >> 8).astype(np.uint8) if values.dtype != np.uint8 else values)
    grey.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = io.BytesIO()
    grey.save(stream, format="PNG")
    return HttpResponse(stream.getvalue(), content_type="image/png")


@require_POST
@never_cache
def image_decide(request: HttpRequest, slug: str, image_id: int) -> HttpResponse:
    """Keeps or excludes an image, with the coordinator's reason."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    image = get_object_or_404(study.images, pk=image_id)
    decide = _DECISIONS.get(request.POST.get("decision", ""))
    if decide is None:
        messages.error(request, "Nothing was changed: choose to keep or to exclude the image.")
    else:
        try:
            decide(study=study, images=[image], reason=request.POST.get("reason", ""), now=timezone.now(), actor=user)
        except services.DecisionError as error:
            messages.error(request, str(error))
    return redirect(f"{reverse('study_detail', args=[slug])}#doubts")
