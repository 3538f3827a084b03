"""What a study consists of: protocol, members, the pool of images with labels and scores, and the selected cases."""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_noop as _  # templates translate what stands here

from explainer.catalogue.doubts import Doubt
from explainer.catalogue.findings import State as Finding
from readerstudy.lib.shuffling import KEY_BYTES
from readerstudy.studies.actions import Action
from readerstudy.studies.protocol_reading import ReadingPlan
from readerstudy.work.models import Leased


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
