"""Windows, hours and days, recomputed from what they are made of wherever something was touched.

They are right whatever came late, twice or in pieces, because nothing is ever added to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from lingxiu.policy.alarm_rules import Silence
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.sensing.models import WatchCursor

WINDOW: Final = timedelta(minutes=10)
BATCHES_AT_ONCE: Final = 500
WINDOWS_AT_ONCE: Final = 200_000
SUMS_AT_ONCE: Final = 1_000
Step = Literal["hour", "day"]
WAITS: Final[dict[Step, timedelta]] = {"hour": timedelta(seconds=30), "day": timedelta(minutes=2)}
"""How long an hour or a day is left to change before it is summed up: each is summed up once in that time, not at every change."""
Parameters: TypeAlias = dict[str, str | int | datetime | list[int]]

_SQL: Final = Path(__file__).resolve().parent / "sql"
_WINDOWS: Final = (_SQL / "recompute_windows.sql").read_text(encoding="utf-8")
_FOLLOW: Final = (_SQL / "follow_batches.sql").read_text(encoding="utf-8").replace("{recompute_windows}", _WINDOWS)
_WINDOWS_OF_DEVICES: Final = (
    (_SQL / "recompute_devices.sql").read_text(encoding="utf-8").replace("{recompute_windows}", _WINDOWS)
)
_HOURS: Final = (_SQL / "recompute_hours.sql").read_text(encoding="utf-8")

_NEXT_BATCHES: Final = """
    SELECT xid::text, id, at,
           (SELECT min(win) FROM unnest(windows) win), (SELECT max(win) FROM unnest(windows) win), cardinality(windows)
    FROM ingest_batch
    WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY ingest_batch.xid, id LIMIT %s
"""
_GAPS: Final = """
    SELECT w.device_id, w.heard_at, heard.at FROM watch_device w JOIN (
        SELECT device_id, min(at) AS at FROM ingest_batch, unnest(device_ids) AS device_id
        WHERE (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s) AND (xid, id) <= (%(last_xid)s::text::xid8, %(last_id)s)
        GROUP BY device_id
    ) heard USING (device_id)
    WHERE heard.at > w.heard_at + make_interval(secs => %(allowed)s)
"""
_TOUCHED_LONG_AGO: Final = """
    WITH touched AS (
        DELETE FROM dirty_sum d USING (
            SELECT device_id, step, at FROM dirty_sum WHERE step = %(step)s AND marked_at <= %(before)s
            ORDER BY marked_at LIMIT %(limit)s
        ) oldest
        WHERE (d.device_id, d.step, d.at) = (oldest.device_id, oldest.step, oldest.at)
        RETURNING d.device_id, d.at
    )
"""
_DAYS_TO_JUDGE: Final = """
    UPDATE watch_device w SET days_from = d.at FROM (
        SELECT device_id, min(at) AS at FROM unnest(%s::int[], %s::timestamptz[]) AS d (device_id, at) GROUP BY device_id
    ) d WHERE w.device_id = d.device_id AND (w.days_from IS NULL OR w.days_from > d.at)
"""
_TOUCHED_BY_DEVICE: Final = """
    WITH touched AS (
        SELECT DISTINCT device_id, date_trunc(%(step)s, at, %(zone)s) AS at FROM window_fume
        WHERE device_id = ANY (%(devices)s) AND at >= %(since)s
    )
"""


class Gap(NamedTuple):
    """A device was not heard between two moments."""

    device_id: int
    since: datetime
    until: datetime


class Followed(NamedTuple):
    """A step of the watch: how many batches, the silences they ended, whether more of them wait."""

    batches: int = 0
    gaps: tuple[Gap, ...] = ()
    more: bool = False


def follow(catalogues: Catalogues, at: datetime) -> Followed:
    """Recompute what the next batches touched, in one transaction with the cursor's step; nothing if another watch is at it."""
    allowed = shortest_silence(catalogues)
    with transaction.atomic(), connection.cursor() as cursor:
        place = _place("windows")
        if place is None:
            return Followed()
        cursor.execute(_NEXT_BATCHES, [str(place.xid), place.batch_id, BATCHES_AT_ONCE])
        found = cursor.fetchall()
        if not found:
            return Followed()
        batches = list(_together(found, allowed))
        span = _span(place, batches[-1])
        cursor.execute(_GAPS, span | {"allowed": allowed.seconds})
        gaps = tuple(Gap(*row) for row in cursor.fetchall())
        touched = [row for row in batches if row[3] is not None]
        cursor.execute(
            _FOLLOW,
            span
            | {
                "at": at,
                "settle": catalogues.alarms.settle_seconds,
                "kinds": kinds(catalogues),
                "zone": settings.TIME_ZONE,
                "first": _beginning(min(row[3] for row in touched)),
                "last": _beginning(max(row[4] for row in touched) + 1),
            },
        )
        _move(place, batches[-1])
    return Followed(len(batches), gaps, len(batches) < len(found) or len(found) == BATCHES_AT_ONCE)


