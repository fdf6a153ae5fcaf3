"""The few issues that wait for a reporter's word, or rest, are found by themselves."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0024_a_parts")]

    operations = [
        migrations.RunSQL(
            (SQL / "waited_for.sql").read_text(encoding="utf-8"),
            "DROP INDEX issue_rests;\nDROP INDEX report_asked;\n",
        ),
    ]
