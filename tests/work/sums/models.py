"""Sums to be computed."""

from django.db import models

from readerstudy.work.models import Leased


class Sum(Leased):
    """Numbers, and what they come to."""

    numbers = models.JSONField()
    total = models.FloatField(null=True)

    class Meta(Leased.Meta):
        pass

    def __str__(self) -> str:
        return f"sum of {self.numbers}: {self.status}"
