"""Storing what a worker made: files first, then rows, and nothing of it where the lease was lost."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from explainer.catalogue.artefacts import CASE_ARTEFACTS, STORED, Kind
from explainer.catalogue.methods import method_of, methods_of
from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.explanations.types import ExplanationResult
from readerstudy.lib.media import media_remove, media_write, random_name
from readerstudy.work import lease

FOLDER = "explanations"
# Files are written before their rows: what is younger may be on its way to a row.
ORPHAN_AGE = timedelta(hours=1)


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
    for (method, kind), data in result.files.items():
        if not data:
            raise ValueError(f"The {kind} of {method or 'the case'} is empty.")
        yield _Draft(method, kind, random_name(FOLDER, _suffix(method, kind)), data)


def _suffix(method: str, kind: Kind) -> str:
    """What a stored file's name ends in. Raises ValueError for a file that the method does not have."""
    files = method_of(method).files if method else CASE_ARTEFACTS
    for artefact in files:
        if artefact.kind == kind and kind in STORED:
            return artefact.suffix
    raise ValueError(f"{method or 'A case'} has no {kind} to be stored.")


def _missing(methods: Sequence[str], result: ExplanationResult) -> list[str]:
    """Methods of which a file is missing."""
    return [
        method.key
        for method in methods_of(methods)
        if any((method.key, one.kind) not in result.files for one in method.files if one.kind in STORED)
    ]


@transaction.atomic
def _store_rows(
    explanation_id: uuid.UUID | str, token: uuid.UUID, result: ExplanationResult, drafts: list[_Draft], now: datetime
) -> bool:
    row = Explanation.objects.select_for_update().filter(pk=explanation_id).first()
    if row is None or not row.holds(token):
        return False
    if missing := _missing(row.methods, result):
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
