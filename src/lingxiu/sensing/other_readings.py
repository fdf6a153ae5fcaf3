"""Readings of grease traps, gas alarms, meters and cameras in PostgreSQL: each key once, whatever comes twice, late or in parts.

As for fume monitors: a row that comes again fills nulls and never overwrites; what contradicts a stored row is kept in odd_frame.
The same transaction notes from when on a device's alarms are to be judged again (`point_device`), and which of its windows are to
be recomputed (`dirty_point`). Knows no JSON and no mapping.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Literal, TypeAlias

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from lingxiu.sensing.models import Way
from lingxiu.sensing.store import ODD_AN_HOUR

Value: TypeAlias = float | bool | str | datetime
What = Literal["accepted", "same", "contradicts"]
Key: TypeAlias = tuple[int, datetime, int, str]
LONGEST_ODD: Final = 2048
"""Bytes kept of what was odd."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of readings. `event`: the column that is part of its key, where it has one."""

    name: str
    columns: tuple[str, ...]
    event: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return ("device_id", "at", "channel", *([self.event] if self.event else []))


GREASE: Final = Table("reading_grease", ("level_pct", "oil_mm", "temperature_c", "emptied_at"))
GAS: Final = Table("reading_gas", ("lel_pct", "state"))
POWER: Final = Table("reading_power", ("power_w", "energy_kwh", "fan_a", "purifier_a"))
CAMERA: Final = Table("camera_state", ("state", "hls_url"))
SEEN: Final = Table("camera_event", ("confidence", "picture_url"), "kind")
TABLES: Final[dict[str, Table]] = {"grease_trap": GREASE, "gas_alarm": GAS, "power_meter": POWER, "camera": CAMERA}


@dataclass(frozen=True, slots=True)
class Point:
    """A reading of one device. `event`: of a camera, what it saw. `raw`: as it came, kept if it contradicts."""

    kind: str
    device_id: int
    at: datetime
    channel: int
    values: Mapping[str, Value]
    marks: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    event: str = ""
    raw: bytes = b""

    @property
    def table(self) -> Table:
        return SEEN if self.event else TABLES[self.kind]

    @property
    def key(self) -> Key:
        return self.device_id, self.at, self.channel, self.event


@dataclass(frozen=True, slots=True)
class Odd:
    """Bytes to be kept, and why. `device_id` None: of nobody known."""

    device_id: int | None
    why: str
    frame: bytes


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def store(points: Sequence[Point], at: datetime, odd: Sequence[Odd] = (), way: Way = Way.HTTP) -> list[What]:
    """Store these readings, which came this way, in one transaction; `at` is their `received_at`.

    Returns: what became of each, in their order.

    Raises django.db.Error: nothing was stored; the same again may be tried.
    """
    merged, said = _merged(points)
    changed: set[Key] = set()
    refused: set[int] = {number for number, what in enumerate(said) if what == "contradicts"}
    with transaction.atomic(), connection.cursor() as cursor:
        for table in dict.fromkeys(point.table for point in points):
            _make_partitions(cursor, table, points)
            refused |= _contradicting(cursor, table, points, at)
            changed |= _merge(cursor, table, merged.values(), at)
        _keep(
            cursor,
            [*odd, *(Odd(points[one].device_id, "contradiction", points[one].raw) for one in sorted(refused))],
            at,
        )
        _note(cursor, merged.values(), changed, at, way)
    known: list[What] = ["accepted" if point.key in changed else "same" for point in points]
    return [
        "contradicts" if number in refused else "same" if "same" in (said[number], known[number]) else "accepted"
        for number in range(len(points))
    ]


def _merged(points: Sequence[Point]) -> tuple[dict[Key, Point], list[What]]:
    """One point a key, and how each went into it: parts fill each other, nothing is overwritten."""
    merged: dict[Key, Point] = {}
    said: list[What] = []
    for point in points:
        first = merged.setdefault(point.key, point)
        if first is point:
            said.append("accepted")
            continue
        both = replace(
            first,
            values={**point.values, **first.values},
            marks={**point.marks, **first.marks},
            extra={**point.extra, **first.extra},
        )
        merged[point.key] = both
        if not all(_agree(one, other) for one, other in zip(_told(first), _told(point), strict=True)):
            said.append("contradicts")
        else:
            said.append("same" if _told(both) == _told(first) else "accepted")
    return merged, said


