"""Answers are only ever added."""

from django.db import migrations

from readerstudy.lib.append_only import append_only


class Migration(migrations.Migration):
    dependencies = (("reading", "0001_initial"),)
    operations = (append_only("reading_answer"),)
