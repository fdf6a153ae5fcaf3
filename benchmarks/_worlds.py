"""What worlds written by SQL have in common."""

from __future__ import annotations

from typing import Protocol


class Cursor(Protocol):
    def execute(self, sql: str, params: object = None) -> object: ...
    def fetchall(self) -> list[tuple[str, ...]]: ...


def leave_texts_empty(cursor: Cursor, *tables: str) -> None:
    """Texts a world does not write are empty, as the models would have them: a new column breaks no world."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE is_nullable = 'NO'"
        " AND column_default IS NULL AND data_type IN ('text', 'character varying') AND table_name = ANY (%s)",
        [list(tables)],
    )
    cursor.execute(
        "".join(f"ALTER TABLE {table} ALTER {column} SET DEFAULT '';" for table, column in cursor.fetchall())
    )