def _told(point: Point) -> tuple[Mapping[str, Value], Mapping[str, str], Mapping[str, str]]:
    return point.values, point.marks, point.extra


def _agree(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(one.get(name, value) == value for name, value in other.items())


def _make_partitions(cursor: CursorWrapper, table: Table, points: Sequence[Point]) -> None:
    for week in sorted({_monday(point.at) for point in points if point.table is table}):
        cursor.execute("SELECT sensing_make_partition_of(%s, %s)", [table.name, week])


def _contradicting(cursor: CursorWrapper, table: Table, points: Sequence[Point], at: datetime) -> set[int]:
    """The places of those that say something else than what is stored, and stays."""
    mine = [(number, point) for number, point in enumerate(points) if point.table is table]
    cursor.execute(_statements(table)[0], [_sent([point for _, point in mine], at)])
    return {mine[place - 1][0] for (place,) in cursor.fetchall()}


def _merge(cursor: CursorWrapper, table: Table, points: Iterable[Point], at: datetime) -> set[Key]:
    """Put these rows in. Returns: those that are new or fuller now."""
    mine = sorted((point for point in points if point.table is table), key=lambda one: one.key)
    cursor.execute(_statements(table)[1], [_sent(mine, at)])
    return {_key(row) for row in cursor.fetchall()}


def _sent(points: Sequence[Point], at: datetime) -> str:
    return json.dumps([_row(point, at) for point in points], ensure_ascii=False)


def _key(row: tuple[int, datetime, int, str]) -> Key:
    return row[0], row[1].astimezone(UTC), row[2], row[3]


def _row(point: Point, at: datetime) -> dict[str, object]:
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in point.values.items()}
    kind = {point.table.event: point.event} if point.table.event else {}
    return {
        "device_id": point.device_id,
        "at": point.at.isoformat(),
        "channel": point.channel,
        "received_at": at.isoformat(),
        "marks": dict(point.marks) or None,
        "extra": dict(point.extra) or None,
        **kind,
        **values,
    }


@cache
def _statements(table: Table) -> tuple[str, str]:
    """(the places of those that contradict what is stored, the keys put in or filled); names are our own, never a sender's."""
    key, columns = table.key, table.columns
    event = f"t.{table.event}" if table.event else "''"
    incoming = f"jsonb_populate_recordset(NULL::{table.name}, %s::jsonb)"
    same_key = " AND ".join(f"t.{name} = i.{name}" for name in key)
    differs = " OR ".join(
        [*(f"t.{name} <> i.{name}" for name in columns), "NOT t.marks @> i.marks", "NOT t.extra @> i.extra"]
    )
    contradicting = (
        f"SELECT i.ordinality FROM {incoming} WITH ORDINALITY i"  # noqa: S608 (our own names)
        f" JOIN {table.name} t ON {same_key} WHERE {differs}"
    )
    listed = ", ".join([*key, "received_at", *columns, "marks", "extra"])
    filled = ", ".join(f"{name} = coalesce(t.{name}, excluded.{name})" for name in columns)
    texts = ", ".join(
        f"{name} = coalesce(excluded.{name} || t.{name}, t.{name}, excluded.{name})" for name in ("marks", "extra")
    )
    empty = " OR ".join(f"(t.{name} IS NULL AND excluded.{name} IS NOT NULL)" for name in columns)
    merge = (
        f"INSERT INTO {table.name} AS t ({listed})"  # noqa: S608 (our own names)
        f" SELECT {listed} FROM {incoming} i ORDER BY {', '.join(key)}"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {filled}, {texts} WHERE {empty}"
        f" RETURNING t.device_id, t.at, t.channel, {event}"
    )
    return contradicting, merge


def _monday(at: datetime) -> datetime:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


# ── beside the readings ──────────────────────────────────────────────────────────────────────────────────────────

