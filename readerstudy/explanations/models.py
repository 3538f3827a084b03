"""Explanations of cases: one idempotent row per case with a lease, and its artefacts."""

from __future__ import annotations

from django.db import models

from explainer.catalogue.artefacts import STORED, Kind
from readerstudy.studies.models import Case
from readerstudy.work.models import Leased


class Explanation(Leased):
    """All explanation methods of one case. A worker holds it by lease; a stale lease is taken over."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="explanation")
    methods = models.JSONField(help_text="Methods asked for.")
    parameters = models.JSONField(default=dict, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    measures = models.JSONField(default=dict, blank=True, help_text="Scores of image and reconstruction, errors.")
    ious = models.JSONField(default=dict, blank=True, help_text="Method -> IoU with the expert's annotation.")
    seconds = models.FloatField(null=True, blank=True)

    class Meta(Leased.Meta):
        pass

    def __str__(self) -> str:
        return f"explanation of {self.case}: {self.status}"


class Artefact(models.Model):
    """A stored file of an explanation. Its path is random, so nothing can be read from the name."""

    Kind = Kind

    explanation = models.ForeignKey(Explanation, on_delete=models.CASCADE, related_name="artefacts")
    method = models.CharField(max_length=40, blank=True, help_text="Empty for the X-ray itself.")
    kind = models.CharField(max_length=10, choices=[(kind.value, words) for kind, words in STORED.items()])
    file = models.CharField(max_length=200, help_text="Relative to the media folder.")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("explanation", "method", "kind"), name="artefact_unique"),)

    def __str__(self) -> str:
        return f"{self.method} {self.kind}"
