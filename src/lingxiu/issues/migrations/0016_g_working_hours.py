"""A step's clock may run in working hours alone, and its shares are reckoned in them."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0015_a_told_today")]

    operations = [
        migrations.AddField("assignment", "in_working_hours", models.BooleanField(default=False, db_default=False)),
        migrations.RunSQL(
            (SQL / "at_share_of_hours.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION issues_at_share(timestamptz, timestamptz, float8, timestamptz[], text, float8, float8);\n"
            + (SQL / "at_share.sql").read_text(encoding="utf-8"),
        ),
    ]
