"""Who reads what, when and in which arm, and what they answered. Answers are only ever added."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from readerstudy.studies.models import Arm, Case, Membership, Question, Study

TRAINING = 0  # the number of the period of training cases, which comes before all others


class TimeDoubt(models.TextChoices):
    """Why a time that a page counted cannot be right, or the server's clock is not. It is kept all the same."""

    NONE = "", "no doubt"
    BEYOND = "beyond_elapsed", "more than has passed since the case was opened, by the server's clock"
    NEGATIVE = "negative", "less than nothing"
    NO_NUMBER = "no_number", "no number of seconds that anybody could spend: nothing was kept"
    NOT_OPENED = "not_opened", "the server did not know that the case had been opened"


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
    """The frozen sequence of one reader in one study: drawn from the study's key, or a copy of another's."""

    membership = models.OneToOneField(Membership, on_delete=models.PROTECT, related_name="allocation")
    seed = models.BigIntegerField(
        null=True, blank=True, help_text="What made it, where it was made before studies had a key; else none."
    )
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
    submitted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the reader first went on with all required questions answered; set once."
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
    """One revision of one answer, under the UUID that the browser made: sent twice, it is stored once.

    A number is in `value` (points, 1 or 0 for yes or no, the option's place from 1), everything else in `content`:
    {"text": ...}, or {"x", "y", "width", "height"} in pixels of the stored image, {} for a mark that was taken away.
    The current answer is the latest revision that is not superseded.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="answers")
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="answers")
    revision = models.PositiveIntegerField(help_text="From 1.")
    value = models.SmallIntegerField(null=True, blank=True)
    content = models.JSONField(null=True, blank=True)
    known_revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="The current revision that the reader's page knew of; 0 for none."
    )
    superseded = models.BooleanField(
        default=False,
        help_text="It never counts: it arrived without knowing of the answer that stood by then, or late.",
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was changed after the case was submitted.")
    seconds = models.FloatField(null=True, blank=True, help_text="Active seconds on the case when it was given.")
    seconds_doubt = models.CharField(
        max_length=20,
        choices=TimeDoubt.choices,
        blank=True,
        help_text="Why `seconds` cannot be right, where it cannot.",
    )
    late = models.BooleanField(
        default=False, help_text="It arrived when the case was no longer open: it is kept and never counts."
    )
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ("reading", "question", "revision")
        constraints = (
            models.UniqueConstraint(fields=("reading", "question", "revision"), name="answer_revision_unique"),
            models.CheckConstraint(
                condition=models.Q(late=False) | models.Q(superseded=True), name="answer_late_is_superseded"
            ),
            models.CheckConstraint(
                condition=models.Q(value__isnull=False, content__isnull=True)
                | models.Q(value__isnull=True, content__isnull=False),
                name="answer_is_number_or_content",
            ),
        )

    def __str__(self) -> str:
        return f"{self.question.key}={self.content if self.value is None else self.value}"


class Unlock(models.Model):
    """A reader's request to change a submitted case, and whether the coordinator granted or declined it."""

    id = models.UUIDField(primary_key=True, editable=False)
    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="unlocks")
    reason = models.CharField(max_length=500)
    asked_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    declined_because = models.CharField(max_length=500, blank=True, help_text="The coordinator's reason, if declined.")
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was declined, or the case submitted again."
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(declined_because="") | models.Q(granted_at=None, ended_at__isnull=False),
                name="unlock_declined_is_ended",
            ),
            models.UniqueConstraint(
                fields=("reading",), condition=models.Q(ended_at=None), name="unlock_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"unlock of {self.reading}"


class Visit(models.Model):
    """Time that a reader spent on a case in one opening of its page. Every number only ever grows."""

    id = models.UUIDField(primary_key=True, editable=False)
    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="visits")
    started_at = models.DateTimeField()
    seconds = models.FloatField(help_text="Active: in view, and touched within the last minute.")
    idle_seconds = models.FloatField(default=0, help_text="In view, but nobody touched it for a minute.")
    hidden_seconds = models.FloatField(default=0, help_text="Out of view and back again.")
    seconds_doubt = models.CharField(
        max_length=20,
        choices=TimeDoubt.choices,
        blank=True,
        help_text="Why its times cannot be right, where they cannot.",
    )
    painted_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="From asking for the page until all its pictures were painted."
    )
    events_lost = models.PositiveIntegerField(default=0, help_text="Events that the page could not deliver.")

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(seconds__gte=0), name="visit_seconds_not_negative"),)

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s on {self.reading}"


class Event(models.Model):
    """Something that the reader did or saw on a case besides answering. Only ever added; sent twice, stored once."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField(help_text="From 1 within the visit, counted by the page.")
    kind = models.CharField(max_length=30)
    panel = models.CharField(max_length=40, blank=True)
    value = models.JSONField(default=dict, blank=True)
    count = models.PositiveIntegerField(default=1, help_text="How many of its kind this record stands for.")
    seconds = models.FloatField(help_text="Active seconds of the visit when it happened.")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("visit", "sequence")
        constraints = (models.UniqueConstraint(fields=("visit", "sequence"), name="event_once_per_visit"),)

    def __str__(self) -> str:
        return f"{self.kind} after {self.seconds:.0f} s"
