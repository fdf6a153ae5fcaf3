"""Entries of the journal, and the submissions that make every client write happen once."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL


class TransactionIdField(models.Field[int, int]):
    """PostgreSQL's 64-bit transaction id (`xid8`), read as an integer."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """PostgreSQL casts no integer to `xid8`, only text."""
        return "%s::text::xid8"


class Entry(models.Model):
    """A thin, append-only pointer: what happened to which subject, by whom, and whom it concerns.

    Readers go by `(xid, id)` and only up to the oldest transaction still running (`queries.read_after`).
    """

    id = models.BigAutoField(primary_key=True)
    xid = TransactionIdField(db_default=RawSQL("pg_current_xact_id()", []), editable=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    actor_id = models.BigIntegerField(null=True)
    town = models.CharField(max_length=12, default="")
    grid = models.CharField(max_length=20, default="")
    unit_id = models.BigIntegerField(null=True)
    merchant_id = models.BigIntegerField(null=True)
    public = models.BooleanField(default=False)
    reference = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["xid", "id"], name="journal_entry_order"),
            models.Index(fields=["subject_kind", "subject_id"], name="journal_entry_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_kind}:{self.subject_id}"


class Submission(models.Model):
    """A client's write, by the UUID the client made: the second time the first answer is given again."""

    uuid = models.UUIDField(primary_key=True)
    actor = models.CharField(max_length=80)
    body_hash = models.CharField(max_length=64)
    result = models.JSONField(null=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.uuid)


class Cursor(models.Model):
    """How far a named reader of the journal has read."""

    reader = models.CharField(max_length=40, primary_key=True)
    xid = TransactionIdField(default=0)
    entry_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.reader
