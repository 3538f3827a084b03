"""The table of workers belongs to readerstudy.work, which all kinds of work share; its rows stay."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("explanations", "0004_passing_faults"),)
    operations = (
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AlterModelTable("worker", "work_worker")],
            state_operations=[migrations.DeleteModel("worker")],
        ),
    )
