"""Statistics of grease traps, gas alarms, power meters and cameras: tables of their own, in SQL."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"
TABLES = ", ".join(
    f"{step}_{what}" for step in ("window", "hour", "day") for what in ("grease", "gas", "power", "camera", "seen")
)


class Migration(migrations.Migration):
    dependencies = [("sensing", "0008_a_companies_account")]

    operations = [
        migrations.RunSQL(
            (SQL / "point_statistics.sql").read_text(encoding="utf-8"),
            f"DROP TABLE dirty_point, {TABLES}",
        ),
    ]
