from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Room on each page for the new versions of its rows: every active lot changes every day."""

    dependencies: ClassVar = [("capacity", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(
            "ALTER TABLE capacity_lot SET (fillfactor = 50)",
            "ALTER TABLE capacity_lot RESET (fillfactor)",
        ),
    ]
