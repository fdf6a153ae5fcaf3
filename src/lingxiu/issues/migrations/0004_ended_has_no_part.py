"""What has ended is held by nobody, a co-operating unit included."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0003_hands_and_clocks")]

    operations = [
        migrations.RunSQL(
            (SQL / "ended_has_no_part.sql").read_text(encoding="utf-8"),
            (SQL / "ended_has_no_part_undo.sql").read_text(encoding="utf-8"),
        )
    ]
