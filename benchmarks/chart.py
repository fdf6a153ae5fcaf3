"""What a device's chart costs on the server: a day, a week, a month, a year, each alone and compared with all it can be.

A figure is a whole request: middleware, session, sight, statements, JSON; and of the page that holds the same numbers as a table.
Beside it, in the same run: fetching the same year as ten-minute windows, undrawn, which is what a year would cost if it were not
kept in days.

    python benchmarks/chart.py --quick              60 monitors, under a minute
    python benchmarks/chart.py --devices 300 --explain
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingxiu.database import temporary_cluster

if TYPE_CHECKING:
    from django.test import Client

QUICK_DEVICES, DEVICES = 60, 300
QUICK_WHOLE, WHOLE = 3, 20
DAYS = 730
ROUNDS = {True: 7, False: 25}
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
LAST_DAY = "2025-12-17"
SPANS = ("day", "week", "month", "year")
BESIDE = "&with=before&with=year&with=kind"
WORLD = Path(__file__).with_name("chart_world.sql")
PROMISE_MS = 300


def run(quick: bool, devices: int = 0, explain: bool = False) -> dict[str, Any]:
    """Figures of `lingxiu bench chart`: {day, week, month, year}_ms and _beside_ms, queries, year_windows_ms."""
    with temporary_cluster() as url, tempfile.TemporaryDirectory(prefix="lingxiu-bench-") as home:
        (Path(home) / "static").mkdir()
        found = _in_its_own_process(url, home, quick, devices or (QUICK_DEVICES if quick else DEVICES), explain)
    rows = found.pop("rows")
    print(f"{'what':<24} {'p50 ms':>7} {'p95 ms':>7} {'statements':>11} {'steps':>6} {'kB':>6}")
    for row in rows:
        times = f"{row['p50_ms']:>7.1f} {row['p95_ms']:>7.1f}"
        print(f"{row['what']:<24} {times} {row['queries']:>11} {row['steps']:>6} {row['kilobytes']:>6}")
    print(f"a year as ten-minute windows, fetched only: {found['year_windows_ms']} ms, {found['year_windows']:,} rows")
    print(f"{found['devices']} monitors, {found['hours']:,} hours kept, made in {found['world_s']} s")
    print(f"promise: a year under {PROMISE_MS} ms: {'kept' if found['year_beside_ms'] < PROMISE_MS else 'BROKEN'}")
    return found


def _in_its_own_process(url: str, home: str, quick: bool, devices: int, explain: bool) -> dict[str, Any]:
    """Django is set up once a process, for one database."""
    flags = [*(["--quick"] if quick else []), *(["--explain"] if explain else [])]
    done = subprocess.run(
        [sys.executable, __file__, "--inside", "--devices", str(devices), *flags],
        env={
            **os.environ,
            "DATABASE_URL": url,
            "LINGXIU_HOME": home,
            "DJANGO_SETTINGS_MODULE": "lingxiu.config.settings",
            "LINGXIU_LOG_LEVEL": "ERROR",
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ---- inside: Django is set up ----


def measure(quick: bool, devices: int, explain: bool) -> dict[str, Any]:
    """Make the world, ask for each chart and page `ROUNDS` times after a warm one."""
    from django.conf import settings
    from django.db import connection

    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    begun = time.perf_counter()
    client, mn, device_id = _make_world(devices, QUICK_WHOLE if quick else WHOLE)
    world = time.perf_counter() - begun
    asked = [
        (f"{what} {span}{' compared' if beside else ''}", f"{path}?span={span}&day={LAST_DAY}{beside}")
        for what, path in (("chart", f"/sensing/devices/{mn}/chart.json"), ("page", f"/sensing/devices/{mn}/"))
        for span in SPANS
        for beside in (("", BESIDE) if what == "chart" else ("",))
    ]
    rows = [_request(client, what, address, ROUNDS[quick], explain) for what, address in asked]
    by = {row["what"]: row for row in rows}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hour_fume")
        (hours,) = cursor.fetchone() or (0,)
    windows, fetched = _year_of_windows(device_id)
    return {
        "devices": devices,
        "hours": hours,
        "world_s": round(world, 1),
        **{f"{span}_ms": by[f"chart {span}"]["p95_ms"] for span in SPANS},
        **{f"{span}_beside_ms": by[f"chart {span} compared"]["p95_ms"] for span in SPANS},
        **{f"page_{span}_ms": by[f"page {span}"]["p95_ms"] for span in SPANS},
        "queries": max(row["queries"] for row in rows),
        "year_windows_ms": windows,
        "year_windows": fetched,
        "rows": rows,
    }


def _make_world(devices: int, whole: int) -> tuple[Client, str, int]:
    """A county officer's client, and a device whose statistics of two years are kept in windows, hours and days."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test import Client

    from lingxiu.accounts.models import Post, Unit, UnitKind, User
    from lingxiu.merchants.models import Merchant, Standing
    from lingxiu.policy.actions import load
    from lingxiu.policy.queries import in_force
    from lingxiu.policy.reading import SHIPPED
    from lingxiu.sensing.models import Device

    call_command("migrate", verbosity=0)
    load(SHIPPED, at=BEGAN)
    office = Unit.objects.create(code="county-office", kind=UnitKind.COUNTY_OFFICE, name="县专班")
    shops = Merchant.objects.bulk_create(
        Merchant(
            name=f"bench {n}", pinyin=f"bench{n}", kind="restaurant", licence_kind="food_licence", address=f"人民大道{n}号",
            lng=120.9, lat=30.9, town="330421001", grid="33042100100101", created_at=BEGAN, updated_at=BEGAN, synthetic=True,
        )
        for n in range(devices)
    )  # fmt: skip
    Standing.objects.bulk_create(Standing(merchant=shop) for shop in shops)
    made = Device.objects.bulk_create(
        Device(
            mn=f"BENCH{n:06}", merchant=shop, profile="plain-2017", kind="fume_monitor", last_frame_at=UNTIL,
            observe_until=BEGAN, installed_on=BEGAN.date(), synthetic=True,
        )
        for n, shop in enumerate(shops)
    )  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            WORLD.read_text(encoding="utf-8"),
            {"until": UNTIL, "days": DAYS, "whole": whole, "zone": settings.TIME_ZONE, "edition": in_force().id},
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    user = User.objects.create_user("county", None, name="county")
    Post.objects.create(user=user, role="county_officer", unit=office, since=BEGAN)
    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    return client, made[0].mn, made[0].pk


