"""Puts batches of readings into PostgreSQL: each key once, whatever comes twice, late or in parts.

A batch is one transaction, and that transaction is the savepoint: new keys are COPYed straight into their week's partition;
where one turns out to be there already, everything is rolled back and done again by way of a temporary table whose rows fill
nulls and never overwrite. Readings older than the newest one seen of their device go that way at once. What contradicts a
stored row, or cannot be a row at all, is kept in odd_frame. Knows no device, no profile, no socket; never acknowledges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

from lingxiu.sensing.profiles import MICROSECONDS, VALUE_COLUMNS, Key, Reading, from_jsonb, moment, to_jsonb

WEEK: Final = 7 * 86_400 * MICROSECONDS
MONDAY: Final = 2 * 86_400 * MICROSECONDS  # 2000-01-03, the first Monday of PostgreSQL's count
WINDOW_SECONDS: Final = 600
ODD_AN_HOUR: Final = 120
"""Odd frames kept of one device in an hour, and of all unknown ones together; the rest are only counted."""
FRAMES_A_ROW: Final = 8_192
"""Bytes of a row's frames that are kept until it is stored; doubles are not kept twice."""
_UNIX_EPOCH: Final = 946_684_800  # 2000-01-01 in seconds of 1970; a multiple of 600

_SQL: Final = Path(__file__).resolve().parent / "sql"
_MERGE: Final = (_SQL / "merge.sql").read_text(encoding="utf-8")
_CONTRADICTIONS: Final = (_SQL / "contradictions.sql").read_text(encoding="utf-8")
_COLUMNS: Final = ", ".join([*Reading._fields, "received_at"])
# Times go as µs since 2000 and jsonb as its wire form: both are what the server reads, and cheaper to make.
_TYPES: Final = ["int4", "int8", "int2", "int2", *["float4"] * 7, *["bool"] * 2, *["bytea"] * 2, "int8"]


class OddFrame(NamedTuple):
    """Bytes to be kept, and why."""

    device_id: int | None
    at: int
    why: str
    frame: bytes


