"""Corrections of what was imported, with their history, which is only ever added to."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from readerstudy.lib.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0009_scoring_as_rows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="images_corrected",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="case",
            name="excluded_because",
            field=models.CharField(
                blank=True, help_text="Why it is in no analysis, where a correction left it out.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="selection_outdated",
            field=models.CharField(
                blank=True,
                help_text="Why cases must be selected again, if something was corrected since.",
                max_length=500,
            ),
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("label", "label"),
                            ("drawn", "boxes and masks"),
                            ("patient", "patient"),
                            ("age", "age"),
                            ("sex", "sex"),
                            ("view", "view"),
                            ("dataset", "data set"),
                        ],
                        max_length=10,
                    ),
                ),
                ("finding", models.CharField(blank=True, max_length=100)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("replaced", "replaced; nobody had begun to read the image"),
                            ("kept", "recorded; the case is kept as it was read"),
                            ("excluded", "replaced; the case is left out of the analysis"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="corrections", to="studies.image"
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="corrections", to="studies.study"
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        append_only("studies_correction"),
    ]
