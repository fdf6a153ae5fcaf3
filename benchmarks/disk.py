"""The disk a reading costs: raw row, ten-minute window, hour and day, each with its indexes, and the log it leaves behind.

Some hundred devices send a minute each, some days long, in the order in which that arrives (a minute of all devices, then the
next), the watch following every five minutes. Sizes are what PostgreSQL says afterwards, divided by the rows there are. Beside
them the columns alone, as packed as a row can be without a database.

    python benchmarks/disk.py --quick
"""

from __future__ import annotations

import struct
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.ingest import inside, main, make_world  # noqa: E402 (found by the line above)

DEVICES = 500
MANY = 20_000
MANY_MINUTES = {True: 3, False: 10}
DAYS = {True: 1, False: 7}
FOLLOWED_EVERY = 5  # minutes
MINUTES_A_DAY = 1_440
ROWS_A_DEVICE_YEAR = {"reading": 365 * 1_440, "window": 365 * 144, "hour": 365 * 24, "day": 365}
PACKED = len(struct.pack("<iqhhq3f??", 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, True, True))
"""Device, time, command, channel, time received, and the five values of these readings."""


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench disk`."""
    found = inside(__file__, quick)
    print(f"{'':<10}{'rows':>12}{'row bytes':>12}{'index bytes':>14}{'together':>12}{'a device-year':>16}")
    for kind in ROWS_A_DEVICE_YEAR:
        one = found[kind]
        print(
            f"{kind:<10}{one['rows']:>12,}{one['heap']:>12.1f}{one['index']:>14.1f}{one['bytes']:>12.1f}"
            f"{one['mb_a_device_year']:>13.2f} MB"
        )
    print(
        f"log written (WAL): {found['wal_bytes_a_reading']:.0f} bytes a reading; announced batches: "
        f"{found['batch_bytes_a_reading']:.1f}; the columns alone: {PACKED}"
    )
    print(
        f"{MANY:,} devices, a minute at a time: stored {found['many_rows_per_s']:,.0f} rows/s, followed "
        f"{found['follow_windows_per_s']:,.0f} windows/s, noted when heard {found['heard_devices_per_s']:,.0f} devices/s; "
        f"all devices read by a gateway {found['registry_devices_per_s']:,.0f}/s, {found['registry_bytes_a_device']:.0f} bytes each"
    )
    return found


# ---- inside: Django is set up, the server runs ----


def measure(postmaster: int, quick: bool) -> dict[str, Any]:
    """Fill, then weigh."""
    from django.db import connection

    make_world(DEVICES + MANY)
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS[quick] + 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions(%s, now())", [first])
        cursor.execute("SELECT pg_current_wal_lsn()")
        began = cursor.fetchone()[0]
    count = fill(first, DAYS[quick] * MINUTES_A_DAY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - %s::pg_lsn", [began])
        log = float(cursor.fetchone()[0])
    found = {kind: weigh(f"{kind}_fume", kind) for kind in ROWS_A_DEVICE_YEAR}
    batches = weigh("ingest_batch", "batch")
    pace = paces(MANY_MINUTES[quick])
    return {
        "bytes_a_reading": round(found["reading"]["bytes"], 1),
        "bytes_a_window": round(found["window"]["bytes"], 1),
        "wal_bytes_a_reading": log / count,
        "batch_bytes_a_reading": batches["bytes"] * batches["rows"] / count,
        "packed_ratio": round(found["reading"]["bytes"] / PACKED, 2),
        **pace,
        **found,
    }


def fill(first: datetime, minutes: int) -> int:
    """Readings minute by minute, the watch close behind. Returns: how many."""
    from lingxiu.policy.queries import in_force
    from lingxiu.sensing.models import Device
    from lingxiu.sensing.profiles import MINUTE, Reading, microseconds
    from lingxiu.sensing.statistics import WAITS, aggregate, follow
    from lingxiu.sensing.store import Batch, Store, conninfo

    ids = sorted(Device.objects.values_list("pk", flat=True))[:DEVICES]
    catalogues = in_force().catalogues
    with closing(Store(conninfo())) as store:
        for minute in range(minutes):
            at = microseconds(first) + minute * MINUTE
            batch = Batch(at)
            for number, device_id in enumerate(ids):
                fume = (number * 31 + minute * 7) % 160 / 100
                batch.add(Reading(device_id, at, 2011, 0, fume, 0.12, 1.4, fan_on=True, purifier_on=True), b"")
            store.write(batch)
            if minute % FOLLOWED_EVERY == 0:
                follow(catalogues, first + timedelta(minutes=minute))
    last = first + timedelta(minutes=minutes)
    while follow(catalogues, last).more:
        pass
    while aggregate(last + max(WAITS.values())):
        pass
    return minutes * len(ids)


def paces(minutes: int) -> dict[str, float]:
    """Many devices that each say one thing a minute: how fast that is stored, followed, and noted."""
    from django.db import connection

    from lingxiu.policy.queries import in_force
    from lingxiu.sensing.models import Device
    from lingxiu.sensing.profiles import MINUTE, Reading, microseconds
    from lingxiu.sensing.registry import Registry
    from lingxiu.sensing.statistics import follow
    from lingxiu.sensing.store import Batch, Store, conninfo
    from lingxiu.sensing.watch import _DEVICE_TIMES

    ids = sorted(Device.objects.values_list("pk", flat=True))[DEVICES:]
    catalogues = in_force().catalogues
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    first = now - timedelta(minutes=minutes + 5)
    spent = {"store": 0.0, "follow": 0.0, "heard": 0.0}

    def timed(what: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        spent[what] += time.perf_counter() - began

    def follow_all(at: datetime) -> None:
        while follow(catalogues, at).more:
            pass

    def note() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_DEVICE_TIMES)

    with closing(Store(conninfo())) as store:
        for minute in range(minutes):
            at = microseconds(first) + minute * MINUTE
            for start in range(0, MANY, 1_000):
                batch = Batch(at)
                for device_id in ids[start : start + 1_000]:
                    batch.add(Reading(device_id, at, 2011, 0, 0.5, 0.12, 1.4, fan_on=True, purifier_on=True), b"")
                timed("store", lambda batch=batch: store.write(batch))
            timed("follow", lambda minute=minute: follow_all(first + timedelta(minutes=minute)))
            timed("heard", note)
    tracemalloc.start()
    registry = Registry(conninfo())
    registry.load()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.perf_counter()
    registry.load()
    reading = time.perf_counter() - began
    said = MANY * minutes
    return {
        "many_rows_per_s": said / spent["store"],
        "follow_windows_per_s": said / spent["follow"],
        "heard_devices_per_s": said / spent["heard"],
        "registry_devices_per_s": len(registry) / reading,
        "registry_bytes_a_device": held / len(registry),
    }


def weigh(table: str, kind: str) -> dict[str, float]:
    """Bytes a row, of a table or all its partitions; empty ones weigh nothing that counts."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        rows = int(cursor.fetchone()[0])
        cursor.execute(
            "SELECT sum(pg_table_size(t.relid)), sum(pg_indexes_size(t.relid)) FROM pg_partition_tree(%s) t"
            " UNION ALL SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)",
            [table, table, table],
        )
        heap, index = (float(one) for one in next(row for row in cursor.fetchall() if row[0]))
    together = (heap + index) / rows
    return {
        "rows": rows,
        "heap": heap / rows,
        "index": index / rows,
        "bytes": together,
        "mb_a_device_year": together * ROWS_A_DEVICE_YEAR.get(kind, 0) / 1e6,
    }


if __name__ == "__main__":
    main(__doc__, run, measure)
