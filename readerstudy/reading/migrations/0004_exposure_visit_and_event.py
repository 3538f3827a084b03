"""What a reader looked at: time beside the active seconds, and events, which are only ever added."""

import django.db.models.deletion
from django.db import migrations, models

from readerstudy.lib.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("reading", "0003_answers_revisions_submission"),
    ]

    operations = [
        migrations.AddField(
            model_name="visit",
            name="events_lost",
            field=models.PositiveIntegerField(default=0, help_text="Events that the page could not deliver."),
        ),
        migrations.AddField(
            model_name="visit",
            name="hidden_seconds",
            field=models.FloatField(default=0, help_text="Out of view and back again."),
        ),
        migrations.AddField(
            model_name="visit",
            name="idle_seconds",
            field=models.FloatField(default=0, help_text="In view, but nobody touched it for a minute."),
        ),
        migrations.AddField(
            model_name="visit",
            name="painted_ms",
            field=models.PositiveIntegerField(
                blank=True, help_text="From asking for the page until all its pictures were painted.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="visit",
            name="seconds",
            field=models.FloatField(help_text="Active: in view, and touched within the last minute."),
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveIntegerField(help_text="From 1 within the visit, counted by the page.")),
                ("kind", models.CharField(max_length=30)),
                ("panel", models.CharField(blank=True, max_length=40)),
                ("value", models.JSONField(blank=True, default=dict)),
                (
                    "count",
                    models.PositiveIntegerField(default=1, help_text="How many of its kind this record stands for."),
                ),
                ("seconds", models.FloatField(help_text="Active seconds of the visit when it happened.")),
                ("received_at", models.DateTimeField()),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="reading.visit"
                    ),
                ),
            ],
            options={
                "ordering": ("visit", "sequence"),
                "constraints": [models.UniqueConstraint(fields=("visit", "sequence"), name="event_once_per_visit")],
            },
        ),
        append_only("reading_event"),
    ]
