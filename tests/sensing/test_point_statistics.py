"""Statistics of traps, gas alarms, meters and cameras: what they say of readings, and that no order of arrival changes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, cast

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.policy.queries import in_force
from lingxiu.sensing import point_statistics
from lingxiu.sensing.jobs import forget
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import Point, Value, store
from lingxiu.sensing.point_statistics import KEPT, LENGTHS
from lingxiu.sensing.rebuilding import rebuild
from lingxiu.sensing.store import conninfo
from lingxiu.sensing.watch import run_once
from tests.cast import NOON, make_cast
from tests.sensing.conftest import forget_readings, make_device

MIDNIGHT = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)  # of the county
KINDS = {"grease": "grease_trap", "gas": "gas_alarm", "power": "power_meter", "camera": "camera"}
TABLES = [kept.table(step) for kepts in KEPT.values() for kept in kepts for step in LENGTHS]
Rows = list[dict[str, Any]]


@pytest.fixture
def devices(transactional_db: None) -> Iterator[dict[str, Device]]:
    merchant = make_cast().merchant.pk
    yield {
        name: make_device(merchant, f"{name.upper()}1", f"json-{name}", kind=kind, observe_until=None)
        for name, kind in KINDS.items()
    }
    forget_readings()


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def tell(device: Device, when: datetime, event: str = "", channel: int = 0, **values: Value) -> None:
    store([Point(device.kind, device.pk, when, channel, values, event=event)], when + timedelta(seconds=2))


def follow(now: datetime) -> None:
    """Until nothing waits: windows, then the hours and days that have been dirty for long enough."""
    while point_statistics.follow(in_force().catalogues, now):
        pass
    point_statistics.follow(in_force().catalogues, now + timedelta(minutes=3))


def rows(table: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY device_id, at, channel, {table}::text")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def row(table: str) -> dict[str, Any]:
    (only,) = rows(table)
    return only


def everything() -> dict[str, Rows]:
    return {table: rows(table) for table in TABLES}


# ── what they say ──


def test_a_traps_levels_are_counted_and_averaged_each_by_its_own_readings(devices: dict[str, Device]) -> None:
    trap = devices["grease"]
    tell(trap, at(0), level_pct=40.0, oil_mm=60.0, temperature_c=21.0)
    tell(trap, at(4), level_pct=43.0)
    tell(trap, at(20), level_pct=46.0, temperature_c=27.0)
    follow(at(30))
    first, second = rows("window_grease")
    assert (first["at"], first["count"], first["level_count"], first["level_mean"]) == (at(0), 2, 2, 41.5)
    assert (first["oil_count"], first["oil_mean"], second["oil_count"], second["oil_mean"]) == (1, 60.0, 0, None)
    hour = row("hour_grease")
    assert (hour["level_mean"], hour["level_min"], hour["level_max"]) == (43.0, 40.0, 46.0)
    assert (hour["temperature_count"], hour["temperature_mean"], hour["oil_mean"]) == (2, 24.0, 60.0)
    assert {**row("day_grease"), "at": None} == {**hour, "at": None}


def test_gas_is_counted_in_minutes_over_its_marks_a_probe_each(devices: dict[str, Device]) -> None:
    for minute, value in enumerate([3.0, 24.0, 55.0, 60.0, 19.0]):
        tell(devices["gas"], at(minute), channel=1, lel_pct=value, state="alarm" if value >= 20 else "normal")
    tell(devices["gas"], at(2.5), channel=1, lel_pct=52.0)  # the same minute of the clock
    tell(devices["gas"], at(1), channel=2, state="fault")
    follow(at(12))
    one, other = rows("hour_gas")
    assert (one["minutes"], one["minutes_over_20"], one["minutes_over_50"], one["minutes_alarm"]) == (5, 3, 2, 3)
    assert (one["lel_count"], one["lel_max"]) == (6, 60.0)
    assert (other["channel"], other["minutes"], other["lel_count"], other["lel_mean"]) == (2, 1, 0, None)


def test_a_meter_counts_what_was_used_also_between_windows_and_past_its_replacement(devices: dict[str, Device]) -> None:
    meter = devices["power"]
    for minute, count in [(0, 100.0), (5, 100.4), (15, 101.0), (25, 3.0), (35, 3.5)]:
        tell(meter, at(minute), energy_kwh=count, power_w=6000.0)
    tell(meter, at(8), power_w=100.0)  # without its count
    follow(at(40))
    assert [one["used_kwh"] for one in rows("window_power")] == [pytest.approx(0.4), 0, 0, 0]
    hour = row("hour_power")
    assert (hour["used_kwh"], hour["first_kwh"], hour["last_kwh"]) == (pytest.approx(1.5), 100.0, 3.5)
    assert (hour["power_count"], hour["power_min"]) == (6, 100.0)


def test_a_camera_is_online_from_its_word_to_the_next_and_no_longer_than_it_is_usually_silent(
    devices: dict[str, Device],
) -> None:
    camera = devices["camera"]
    tell(camera, at(0), state="online")
    tell(camera, at(25), state="offline")
    tell(camera, at(60), state="online")  # and then nothing: for an hour that is nothing new
    follow(at(200))
    hours = [(one["at"], one["seconds_online"], one["seconds_offline"]) for one in rows("hour_camera")]
    assert hours == [(at(0), 25 * 60, 35 * 60), (at(60), 3600, 0)]
    tell(camera, at(70), state="offline")  # late
    follow(at(210))
    assert rows("hour_camera")[1]["seconds_online"] == 600
    assert row("day_camera")["seconds_online"] == 35 * 60


def test_what_a_camera_sees_is_counted_by_kind(devices: dict[str, Device]) -> None:
    for minute, event, sure in [(0, "no_hat", 0.6), (3, "no_hat", 0.9), (14, "rodent", 0.8)]:
        tell(devices["camera"], at(minute), event, confidence=sure)
    follow(at(20))
    said = [(one["kind"], one["count"], one["surest"]) for one in rows("day_seen")]
    assert said == [("no_hat", 2, pytest.approx(0.9)), ("rodent", 1, pytest.approx(0.8))]


def test_a_day_is_the_countys(devices: dict[str, Device]) -> None:
    tell(devices["gas"], MIDNIGHT - timedelta(minutes=1), lel_pct=1.0)
    tell(devices["gas"], MIDNIGHT, lel_pct=2.0)
    follow(MIDNIGHT + timedelta(minutes=20))
    days = [(one["at"], one["lel_mean"]) for one in rows("day_gas")]
    assert days == [(MIDNIGHT - timedelta(days=1), 1.0), (MIDNIGHT, 2.0)]


# ── right whatever comes ──

MINUTES = st.integers(0, 170)
READINGS = st.one_of(
    st.tuples(st.just("grease"), MINUTES, st.integers(0, 1), st.fixed_dictionaries(
        {}, optional={"level_pct": st.integers(0, 1000).map(lambda n: n / 10), "temperature_c": st.sampled_from([20.1, 31.7])})),
    st.tuples(st.just("gas"), MINUTES, st.integers(0, 1), st.fixed_dictionaries(
        {"lel_pct": st.sampled_from([0.1, 1.3, 20.0, 33.3, 50.0, 71.9])}, optional={"state": st.sampled_from(["normal", "alarm"])})),
    st.tuples(st.just("power"), MINUTES, st.integers(0, 1), st.fixed_dictionaries(
        {}, optional={"energy_kwh": st.integers(0, 50_000).map(lambda n: n / 100), "power_w": st.sampled_from([0.3, 7000.7])})),
    st.tuples(st.just("camera"), MINUTES, st.just(0), st.fixed_dictionaries({"state": st.sampled_from(["online", "offline"])})),
    st.tuples(st.just("seen"), MINUTES, st.just(0), st.fixed_dictionaries({"confidence": st.sampled_from([0.5, 0.7, 0.9])})),
)  # fmt: skip
Reading = tuple[str, int, int, dict[str, Value]]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.lists(READINGS, min_size=1, max_size=40, unique_by=lambda one: one[:3]),
    order=st.randoms(use_true_random=False),
)
def test_any_order_doubles_and_lateness_give_the_tables_of_a_full_recomputation(
    devices: dict[str, Device], data: list[Reading], order: Any
) -> None:
    forget_readings()
    _arrive(devices, data, cast("Random", order))
    point_statistics.follow(in_force().catalogues, at(1000))
    follow(at(1001))
    stored = everything()
    _forget_statistics()
    ids = [device.pk for device in devices.values()]
    point_statistics.recompute(in_force().catalogues, ids, at(-60), at(1440), at(2000))
    assert everything() == stored
    _agrees_with_the_readings(data, stored)


def _arrive(devices: dict[str, Device], data: list[Reading], order: Random) -> None:
    """Shuffled, some twice, the watch looking in between; an hour or a day is often summed up before all of it is there."""
    waiting = [*data, *data[: len(data) // 2]]
    order.shuffle(waiting)
    now = 200
    while waiting:
        part = [waiting.pop() for _ in range(min(len(waiting), order.randint(1, 8)))]
        points = [
            Point("camera", devices["camera"].pk, at(minute), channel, values, event="no_hat")
            if name == "seen"
            else Point(KINDS[name], devices[name].pk, at(minute), channel, values)
            for name, minute, channel, values in part
        ]
        now += order.choice([0, 1, 5])
        store(points, at(now))
        if order.random() < 0.5:
            point_statistics.follow(in_force().catalogues, at(now))


def _forget_statistics() -> None:
    with connection.cursor() as cursor:
        cursor.execute(";".join(f"DELETE FROM {table}" for table in TABLES))


def _agrees_with_the_readings(data: list[Reading], stored: dict[str, Rows]) -> None:
    """The day's figures, reckoned here from the readings themselves."""
    for name, column, mean in [("grease", "level_pct", "level_mean"), ("gas", "lel_pct", "lel_mean"),
                               ("power", "power_w", "power_mean")]:  # fmt: skip
        for day in stored[f"day_{name}"]:
            mine = [cast("float", v[column]) for n, _, c, v in data if (n, c) == (name, day["channel"]) and column in v]
            assert day[mean] == (pytest.approx(sum(mine) / len(mine), rel=1e-5, abs=1e-5) if mine else None)
    for day in stored["day_power"]:
        counts = [cast("float", v["energy_kwh"]) for n, _, c, v in sorted(data, key=lambda one: one[1])
                  if (n, c) == ("power", day["channel"]) and "energy_kwh" in v]  # fmt: skip
        used = sum(max(0.0, then - before) for before, then in pairwise(counts))
        assert day["used_kwh"] == (pytest.approx(used, abs=1e-6) if counts else None)
    states = sorted((minute, values["state"]) for name, minute, _, values in data if name == "camera")
    ends = [*(minute for minute, _ in states[1:]), 10_000][: len(states)]
    online = sum(min(end - minute, 60) for (minute, state), end in zip(states, ends, strict=True) if state == "online")
    assert sum(day["seconds_online"] for day in stored["day_camera"]) == online * 60
    assert sum(day["count"] for day in stored["day_seen"]) == sum(name == "seen" for name, *_ in data)


