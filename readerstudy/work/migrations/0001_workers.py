"""Takes over the table of workers from readerstudy.explanations, where it was made."""

from django.db import migrations, models


def _move(apps, origin, destination):
    # Permissions hang on the content type, and move with it.
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label=origin, model="worker").update(
        app_label=destination
    )


def take_over(apps, _schema):
    _move(apps, "explanations", "work")


def give_back(apps, _schema):
    _move(apps, "work", "explanations")


class Migration(migrations.Migration):
    initial = True
    dependencies = (
        ("contenttypes", "0002_remove_content_type_name"),
        ("explanations", "0005_workers_to_work"),
    )
    operations = (
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Worker",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=200, unique=True)),
                        ("queues", models.CharField(max_length=200)),
                        ("host", models.CharField(max_length=200)),
                        ("pid", models.PositiveIntegerField()),
                        ("started_at", models.DateTimeField()),
                        ("seen_at", models.DateTimeField()),
                    ],
                ),
            ],
        ),
        migrations.RunPython(take_over, give_back),
    )
