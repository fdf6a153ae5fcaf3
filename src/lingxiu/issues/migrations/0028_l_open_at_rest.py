"""What is open is counted without reading rows, whether it rests or not."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0027_d_looks")]

    operations = [
        migrations.RunSQL(
            (SQL / "open_at_rest.sql").read_text(encoding="utf-8"),
            (SQL / "open_at_rest_undo.sql").read_text(encoding="utf-8"),
        ),
    ]
