"""What a gateway writes beside the record: that it is alive, what it counted, whom it does not know, the last frames it saw.

None of it is in the batches' transactions, and all of it is bounded: where it cannot be written, the oldest goes.
"""

from __future__ import annotations

import os
import re
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from uuid import uuid4

import psycopg

from hj212 import Frame
from lingxiu.sensing.hearing import NOTE_DEAF, listener_says
from lingxiu.sensing.models import Way
from lingxiu.sensing.profiles import moment

RECENT_A_DEVICE: Final = 100
RECENT_A_WRITE: Final = 1_000
"""Frames remembered between two writes; in a storm the earlier ones are not shown."""
UNKNOWN_DEVICES: Final = 10_000
UNKNOWN_HELD: Final = 1_000
"""Unknown MNs remembered between two writes; at 4 KiB each."""
UNKNOWN_SECONDS: Final = 60
"""An unknown MN's row is written this often at most, however often it says something."""
_UNKNOWN_PAUSE: Final = timedelta(seconds=UNKNOWN_SECONDS)
_MN: Final = re.compile(r"[0-9A-Za-z_.-]{1,24}")
_LONGEST_FRAME: Final = 2_048  # bytes of an unknown device's frame that are kept

_BEAT: Final = """
    INSERT INTO sensing_process (run, kind, host, pid, started_at, seen_at, connections, queued, frames, readings, values,
                                 batches, refused, odd, unknown)
    VALUES (%(run)s, 'gateway', %(host)s, %(pid)s, %(started_at)s, %(seen_at)s, %(connections)s, %(queued)s, %(frames)s,
            %(readings)s, %(values)s, %(batches)s, %(refused)s, %(odd)s, %(unknown)s)
    ON CONFLICT (run) DO UPDATE SET seen_at = excluded.seen_at, connections = excluded.connections,
        queued = excluded.queued, frames = excluded.frames, readings = excluded.readings, values = excluded.values,
        batches = excluded.batches, refused = excluded.refused, odd = excluded.odd, unknown = excluded.unknown
"""
_UNKNOWN_AGAIN: Final = """
    UPDATE sensing_unknowndevice SET frames = frames + %(frames)s, peer = %(peer)s, last_at = %(last_at)s,
        last_frame = %(last_frame)s
    WHERE mn = %(mn)s
"""
_UNKNOWN_FIRST: Final = """
    INSERT INTO sensing_unknowndevice (mn, frames, peer, first_at, last_at, first_frame, last_frame)
    SELECT %(mn)s::text, %(frames)s, %(peer)s, %(first_at)s, %(last_at)s, %(first_frame)s, %(last_frame)s
    WHERE (SELECT count(*) FROM sensing_unknowndevice) < %(limit)s
      AND NOT EXISTS (SELECT FROM sensing_device WHERE mn = %(mn)s::text)
    ON CONFLICT (mn) DO UPDATE SET frames = sensing_unknowndevice.frames + excluded.frames
"""
# The rows are counted before one is added: two gateways must not both find the last place free.
_ONE_AT_A_TIME: Final = "LOCK TABLE sensing_unknowndevice IN SHARE ROW EXCLUSIVE MODE"
_FORGET_OLD_FRAMES: Final = """
    DELETE FROM recent_frame r USING (
        SELECT device_id, (SELECT id FROM recent_frame newer WHERE newer.device_id = d.device_id
                           ORDER BY id DESC OFFSET %(keep)s - 1 LIMIT 1) AS oldest
        FROM unnest(%(devices)s::int[]) d (device_id)
    ) k WHERE r.device_id = k.device_id AND r.id < k.oldest
"""


