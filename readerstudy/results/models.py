"""Runs of the statistics: one idempotent row per version of what is reported, worked on by lease, its files on disk."""

from django.db import models

from readerstudy.studies.models import Study
from readerstudy.work.models import Leased

#: Where reports lie in the media folder, each in a folder of its own.
FOLDER = "reports"


class ReportRun(Leased):
    """One report of one study: of the data at a version, all of them or a selection, with arms under their coding."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="report_runs")
    version = models.CharField(max_length=64, help_text="SHA-256 of all that the report depends on.")
    coding = models.CharField(max_length=20, help_text="How arms are named: as in the protocol, or masked.")
    selection = models.JSONField(default=dict, blank=True, help_text="Targets, readers, periods; empty for all data.")
    step = models.CharField(max_length=60, blank=True, help_text="What is being computed.")
    steps_done = models.PositiveSmallIntegerField(default=0)
    steps = models.PositiveSmallIntegerField(default=0, help_text="How many steps there are; 0 before the first.")
    folder = models.CharField(max_length=200, blank=True, help_text="Its files, relative to the media folder.")

    class Meta(Leased.Meta):
        constraints = (
            *Leased.Meta.constraints,
            models.UniqueConstraint(fields=("study", "version"), name="report_run_version_unique_in_study"),
            models.CheckConstraint(condition=~models.Q(status="done") | ~models.Q(folder=""), name="report_run_done"),
        )

    def __str__(self) -> str:
        return f"report {self.version[:16]} of {self.study}: {self.status}"

    @property
    def short_version(self) -> str:
        """The version as addresses have it."""
        return self.version[:16]

    @property
    def active(self) -> bool:
        """Whether it waits for a worker or is being computed."""
        return self.status in {self.Status.PENDING, self.Status.RUNNING}
