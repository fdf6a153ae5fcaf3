"""What a report answered late is found and counted by."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("issues", "0013_i_joint")]

    operations = [
        migrations.RunSQL(
            (SQL / "late_answers.sql").read_text(encoding="utf-8"),
            (SQL / "late_answers_undo.sql").read_text(encoding="utf-8"),
        )
    ]
