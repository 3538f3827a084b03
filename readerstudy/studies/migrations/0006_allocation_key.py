"""The random key from which case numbers, orders and codes of arms are drawn. Studies that have cases keep theirs."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0005_blinding"),
    ]

    operations = [
        migrations.AlterField(
            model_name="arm",
            name="mask",
            field=models.UUIDField(
                default=uuid.uuid4,
                editable=False,
                help_text="Random, of the allocation key once there is one; its rank gives the arm's code for blind analysts.",
            ),
        ),
        migrations.AlterField(
            model_name="study",
            name="seed",
            field=models.BigIntegerField(
                help_text="Seed of selection; orders and numbers are drawn from the allocation key."
            ),
        ),
        migrations.CreateModel(
            name="AllocationKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("secret", models.BinaryField(help_text="256 random bits.", max_length=32)),
                (
                    "numbers_cases",
                    models.BooleanField(
                        default=True,
                        help_text="False where cases and arms had their numbers and codes before there was a key.",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "study",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="allocation_key", to="studies.study"
                    ),
                ),
            ],
        ),
    ]
