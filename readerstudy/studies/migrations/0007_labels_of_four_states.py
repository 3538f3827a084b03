"""A list of findings becomes labels: positive, negative, uncertain or not assessed, for each image and finding."""

import django.db.models.deletion
from django.db import migrations, models

PUBLISHED = "study_import_gifsplanation"
NOTHING_FOUND = {"nofinding", "nofindings", "normal", "none"}


def _folded(text):
    return "".join(character for character in text.casefold() if character not in " _-\u00a0")


def labels_from_findings(apps, _editor):
    """What was listed is positive, whatever its spelling. All else that the study's images were labelled for is
    negative, as selection took it so far; a target that a listed text merely contains is uncertain."""
    Study = apps.get_model("studies", "Study")
    published = set(
        apps.get_model("studies", "AuditEntry").objects.filter(action=PUBLISHED).values_list("study_id", flat=True)
    )
    for study in Study.objects.all():
        images = list(study.images.only("pk", "findings").order_by("pk"))
        listed = {image.pk: _listed(image.findings, study.targets) for image in images}
        assessed = (
            [] if study.pk in published else [*study.targets, *(name for names in listed.values() for name in names)]
        )
        cases = {}
        for case in study.cases.all():
            cases.setdefault(case.image_id, {})[case.target] = "positive" if case.label == "TP" else "negative"
        rows = []
        for image in images:
            names = listed[image.pk]
            states = dict.fromkeys(assessed, "negative") | dict.fromkeys(names, "positive")
            for target in study.targets:
                if target not in names and any(_folded(target) in _folded(name) for name in names):
                    states[target] = "uncertain"
            if study.pk in published:  # each case says what its image is, for its own target
                states |= cases.get(image.pk, {})
            rows += [
                apps.get_model("studies", "Label")(image_id=image.pk, finding=finding[:100], state=state)
                for finding, state in states.items()
            ]
        apps.get_model("studies", "Label").objects.bulk_create(rows, batch_size=1000)


def _listed(findings, targets):
    names = {_folded(target): target for target in targets}
    return list(
        dict.fromkeys(names.get(_folded(text), text) for text in findings if _folded(text) not in NOTHING_FOUND)
    )


def findings_from_labels(apps, _editor):
    Image = apps.get_model("studies", "Image")
    found = {}
    for label in apps.get_model("studies", "Label").objects.filter(state="positive").order_by("pk"):
        found.setdefault(label.image_id, []).append(label.finding)
    for image, findings in found.items():
        Image.objects.filter(pk=image).update(findings=findings)


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0006_allocation_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="Label",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("finding", models.CharField(max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("positive", "positive"),
                            ("negative", "negative"),
                            ("uncertain", "uncertain"),
                            ("not assessed", "not assessed"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="labels", to="studies.image"
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(fields=("image", "finding"), name="label_once_per_finding"),
                ],
            },
        ),
        migrations.AddField(
            model_name="import",
            name="assessed",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Findings that the table of labels assessed, where a row does not say.",
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="assessed_stated",
            field=models.BooleanField(
                default=False,
                help_text="Whether the importer stated them; else they are those that the table names anywhere.",
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="warnings",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="What was imported and should be looked at: [{source, line, reason}]",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="synonyms",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="The protocol's [synonyms]: what tables of labels call a finding -> its name.",
            ),
        ),
        migrations.AlterField(
            model_name="import",
            name="problems",
            field=models.JSONField(default=list, help_text="What was not imported: [{source, line, reason}]"),
        ),
        migrations.RunPython(labels_from_findings, findings_from_labels),
        migrations.RemoveField(model_name="image", name="findings"),
    ]
