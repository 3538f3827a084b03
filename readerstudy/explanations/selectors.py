"""Reads about explanations: progress, and which stored file an asset's name means."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Count, Q, QuerySet

from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.explanations.types import Box
from readerstudy.lib.media import media_path
from readerstudy.studies.models import Case, Study
from readerstudy.work.lease import Postponed, postponed

LATENT_SHIFT = "latent_shift"
Kind = Artefact.Kind
_CONTENT_TYPES = {
    ".png": "image/png",
    ".json": "application/json",
    ".mp4": "video/mp4",
}
# Names of the assets that only Latent Shift has; a method's overlay is METHOD.png, and raw maps are not served.
_LATENT_SHIFT_ASSETS = {"filmstrip.png": Kind.FILMSTRIP, "curve.json": Kind.CURVE, "video.mp4": Kind.VIDEO}
XRAY = "xray.png"


@dataclass(frozen=True)
class ExplanationProgress:
    """How many explanations of a study are in which state; `cases` are all, asked for or not.

    Of those pending, `postponed` says which wait to be tried again, and why.
    """

    cases: int
    pending: int
    running: int
    done: int
    failed: int
    postponed: tuple[Postponed, ...]

    @property
    def unfinished(self) -> int:
        return self.pending + self.running

    @property
    def finished(self) -> int:
        return self.done + self.failed

    @property
    def asked(self) -> int:
        return self.unfinished + self.finished

    @property
    def complete(self) -> bool:
        return self.cases > 0 and self.done == self.cases


@dataclass(frozen=True)
class Asset:
    """A stored file as it is served."""

    path: Path
    content_type: str


def explanation_progress(study: Study) -> ExplanationProgress:
    """How far the explanations of a study are."""
    by_status = {status: Count("pk", filter=Q(explanation__status=status.value)) for status in Explanation.Status}
    counts = study.cases.aggregate(cases=Count("pk"), **{status.value: count for status, count in by_status.items()})
    waiting = postponed(Explanation.objects.filter(case__study=study))
    return ExplanationProgress(**counts, postponed=tuple(waiting))


def explanations_failed(study: Study) -> QuerySet[Explanation]:
    """Explanations that need the coordinator, by case number."""
    return (
        Explanation.objects.filter(case__study=study, status=Explanation.Status.FAILED)
        .select_related("case")
        .order_by("case__number")
    )


def annotations_of(case: Case) -> tuple[Box | Path, ...]:
    """What an expert drew of the case's target: boxes, and paths of masks."""
    found: list[Box | Path] = []
    for annotation in case.image.annotations.filter(finding=case.target).order_by("pk"):
        if annotation.mask:
            found.append(media_path(annotation.mask))
        elif None not in (annotation.x, annotation.y, annotation.width, annotation.height):
            found.append(
                Box(
                    x=annotation.x or 0.0,
                    y=annotation.y or 0.0,
                    width=annotation.width or 0.0,
                    height=annotation.height or 0.0,
                )
            )
    return tuple(found)


def asset_names(methods: Collection[str]) -> list[str]:
    """Names of the pictures that belong to these methods: the X-ray, each one's overlay, the counterfactual's."""
    counterfactual = list(_LATENT_SHIFT_ASSETS) if LATENT_SHIFT in methods else []
    return [XRAY, *(f"{method}.png" for method in methods), *counterfactual]


def asset_for(case: Case, name: str, *, methods: Collection[str]) -> Asset | None:
    """The file behind an asset's name, where these methods may be seen and it exists; raw maps are never among them."""
    if name not in asset_names(methods):
        return None
    method, kind = _method_and_kind(name)
    artefact = Artefact.objects.filter(
        explanation__case=case, explanation__status=Explanation.Status.DONE, method=method, kind=kind
    ).first()
    if artefact is None:
        return None
    path = media_path(artefact.file)
    return Asset(path, _CONTENT_TYPES[path.suffix])


def assets_present(explanation: Explanation) -> list[str]:
    """Names of the assets that are stored for an explanation, in the order in which they are shown."""
    if explanation.status != Explanation.Status.DONE:
        return []
    stored = set(explanation.artefacts.values_list("method", "kind"))
    return [name for name in asset_names(explanation.methods) if _method_and_kind(name) in stored]


def _method_and_kind(name: str) -> tuple[str, Kind]:
    if name == XRAY:
        return "", Kind.XRAY
    if name in _LATENT_SHIFT_ASSETS:
        return LATENT_SHIFT, _LATENT_SHIFT_ASSETS[name]
    return name.removesuffix(".png"), Kind.OVERLAY
