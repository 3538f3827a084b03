"""Who reads what, when and in which arm, and what they answered. Answers are only ever added."""

from __future__ import annotations

import uuid

from django.db import models

from readerstudy.studies.models import Arm, Case, Membership, Question, Study

TRAINING = 0  # the number of the period of training cases, which comes before all others


class Period(models.Model):
    """One pass over all cases. Period 2 opens for a reader when the washout after their period 1 is over.

    Where the protocol wants training cases, they are period 0.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="periods")
    number = models.PositiveSmallIntegerField(help_text="From 1; 0 is training.")
    washout_days = models.PositiveIntegerField(default=0, help_text="Days after the reader finished the period before.")

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("study", "number"), name="period_number_unique_in_study"),)

    def __str__(self) -> str:
        return f"period {self.number}"


class Allocation(models.Model):
    """The frozen sequence of one reader in one study, and the seed that made it."""

    membership = models.OneToOneField(Membership, on_delete=models.PROTECT, related_name="allocation")
    seed = models.BigIntegerField()
    created_at = models.DateTimeField()
    instructions_read_at = models.DateTimeField(null=True, blank=True)
    takes_over = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="taken_over_by",
        help_text="The withdrawn reader's allocation of which this is a copy, so that the design stays balanced.",
    )

    def __str__(self) -> str:
        return f"allocation of {self.membership}"


class Reading(models.Model):
    """One reader seeing one case in one arm, at a position of a period. Its id is all that a reader's URL shows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="readings")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="readings")
    arm = models.ForeignKey(Arm, on_delete=models.PROTECT, related_name="readings")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="readings")
    position = models.PositiveIntegerField(help_text="From 1 within the period.")
    opened_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the last missing answer arrived; set once."
    )

    class Meta:
        ordering = ("period__number", "position")
        constraints = (
            models.UniqueConstraint(fields=("allocation", "period", "position"), name="reading_position_unique"),
            models.UniqueConstraint(fields=("allocation", "period", "case"), name="reading_case_once_per_period"),
            models.UniqueConstraint(fields=("allocation", "case", "arm"), name="reading_case_once_per_arm"),
        )

    def __str__(self) -> str:
        return f"reading {self.id}"


class Answer(models.Model):
    """One revision of one answer, under the UUID that the browser made: sent twice, it is stored once."""

    id = models.UUIDField(primary_key=True, editable=False)
    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="answers")
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="answers")
    revision = models.PositiveIntegerField(help_text="From 1.")
    value = models.SmallIntegerField()
    seconds = models.FloatField(null=True, blank=True, help_text="Active seconds on the case when it was given.")
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ("reading", "question", "revision")
        constraints = (
            models.UniqueConstraint(fields=("reading", "question", "revision"), name="answer_revision_unique"),
        )

    def __str__(self) -> str:
        return f"{self.question.key}={self.value}"


class Visit(models.Model):
    """Time that a reader spent on a case in one opening of its page, counted while the page is in view."""

    id = models.UUIDField(primary_key=True, editable=False)
    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="visits")
    seconds = models.FloatField(help_text="Active seconds; a later, larger report of the same visit replaces it.")
    started_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(seconds__gte=0), name="visit_seconds_not_negative"),)

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s on {self.reading}"
