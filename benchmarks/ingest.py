"""How much the sensing room takes: frames over TCP, read by their profiles, stored, acknowledged after commit, watched.

Everything runs on this machine at once: PostgreSQL (fsync on), one gateway, one watch with its alarms, and the devices. Beside
it, in the same run, binary COPY of the same rows: the store step alone and the whole path are given as shares of that.

    python benchmarks/ingest.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

REPOSITORY = Path(__file__).resolve().parents[1]
LOAD = Path(__file__).with_name("_ingest_load.py")
RUNS = ((200, 80), (2_000, 1), (2_000, 8))
"""(connections, frames each has unanswered). One at a time is what a device does; several are one that sends again what it kept."""
SECONDS = {True: 6, False: 60}
FASTEST = 60_000  # frames a second the devices have made beforehand
BATCH = 1_000
ROWS = {True: 100_000, False: 400_000}
VALUES = 5
COUNTY = ZoneInfo("Asia/Shanghai")
Run = Callable[[bool], dict[str, Any]]
Measure = Callable[[int, bool], dict[str, Any]]
NOTHING: Mapping[str, str] = MappingProxyType({})
NOBODY: Mapping[str, Sequence[int]] = MappingProxyType({})


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench ingest`; keys: docs of the contract."""
    found = inside(__file__, quick)
    runs = found.pop("runs")
    heads = ("connections", "unanswered", "frames/s", "values/s", "ack p99 ms", "RSS MB", "cores", "others'")
    print(" ".join(f"{head:>11}" for head in heads) + "  CPU µs a frame")
    for one in runs:
        rate = one["frames_per_s"]
        figures = (one["connections"], one["unanswered_each"], rate, rate * VALUES, one["ack_p99_ms_half_load"])
        cpu = "  ".join(f"{name} {micros:.1f}" for name, micros in one["cpu_us"].items())
        print(
            " ".join(f"{figure:>11.0f}" for figure in figures)
            + f" {one['rss_mb_first']:>4.0f} →{one['rss_mb']:>5.0f} {one['cores']:>11.2f} {one['cores_of_others']:>11.2f}  {cpu}"
        )
    print(
        f"binary COPY of the same rows, {BATCH} a batch: {found['copy_rows_per_s']:.0f} rows/s; "
        f"store step: {found['store_rows_per_s']:.0f} rows/s; all doubles: {found['doubles_rows_per_s']:.0f} rows/s"
    )
    behind = max(one["behind_s"] for one in runs)
    print(f"alarms raised: {found['alarms']}; the watch was {behind:.1f} s behind at most when the devices fell silent")
    return found


