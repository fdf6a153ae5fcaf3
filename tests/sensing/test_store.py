"""Batches in PostgreSQL: each key once, nothing overwritten, statistics right whatever the order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.policy.queries import in_force
from lingxiu.sensing import statistics
from lingxiu.sensing.models import WatchCursor
from lingxiu.sensing.profiles import MINUTE, VALUE_COLUMNS, Reading, microseconds, to_jsonb
from lingxiu.sensing.store import ODD_AN_HOUR, Batch, OddFrame, Store, merge
from tests.sensing.conftest import Plant, forget_readings

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)  # late enough for hours and days to be summed up
T0 = microseconds(NOON)


def row(device_id: int, minute: float = 0, fume: float | None = 0.5, cn: int = 2011, **values: Any) -> Reading:
    return Reading(device_id, T0 + int(minute * MINUTE), cn, 0, fume, **values)


def batch(*rows: Reading, at: int = T0) -> Batch:
    made = Batch(at)
    for one in rows:
        made.add(one, b"##" + repr(tuple(one)).encode())
    return made


@pytest.fixture
def store(plant: Plant) -> Iterator[Store]:
    with closing(Store(plant.database)) as opened:
        yield opened


def fetch(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def stored() -> list[tuple[Any, ...]]:
    return fetch(f"SELECT device_id, at, {', '.join(VALUE_COLUMNS)} FROM reading_fume ORDER BY device_id, at, cn")


def odd() -> list[str]:
    return [why for (why,) in fetch("SELECT why FROM odd_frame ORDER BY id")]


def test_new_readings_are_stored_and_announced(plant: Plant, store: Store) -> None:
    done = store.write(batch(row(1, 0), row(1, 9.5), row(1, 10), row(2, 3)))
    assert (done.changed, done.values, done.odd) == (4, 4, 0)
    assert len(stored()) == 4
    window = int(NOON.timestamp()) // 600
    ((devices, windows, latest),) = fetch("SELECT device_ids, windows, latest FROM ingest_batch")
    assert sorted(zip(devices, windows, latest, strict=True)) == [
        (1, window, window * 600 + 570),
        (1, window + 1, window * 600 + 600),
        (2, window, window * 600 + 180),
    ]


def test_the_same_batch_twice_is_stored_once_and_announced_once(plant: Plant, store: Store) -> None:
    twice = batch(row(1, 0), row(1, 1))
    store.write(twice)
    assert store.write(twice).changed == 0
    with closing(Store(plant.database)) as another:  # one that remembers nothing finds out from the database
        assert another.write(twice).changed == 0
    assert len(stored()) == 2
    assert len(fetch("SELECT id FROM ingest_batch")) == 1
    assert odd() == []


def test_new_and_old_keys_mixed_go_in_together(plant: Plant, store: Store) -> None:
    store.write(batch(row(1, 5)))
    with closing(Store(plant.database)) as fresh:
        assert fresh.write(batch(row(1, 4), row(1, 5), row(1, 6), row(2, 5))).changed == 3
    assert len(stored()) == 4


def test_parts_fill_each_others_nulls_in_one_batch_or_in_several(store: Store) -> None:
    first = row(1, 0, 0.5, extra=to_jsonb({"x-Rtd": "1"}))
    second = row(1, 0, None, pm_mg_m3=0.1, fan_on=True, extra=to_jsonb({"y-Rtd": "2"}))
    store.write(batch(first, second))
    assert store.write(batch(row(1, 0, None, purifier_on=False))).changed == 1
    ((*_, extra),) = fetch("SELECT fume_mg_m3, pm_mg_m3, fan_on, purifier_on, extra FROM reading_fume")
    assert extra == '{"x-Rtd": "1", "y-Rtd": "2"}' or extra == {"x-Rtd": "1", "y-Rtd": "2"}
    ((fume, pm, fan, purifier),) = fetch("SELECT fume_mg_m3, pm_mg_m3, fan_on, purifier_on FROM reading_fume")
    assert (fume, pm, fan, purifier) == (pytest.approx(0.5), pytest.approx(0.1), True, False)
    assert odd() == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "other", [{"fume": 0.6}, {"fan_on": False}, {"extra": to_jsonb({"x": "2"})}, {"marks": to_jsonb({"pm_mg_m3": "D"})}]
)
def test_what_contradicts_a_stored_row_is_kept_beside_it(store: Store, together: bool, other: dict[str, Any]) -> None:
    texts = {"extra": to_jsonb({"x": "1"}), "marks": to_jsonb({"pm_mg_m3": "B"})}
    first = row(1, 0, 0.5, fan_on=True, **texts)
    second = row(1, 0, **({"fume": 0.5, "fan_on": True, **texts} | other))
    if together:
        store.write(batch(first, second))
    else:
        store.write(batch(first))
        store.write(batch(second))
    assert odd() == ["contradiction"]
    ((frame,),) = fetch("SELECT frame FROM odd_frame")
    assert bytes(frame) == b"##" + repr(tuple(second)).encode()
    ((fume, fan),) = fetch("SELECT fume_mg_m3, fan_on FROM reading_fume")
    assert (fume, fan) == (pytest.approx(0.5), True)


def test_a_row_the_database_refuses_is_kept_as_odd_and_holds_up_no_other(store: Store) -> None:
    poison = row(1, 7, extra=b"\x01{not json")
    done = store.write(batch(*(row(1, minute) for minute in range(7)), poison, row(2, 1)))
    assert (done.changed, done.odd) == (8, 1)
    assert len(stored()) == 8
    assert odd() == ["refused:22P02"]


def weeks() -> set[str]:
    """The partitions of fume readings."""
    rows = fetch("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading_fume'::regclass")
    return {name for (name,) in rows}


def test_partitions_are_made_when_a_reading_needs_them_and_made_again_when_dropped(store: Store) -> None:
    week = 7 * 24 * 60
    store.write(batch(row(1, 0), row(1, -60 * week), row(1, 3 * week)))
    before = weeks()
    assert {"reading_fume_20260302", "reading_fume_20250106", "reading_fume_20260323"} <= before
    ((dropped,),) = fetch("SELECT sensing_drop_partitions(%s)", NOON - timedelta(days=365))
    gone = before - weeks()
    assert "reading_fume_20250106" in gone
    assert max(gone) < "reading_fume_20250305"
    assert dropped >= len(gone)
    store.write(batch(row(1, 1), row(1, -60 * week)))
    assert len(stored()) == 4


def test_odd_frames_are_kept_but_do_not_fill_the_disk(store: Store) -> None:
    for n in range(5):
        store.write(
            Batch(
                T0 + n,
                odd=[OddFrame(1, T0 + n, "crc\0", b"##%d" % k) for k in range(50)] + [OddFrame(2, T0 + n, "x", b"##")],
            )
        )
    assert fetch("SELECT device_id, count(*) FROM odd_frame GROUP BY 1 ORDER BY 1") == [(1, ODD_AN_HOUR), (2, 5)]
    store.write(Batch(T0 + 61 * MINUTE, odd=[OddFrame(1, T0 + 61 * MINUTE, "crc", b"##")]))
    assert fetch("SELECT count(*) FROM odd_frame WHERE device_id = 1") == [(ODD_AN_HOUR + 1,)]


def test_a_lost_connection_is_the_callers_to_know_and_the_next_batch_finds_a_new_one(
    plant: Plant, store: Store
) -> None:
    store.write(batch(row(1, 0)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COMMIT%' AND pid <> pg_backend_pid()"
        )
    with pytest.raises(psycopg.OperationalError):
        store.write(batch(row(1, 1)))
    assert store.write(batch(row(1, 1))).changed == 1


def test_writers_at_once_store_each_key_once(plant: Plant) -> None:
    rows = [row(device, minute) for device in range(1, 5) for minute in range(200)]
    changed: list[int] = []

    def write() -> None:
        with closing(Store(plant.database)) as ours:
            changed.extend(ours.write(batch(*rows[start : start + 100])).changed for start in range(0, len(rows), 100))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(stored()) == len(rows) == sum(changed)
    assert odd() == []


# ── statistics ──

values = st.one_of(st.none(), st.sampled_from([0.0, 0.333, 1.001, 2.0, 2.1, 3.999, 4.2, 17.7]))
some_rows = st.lists(
    st.builds(
        lambda device, half_minutes, cn, fume, pm, fan, purifier: row(
            device, half_minutes / 2, fume, cn, pm_mg_m3=pm, fan_on=fan, purifier_on=purifier
        ),
        st.integers(0, 1),
        st.integers(-5, 200),
        st.sampled_from([2011, 2011, 2051, 2061]),
        values,
        values,
        st.sampled_from([True, True, False, None]),
        st.sampled_from([True, False, None]),
    ),
    max_size=60,
    unique_by=lambda one: one.key,
)


def statistics_now() -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: fetch(f"SELECT * FROM {table} ORDER BY device_id, at")
        for table in ("window_fume", "hour_fume", "day_fume")
    }


def start_over() -> None:
    forget_readings()
    WatchCursor.objects.all().delete()


@given(rows=some_rows, data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_any_doubles_any_lateness_give_the_tables_of_a_full_recomputation(
    plant: Plant, rows: list[Reading], data: st.DataObject
) -> None:
    start_over()
    catalogues = in_force().catalogues
    ids = [plant.device.pk, plant.currents.pk]
    rows = [one._replace(device_id=ids[one.device_id]) for one in rows]
    sent = data.draw(
        st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=20) if rows else st.just([])))
    )
    with closing(Store(plant.database)) as ours:
        while sent:
            size = data.draw(st.integers(1, len(sent)))
            ours.write(batch(*sent[:size]))
            sent = sent[size:]
            if data.draw(st.booleans()):
                statistics.follow(catalogues, NOON)
            if data.draw(st.booleans()):
                statistics.aggregate(LATER)
    statistics.follow(catalogues, NOON)
    statistics.aggregate(LATER)
    piecemeal = statistics_now()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM window_fume; DELETE FROM hour_fume; DELETE FROM day_fume")
    statistics.recompute(catalogues, ids, NOON - timedelta(days=2), NOON + timedelta(days=2))
    assert piecemeal == statistics_now()


def test_a_window_counts_minutes_of_the_clock_and_takes_minute_data_first(plant: Plant, store: Store) -> None:
    device = plant.device.pk
    on, off = {"fan_on": True, "purifier_on": True}, {"fan_on": True, "purifier_on": False}
    store.write(
        batch(
            row(device, 0, 1.0, **on),
            row(device, 0.5, 2.0, **off),  # the same minute
            row(device, 1, 3.0, **off),
            row(device, 2, None, fan_on=False),
            row(device, 12, 9.0),
            row(device, 12, 5.0, 2051),
            row(device, 13, 1.0, 2061),
        )
    )
    statistics.follow(in_force().catalogues, NOON)
    columns = (
        "count, valid, minutes, fume_mean, fume_min, fume_max, fan_on_minutes, purifier_on_minutes,"
        " fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4"
    )
    assert fetch(f"SELECT {columns} FROM window_fume ORDER BY at") == [
        (4, 3, 3, 2.0, 1.0, 3.0, 2, 1, 2, 2, 1, 0),
        (1, 1, 1, 5.0, 5.0, 5.0, 0, 0, 0, 1, 1, 1),
    ]


def test_a_reading_every_ten_minutes_stands_for_ten(plant: Plant, store: Store) -> None:
    catalogues = in_force().catalogues
    slow = catalogues.profile("plain-2017").model_copy(update={"sends_every_seconds": 600})
    store.write(batch(row(plant.device.pk, 0, 3.0, fan_on=True, purifier_on=False)))
    statistics.follow(catalogues.model_copy(update={"devices": (slow,)}), NOON)
    assert fetch("SELECT minutes, fan_without_purifier_minutes, minutes_over_2 FROM window_fume") == [(10, 10, 10)]


def test_a_day_is_the_countys(plant: Plant, store: Store) -> None:
    midnight = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)  # 00:00 of the 6th
    to_midnight = (midnight - NOON) / timedelta(minutes=1)
    store.write(batch(row(plant.device.pk, to_midnight - 1), row(plant.device.pk, to_midnight)))
    statistics.follow(in_force().catalogues, NOON)
    statistics.aggregate(LATER)
    assert fetch("SELECT at, count FROM day_fume ORDER BY at") == [(midnight - timedelta(days=1), 1), (midnight, 1)]


def test_batches_still_uncommitted_are_waited_for(plant: Plant, store: Store) -> None:
    """A plain `id > last` would pass over a batch that was numbered first and committed last."""
    catalogues = in_force().catalogues
    with psycopg.connect(plant.database) as slow:
        slow.execute(
            "INSERT INTO ingest_batch (at, device_ids, windows, latest) VALUES (%s, '{1}', '{2954000}', '{1772400000}')",
            [NOON],
        )
        store.write(batch(row(plant.device.pk, 0)))
        assert statistics.follow(catalogues, NOON).batches == 0
        slow.commit()
    assert statistics.follow(catalogues, NOON).batches == 2
    assert statistics.follow(catalogues, NOON).batches == 0


def test_batches_that_were_put_together_in_another_order_than_committed_are_all_followed(
    plant: Plant, store: Store
) -> None:
    for minute in (0, 1440, 10, 1450):
        store.write(batch(row(plant.device.pk, minute), at=T0 + minute * MINUTE))
    catalogues = in_force().catalogues
    while statistics.follow(catalogues, NOON).more:
        pass
    assert len(fetch("SELECT at FROM window_fume")) == 4


def test_no_step_of_the_watch_is_larger_than_it_can_hold(
    plant: Plant, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "WINDOWS_AT_ONCE", 3)
    for start in (0, 20, 40, 60):
        store.write(batch(row(plant.device.pk, start), row(plant.device.pk, start + 10)))
    catalogues = in_force().catalogues
    steps = [statistics.follow(catalogues, NOON) for _ in range(5)]
    assert [(step.batches, step.more) for step in steps] == [(1, True), (1, True), (1, True), (1, False), (0, False)]
    assert len(fetch("SELECT at FROM window_fume")) == 8


def test_merging_two_parts_says_whether_they_agree() -> None:
    first, second = row(1, 0, 0.5), row(1, 0, None, pm_mg_m3=0.2)
    assert merge(first, second) == (first._replace(pm_mg_m3=0.2), True)
    assert merge(first, row(1, 0, 0.7)) == (first, False)
    assert replace(batch(first), at=1).rows == batch(first).rows
