"""The audit record is only ever added to."""

from django.db import migrations

from readerstudy.lib.append_only import append_only


class Migration(migrations.Migration):
    dependencies = (("studies", "0001_initial"),)
    operations = (append_only("studies_auditentry"),)