@dataclass(slots=True)
class Batch:
    """What is stored together. `at`: when it was put together, µs; it is the `received_at` of its rows. `way`: how it came in."""

    at: int
    rows: dict[Key, Reading] = field(default_factory=dict)
    frames: dict[Key, bytes] = field(default_factory=dict)
    odd: list[OddFrame] = field(default_factory=list)
    way: str = "hj212"

    def add(self, reading: Reading, frame: bytes) -> None:
        """Take a reading in; the parts of one packet, and doubles, become one row."""
        key = reading.key
        first = self.rows.setdefault(key, reading)
        if first is reading:
            self.frames[key] = frame
            return
        merged, same = merge(first, reading)
        self.rows[key] = merged
        if same:
            kept = self.frames[key]
            if len(kept) + len(frame) < FRAMES_A_ROW and frame not in kept:
                self.frames[key] = kept + b"\r\n" + frame
        else:
            self.odd.append(OddFrame(reading.device_id, self.at, "contradiction", frame))

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches that together are this one; the first has the odd frames."""
        keys = list(self.rows)
        parts = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        first, second = (
            Batch(self.at, {key: self.rows[key] for key in part}, {key: self.frames[key] for key in part}, way=self.way)
            for part in parts
        )
        first.odd = self.odd
        return first, second


def merge(first: Reading, second: Reading) -> tuple[Reading, bool]:
    """One row of two with the same key: nulls are filled, nothing is overwritten. Whether they agree stands beside it."""
    if first == second:
        return first, True
    pairs = list(zip(first.values, second.values, strict=True))
    values = [theirs if ours is None else ours for ours, theirs in pairs]
    marks, marks_agree = _merge_texts(first.marks, second.marks)
    extra, extra_agrees = _merge_texts(first.extra, second.extra)
    agree = all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)
    return Reading._make((*first.key, *values, marks, extra)), agree and marks_agree and extra_agrees


def _merge_texts(first: bytes | None, second: bytes | None) -> tuple[bytes | None, bool]:
    ours, theirs = from_jsonb(first), from_jsonb(second)
    return to_jsonb(theirs | ours), all(ours.get(name, text) == text for name, text in theirs.items())


class Stored(NamedTuple):
    """What became of a batch: rows that are new or were filled, the values in its rows, frames kept as odd."""

    changed: int
    values: int
    odd: int


class Store:
    """One writer with a connection of its own. Blocking: the gateway runs it in a thread."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.Connection | None = None
        self._partitions: set[int] = set()
        self._newest: dict[tuple[int, int, int], int] = {}
        self._odd_hour = 0
        self._odd_kept: Counter[int | None] = Counter()

    def write(self, batch: Batch) -> Stored:
        """Store and commit a batch.

        Raises: psycopg.Error: nothing was stored, or all of it and we were not told: write the same batch again.
        """
        try:
            return self._write(batch)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            return self._write_apart(batch, error)
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go; the next batch opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, batch: Batch) -> Stored:
        self._make_partitions(batch.rows.values())
        rows = sorted(batch.rows.values())
        fresh, known = self._apart(rows)
        try:
            done = self._transact(batch, fresh, known)
        except psycopg.errors.UniqueViolation:
            done = self._transact(batch, [], rows)
        except (
            psycopg.errors.UndefinedTable,
            psycopg.errors.CheckViolation,
        ):  # a partition was dropped since we made it
            self._partitions.clear()
            self._make_partitions(rows)
            done = self._transact(batch, [], rows)
        self._remember(rows)
        return done

    def _write_apart(self, batch: Batch, error: psycopg.Error) -> Stored:
        """Something in this batch the database refuses: halve it until the one is found, and keep that as odd."""
        if len(batch.rows) > 1:
            parts = [self.write(part) for part in batch.halves()]
            return Stored(*(sum(figures) for figures in zip(*parts, strict=True)))
        if not batch.rows:
            raise error
        ((key, frame),) = batch.frames.items()
        refused = OddFrame(key[0], batch.at, f"refused:{error.sqlstate}", frame)
        return self._write(Batch(batch.at, odd=[*batch.odd, refused]))

    def _transact(self, batch: Batch, fresh: list[Reading], known: list[Reading]) -> Stored:
        touched = _windows_of(fresh)
        odd = list(batch.odd)
        database = self._connected()
        with database.transaction(), database.cursor() as cursor:
            for week, rows in groupby(fresh, key=_week):
                _copy(cursor, _partition(week), rows, batch.at)
            changed = len(fresh)
            if known:
                merged, contradicting = _merge(cursor, known, batch.at)
                changed += len(merged)
                for device_id, second in merged:
                    _touch(touched, device_id, second - _UNIX_EPOCH)
                odd += [OddFrame(key[0], batch.at, "contradiction", batch.frames[key]) for key in contradicting]
            if odd:
                _keep(cursor, self._few_of(odd))
            if touched:
                _announce(cursor, batch, touched)
        return Stored(changed, sum(values_of(row) for row in batch.rows.values()), len(odd))

    def _apart(self, rows: list[Reading]) -> tuple[list[Reading], list[Reading]]:
        """(newer than all we have seen of that device, CN and channel; the others), each by week and key."""
        newest = self._newest
        fresh: list[Reading] = []
        known: list[Reading] = []
        for row in rows:
            last = newest.get((row[0], row[2], row[3]))
            (fresh if last is None or row[1] > last else known).append(row)
        fresh.sort(key=_week)
        return fresh, known

    def _remember(self, rows: Iterable[Reading]) -> None:
        newest = self._newest
        for row in rows:
            key = (row[0], row[2], row[3])
            if row[1] > newest.get(key, row[1] - 1):
                newest[key] = row[1]

    def _few_of(self, odd: list[OddFrame]) -> list[OddFrame]:
        """Those that are kept: a device that says nothing right must not fill the disk."""
        kept = []
        for one in odd:
            hour = one.at // (3600 * MICROSECONDS)
            if hour != self._odd_hour:
                self._odd_hour = hour
                self._odd_kept.clear()
            if self._odd_kept[one.device_id] < ODD_AN_HOUR:
                self._odd_kept[one.device_id] += 1
                kept.append(one)
        return kept

    def _make_partitions(self, rows: Iterable[Reading]) -> None:
        for week in {_week(row) for row in rows} - self._partitions:
            with suppress(psycopg.errors.DuplicateTable):  # another writer was faster, and is done
                self._connected().execute("SELECT sensing_make_partition(%s)", [moment(MONDAY + week * WEEK)])
            self._partitions.add(week)

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            self._connection.execute(
                "CREATE TEMP TABLE incoming_fume (LIKE reading_fume) ON COMMIT DELETE ROWS", prepare=False
            )
        return self._connection


