"""The share of a clock is reckoned within the query that asks: called once for each clock it took most of its time."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0022_d_on_duty")]

    operations = [
        migrations.RunSQL(
            (SQL / "at_share_set.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION issues_at_share(timestamptz, timestamptz, float8, timestamptz[], text, float8, float8);\n"
            + (SQL / "at_share_of_hours.sql").read_text(encoding="utf-8"),
        ),
    ]
