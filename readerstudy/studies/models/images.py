"""The pool of images: how they came in, and what is known of each from its labels and from experts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from explainer.catalogue.doubts import Doubt
from explainer.catalogue.findings import State as Finding
from readerstudy.studies.models.study import Study


class Import(models.Model):
    """One run of importing images: what came in and, with line and reason, what did not."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="imports")
    created_at = models.DateTimeField()
    images_added = models.PositiveIntegerField(default=0)
    images_known = models.PositiveIntegerField(default=0, help_text="Files already in the study.")
    images_corrected = models.PositiveIntegerField(default=0)
    annotations_added = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="What was not imported: [{source, line, reason}]")
    warnings = models.JSONField(
        default=list, blank=True, help_text="What was imported and should be looked at: [{source, line, reason}]"
    )
    assessed = models.JSONField(
        default=list, blank=True, help_text="Findings that the table of labels assessed, where a row does not say."
    )
    assessed_stated = models.BooleanField(
        default=False, help_text="Whether the importer stated them; else they are those that the table names anywhere."
    )

    def __str__(self) -> str:
        return f"import {self.pk} into {self.study}"


class Image(models.Model):
    """An X-ray in a study's pool, known by the SHA-256 of the imported file: the same file twice is one image."""

    class Decision(models.TextChoices):
        KEEP = "keep", "kept"
        EXCLUDE = "exclude", "excluded"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="images")
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the imported file; empty where only a published record exists."
    )
    file = models.CharField(max_length=200, blank=True, help_text="Stored pixels (PNG), relative to the media folder.")
    name = models.CharField(max_length=200, help_text="Original name: never shown to a reader.")
    patient = models.CharField(max_length=100, blank=True)
    age = models.PositiveSmallIntegerField(null=True, blank=True)
    sex = models.CharField(max_length=1, blank=True)
    view = models.CharField(max_length=10, blank=True)
    dataset = models.CharField(max_length=100, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    bits = models.PositiveSmallIntegerField(default=8)
    technical = models.JSONField(default=dict, blank=True, help_text="Allowlisted technical DICOM tags.")
    used_in_development_of = models.JSONField(
        default=list, blank=True, help_text="Models trained or calibrated on this patient; selection refuses the image."
    )
    doubts = models.JSONField(
        default=list,
        blank=True,
        help_text="Names of what makes it doubtful as a frontal chest radiograph.",
    )
    decision = models.CharField(
        max_length=10, choices=Decision, blank=True, help_text="Of a person who looked at it; empty before that."
    )
    decision_reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where it was decided on the command line.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("study", "sha256"), condition=~models.Q(sha256=""), name="image_file_unique_in_study"
            ),
            models.CheckConstraint(
                condition=models.Q(decision="", decided_at__isnull=True)
                | (~models.Q(decision="") & models.Q(decided_at__isnull=False)),
                name="image_decision_has_time",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def doubt_sentences(self) -> list[str]:
        """The doubts in words."""
        return [Doubt(name).sentence for name in self.doubts]

    @property
    def findings(self) -> list[str]:
        """The findings that it has, as its labels say."""
        return [label.finding for label in self.labels.all() if label.state == Label.State.POSITIVE]


class Label(models.Model):
    """What is known of one finding on one image. A finding without a label was not assessed there.

    Findings have the names of the study's vocabulary; a text that is not in it keeps the words of its table.
    """

    class State(models.TextChoices):
        POSITIVE = Finding.POSITIVE.value, "positive"
        NEGATIVE = Finding.NEGATIVE.value, "negative"
        UNCERTAIN = Finding.UNCERTAIN.value, "uncertain"
        NOT_ASSESSED = Finding.NOT_ASSESSED.value, "not assessed"

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="labels")
    finding = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=("image", "finding"), name="label_once_per_finding"),)

    def __str__(self) -> str:
        return f"{self.finding} {self.state} on {self.image}"


class Annotation(models.Model):
    """Where an expert saw a finding: a box in pixels of the stored image, or a mask image of the same size."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="annotations")
    finding = models.CharField(max_length=100)
    x = models.FloatField(null=True, blank=True)
    y = models.FloatField(null=True, blank=True)
    width = models.FloatField(null=True, blank=True)
    height = models.FloatField(null=True, blank=True)
    mask = models.CharField(max_length=200, blank=True, help_text="Mask PNG, relative to the media folder.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(mask="", width__gt=0, height__gt=0, x__isnull=False, y__isnull=False)
                | (~models.Q(mask="") & models.Q(width__isnull=True)),
                name="annotation_is_box_or_mask",
            ),
        )

    def __str__(self) -> str:
        return f"{self.finding} on {self.image}"
