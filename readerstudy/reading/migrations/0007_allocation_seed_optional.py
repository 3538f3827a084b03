"""Allocations are drawn from a key; those that were made of the seed keep it, as the sign that they were."""

from django.db import migrations, models


def published_have_none(apps, _editor):
    """The published study's order is as printed: no seed made it."""
    Allocation = apps.get_model("reading", "Allocation")
    for entry in apps.get_model("studies", "AuditEntry").objects.filter(action="study_import_gifsplanation"):
        Allocation.objects.filter(membership__study=entry.study_id).update(seed=None)


def seed_again(apps, _editor):
    apps.get_model("reading", "Allocation").objects.filter(seed=None).update(seed=0)


class Migration(migrations.Migration):
    dependencies = [
        ("reading", "0006_unlock_declined"),
        ("studies", "0006_allocation_key"),
    ]

    operations = [
        migrations.AlterField(
            model_name="allocation",
            name="seed",
            field=models.BigIntegerField(
                blank=True,
                help_text="What made it, where it was made before studies had a key; else none.",
                null=True,
            ),
        ),
        migrations.RunPython(published_have_none, seed_again),
    ]