def conninfo() -> str:
    """How to reach the database this process is configured for."""
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port", "application_name", "connect_timeout")
    return make_conninfo(**{"connect_timeout": 10} | {name: parameters[name] for name in names if parameters.get(name)})


def _week(row: Reading) -> int:
    return (row[1] - MONDAY) // WEEK


def _partition(week: int) -> str:
    return f"reading_fume_{moment(MONDAY + week * WEEK):%Y%m%d}"


def values_of(row: Reading) -> int:
    """How many values a row has."""
    return len(VALUE_COLUMNS) - row.values.count(None)


Touched = dict[tuple[int, int], int]
"""{(device, window): newest second}, both counted from 2000."""


def _windows_of(rows: Iterable[Reading]) -> Touched:
    """Rows come sorted, so the last of a window is its newest."""
    return {(row[0], row[1] // (WINDOW_SECONDS * MICROSECONDS)): row[1] // MICROSECONDS for row in rows}


def _touch(touched: Touched, device_id: int, second: int) -> None:
    key = (device_id, second // WINDOW_SECONDS)
    touched[key] = max(second, touched.get(key, second))


def _copy(cursor: psycopg.Cursor, table: str, rows: Iterable[Reading], received_at: int) -> None:
    received = (received_at,)
    with cursor.copy(f"COPY {table} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row + received)


def _merge(cursor: psycopg.Cursor, rows: list[Reading], received_at: int) -> tuple[list[tuple[int, int]], list[Key]]:
    """([(device, second)] of what changed, the keys that contradict what is stored)."""
    _copy(cursor, "incoming_fume", rows, received_at)
    changed = cursor.execute(_MERGE).fetchall()
    return changed, cursor.execute(_CONTRADICTIONS).fetchall()


_KEEP: Final = """
    INSERT INTO odd_frame (device_id, at, why, frame)
    SELECT n.* FROM (VALUES (%s::integer, %s::timestamptz, %s, %s::bytea)) AS n (device_id, at, why, frame)
    WHERE NOT EXISTS (
        SELECT FROM odd_frame o
        WHERE o.at = n.at AND o.device_id IS NOT DISTINCT FROM n.device_id AND o.why = n.why AND o.frame = n.frame
    )
"""


def _keep(cursor: psycopg.Cursor, odd: list[OddFrame]) -> None:
    """Each once, though its batch came again because nobody could tell that it was committed."""
    cursor.executemany(
        _KEEP,
        [(one.device_id, moment(one.at), one.why.replace("\0", "\ufffd"), one.frame) for one in odd],
    )


def _announce(cursor: psycopg.Cursor, batch: Batch, touched: Touched) -> None:
    first = _UNIX_EPOCH // WINDOW_SECONDS
    arrays = (
        [device for device, _ in touched],
        [first + window for _, window in touched],
        [_UNIX_EPOCH + second for second in touched.values()],
    )
    cursor.execute(
        "INSERT INTO ingest_batch (at, way, device_ids, windows, latest) VALUES (%s, %s, %s::int[], %s::int[], %s::int[])",
        [moment(batch.at), batch.way, *("{" + ",".join(map(str, array)) + "}" for array in arrays)],
    )
