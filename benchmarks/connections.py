"""Ten thousand devices connected at one frame a minute, and the storm: three thousand of them send a day they kept, all at once.

Everything runs on this machine at once: PostgreSQL (fsync on), one gateway, one watch with its alarms, and, in a process of
their own, the devices. Says what the gateway holds and burns while all is quiet, and in the storm whether anything was lost, how
long the others' live readings took to be acknowledged, and how far the watch was behind. Writes connections.md.

    python benchmarks/connections.py --quick
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.ingest import (  # noqa: E402 (found by the line above)
    COUNTY,
    busy_s,
    cpu_of,
    inside,
    main,
    make_world,
    mn_of,
    programs,
    rss_mb,
    seconds_behind,
)

LOAD = Path(__file__).with_name("_connections_load.py")
PAGE = Path(__file__).with_suffix(".md")
CONNECTIONS = 10_000
STORMY = {True: 300, False: 3_000}
MINUTES = {True: 240, False: 1_440}
QUIET_SECONDS = {True: 15, False: 300}
PERIOD_S = 60.0
LIVE_BOUND_S, STORM_BOUND_S = 30.0, 600.0


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench connections`."""
    found = inside(__file__, quick)
    lines = report(found)
    print("\n".join(lines))
    if not quick or not PAGE.exists() or "a short run" in PAGE.read_text():
        PAGE.write_text("\n".join(page(found, lines, quick)))
    return found


def report(found: dict[str, Any]) -> list[str]:
    quiet, storm = found["quiet"], found["storm"]
    rows = [
        ("connections", f"{found['connections']:,}, made in {found['connecting_s']:.1f} s"),
        ("gateway before, connected, after", " → ".join(f"{one:.0f}" for one in found["rss_mb"]) + " MB resident"),
        ("a connection", f"{found['kb_a_connection']:.1f} KB"),
        ("quiet", f"{quiet['sent']:,} frames in {quiet['seconds']:.0f} s, each device one a minute"),
        ("quiet: CPU, share of a core", shares(quiet["shares"])),
        ("quiet: to the acknowledgement", delays(quiet["delays"])),
        (
            "storm",
            f"{storm['devices']:,} devices, {storm['minutes']:,} kept minutes each: {storm['storm_sent']:,} frames",
        ),
        ("storm: all acknowledged after", f"{storm['storm_seconds']:.0f} s ({storm['frames_per_s']:,.0f} frames/s)"),
        (
            "storm: lost",
            f"{storm['storm_sent'] - storm['stored']:,} of {storm['storm_sent']:,}; connections {storm['lost']}",
        ),
        ("storm: the others' live readings", delays(storm["live"])),
        ("storm: the watch behind, at most", f"{storm['behind_max_s']:.1f} s"),
        ("storm: CPU, share of a core", shares(storm["shares"])),
        ("storm: gateway, at most", f"{storm['rss_mb_max']:.0f} MB resident"),
        ("other work on the machine", f"{found['others']:.2f} cores"),
    ]
    width = max(len(name) for name, _ in rows)
    kept = found["nothing_lost"] and found["live_in_time"] and found["storm_in_time"]
    return [
        *(f"{name:<{width}}  {text}" for name, text in rows),
        f"{'as asked' if kept else 'NOT AS ASKED'}: nothing lost {found['nothing_lost']}, live within {LIVE_BOUND_S:.0f} s "
        f"{found['live_in_time']}, over within {STORM_BOUND_S:.0f} s {found['storm_in_time']}",
    ]


def shares(cores: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in cores.items())


def delays(late: dict[str, float]) -> str:
    return f"p50 {late['p50_s']:.3f} s, p99 {late['p99_s']:.3f} s, at most {late['max_s']:.2f} s ({late['count']:,.0f})"


def page(found: dict[str, Any], lines: list[str], quick: bool) -> Iterator[str]:
    yield "# connections: what was measured\n"
    kind = "`lingxiu bench connections --quick`, a short run" if quick else "`lingxiu bench connections`"
    yield (
        f"{kind}, {datetime.now(COUNTY):%Y-%m-%d}, {os.cpu_count()} cores of {processor()}, CPython {platform.python_version()}, "
        "the embedded PostgreSQL with fsync on.\nGateway, PostgreSQL, watch and devices share the cores. Written by the script.\n"
    )
    yield "```"
    yield from lines
    yield "```\n"
    yield (
        "A storm device sends its next kept minute as soon as the last is acknowledged; meanwhile every other device goes on\n"
        "sending one live frame a minute, and its delay is from saying a frame to hearing 9014, that is, to its being\n"
        "committed. `lost` is counted in the database.\n"
    )


def processor() -> str:
    named = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return named[0] if named else platform.machine()


# ---- inside: Django is set up, the server runs ----


