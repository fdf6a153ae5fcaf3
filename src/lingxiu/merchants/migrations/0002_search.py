"""Search by any part of a name, a spelling of it, or a number."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql" / "search.sql"


class Migration(migrations.Migration):
    dependencies = [("merchants", "0001_initial")]

    operations = [migrations.RunSQL(SQL.read_text(encoding="utf-8"), "DROP INDEX merchant_search")]