@dataclass(slots=True)
class Counts:
    """What a gateway has counted since it began; connections and queued are as of now."""

    connections: int = 0
    queued: int = 0
    frames: int = 0
    readings: int = 0
    values: int = 0
    batches: int = 0
    refused: int = 0
    odd: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Stranger:
    """An MN nobody registered, since the last write."""

    mn: str
    peer: str
    first_at: datetime
    last_at: datetime
    first_frame: bytes
    last_frame: bytes
    frames: int = 1
    written_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it has said something that may be written."""
        return self.frames > 0 and (self.written_at is None or now - self.written_at >= _UNKNOWN_PAUSE)

    def is_over(self, now: datetime) -> bool:
        """Whether it is written, and long enough ago."""
        return self.frames == 0 and self.written_at is not None and now - self.written_at >= _UNKNOWN_PAUSE


class Logbook:
    """One gateway's. `note_…` only remember; `open`, `write` and `close` speak to the database and block."""

    def __init__(self, conninfo: str, counts: Counts, clock: Callable[[], int]) -> None:
        self._conninfo = conninfo
        self._counts = counts
        self._clock = clock
        self.run = uuid4()
        self._started_at = moment(clock())
        self._recent: deque[tuple[int, int, bytes]] = deque(maxlen=RECENT_A_WRITE)
        self._strangers: dict[str, Stranger] = {}
        self._connection: psycopg.Connection | None = None
        self._writing = Lock()

    def note_frame(self, device_id: int, frame: bytes, now: int) -> None:
        """Something came from a known device."""
        self._recent.append((device_id, now, frame))

    def note_unknown(self, frame: Frame, peer: str, now: int) -> None:
        """Something came from an MN nobody registered."""
        mn = frame.mn or ""
        at, raw = moment(now), frame.raw[:_LONGEST_FRAME]
        known = self._strangers.get(mn)
        if known is not None:
            known.frames += 1
            known.peer, known.last_at, known.last_frame = peer, at, raw
        elif len(self._strangers) < UNKNOWN_HELD and _MN.fullmatch(mn):
            self._strangers[mn] = Stranger(mn, peer, at, at, raw, raw)

    def knows(self, mn: str) -> bool:
        """Whether this unknown MN was noted a short while ago."""
        return mn in self._strangers

    def open(self) -> None:
        """The first sign of life. Raises psycopg.Error."""
        self.write()

    def write(self, *, last: bool = False) -> None:
        """Write down what was noted; `last`: all of it. Raises psycopg.Error: what was noted since is lost, the counts are not."""
        with self._writing:
            recent, self._recent = self._recent, deque(maxlen=RECENT_A_WRITE)
            try:
                self._write(recent, self._due_strangers(last))
            except psycopg.Error:
                self._let_go()
                raise

    def close(self) -> None:
        """The last sign of life. Raises psycopg.Error."""
        try:
            self.write(last=True)
        finally:
            self._let_go()

    def _due_strangers(self, last: bool) -> list[Stranger]:
        """Copies of those to be written now; the gateway goes on noting in the meantime."""
        now, due = moment(self._clock()), []
        for mn, one in list(self._strangers.items()):
            if one.is_over(now):
                del self._strangers[mn]
            elif one.is_due(now) or (last and one.frames):
                due.append(replace(one))
                one.frames, one.written_at = 0, now
        return due

    def _write(self, recent: deque[tuple[int, int, bytes]], strangers: list[Stranger]) -> None:
        database = self._connected()
        with database.transaction(), database.cursor() as cursor:
            self._beat(cursor)
        if strangers:
            with database.transaction(), database.cursor() as cursor:
                _write_strangers(cursor, strangers)
        if recent:
            with database.transaction(), database.cursor() as cursor:
                _write_recent(cursor, recent)

    def _beat(self, cursor: psycopg.Cursor) -> None:
        now = moment(self._clock())
        cursor.execute(NOTE_DEAF, listener_says(Way.HJ212, now))
        counts = {one.name: getattr(self._counts, one.name) for one in fields(Counts)}
        identity = {"run": self.run, "host": socket.gethostname()[:60], "pid": os.getpid()}
        cursor.execute(_BEAT, {**identity, **counts, "started_at": self._started_at, "seen_at": now})

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _write_strangers(cursor: psycopg.Cursor, strangers: list[Stranger]) -> None:
    cursor.execute(_ONE_AT_A_TIME)
    for one in strangers:
        values = {field.name: getattr(one, field.name) for field in fields(Stranger)}
        cursor.execute(_UNKNOWN_AGAIN, values)
        if cursor.rowcount == 0:
            cursor.execute(_UNKNOWN_FIRST, {**values, "limit": UNKNOWN_DEVICES})


def _write_recent(cursor: psycopg.Cursor, recent: deque[tuple[int, int, bytes]]) -> None:
    with cursor.copy("COPY recent_frame (device_id, at, frame) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "int8", "bytea"])
        for row in recent:
            copy.write_row(row)
    devices = sorted({device_id for device_id, _, _ in recent})
    cursor.execute(_FORGET_OLD_FRAMES, {"devices": devices, "keep": RECENT_A_DEVICE})