def inside(script: str, quick: bool) -> dict[str, Any]:
    """The figures a script measures (`--inside`) on a database of its own, with fsync on."""
    from lingxiu.database import hold, prepare, running

    home = Path(tempfile.mkdtemp(prefix="lingxiu-bench-"))
    try:
        with hold(home) as held, running(prepare(held, durable=True)) as server:
            done = subprocess.run(
                [sys.executable, script, "--inside", str(server.pid), *(["--quick"] if quick else [])],
                env=os.environ
                | {
                    "DATABASE_URL": server.url,
                    "LINGXIU_HOME": str(home),
                    "DJANGO_SETTINGS_MODULE": "lingxiu.config.settings",
                    "LINGXIU_LOG_LEVEL": "WARNING",
                },
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(description: str | None, run: Run, measure: Measure) -> None:
    """A benchmark as a script: `run` from outside, `measure` inside, where Django is set up."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--inside", type=int, metavar="POSTMASTER", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.inside:
        import django

        django.setup()
        print(json.dumps(measure(words.inside, words.quick)))
        return
    print(json.dumps(run(words.quick)))


# ---- inside: Django is set up, the server runs ----


def measure(postmaster: int, quick: bool) -> dict[str, Any]:
    """The world, the store alone, then gateway, watch and devices together for each number of connections."""
    make_world(max(connections for connections, _ in RUNS) + 1)
    alone = store_alone(ROWS[quick])
    runs = [whole_path(postmaster, *each, SECONDS[quick], number) for number, each in enumerate(RUNS)]
    most = runs[-1]
    return {
        "connections": most["connections"],
        "frames_per_s": round(most["frames_per_s"]),
        "values_per_s": round(most["frames_per_s"] * VALUES),
        "ack_p99_ms_half_load": round(most["ack_p99_ms_half_load"], 1),
        "rss_mb": round(most["rss_mb"], 1),
        "copy_ratio": round(alone["store_rows_per_s"] / alone["copy_rows_per_s"], 3),
        "path_ratio": round(most["frames_per_s"] / alone["copy_rows_per_s"], 3),
        **alone,
        "alarms": alarms_when_judged(),
        "runs": runs,
    }


def make_world(devices: int) -> None:
    """One merchant, and so many devices at it; the shipped policy in force."""
    from django.core.management import call_command

    from lingxiu.accounts.models import Unit, UnitKind
    from lingxiu.merchants.models import Merchant, Standing
    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import SHIPPED
    from lingxiu.sensing.models import Device

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    load(SHIPPED, at=now)
    town = "330421001"
    office = Unit.objects.create(code="county-office", kind=UnitKind.COUNTY_OFFICE, name="bench")
    Unit.objects.create(code=town, kind=UnitKind.TOWN, name="bench", parent=office, town=town)
    values = {"kind": "restaurant", "address": "-", "town": town, "created_at": now, "updated_at": now}
    merchant = Merchant.objects.create(name="bench", lng=120.9, lat=30.85, **values)
    Standing.objects.create(merchant=merchant)
    Device.objects.bulk_create(
        Device(mn=mn_of(n), merchant=merchant, profile="plain-2017", kind="fume_monitor") for n in range(devices)
    )


def mn_of(number: int) -> str:
    return f"BENCH{number:010d}"


def alarms_when_judged() -> int:
    """The alarms the watch has raised; the last windows are judged when nothing has touched them for five seconds."""
    from lingxiu.sensing.models import Alarm
    from lingxiu.sensing.watch import run_once

    end = time.monotonic() + 7
    while time.monotonic() < end:
        run_once(datetime.now(UTC))
        time.sleep(0.2)
    return Alarm.objects.count()


def store_alone(count: int) -> dict[str, float]:
    """The same rows by plain binary COPY into a table alike, by the store, and by the store once more, when all are there."""
    import psycopg
    from django.db import connection

    from lingxiu.sensing.profiles import MINUTE, Reading, microseconds
    from lingxiu.sensing.store import _COLUMNS, _TYPES, Batch, Store, conninfo

    first = microseconds(datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=30))
    device = max_device()
    rows = [
        Reading(
            device - n % 500, first + n // 500 * MINUTE, 2011, 0, n % 90 / 50, 0.12, 1.4, fan_on=True, purifier_on=True
        )
        for n in range(count)
    ]
    batches = []
    for start in range(0, count, BATCH):
        batch = Batch(first)
        for row in rows[start : start + BATCH]:
            batch.add(row, b"")
        batches.append(batch)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE beside (LIKE reading_fume INCLUDING ALL)")
        cursor.execute("SELECT sensing_make_partitions(now() - interval '60 days', now() + interval '1 day')")

    def copy() -> None:
        with psycopg.connect(conninfo(), autocommit=True) as database:
            for start in range(0, count, BATCH):
                statement = f"COPY beside ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
                with database.cursor() as cursor, cursor.copy(statement) as copying:
                    copying.set_types(_TYPES)
                    for row in rows[start : start + BATCH]:
                        copying.write_row((*row, first))

    def store() -> None:
        with closing(Store(conninfo())) as writer:
            for batch in batches:
                writer.write(batch)

    copied, stored = alternating(copy, store, count)
    began = time.perf_counter()
    store()
    doubles = count / (time.perf_counter() - began)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE beside")
        cursor.execute("DELETE FROM ingest_batch")
        cursor.execute("DELETE FROM reading_fume")
    return {"copy_rows_per_s": round(copied), "store_rows_per_s": round(stored), "doubles_rows_per_s": round(doubles)}


def alternating(copy: Any, store: Any, count: int) -> tuple[float, float]:
    """Rows a second of each, best of three rounds, one after the other so that a busy neighbour hurts both."""
    from django.db import connection

    best = {copy: 0.0, store: 0.0}
    for round_ in range(3):
        for work in (copy, store):
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE beside" if work is copy else "TRUNCATE reading_fume, ingest_batch")
            began = time.perf_counter()
            work()
            best[work] = max(best[work], count / (time.perf_counter() - began))
        del round_
    return best[copy], best[store]


def max_device() -> int:
    from lingxiu.sensing.models import Device

    return Device.objects.order_by("-pk").values_list("pk", flat=True)[0]


def whole_path(
    postmaster: int,
    connections: int,
    window: int,
    seconds: int,
    number: int,
    names: Sequence[str] = ("gateway", "watch"),
    beside: Mapping[str, Sequence[int]] = NOBODY,
    settings: Mapping[str, str] = NOTHING,
    stored: Callable[[], bool] = lambda: True,
) -> dict[str, Any]:
    """Gateway, watch and devices: as fast as answers come, then at half of that.

    `names`: the programs, with these `settings`; `beside`: processes whose CPU counts as well; `stored`: whether all is.
    """
    with programs(*names, settings=settings) as (pids, port):
        gateway = pids["gateway"]
        counted = {"postgres": [postmaster], **{name: [pid] for name, pid in pids.items()}, **beside}
        first = datetime.now(COUNTY).replace(second=0, microsecond=0, tzinfo=None) - timedelta(days=27 - 9 * number)
        full = devices(port, connections, window, seconds, first)
        rss_first, before, machine = rss_mb(gateway), cpu_of(counted), busy_s()
        load = full()
        silent = time.perf_counter()
        while not stored():
            time.sleep(0.05)
        late = time.perf_counter() - silent
        spent = {name: after - before[name] for name, after in cpu_of(counted).items()}
        spent["devices"] = load["sending_cpu_s"]
        others = (busy_s() - machine - sum(spent.values())) / (load["seconds"] + late)
        rss = rss_mb(gateway)
        behind = seconds_behind()
        later = first + timedelta(days=7)
        half = devices(port, connections, window, max(5, seconds // 3), later, rate=load["frames_per_s"] / 2)()
    assert load["unanswered"] == load["lost"] == half["unanswered"] == half["lost"] == 0, (load, half)
    return {
        "connections": connections,
        "unanswered_each": window,
        "frames_per_s": load["frames_per_s"],
        "ack_p99_ms_half_load": half["ack_p99_ms"],
        "ack_p50_ms_half_load": half["ack_p50_ms"],
        "rss_mb_first": rss_first,
        "rss_mb": rss,
        "behind_s": behind,
        "stored_later_s": late,
        "cpu_us": {name: 1e6 * used / load["frames"] for name, used in spent.items()},
        "cores": sum(spent.values()) / (load["seconds"] + late),
        "cores_of_others": others,
    }


@contextmanager
def programs(*names: str, settings: Mapping[str, str] = NOTHING) -> Iterator[tuple[dict[str, int], int]]:
    """These programs, as in an installation with these settings. Yields their pids and the gateway's port."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "HJ212_PORT": str(port), **settings}
    children = {name: subprocess.Popen([sys.executable, "-m", "lingxiu.cli", name], env=env) for name in names}
    try:
        while not _answers(port):
            time.sleep(0.05)
        yield {name: child.pid for name, child in children.items()}, port
    finally:
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        for child in children.values():
            child.wait(30)


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def devices(port: int, connections: int, window: int, seconds: int, first: datetime, rate: float = 0.0) -> Any:
    """Devices with their frames ready; call the result to let them speak. Returns their figures."""
    frames = int((rate or FASTEST) * (seconds + 5) / connections) + 3 * window
    wanted = {
        "port": port,
        "mns": [mn_of(n) for n in range(connections)],
        "seconds": seconds,
        "rate": rate,
        "window": window,
        "first": first.isoformat(),
        "frames": frames,
    }
    child = subprocess.Popen([sys.executable, str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout
    child.stdin.write(json.dumps(wanted) + "\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    prepared = cpu_s(child.pid)

    def speak() -> dict[str, Any]:
        assert child.stdin and child.stdout
        child.stdin.write("\n")
        child.stdin.flush()
        found: dict[str, Any] = json.loads(child.stdout.readline())
        child.wait(30)
        return found | {"sending_cpu_s": found["cpu_s"] - prepared}

    return speak


# ---- what it cost ----


def cpu_of(counted: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """CPU seconds so far by name, of these processes and their children (PostgreSQL has one a connection)."""
    return {name: sum(cpu_s(one) for pid in pids for one in (pid, *children_of(pid))) for name, pids in counted.items()}


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_s() -> float:
    """CPU seconds of the whole machine so far, in user and kernel."""
    fields = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> Sequence[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def rss_mb(pid: int) -> float:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def seconds_behind() -> float:
    """How old the oldest batch is that the watch has not followed yet."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM now() - min(b.at)), 0)::float FROM ingest_batch b, sensing_watchcursor c"
            " WHERE c.name = 'windows' AND (b.xid, b.id) > (c.xid, c.batch_id)"
        )
        row = cursor.fetchone()
    return float(row[0])


if __name__ == "__main__":
    main(__doc__, run, measure)
