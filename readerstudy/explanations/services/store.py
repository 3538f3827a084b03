"""Storing what a worker made: files first, then rows, and nothing of it where the lease was lost."""

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.explanations.types import ExplanationResult
from readerstudy.lib.media import media_remove, media_write, random_name
from readerstudy.work import lease

FOLDER = "explanations"
LATENT_SHIFT = "latent_shift"
# Files are written before their rows: what is younger may be on its way to a row.
ORPHAN_AGE = timedelta(hours=1)
Kind = Artefact.Kind


def explanation_store(
    *, explanation_id: uuid.UUID | str, token: uuid.UUID, result: ExplanationResult, now: datetime
) -> bool:
    """Store the result of the one worker that holds the case; False, with nothing kept, for any other.

    Called twice with the same token, the second call changes nothing and answers False.
    """
    drafts = list(_drafts(result))
    written: list[str] = []
    try:
        for draft in drafts:
            written.append(draft.file)
            media_write(draft.file, draft.data)
        stored = _store_rows(explanation_id, token, result, drafts, now)
    except BaseException:
        _remove(written)
        raise
    if not stored:
        _remove(written)
    return stored


def orphans_remove(*, now: datetime) -> int:
    """Remove artefact files that no row names, as a power failure or a repeated selection leaves them; how many."""
    folder = Path(settings.MEDIA_ROOT).resolve() / FOLDER
    oldest = (now - ORPHAN_AGE).timestamp()
    found = {
        f"{FOLDER}/{path.relative_to(folder)}": path
        for path in folder.glob("*/*")
        if path.is_file() and path.stat().st_mtime < oldest
    }
    known = set(Artefact.objects.filter(file__in=found).values_list("file", flat=True))
    orphans = [name for name in found if name not in known]
    _remove(orphans)
    return len(orphans)


@dataclass(frozen=True)
class _Draft:
    """An artefact before it has a row."""

    method: str
    kind: Kind
    file: str
    data: bytes


def _drafts(result: ExplanationResult) -> Iterator[_Draft]:
    yield _draft("", Kind.XRAY, ".png", result.xray)
    if result.deep:
        yield _draft("", Kind.DEEP, ".gz", result.deep)
    for method, values in result.maps.items():
        stream = io.BytesIO()
        np.save(stream, np.asarray(values, dtype=np.float16), allow_pickle=False)
        yield _draft(method, Kind.RAW, ".npy", stream.getvalue())
    for method, png in result.overlays.items():
        yield _draft(method, Kind.OVERLAY, ".png", png)
    if result.filmstrip:
        yield _draft(LATENT_SHIFT, Kind.FILMSTRIP, ".png", result.filmstrip)
    if result.curve:
        yield _draft(LATENT_SHIFT, Kind.CURVE, ".json", json.dumps(dict(result.curve), allow_nan=False).encode())
    if result.video:
        yield _draft(LATENT_SHIFT, Kind.VIDEO, ".mp4", result.video)


def _draft(method: str, kind: Kind, suffix: str, data: bytes) -> _Draft:
    if not data:
        raise ValueError(f"The {kind.label} of {method or 'the case'} is empty.")
    return _Draft(method, kind, random_name(FOLDER, suffix), data)


@transaction.atomic
def _store_rows(
    explanation_id: uuid.UUID | str, token: uuid.UUID, result: ExplanationResult, drafts: list[_Draft], now: datetime
) -> bool:
    row = Explanation.objects.select_for_update().filter(pk=explanation_id).first()
    if row is None or not row.holds(token):
        return False
    missing = [method for method in row.methods if method not in result.maps or method not in result.overlays]
    if missing:
        raise ValueError(f"The result lacks {', '.join(missing)}, which the study asks for.")
    row.artefacts.all().delete()
    Artefact.objects.bulk_create(
        Artefact(
            explanation=row,
            method=draft.method,
            kind=draft.kind,
            file=draft.file,
            sha256=hashlib.sha256(draft.data).hexdigest(),
            size=len(draft.data),
        )
        for draft in drafts
    )
    row.seconds = result.seconds
    row.provenance, row.measures, row.ious = dict(result.provenance), dict(result.measures), dict(result.ious)
    lease.finish(row, now)
    return True


def _remove(files: list[str]) -> None:
    for file in files:
        media_remove(file)