def test_the_watch_keeps_them_and_a_rebuilding_gives_the_same(devices: dict[str, Device]) -> None:
    for minute in range(0, 30, 5):
        tell(devices["power"], at(minute), energy_kwh=100 + minute / 7, power_w=900.0 + minute)
    run_once(at(31))
    assert len(rows("window_power")) == 3
    assert rows("hour_power") == []  # left to change for a while
    run_once(at(32))
    run_once(at(34))
    stored = everything()
    assert len(stored["hour_power"]) == len(stored["day_power"]) == 1
    _forget_statistics()
    rebuild(in_force(), at(40))
    assert everything() == stored


def test_what_is_just_being_stored_is_neither_summed_up_without_nor_forgotten(devices: dict[str, Device]) -> None:
    gas = devices["gas"]
    tell(gas, at(0), lel_pct=1.0)
    with psycopg.connect(conninfo()) as other:  # a way in that has not yet committed what came for the same window
        other.execute(
            "INSERT INTO reading_gas (device_id, at, channel, received_at, lel_pct) VALUES (%s, %s, 0, %s, 9.0)",
            [gas.pk, at(1), at(1)],
        )
        other.execute(
            "INSERT INTO dirty_point VALUES (%s, 'window', %s, %s) ON CONFLICT (device_id, step, at)"
            " DO UPDATE SET marked_at = dirty_point.marked_at",
            [gas.pk, at(0), at(1)],
        )
        point_statistics.follow(in_force().catalogues, at(2))
        assert rows("window_gas") == []
        other.commit()
    point_statistics.follow(in_force().catalogues, at(2))
    assert row("window_gas")["lel_max"] == 9.0


def test_statistics_outlive_their_readings(devices: dict[str, Device]) -> None:
    tell(devices["grease"], at(0), level_pct=50.0)
    tell(devices["camera"], at(0), "smoking", confidence=0.9)
    follow(at(10))
    stored = everything()
    forget(at(0) + timedelta(days=800))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reading_grease")
        assert cursor.fetchone() == (0,)
    rebuild(in_force(), at(0) + timedelta(days=800))
    assert everything() == stored


@pytest.mark.parametrize("known", [0, 1])
def test_a_large_arrears_is_worked_off_in_bounded_steps(
    devices: dict[str, Device], monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    """Also where the database takes it to be one window: it joined in a loop, and chose anew for each row until none was left."""
    monkeypatch.setattr(point_statistics, "WINDOWS_AT_ONCE", 3)
    for n in range(7):
        tell(devices["gas"], at(10 * n), lel_pct=1.0)
        if n + 1 == known:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE dirty_point")
    said = [point_statistics.follow(in_force().catalogues, at(100)) for _ in range(3)]
    assert (said, len(rows("window_gas"))) == ([True, True, False], 7)
