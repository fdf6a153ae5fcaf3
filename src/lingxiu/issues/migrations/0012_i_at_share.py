"""Shares of a clock's time are reckoned in the time the clock is: on working days only where its due time was."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0011_open_ones")]

    operations = [
        migrations.RunSQL(
            (SQL / "at_share.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION issues_at_share(timestamptz, timestamptz, float8, timestamptz[], text);",
        )
    ]
