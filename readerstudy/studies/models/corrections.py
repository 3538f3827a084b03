"""Facts of images that were corrected."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from readerstudy.studies.models.images import Image
from readerstudy.studies.models.study import Study


class Correction(models.Model):
    """A fact of an image that was corrected: what it was and is, by whom, when and why. Only ever added.

    `finding` says of which one a label or what experts drew was corrected. What was drawn is a list of boxes and masks
    in pixels of the stored image.
    """

    class Field(models.TextChoices):
        LABEL = "label", "label"
        DRAWN = "drawn", "boxes and masks"
        PATIENT = "patient", "patient"
        AGE = "age", "age"
        SEX = "sex", "sex"
        VIEW = "view", "view"
        DATASET = "dataset", "data set"

    class Outcome(models.TextChoices):
        REPLACED = "replaced", "replaced; nobody had begun to read the image"
        KEPT = "kept", "recorded; the case is kept as it was read"
        EXCLUDED = "excluded", "replaced; the case is left out of the analysis"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="corrections")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="corrections")
    field = models.CharField(max_length=10, choices=Field)
    finding = models.CharField(max_length=100, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.field} {self.finding} of {self.image}"

    @property
    def shown_before(self) -> str:
        return correction_text(self.before)

    @property
    def shown_after(self) -> str:
        return correction_text(self.after)


def correction_text(value: object) -> str:
    """A value that was corrected, in words: a fact, a state, or what was drawn."""
    if isinstance(value, list):
        boxes = [
            f"({one['x']:g}, {one['y']:g}) + ({one['width']:g} x {one['height']:g})" if "x" in one else "a mask"
            for one in value
        ]
        return " and ".join(boxes) or "nothing drawn"
    return "not given" if value is None or value == "" else str(value)
