"""Indexes of what is open, by which a list of a million costs what its open part costs."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0010_inspections")]

    operations = [
        migrations.RunSQL(
            (SQL / "open_ones.sql").read_text(encoding="utf-8"),
            (SQL / "open_ones_undo.sql").read_text(encoding="utf-8"),
        )
    ]
