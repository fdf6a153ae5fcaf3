"""What no constraint of a model can say: one open lead an issue, moves that stay, words found by two characters."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


def _both_ways(name: str) -> migrations.RunSQL:
    there, back = SQL / f"{name}.sql", SQL / f"{name}_undo.sql"
    return migrations.RunSQL(there.read_text(encoding="utf-8"), back.read_text(encoding="utf-8"))


class Migration(migrations.Migration):
    dependencies = [("issues", "0001_initial")]

    operations = [_both_ways("one_open_lead"), _both_ways("append_only_moves"), _both_ways("words")]
