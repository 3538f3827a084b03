"""A piece of work as a row that a worker holds by a lease, and the workers that have shown that they live."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Leased(models.Model):
    """A piece of work: what it is about is the subclass's, who does it and how it ended is here."""

    class Status(models.TextChoices):
        PENDING = "pending", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True, help_text="Held by the worker that may store the result.")
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True, help_text="Why it failed or, while it waits, why it is to be tried again.")
    faults = models.PositiveSmallIntegerField(default=0, help_text="Tries running that met a fault which passes.")
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Not to be tried before; empty at once.")
    created_at = models.DateTimeField()
    queued_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints: ClassVar[tuple[models.BaseConstraint, ...]] = (
            models.CheckConstraint(
                condition=~models.Q(status="running") | models.Q(lease_token__isnull=False, lease_until__isnull=False),
                name="%(class)s_running_has_lease",
            ),
        )

    @property
    def waits(self) -> str:
        """What it waits for, in words that follow "waiting"; empty where it does not."""
        if self.status != self.Status.PENDING:
            return ""
        if not self.error:
            return "for a worker"
        return f"to be tried again {time_of(self.retry_at)}, because {self.error}"

    def is_free(self, now: datetime) -> bool:
        """Whether a worker may take it on: it waits and its pause is over, or the lease of its worker has run out."""
        if self.status == self.Status.RUNNING:
            return self.lease_until is None or self.lease_until <= now
        return self.status == self.Status.PENDING and (self.retry_at is None or self.retry_at <= now)

    def holds(self, token: uuid.UUID) -> bool:
        """Whether this token is the one that may store or fail the work."""
        return self.status == self.Status.RUNNING and self.lease_token == token


class Worker(models.Model):
    """A worker process that has reported itself; alive while `seen_at` is recent."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


def time_of(at: datetime | None) -> str:
    """When something is tried again, in words."""
    return f"at {timezone.localtime(at):%H:%M:%S}" if at else "now"