def _together(found: list[tuple[Any, ...]], allowed: timedelta) -> Iterator[tuple[Any, ...]]:
    """The first of these batches that fit into one step: not too many windows, and so near in time that no device can be
    silent between them; then only the time before them has to be looked at for silences."""
    windows = 0
    for batch in found:
        windows += batch[5]
        if batch is not found[0] and (windows > WINDOWS_AT_ONCE or abs(batch[2] - found[0][2]) >= allowed):
            return
        yield batch


def aggregate(at: datetime) -> int:
    """Sum up hours and days that have been dirty for a while, the oldest first, a bounded part of them.

    Returns: how many that were. It holds the place of `follow`, so that no window changes meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if _place("windows") is None:
            return 0
        done = 0
        for step, wait in WAITS.items():
            _recompute(cursor, _TOUCHED_LONG_AGO, step, {"before": at - wait, "limit": SUMS_AT_ONCE})
            changed = cursor.fetchall()
            done += len(changed)
            if step == "day" and changed:
                cursor.execute(_DAYS_TO_JUDGE, [[row[0] for row in changed], [row[1].isoformat() for row in changed]])
    return done


def recompute(catalogues: Catalogues, device_ids: list[int], since: datetime, until: datetime) -> None:
    """All statistics of these devices between two moments, from their readings; windows whose readings are gone stay."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _WINDOWS_OF_DEVICES,
            {"devices": device_ids, "first": since, "last": until, "kinds": kinds(catalogues)},
        )
        for step in WAITS:
            _recompute(cursor, _TOUCHED_BY_DEVICE, step, {"devices": device_ids, "since": since})


def kinds(catalogues: Catalogues) -> str:
    """By profile: which commands feed the statistics, and how many minutes one reading stands for. JSON."""
    return json.dumps(
        [
            {
                "profile": profile.id,
                "stands_for": max(1, profile.sends_every_seconds // 60),
                "commands": [int(cn) for cn in profile.statistics_cn],
            }
            for profile in catalogues.devices
        ]
        + [
            {"profile": row.id, "stands_for": max(1, row.sends_every_seconds // 60), "commands": [2011, 2051]}
            for row in catalogues.json_mappings
            if row.device_kind == "fume_monitor"
        ]
    )


def shortest_silence(catalogues: Catalogues) -> timedelta:
    """The shortest silence any rule asks about."""
    minutes = [rule.minutes for rule in catalogues.alarms.rules if isinstance(rule, Silence)]
    return timedelta(minutes=min(minutes, default=30))


def _recompute(cursor: CursorWrapper, touched: str, step: Step, parameters: Parameters) -> None:
    cursor.execute(touched + _HOURS.replace("{step}", step), parameters | {"step": step, "zone": settings.TIME_ZONE})


def _place(name: str) -> WatchCursor | None:
    """Where a cursor stands, locked; None if somebody else is at it."""
    WatchCursor.objects.get_or_create(name=name)
    return WatchCursor.objects.select_for_update(skip_locked=True).filter(name=name).first()


def _move(place: WatchCursor, batch: tuple[Any, ...]) -> None:
    place.xid, place.batch_id = int(batch[0]), batch[1]
    place.save(update_fields=["xid", "batch_id"])


def _span(place: WatchCursor, last: tuple[Any, ...]) -> Parameters:
    return {"after_xid": str(place.xid), "after_id": place.batch_id, "last_xid": last[0], "last_id": last[1]}


def _beginning(window: int) -> datetime:
    return datetime.fromtimestamp(window * 600, tz=UTC)
