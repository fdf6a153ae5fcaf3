"""The fault list: what goes wrong with devices and their lines, and what the gateway makes of it.

Elsewhere: database, stream or MQTT broker away (test_outages.py, and killed in turn in test_kill.py and test_stream_kill.py), the
disk full (test_full_disk.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing import asking, statistics
from lingxiu.sensing.connection import Connection
from lingxiu.sensing.gateway import Gateway, Limits
from lingxiu.sensing.models import Alarm, Deafness, Device, DeviceLine, DeviceRequest
from lingxiu.sensing.profiles import microseconds
from lingxiu.sensing.watch import run_once, tick
from tests.sensing.conftest import Plant
from tests.sensing.frames import minutes, reading_frame
from tests.sensing.peers import Peer, gateway
from tests.sensing.test_asking import answer, asked, ends, hello, line_is_of, looked
from tests.sensing.test_gateway import database_away

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
NOW = NOON + timedelta(hours=8)
QUICK = Limits(batch_seconds=0.01, spare_loopback=True)
HOUR = 3600.0
Dial = Callable[[], Awaitable[Peer]]


def run(plant: Plant, talk: Callable[[Gateway, Dial], Awaitable[None]], limits: Limits = QUICK) -> None:
    async def running() -> None:
        async with gateway(plant.database, limits, lambda: microseconds(NOW)) as (gate, dial):
            await talk(gate, dial)

    asyncio.run(running())


def fetch(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def times(device: Device) -> list[datetime]:
    return [at for (at,) in fetch("SELECT at FROM reading_fume WHERE device_id = %s ORDER BY at", device.pk)]


def odd() -> list[str]:
    return [why for (why,) in fetch("SELECT why FROM odd_frame ORDER BY id")]


def connections_of(gate: Gateway) -> list[Connection]:
    """Those of the gateway, the oldest first."""
    return sorted(gate._connections, key=lambda one: one.dialled)


async def dial_from(gate: Gateway, address: str) -> Peer:
    """A connection from another address of this machine."""
    return Peer(*await asyncio.open_connection("127.0.0.1", gate.port, local_addr=(address, 0)))


# ── lines ──


def test_a_reader_that_never_reads_is_cut_off_and_costs_nobody_anything(plant: Plant) -> None:
    asked_too_often = [reading_frame(plant.currents.mn, NOON + timedelta(seconds=n)) for n in range(50)]

    async def talk(gate: Gateway, dial: Dial) -> None:
        deaf = await dial()
        transport = deaf.writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport reads
        good = await hello(dial, plant.device)
        (line, _) = connections_of(gate)
        async with asyncio.timeout(30):
            while line in gate._connections:
                deaf.writer.write(b"".join(asked_too_often))
                await asyncio.sleep(0.01)
        await good.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=1)))
        await good.hear()

    run(plant, talk, Limits(batch_seconds=0.01, unread_bytes=4 * 1024))
    assert times(plant.device) == minutes(NOON, 2)


def test_half_a_frame_is_waited_for_a_minute_and_not_an_hour(plant: Plant) -> None:
    frame = reading_frame(plant.device.mn, NOON)

    async def talk(gate: Gateway, dial: Dial) -> None:
        slow = await hello(dial, plant.device, NOON - timedelta(minutes=1))
        await slow.say(frame[:60])
        (line,) = connections_of(gate)
        async with asyncio.timeout(60):
            while not line.decoder.buffered:
                await asyncio.sleep(0.01)
        line.sweep(line.unfinished_since + gate.limits.stall_seconds - 1, 1.0)
        assert line in gate._connections
        await slow.say(frame[60:100])  # a byte now and then does not keep it
        await asyncio.sleep(0.05)
        line.sweep(line.unfinished_since + HOUR, 1.0)
        assert await slow.is_hung_up()
        again = await dial()
        await again.say(frame)
        await again.hear()

    run(plant, talk)
    assert times(plant.device) == [NOON - timedelta(minutes=1), NOON]


def test_of_one_mn_on_two_sockets_both_are_stored_and_the_newest_is_asked(plant: Plant) -> None:
    async def talk(gate: Gateway, dial: Dial) -> None:
        old = await hello(dial, plant.device, NOON)
        new = await hello(dial, plant.device, NOON + timedelta(minutes=1))
        await old.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=2)))
        await old.hear()
        await line_is_of(plant.device, gate)
        request = await asked(plant.device, "clock")
        (question,) = await new.hear()
        assert await old.hears_nothing(0.1)
        await answer(new, question)
        await ends(request, DeviceRequest.State.DONE)
        # The newest is gone: the older one is asked, as soon as it has spoken.
        await new.close()
        async with asyncio.timeout(60):
            while len(connections_of(gate)) > 1:
                await asyncio.sleep(0.01)
        request = await asked(plant.device, "realtime-interval")
        await old.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=3)))
        _, question = await old.hear(2)
        await answer(old, question)
        await ends(request, DeviceRequest.State.DONE)

    run(plant, talk)
    assert times(plant.device) == minutes(NOON, 4)
    assert (
        DeviceLine.objects.get(device=plant.device).contested_at is None
    )  # from one address: a line that was dialled again


def test_a_stranger_that_takes_an_mn_over_is_told_of(plant: Plant) -> None:
    async def talk(gate: Gateway, dial: Dial) -> None:
        device = await hello(dial, plant.device, NOON)
        stranger = await dial_from(gate, "127.0.0.2")
        await stranger.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=1)))
        await stranger.hear()
        for minute in (2, 3):
            await device.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=minute)))
            await device.hear()
        async with asyncio.timeout(60):
            while not await looked(DeviceLine.objects.filter(contested_by="127.0.0.1").exists):
                await asyncio.sleep(0.02)
        await stranger.close()

    run(plant, talk)
    assert times(plant.device) == minutes(NOON, 4)
    line = DeviceLine.objects.get(device=plant.device)
    assert line.peer.startswith("127.0.0.2:")
    (entry,) = Entry.objects.filter(kind="device.contested")
    assert entry.reference == {"peer": line.peer, "by": "127.0.0.1"}
    assert entry.merchant_id == plant.device.merchant_id


def test_a_contest_that_goes_on_is_told_of_once(plant: Plant) -> None:
    run_id = "9b2c3f52-6f7e-4a7e-9d6f-000000000003"
    note = asking.LineNote(plant.device.pk, "10.0.0.1:1", NOW, "2017", False, "10.0.0.2")
    for after in (0, 30, 80, 141):
        asking.note_lines(run_id, [note], (), NOW + timedelta(minutes=after))  # type: ignore[arg-type]  # psycopg takes its text
    assert Entry.objects.filter(kind="device.contested").count() == 2


# ── clocks ──


def test_a_clock_three_days_ahead_stores_nothing_loses_nothing_and_is_set(plant: Plant) -> None:
    ahead = reading_frame(plant.device.mn, NOW + timedelta(days=3))

    async def talk(gate: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(ahead)
        await peer.hear()
        await line_is_of(plant.device, gate)
        request = await asked(plant.device, "set-clock")
        (question,) = await peer.hear()
        assert question.items()["SystemTime"] == "20260305200000"
        await answer(peer, question)
        await ends(request, DeviceRequest.State.DONE)
        await peer.say(reading_frame(plant.device.mn, NOW))
        await peer.hear()

    run(plant, talk)
    assert times(plant.device) == [NOW]
    assert odd() == ["time-ahead"]
    ((kept,),) = fetch("SELECT frame FROM odd_frame")
    assert bytes(kept) == ahead[:-2]


def test_a_clock_three_days_behind_is_taken_at_its_word_and_its_arrival_kept(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(plant.device.mn, NOW - timedelta(days=3)))
        await peer.hear()

    run(plant, talk)
    assert fetch("SELECT at, received_at FROM reading_fume") == [(NOW - timedelta(days=3), NOW)]


# ── values ──


@pytest.mark.parametrize(
    ("value", "mark"),
    [("NaN", "text"), ("inf", "text"), ("-inf", "text"), ("1e999", "text"), ("9999.99", "missing"), ("--", "text")],
)
def test_what_is_no_number_is_no_value_and_no_exceedance(plant: Plant, value: str, mark: str) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(*(reading_frame(plant.device.mn, at, value) for at in minutes(NOON, 10)))
        await peer.hear(10)

    run(plant, talk)
    stored = fetch("SELECT fume_mg_m3, marks::text, fan_on FROM reading_fume")
    assert stored == [(None, json.dumps({"fume_mg_m3": mark}), True)] * 10
    statistics.follow(in_force().catalogues, NOW)
    windows = fetch("SELECT count, valid, fume_mean, fume_max, minutes_over_1, fan_on_minutes FROM window_fume")
    assert windows == [(10, 0, None, None, 0, 10)]


def test_a_factor_nobody_knows_is_kept_as_it_was_sent(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(
            reading_frame(plant.device.mn, NOON, 0.5, x99999={"Rtd": "1.5", "Zap": "??"}),
            reading_frame(plant.device.mn, NOON + timedelta(minutes=1), 0.6),
        )
        await peer.hear(2)

    run(plant, talk)
    stored = fetch("SELECT fume_mg_m3 > 0, extra::text FROM reading_fume ORDER BY at")
    assert [bool(measured) for measured, _ in stored] == [True, True]
    assert json.loads(stored[0][1]) == {"x99999-Rtd": "1.5", "x99999-Zap": "??"}
    assert stored[1][1] is None
    assert odd() == []


# ── the database ──


def test_hours_without_a_database_make_no_device_silent_and_what_it_missed_is_asked_for(plant: Plant) -> None:
    ((ours,),) = fetch("SELECT pg_backend_pid()")
    clock, later = [NOW], NOW + timedelta(hours=3)

    async def scene() -> None:
        limits = Limits(batch_seconds=0.01, logbook_seconds=0.05)
        async with gateway(plant.database, limits, lambda: microseconds(clock[0])) as (gate, dial):
            await hello(dial, plant.states, NOW)
            peer = await hello(dial, plant.device, NOW)
            with database_away(plant.database, ours):
                clock[0] = later
                await peer.say(reading_frame(plant.device.mn, later))
                async with asyncio.timeout(60):
                    while gate.health().ready:
                        await asyncio.sleep(0.01)
                assert await peer.hears_nothing(0.1)
            await peer.hear()
            async with asyncio.timeout(60):
                while not (gate.health().ready and await looked(Deafness.objects.exists)):
                    await asyncio.sleep(0.01)

    asyncio.run(scene())
    assert [(row.since, row.until) for row in Deafness.objects.all()] == [(NOW, later)]
    while run_once(later):
        pass
    tick(later)
    assert not Alarm.objects.exists()
    request = DeviceRequest.objects.get()
    assert (request.device_id, request.why, request.cn) == (plant.device.pk, "gap", "2051")


def test_a_week_that_was_dropped_is_made_again(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device, NOON)
        await looked(fetch, "SELECT sensing_drop_partitions(%s)", NOON + timedelta(days=14))
        await peer.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=1)))
        await peer.hear()
        await peer.say(reading_frame(plant.device.mn, NOW - timedelta(days=400)))  # a week nobody made ahead
        await peer.hear()

    run(plant, talk)
    assert times(plant.device) == [NOW - timedelta(days=400), NOON + timedelta(minutes=1)]