def _request(client: Client, what: str, address: str, rounds: int, explain: bool) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as sent:
        answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    statements = len(sent)
    if explain:
        print(f"\n══ {what}", *(f"{row['time']} {row['sql'][:300]}" for row in sent), sep="\n", file=sys.stderr)
    times = [_timed(lambda: client.get(address)) for _ in range(rounds)]
    steps = (
        len(answer.json()["windows"]) if "chart.json" in address else answer.content.count(b'<td class="numeric">') // 5
    )
    return {
        "what": what,
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20)[18], 1),
        "queries": statements,
        "steps": steps,
        "kilobytes": round(len(answer.content) / 1024),
    }


def _year_of_windows(device_id: int) -> tuple[float, int]:
    """Milliseconds to fetch a year of ten-minute windows of one device, and how many they are."""
    from django.db import connection

    fetched: list[Any] = []

    def fetch() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT at, fume_mean, fume_max, fan_on_minutes, purifier_on_minutes FROM window_fume"
                " WHERE device_id = %s AND at >= %s - interval '365 days' ORDER BY at",
                [device_id, UNTIL],
            )
            fetched[:] = cursor.fetchall()

    return round(statistics.median(_timed(fetch) for _ in range(5)), 1), len(fetched)


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """The table, then the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--devices", type=int, default=0)
    parser.add_argument("--explain", action="store_true", help="every statement and its time")
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    if not asked.inside:
        print(json.dumps(run(asked.quick, asked.devices, asked.explain), ensure_ascii=False))
        return
    import django

    django.setup()
    print(json.dumps(measure(asked.quick, asked.devices, asked.explain)))


if __name__ == "__main__":
    main()
