"""The protocol of a study: what is asked about which targets, of which models, in which arms; the key of its draws."""

from __future__ import annotations

import hashlib
import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_noop as _  # templates translate what stands here

from readerstudy.lib.shuffling import KEY_BYTES
from readerstudy.studies.protocol_reading import ReadingPlan


class Study(models.Model):
    """One reader study. Its protocol is fixed once cases have been allocated to readers."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("being prepared")
        OPEN = "open", _("open for reading")
        CLOSED = "closed", _("closed")

    class Changes(models.TextChoices):
        """How long a reader may change the answers of a case that they submitted."""

        UNTIL_PERIOD_END = "until_period_end", "until the period ends, with a reason"
        UNTIL_SUBMIT = "until_submit", "not after it was submitted"
        BY_REQUEST = "by_request", "after the coordinator has unlocked it"

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    instructions = models.TextField(blank=True, help_text="Markdown shown to a reader before the first case.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    synthetic = models.BooleanField(default=False, help_text="The images are synthetic; every page says so.")
    targets = models.JSONField(help_text="Pathologies under study, in order.")
    cases_per_cell = models.PositiveIntegerField(help_text="Cases per target and label (TP or FP).")
    threshold = models.FloatField(
        default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)], help_text="Positive above this score."
    )
    seed = models.BigIntegerField(help_text="Seed of selection; orders and numbers are drawn from the allocation key.")
    classifier = models.CharField(max_length=200)
    autoencoder = models.CharField(max_length=200)
    prefer_annotated = models.BooleanField(
        default=True, help_text="Selection takes true positives with an expert's annotation of the target first."
    )
    washout_days = models.PositiveIntegerField(default=0, help_text="Pause between two periods of a reader.")
    changes = models.CharField(
        max_length=20, choices=Changes, default=Changes.UNTIL_PERIOD_END, help_text="Of answers to a submitted case."
    )
    parameters = models.JSONField(default=dict, blank=True, help_text="Settings of the explanation methods.")
    selection_outdated = models.CharField(
        max_length=500,
        blank=True,
        help_text="Why cases must be selected again, if something was corrected since.",
    )
    synonyms = models.JSONField(
        default=dict,
        blank=True,
        help_text="The protocol's [synonyms]: what tables of labels call a finding -> its name.",
    )
    reading = models.JSONField(default=dict, blank=True, help_text="The protocol's [reading] table: see reading_plan.")
    protocol = models.TextField(blank=True, help_text="The protocol file as it was read.")
    unblinded_at = models.DateTimeField(
        null=True, blank=True, help_text="When analysts were told which arm is which; the audit record says by whom."
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "studies"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(unblinded_at=None) | models.Q(status="closed"), name="study_unblinded_is_closed"
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def reading_plan(self) -> ReadingPlan:
        return ReadingPlan.of(self.reading)


class Arm(models.Model):
    """A way of showing the explanation. The contrast of a study is second arm minus first arm, by position."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="arms")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    methods = models.JSONField(help_text="Explanation methods shown in this arm, in order.")
    mask = models.UUIDField(
        default=uuid.uuid4,
        editable=False,
        help_text="Random, of the allocation key once there is one; its rank gives the arm's code for blind analysts.",
    )

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("study", "key"), name="arm_key_unique_in_study"),
            models.UniqueConstraint(fields=("study", "position"), name="arm_position_unique_in_study"),
        )

    def __str__(self) -> str:
        return f"{self.key}: {self.name}"


class Question(models.Model):
    """A question about every case, in every arm. Its kind says what an answer is and whether statistics use it."""

    class Kind(models.TextChoices):
        LIKERT = "likert", "points of a scale"
        YES_NO = "yes_no", "yes or no"
        CHOICE = "choice", "one of several options"
        TEXT = "text", "free text"
        LOCATION = "location", "a place on the image"

    class Shape(models.TextChoices):
        POINT = "point", "point"
        BOX = "box", "box"

    #: Answers that have an order, which the statistics compare; an option of a choice has none.
    ORDINAL = (Kind.LIKERT, Kind.YES_NO)

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="questions")
    key = models.SlugField(max_length=40)
    text = models.CharField(max_length=300)
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LIKERT)
    required = models.BooleanField(default=True, help_text="A case is complete when these are answered.")
    minimum = models.SmallIntegerField(default=1, help_text="Lowest value; yes_no is 0 and 1, choice counts from 1.")
    maximum = models.SmallIntegerField(default=5)
    low_anchor = models.CharField(max_length=60, blank=True)
    high_anchor = models.CharField(max_length=60, blank=True)
    options = models.JSONField(default=list, blank=True, help_text="Of a choice, in the order of their values.")
    shape = models.CharField(max_length=5, choices=Shape, blank=True, help_text="What marks a location.")

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("study", "key"), name="question_key_unique_in_study"),
            models.UniqueConstraint(fields=("study", "position"), name="question_position_unique_in_study"),
            models.CheckConstraint(
                condition=models.Q(minimum__lt=models.F("maximum")), name="question_minimum_below_maximum"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="location") | ~models.Q(shape=""), name="question_location_has_shape"
            ),
        )

    def __str__(self) -> str:
        return self.text

    @property
    def is_numeric(self) -> bool:
        """Whether an answer is a number (`Answer.value`); else it is `Answer.content`."""
        return self.kind not in {self.Kind.TEXT, self.Kind.LOCATION}

    @property
    def scale(self) -> range:
        """Values that an answer may have; none where an answer is no number."""
        return range(self.minimum, self.maximum + 1) if self.is_numeric else range(0)

    @property
    def value_names(self) -> dict[int, str]:
        """What a value stands for, where it is not just a point of a scale."""
        if self.kind == self.Kind.YES_NO:
            return {1: _("Yes"), 0: _("No")}
        return dict(enumerate(self.options, start=1)) if self.kind == self.Kind.CHOICE else {}


class AllocationKey(models.Model):
    """The random key of a study from which case numbers, orders and codes of arms are drawn.

    It stays on the server: nothing that leaves it holds the key before the study is unblinded.
    """

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="allocation_key")
    secret = models.BinaryField(max_length=KEY_BYTES, help_text="256 random bits.")
    numbers_cases = models.BooleanField(
        default=True, help_text="False where cases and arms had their numbers and codes before there was a key."
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"allocation key of {self.study}"

    @property
    def sha256(self) -> str:
        """What tells this key from another without telling the key."""
        return hashlib.sha256(self.key).hexdigest()

    @property
    def key(self) -> bytes:
        return bytes(self.secret)
