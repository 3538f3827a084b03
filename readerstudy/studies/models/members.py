"""Who takes part in a study, and as what."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from readerstudy.studies.models.study import Study


class Membership(models.Model):
    """A person's role in a study. One person may have several roles."""

    class Role(models.TextChoices):
        COORDINATOR = "coordinator", "coordinator"
        READER = "reader", "reader"
        ANALYST = "analyst", "analyst"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    code = models.CharField(max_length=20, blank=True, help_text="Pseudonym in exports, for readers: R1, R2, ...")
    created_at = models.DateTimeField()
    consent_accepted_at = models.DateTimeField(null=True, blank=True)
    consent_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the consent text that was accepted.")
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="When a reader left: answers are kept, and not analysed."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("study", "user", "role"), name="membership_unique"),
            models.UniqueConstraint(
                fields=("study", "code"), condition=~models.Q(code=""), name="membership_code_unique_in_study"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.study}"

    @property
    def has_consented(self) -> bool:
        """Whether the consent text as it stands was accepted; also where the study asks for none."""
        return self.consent_sha256 == self.study.reading_plan.consent_sha256 or not self.study.reading_plan.consent
