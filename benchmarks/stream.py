"""What the way over a stream costs: the same devices and gateway, once storing by itself, once by JetStream and a writer.

Everything runs on this machine at once: PostgreSQL (fsync on), one gateway, one watch, the devices, and for the stream one
writer and the NATS servers: one, and three with three copies of every message. On machines of their own they would not
share the cores; what is told is therefore the share that is left of the gateway's own storing, in the same run, and the CPU
each part takes.

    python benchmarks/stream.py --quick
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.ingest import inside, main, make_world, whole_path  # noqa: E402 (found by the line above)

CONNECTIONS, WINDOW = 200, 40
SECONDS = {True: 5, False: 60}
ROWS = {True: 100_000, False: 400_000}
BATCH = 1_000
WRITING = ("gateway", "writer", "watch")


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench stream`."""
    found = inside(__file__, quick)
    heads = ("frames/s", "share", "ack p50 ms", "p99 ms", "stored later s", "cores", "others'")
    print(f"{'way':<24}" + " ".join(f"{head:>14}" for head in heads) + "  CPU µs a frame")
    for one in found["ways"]:
        figures = (
            f"{one['frames_per_s']:,.0f}",
            f"{one['share']:.2f}",
            f"{one['ack_p50_ms_half_load']:.0f}",
            f"{one['ack_p99_ms_half_load']:.0f}",
            f"{one['stored_later_s']:.1f}",
            f"{one['cores']:.2f}",
            f"{one['cores_of_others']:.2f}",
        )
        cpu = "  ".join(f"{name} {micros:.1f}" for name, micros in one["cpu_us"].items())
        print(f"{one['way']:<24}" + " ".join(f"{figure:>14}" for figure in figures) + f"  {cpu}")
    print(
        f"packing {BATCH:,} readings: {found['pack_us']:.2f} µs each, unpacking {found['unpack_us']:.2f}; "
        f"{found['bytes_a_reading']:.0f} bytes each with its frame; one writer from a full stream: "
        f"{found['writer_rows_per_s']:,.0f} rows/s, the store by itself {found['store_rows_per_s']:,.0f}"
    )
    return found


# ---- inside: Django is set up, the servers run ----


def measure(postmaster: int, quick: bool) -> dict[str, Any]:
    """The gateway storing by itself, then one server, then three."""
    make_world(CONNECTIONS + 1)
    load = (CONNECTIONS, WINDOW, SECONDS[quick])
    ways = [whole_path(postmaster, *load, 0) | {"way": "gateway stores"}]
    for number, servers in enumerate((1, 3), start=1):
        ways.append(by_stream(postmaster, load, servers, number))
    for way in ways:
        way["share"] = way["frames_per_s"] / ways[0]["frames_per_s"]
    alone = writer_alone(ROWS[quick])
    return {
        "frames_per_s": round(ways[2]["frames_per_s"]),
        "stream_ratio": round(ways[2]["share"], 3),
        "one_server_ratio": round(ways[1]["share"], 3),
        "ack_p99_ms_half_load": round(ways[2]["ack_p99_ms_half_load"], 1),
        "writer_ratio": round(alone["writer_rows_per_s"] / alone["store_rows_per_s"], 3),
        **alone,
        "ways": ways,
    }


def by_stream(postmaster: int, load: tuple[int, int, int], servers: int, number: int) -> dict[str, Any]:
    from tests.sensing.nats_cluster import nodes

    with nodes(servers) as running:
        running.make_stream()
        found = whole_path(
            postmaster,
            *load,
            number,
            names=WRITING,
            beside={"nats": running.pids},
            settings={"NATS_URL": running.url},
            stored=lambda: running.waiting() == 0,
        )
    return found | {"way": f"{servers} server{'s' * (servers > 1)}, {servers} cop{'ies' if servers > 1 else 'y'}"}


def writer_alone(count: int) -> dict[str, float]:
    """Packing; then a stream with so many rows, emptied by one writer; beside it the store with the same batches."""
    from django.db import connection
    from tests.sensing.nats_cluster import nodes

    from lingxiu.sensing.packing import messages, unpack
    from lingxiu.sensing.store import Store, conninfo

    batches = made(count)
    packing, packed = timed(lambda: [messages(batch) for batch in batches])
    data = [one for parts in packed for few in parts.values() for one in few]
    unpacking, _ = timed(lambda: [unpack(one) for one in data])

    def store() -> None:
        with closing(Store(conninfo())) as writer:
            for batch in batches:
                writer.write(batch)

    def forget() -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE reading_fume, ingest_batch")

    forget()
    storing, _ = timed(store)
    forget()
    with nodes(3) as running:
        running.make_stream()
        asyncio.run(hand_over(running.url, batches))
        writing = asyncio.run(write_all(running.url, conninfo()))
    forget()
    return {
        "pack_us": 1e6 * packing / count,
        "unpack_us": 1e6 * unpacking / count,
        "bytes_a_reading": sum(map(len, data)) / count,
        "store_rows_per_s": count / storing,
        "writer_rows_per_s": count / writing,
    }


def made(count: int) -> list[Any]:
    """Batches of a thousand readings of five hundred devices, with frames of 288 bytes."""
    from datetime import UTC, datetime, timedelta

    from benchmarks._ingest_load import frames_of

    from lingxiu.sensing.profiles import MINUTE, Reading, microseconds
    from lingxiu.sensing.store import Batch

    first = microseconds(datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=30))
    frame, _ = frames_of(1, "BENCH0000000001", datetime(2026, 1, 1), 1)  # noqa: DTZ001 (as a device writes it)
    batches = []
    for start in range(0, count, BATCH):
        batch = Batch(first)
        for n in range(start, start + BATCH):
            at = first + n // 500 * MINUTE
            batch.add(
                Reading(1 + n % 500, at, 2011, 0, n % 90 / 50, 0.12, 1.4, fan_on=True, purifier_on=True), bytes(frame)
            )
        batches.append(batch)
    return batches


async def hand_over(url: str, batches: list[Any]) -> None:
    from lingxiu.sensing.stream import StreamSink

    sink = StreamSink(url)
    for batch in batches:
        await sink.write(batch)
    await sink.close()


async def write_all(url: str, database: str) -> float:
    """One writer, until nothing waits. Returns: seconds, those in which it connects included."""
    from lingxiu.sensing.stream import look
    from lingxiu.sensing.writer import Writer

    began = time.perf_counter()
    writer = Writer(url, database)
    running = asyncio.create_task(writer.run())
    while (await look(url)).waiting:
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    writer.stop()
    await running
    return seconds


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


if __name__ == "__main__":
    main(__doc__, run, measure)
