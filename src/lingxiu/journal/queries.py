"""Read the journal in commit order, missing nothing: by `(xid, id)`, below the oldest transaction still running.

A plain `id > last` cursor loses entries: ids are given out before commit, so a lower one may appear after a higher one was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from lingxiu.journal.models import Cursor, Entry


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the journal."""

    xid: int = 0
    id: int = 0

    def __str__(self) -> str:
        return f"{self.xid}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position written by `str`. Raises ValueError on anything else."""
        xid, _, entry_id = text.partition(".")
        position = cls(int(xid), int(entry_id))
        if not (0 <= position.xid < 2**63 and 0 <= position.id < 2**63):
            raise ValueError(f"no position in the journal: {text!r}")
        return position


def read_after(position: Position, limit: int = 500, among: Q | None = None) -> list[Entry]:
    """Entries after `position`, in order, that no later commit can come before. `among` narrows what is returned."""
    entries = Entry.objects.filter(
        RawSQL(
            "(journal_entry.xid, journal_entry.id) > (%s::text::xid8, %s)"
            " AND journal_entry.xid < pg_snapshot_xmin(pg_current_snapshot())",
            [str(position.xid), position.id],
            output_field=BooleanField(),
        )
    )
    if among is not None:
        entries = entries.filter(among)
    return list(entries.order_by("xid", "id")[:limit])


def head() -> Position:
    """The place up to which everything has been settled: a reader that starts here misses nothing later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)")
        row = cursor.fetchone()
    return Position(int(row[0]) if row else 0, 2**62)


def follow(reader: str, handle: Callable[[list[Entry]], None], limit: int = 500) -> int:
    """Hand the next entries to `handle` and move this reader's cursor, in one transaction.

    Returns: how many entries were handled. Two processes that follow as the same reader take turns.
    """
    Cursor.objects.get_or_create(reader=reader)
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update().get(reader=reader)
        entries = read_after(Position(cursor.xid, cursor.entry_id), limit)
        if entries:
            handle(entries)
            cursor.xid, cursor.entry_id = entries[-1].xid, entries[-1].id
            cursor.save(update_fields=["xid", "entry_id"])
    return len(entries)


def horizon_age_seconds() -> float:
    """How long the oldest transaction of the cluster has been running: nothing younger is read before it ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0) "
            "FROM pg_stat_activity WHERE backend_xmin IS NOT NULL OR backend_xid IS NOT NULL"
        )
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0
