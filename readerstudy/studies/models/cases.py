"""The cases that were selected out of the pool."""

from __future__ import annotations

from django.db import models

from readerstudy.studies.models.images import Image
from readerstudy.studies.models.study import Study


class CaseQuerySet(models.QuerySet["Case"]):
    """Cases by purpose."""

    def studied(self) -> CaseQuerySet:
        """What the study is about: allocated, counted, exported, analysed."""
        return self.filter(purpose=Case.Purpose.STUDY)

    def training(self) -> CaseQuerySet:
        """What readers practise on."""
        return self.filter(purpose=Case.Purpose.TRAINING)


class Case(models.Model):
    """An image shown for one target that the classifier calls positive.

    The label of a study case is never shown to a reader; that of a training case is, once they have answered.
    """

    class Label(models.TextChoices):
        TRUE_POSITIVE = "TP", "true positive"
        FALSE_POSITIVE = "FP", "false positive"

    class Purpose(models.TextChoices):
        STUDY = "study", "study"
        TRAINING = "training", "training"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="cases")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="cases")
    target = models.CharField(max_length=100)
    label = models.CharField(max_length=2, choices=Label)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.STUDY)
    score = models.FloatField(help_text="Calibrated score that the reader is shown as the model's prediction.")
    excluded_because = models.CharField(
        max_length=500, blank=True, help_text="Why it is in no analysis, where a correction left it out."
    )
    number = models.PositiveIntegerField(help_text="Case number in exports, in random order within the study.")
    created_at = models.DateTimeField()

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("study", "image", "target"), name="case_unique"),
            models.UniqueConstraint(fields=("study", "number"), name="case_number_unique_in_study"),
        )

    def __str__(self) -> str:
        return f"case {self.number}"
