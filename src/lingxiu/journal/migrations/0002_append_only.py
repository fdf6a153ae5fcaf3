"""The journal is append-only, held by the database."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql" / "append_only.sql"


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]

    operations = [
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8"),
            "DROP TRIGGER journal_entry_append_only ON journal_entry; DROP FUNCTION journal_entry_is_kept()",
        )
    ]