_ODD_LATELY: Final = "SELECT count(*) FROM odd_frame WHERE device_id IS NOT DISTINCT FROM %s AND at > %s"
_HEARD: Final = """
    INSERT INTO point_device AS p (device_id, heard_at, latest_at, dirty_from, due_at, way)
    SELECT n.*, %s FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[]) n ORDER BY 1
    ON CONFLICT (device_id) DO UPDATE SET
        heard_at = greatest(p.heard_at, excluded.heard_at), latest_at = greatest(p.latest_at, excluded.latest_at),
        dirty_from = least(p.dirty_from, excluded.dirty_from), due_at = least(p.due_at, excluded.due_at), way = excluded.way
"""
# The update changes nothing: it holds the row until this transaction ends, so that nobody claims it without what is new.
HOLD: Final = "ON CONFLICT (device_id, step, at) DO UPDATE SET marked_at = dirty_point.marked_at"
_WINDOWS: Final = f"""
    INSERT INTO dirty_point (device_id, step, at, marked_at)
    SELECT DISTINCT device_id, 'window', date_bin('10 minutes', at, '2000-01-01T00:00Z'), %s::timestamptz
    FROM unnest(%s::int[], %s::timestamptz[]) AS n (device_id, at) ORDER BY 1, 3 {HOLD}
"""  # noqa: S608 (our own words)
_DEVICE_TIMES: Final = """
    UPDATE sensing_device d SET last_frame_at = p.heard_at, last_reading_at = p.latest_at FROM point_device p
    WHERE d.id = p.device_id AND d.id = ANY (%s)
      AND (d.last_frame_at, d.last_reading_at) IS DISTINCT FROM (p.heard_at, p.latest_at)
"""


def keep_odd(odd: Sequence[Odd], at: datetime) -> None:
    """Keep what could not be read, bounded for each device."""
    with transaction.atomic(), connection.cursor() as cursor:
        _keep(cursor, odd, at)


def _keep(cursor: CursorWrapper, odd: Sequence[Odd], at: datetime) -> None:
    by_device: defaultdict[int | None, list[Odd]] = defaultdict(list)
    for one in odd:
        by_device[one.device_id].append(one)
    for device_id, found in by_device.items():
        cursor.execute(_ODD_LATELY, [device_id, at - timedelta(hours=1)])
        (lately,) = cursor.fetchone()
        cursor.executemany(
            "INSERT INTO odd_frame (device_id, at, why, frame) VALUES (%s, %s, %s, %s)",
            [
                (device_id, at, one.why.replace("\0", "\ufffd")[:200], one.frame[:LONGEST_ODD])
                for one in found[: max(0, ODD_AN_HOUR - lately)]
            ],
        )


def _note(cursor: CursorWrapper, points: Iterable[Point], changed: set[Key], at: datetime, way: Way) -> None:
    """These devices were heard; from the first reading that is new on, their alarms are to be judged again."""
    latest: dict[int, datetime] = {}
    dirty: dict[int, datetime] = {}
    for point in points:
        latest[point.device_id] = max(point.at, latest.get(point.device_id, point.at))
        if point.key in changed:
            dirty[point.device_id] = min(point.at, dirty.get(point.device_id, point.at))
    ids = sorted(latest)
    if not ids:
        return
    since = [_text(dirty.get(one)) for one in ids]
    due = [_text(at if one in dirty else None) for one in ids]
    cursor.execute(_HEARD, [way.value, ids, [_text(at)] * len(ids), [_text(latest[one]) for one in ids], since, due])
    cursor.execute(_DEVICE_TIMES, [ids])
    mark(cursor, [(device_id, moment) for device_id, moment, _, _ in changed], at)


def mark(cursor: CursorWrapper, changed: Sequence[tuple[int, datetime]], at: datetime) -> None:
    """Readings of these devices and times are new or fuller: their windows are to be recomputed."""
    if changed:
        moments = [moment.isoformat() for _, moment in changed]
        cursor.execute(_WINDOWS, [at.isoformat(), [pk for pk, _ in changed], moments])


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
