"""Analysts are blind to the arms: a random mark for every arm, and when a study was unblinded."""

import uuid

from django.db import migrations, models


def mask_arms(apps, _editor):
    """The column's default is computed once for all rows, so that every arm gets its own here."""
    Arm = apps.get_model("studies", "Arm")
    for arm in Arm.objects.all():
        arm.mask = uuid.uuid4()
        arm.save(update_fields=["mask"])


def unblind_published(apps, _editor):
    """The published study was never blind here: its results are in print."""
    for entry in apps.get_model("studies", "AuditEntry").objects.filter(action="study_import_gifsplanation"):
        apps.get_model("studies", "Study").objects.filter(pk=entry.study_id).update(unblinded_at=entry.at)


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0004_around_reading_plan_consent_training"),
    ]

    operations = [
        migrations.AddField(
            model_name="arm",
            name="mask",
            field=models.UUIDField(
                default=uuid.uuid4,
                editable=False,
                help_text="Random; its rank gives the arm's code for blind analysts.",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="unblinded_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When analysts were told which arm is which; the audit record says by whom.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("unblinded_at", None), ("status", "closed"), _connector="OR"),
                name="study_unblinded_is_closed",
            ),
        ),
        migrations.RunPython(mask_arms, migrations.RunPython.noop),
        migrations.RunPython(unblind_published, migrations.RunPython.noop),
    ]
