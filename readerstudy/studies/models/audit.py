"""The audit record of a study."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from readerstudy.studies.actions import Action
from readerstudy.studies.models.study import Study


class AuditEntry(models.Model):
    """Who did what to a study, written in the same transaction as the deed; never changed or deleted."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="audit")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    action = models.CharField(max_length=60, choices=Action)
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"
