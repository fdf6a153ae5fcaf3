"""Up to when the readings behind the stream are stored, by partition: the watch calls nobody silent whose words still wait there.

Kept as rows of `sensing_process` (kind "stream"), each with a run of its partition's own. Never moves back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import psycopg
from django.db.models import Min

from lingxiu.sensing.models import Process
from lingxiu.sensing.packing import PARTITIONS

KIND: Final = "stream"
STANDSTILL: Final = timedelta(seconds=60)
_NAMES: Final = UUID("5c1f4b1e-7f52-4b7e-9c39-3f0f6a1d2c77")
_RUNS: Final = [uuid5(_NAMES, str(partition)) for partition in range(PARTITIONS)]

_NOTE: Final = """
    INSERT INTO sensing_process (run, kind, host, pid, started_at, seen_at, connections, queued, frames, readings, values,
                                 batches, refused, odd, unknown)
    SELECT run, %(kind)s, %(host)s, %(pid)s, at, at, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM unnest(%(runs)s::uuid[], %(times)s::timestamptz[]) AS n (run, at)
    ON CONFLICT (run) DO UPDATE SET host = excluded.host, pid = excluded.pid,
        seen_at = greatest(sensing_process.seen_at, excluded.seen_at)
"""
# Nothing waits, and nothing was stored for long: nobody could have been heard through a stream that was away.
_DEAF: Final = """
    INSERT INTO sensing_deafness (way, since, until)
    SELECT 'hj212', min(seen_at), %(now)s FROM sensing_process WHERE run = ANY (%(runs)s)
    HAVING min(seen_at) < %(now)s - %(standstill)s
"""


def note(
    database: psycopg.Connection, stored: Mapping[int, datetime], empty: set[int], now: datetime, host: str, pid: int
) -> None:
    """`stored`: the time of the last batch stored, by partition; `empty`: partitions in which nothing waited at `now`."""
    times = {**stored, **dict.fromkeys(empty, now)}
    if not times:
        return
    partitions = sorted(times)
    with database.transaction(), database.cursor() as cursor:
        cursor.execute(_DEAF, {"runs": [_RUNS[one] for one in sorted(empty)], "now": now, "standstill": STANDSTILL})
        cursor.execute(
            _NOTE,
            {
                "kind": KIND,
                "host": host,
                "pid": pid,
                "runs": [_RUNS[one] for one in partitions],
                "times": [times[one] for one in partitions],
            },
        )


def reached() -> datetime | None:
    """Up to when all readings are stored; None while a partition has never been looked at."""
    known = Process.objects.filter(run__in=_RUNS)
    if known.count() < PARTITIONS:
        return None
    found: datetime | None = known.aggregate(first=Min("seen_at"))["first"]
    return found


def keeps_up(at: datetime) -> bool:
    """Whether silence at `at` would be the devices' own."""
    until = reached()
    return until is not None and until >= at - STANDSTILL
