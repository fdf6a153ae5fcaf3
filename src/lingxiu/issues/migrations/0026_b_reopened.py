"""The few issues that were opened again are found by themselves."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0025_b_waited_for")]

    operations = [
        migrations.RunSQL((SQL / "reopened.sql").read_text(encoding="utf-8"), "DROP INDEX issue_reopened;\n"),
    ]