def measure(postmaster: int, quick: bool) -> dict[str, Any]:
    """Connect, be quiet, then the storm."""
    make_world(CONNECTIONS)
    make_partitions()
    with programs("gateway", "watch") as (pids, port), fleet() as order:
        gateway = pids["gateway"]
        counted = {"postgres": [postmaster], **{name: [pid] for name, pid in pids.items()}}
        machine, began, ours = busy_s(), time.perf_counter(), cpu_of(counted)
        memory = [rss_mb(gateway)]
        mns = [mn_of(n) for n in range(CONNECTIONS)]
        connected = order({"do": "connect", "port": port, "mns": mns})
        memory.append(rss_mb(gateway))
        before = cpu_of(counted)
        quiet = order({"do": "live", "seconds": QUIET_SECONDS[quick], "period": PERIOD_S})
        quiet["shares"] = spent(before, cpu_of(counted), quiet["seconds"])
        memory.append(rss_mb(gateway))
        storm = the_storm(order, counted, gateway, quick)
        all_s, others = time.perf_counter() - began, busy_s() - machine - storm["cpu_s"]
        others -= sum(cpu_of(counted).values()) - sum(ours.values())
    return {
        "connections": CONNECTIONS,
        "connecting_s": connected["seconds"],
        "rss_mb": memory,
        "kb_a_connection": (memory[1] - memory[0]) * 1024 / CONNECTIONS,
        "gateway_share_quiet": quiet["shares"]["gateway"],
        "nothing_lost": storm["stored"] == storm["storm_sent"] == storm["storm_answered"] and not storm["lost"],
        "live_in_time": max(storm["live"]["max_s"], storm["behind_max_s"]) <= LIVE_BOUND_S,
        "storm_in_time": storm["storm_seconds"] <= STORM_BOUND_S,
        "quiet": quiet,
        "storm": storm,
        "others": max(0.0, others / all_s),
    }


def the_storm(order: Any, counted: Any, gateway: int, quick: bool) -> dict[str, Any]:
    """Some devices send what they kept yesterday; looked at every second meanwhile."""
    first = datetime.now(COUNTY).replace(second=0, microsecond=0, tzinfo=None) - timedelta(minutes=MINUTES[quick] + 60)
    before = cpu_of(counted)
    with looked_at(gateway) as seen:
        storm: dict[str, Any] = order(
            {
                "do": "storm",
                "devices": STORMY[quick],
                "minutes": MINUTES[quick],
                "first": first.isoformat(),
                "period": PERIOD_S,
            }
        )
    return storm | {
        "devices": STORMY[quick],
        "minutes": MINUTES[quick],
        "frames_per_s": storm["storm_sent"] / storm["storm_seconds"],
        "stored": stored(first, MINUTES[quick], STORMY[quick]),
        "shares": spent(before, cpu_of(counted), storm["seconds"]),
        "behind_max_s": max(seen["behind"]),
        "rss_mb_max": max(seen["rss"]),
    }


@contextmanager
def fleet() -> Iterator[Any]:
    """The devices' process. Yields how to give an order and hear what came of it."""
    child = subprocess.Popen([sys.executable, str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout

    def order(wanted: dict[str, Any]) -> dict[str, Any]:
        assert child.stdin and child.stdout
        child.stdin.write(json.dumps(wanted) + "\n")
        child.stdin.flush()
        found: dict[str, Any] = json.loads(child.stdout.readline())
        return found

    try:
        yield order
    finally:
        child.stdin.close()
        child.wait(30)


@contextmanager
def looked_at(gateway: int) -> Iterator[dict[str, list[float]]]:
    """How far the watch is behind, and what the gateway holds, every second."""
    seen: dict[str, list[float]] = {"behind": [0.0], "rss": [rss_mb(gateway)]}
    over = threading.Event()

    def look() -> None:
        while not over.wait(1.0):
            seen["behind"].append(seconds_behind())
            seen["rss"].append(rss_mb(gateway))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def spent(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """Share of a core by process."""
    return {name: (after[name] - before[name]) / seconds for name in after}


def make_partitions() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions(now() - interval '8 days', now() + interval '1 day')")


def stored(first: datetime, minutes: int, devices: int) -> int:
    """Readings of the first devices in those minutes."""
    from django.db import connection

    begin = first.replace(tzinfo=COUNTY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM reading_fume r JOIN sensing_device d ON d.id = r.device_id"
            " WHERE d.mn = ANY (%s) AND r.at >= %s AND r.at < %s",
            [[mn_of(n) for n in range(devices)], begin, begin + timedelta(minutes=minutes)],
        )
        row = cursor.fetchone()
    return int(row[0])


if __name__ == "__main__":
    main(__doc__, run, measure)
