"""Editions are immutable, held by the database."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql" / "immutable.sql"


class Migration(migrations.Migration):
    dependencies = [("policy", "0001_initial")]

    operations = [
        migrations.RunSQL(
            SQL.read_text(encoding="utf-8"),
            "DROP TRIGGER policy_edition_immutable ON policy_edition; DROP FUNCTION policy_edition_is_kept()",
        )
    ]
