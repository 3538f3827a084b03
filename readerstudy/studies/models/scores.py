"""What the classifier says of images: that it was asked, and its scores."""

from __future__ import annotations

from django.db import models

from readerstudy.studies.models.images import Image
from readerstudy.work.models import Leased


class Scoring(Leased):
    """What was asked of the classifier: the scores of one image. A worker holds many images under one lease."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="scoring")

    class Meta(Leased.Meta):
        pass

    def __str__(self) -> str:
        return f"scoring of {self.image}: {self.status}"


class Prediction(models.Model):
    """Calibrated score of one image for one target by one classifier, in [0, 1]; 0.5 is the operating point."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="predictions")
    classifier = models.CharField(max_length=200)
    weights_sha256 = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=100)
    score = models.FloatField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("image", "classifier", "target"), name="prediction_unique"),
            models.CheckConstraint(condition=models.Q(score__gte=0, score__lte=1), name="prediction_score_in_unit"),
        )

    def __str__(self) -> str:
        return f"{self.target} {self.score:.2f}"
