"""Where a gateway puts its batches: into the database itself, or into a stream (stream.py) that writers empty into it.

A batch that was taken is durable, and its devices may be told so. Never looks into a batch.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import psycopg

from lingxiu.sensing.store import Batch, Store, Stored


class SinkAway(Exception):
    """A batch could not be made durable now; perhaps it was, and nobody could tell us. Hand over the same batch again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sink(Protocol):
    """What takes batches, each at its turn, any of them again."""

    async def write(self, batch: Batch) -> Stored:
        """Returns when the batch is durable. Raises: SinkAway."""

    async def close(self) -> None:
        """Let connections go; the next batch opens others."""


class StoreSink:
    """The database: a batch is durable when it is committed."""

    def __init__(self, database: str) -> None:
        self._store = Store(database)

    async def write(self, batch: Batch) -> Stored:
        try:
            return await asyncio.to_thread(self._store.write, batch)
        except psycopg.Error as error:
            raise SinkAway(f"{type(error).__name__} {error.sqlstate or ''}".rstrip()) from error

    async def close(self) -> None:
        self._store.close()
