"""The duty roster moves down to accounts, with its turns. A view stays in its place while programs from before still run."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0010_b_ways"), ("accounts", "0003_d_duty")]

    operations = [
        migrations.RunSQL(
            (SQL / "duty_downstairs.sql").read_text(encoding="utf-8"),
            (SQL / "duty_upstairs.sql").read_text(encoding="utf-8"),
        ),
        migrations.DeleteModel("DutyTurn"),
        migrations.RunSQL(
            "CREATE VIEW sensing_dutyturn AS SELECT * FROM accounts_dutyturn", "DROP VIEW sensing_dutyturn"
        ),
    ]
