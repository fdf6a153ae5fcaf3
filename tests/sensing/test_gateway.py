"""The gateway over real sockets: what it stores, whom it answers, whom it cuts off, and what it does without a database."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from hj212 import Message, encode, make_qn
from lingxiu.sensing.gateway import Gateway, Limits, within
from lingxiu.sensing.health import CannotListen
from lingxiu.sensing.models import Deafness, Device, Process, UnknownDevice
from lingxiu.sensing.profiles import ProfileReader, microseconds
from tests.sensing.conftest import Plant, make_device
from tests.sensing.frames import COUNTY, control, decode, local, minutes, reading_frame, segment_frame
from tests.sensing.peers import Peer, gateway

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
NOW = NOON + timedelta(hours=8)
STRANGER = "330421FFFFFFFFFFFFFFFFFF"
Dial = Callable[[], Awaitable[Peer]]


def at_now() -> int:
    return microseconds(NOW)


def with_gateway(plant: Plant, talk: Callable[[Gateway, Dial], Awaitable[None]], limits: Limits | None = None) -> None:
    """Run a conversation with a gateway that thinks it is 20:00 of 2026-03-05."""

    async def run() -> None:
        async with gateway(plant.database, limits, at_now) as (running, dial):
            await talk(running, dial)

    asyncio.run(run())


def fetch(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def readings() -> int:
    return int(fetch("SELECT count(*) FROM reading_fume")[0][0])


def odd() -> list[str]:
    return [why for (why,) in fetch("SELECT why FROM odd_frame ORDER BY id")]


# ── what is said and answered ──


def test_a_frame_is_acknowledged_and_then_it_is_stored(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(plant.device.mn, NOON, 0.5, qn="20260305120000123"))
        (ack,) = await peer.hear()
        assert (ack.qn, ack.st, ack.cn, ack.mn, ack.pw, ack.flag, ack.cp) == (
            "20260305120000123", "91", "9014", plant.device.mn, "123456", "4", "",
        )  # fmt: skip
        assert ack.crc_ok
        assert await asyncio.to_thread(committed, plant) == 1

    with_gateway(plant, talk)


def committed(plant: Plant) -> int:
    """As another process sees it."""
    with psycopg.connect(plant.database) as database:
        row = database.execute("SELECT count(*) FROM reading_fume").fetchone()
    assert row
    return int(row[0])


def test_a_frame_that_wants_no_answer_gets_none_and_is_stored(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(plant.device.mn, NOON, ack=False))
        assert await peer.hears_nothing()

    with_gateway(plant, talk)
    assert readings() == 1


def test_glued_and_cut_frames_are_all_answered(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        data = b"".join(reading_frame(plant.device.mn, at) for at in minutes(NOON, 20))
        await peer.say(data)
        assert len(await peer.hear(20)) == 20
        data = b"noise\r\n" + b"".join(
            reading_frame(plant.device.mn, at) for at in minutes(NOON + timedelta(hours=1), 5)
        )
        for start in range(0, len(data), 37):
            await peer.say(data[start : start + 37])
        assert len(await peer.hear(5)) == 5

    with_gateway(plant, talk)
    assert readings() == 25


def test_a_repeated_frame_is_answered_again_and_stored_once(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer, other = await dial(), await dial()
        frame = reading_frame(plant.device.mn, NOON)
        await peer.say(frame, frame)
        assert len(await peer.hear(2)) == 2
        await other.say(frame)
        await other.hear()

    with_gateway(plant, talk)
    assert readings() == 1
    assert odd() == []


@pytest.mark.parametrize("stop_and_wait", [True, False])
def test_parts_of_a_split_packet_are_answered_each_and_become_one_row(plant: Plant, stop_and_wait: bool) -> None:
    def part(number: int, cp: str) -> bytes:
        qn = make_qn(local(NOON) + timedelta(milliseconds=number))
        return segment_frame(
            f"QN={qn};ST=31;CN=2011;PW=123456;MN={plant.device.mn};Flag=7;PNUM=3;PNO={number};CP=&&{cp}&&"
        )

    time = f"DataTime={local(NOON):%Y%m%d%H%M%S};"
    parts = [
        part(1, time + "a34041-Rtd=0.7,a34041-Flag=N"),
        part(2, time + "a34000-Rtd=0.2,a34000-Flag=N"),
        part(3, "SB1-RS=1;SB2-RS=1"),  # some do not repeat the time
    ]

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        if stop_and_wait:
            for one in parts:
                await peer.say(one)
                (ack,) = await peer.hear()
                assert ack.qn == decode(one).qn
        else:
            await peer.say(*parts)
            assert [ack.qn for ack in await peer.hear(3)] == [decode(one).qn for one in parts]

    with_gateway(plant, talk)
    assert fetch("SELECT fume_mg_m3 > 0.69, pm_mg_m3 > 0.19, fan_on, purifier_on FROM reading_fume") == [(True,) * 4]
    assert odd() == []


def test_parts_that_do_not_tell_the_time_wait_for_the_one_that_does(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(part_of(plant, 2, "SB1-RS=1;SB2-RS=1"))
        assert await peer.hears_nothing(0.2)
        await peer.say(part_of(plant, 1, f"DataTime={local(NOON):%Y%m%d%H%M%S};a34041-Rtd=0.7,a34041-Flag=N"))
        assert [ack.cn for ack in await peer.hear(2)] == ["9014", "9014"]

    with_gateway(plant, talk)
    assert fetch("SELECT fume_mg_m3 > 0.69, fan_on, purifier_on FROM reading_fume") == [(True,) * 3]


def test_a_part_whose_others_never_come_is_kept_as_it_is_when_its_line_ends(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(
            part_of(plant, 3, "SB1-RS=1", total=3),
            reading_frame(plant.device.mn, NOON + timedelta(minutes=1)),
        )
        await peer.hear()
        await peer.close()
        async with asyncio.timeout(60):
            while running.counts.odd == 0 or running.counts.queued:
                await asyncio.sleep(0.02)

    with_gateway(plant, talk)
    assert (readings(), odd()) == (1, ["time-missing"])


def part_of(plant: Plant, number: int, cp: str, total: int = 2) -> bytes:
    qn = make_qn(local(NOON) + timedelta(milliseconds=number))
    header = f"QN={qn};ST=31;CN=2011;PW=123456;MN={plant.device.mn};Flag=7;PNUM={total};PNO={number}"
    return segment_frame(f"{header};CP=&&{cp}&&")


def test_a_login_a_heartbeat_and_a_wish_for_the_time_are_answered(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        for cn, answer in (("9021", "9022"), ("9015", "9013"), ("1013", "9013")):
            await peer.say(control(cn, plant.device.mn))
            (heard,) = await peer.hear()
            assert (heard.cn, heard.qn, heard.st) == (answer, "20260305120000000", "91")

    with_gateway(plant, talk)


def test_a_request_no_device_may_make_is_refused_and_an_answer_to_nothing_is_passed_over(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(control("9014", plant.device.mn), control("1062", plant.device.mn))
        (heard,) = await peer.hear()
        assert (heard.cn, heard.items()["QnRtn"]) == ("9011", "8")

    with_gateway(plant, talk)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("2017", ("20260305120000000", "91", "4", "")),
        ("st21", ("20260305120000000", "21", "5", "")),
        ("2005", (None, "91", None, "QN=20260305120000000;CN=2011")),
    ],
)
def test_a_device_is_acknowledged_in_its_own_style_whatever_its_profile_says(
    plant: Plant, style: str, expected: tuple[str | None, ...]
) -> None:
    Device.objects.filter(pk=plant.device.pk).update(ack_style=style)

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(plant.device.mn, NOON, qn="20260305120000000"))
        (ack,) = await peer.hear()
        assert (ack.qn, ack.st, ack.flag, ack.cp) == expected

    with_gateway(plant, talk)


# ── what cannot be a reading ──


def test_an_upload_of_an_unknown_device_gets_no_answer_and_waits_for_adoption(plant: Plant) -> None:
    first, last = (reading_frame(STRANGER, at) for at in minutes(NOON, 2))

    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(first)
        assert await peer.hears_nothing()
        await asyncio.to_thread(running.logbook.write)
        await peer.say(last, last)
        assert await peer.hears_nothing()

    with_gateway(plant, talk)
    assert readings() == 0
    unknown = UnknownDevice.objects.get()
    assert (unknown.mn, unknown.frames) == (STRANGER, 3)
    assert unknown.peer.startswith("127.0.0.1:")
    assert (bytes(unknown.first_frame), bytes(unknown.last_frame)) == (first.strip(), last.strip())


def test_a_request_of_an_unknown_device_is_told_that_nobody_knows_it(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        for cn in ("1013", "9021", "9015", "1062"):
            await peer.say(control(cn, STRANGER))
            (heard,) = await peer.hear()
            assert (heard.cn, heard.items()["QnRtn"]) == ("9011", "4")

    with_gateway(plant, talk)


def test_unknown_devices_fill_ten_thousand_rows_and_no_more(plant: Plant) -> None:
    known = UnknownDevice(peer="", first_at=NOON, last_at=NOON, first_frame=b"", last_frame=b"")
    UnknownDevice.objects.bulk_create(
        UnknownDevice(
            **{**{f.name: getattr(known, f.name) for f in known._meta.fields if f.name != "id"}, "mn": f"M{n}"}
        )
        for n in range(9_999)
    )

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(*(reading_frame(mn, NOON) for mn in ("A1", "A2", "A3", "M5")))
        assert await peer.hears_nothing()

    with_gateway(plant, talk)
    assert UnknownDevice.objects.count() == 10_000
    assert UnknownDevice.objects.get(mn="M5").frames == 2


def test_a_device_is_known_as_soon_as_it_is_registered_and_no_longer_when_it_is_retired(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(STRANGER, NOON))
        assert await peer.hears_nothing()
        device = await asyncio.to_thread(adopt)
        async with asyncio.timeout(60):
            while running.registry.get(STRANGER) is None:
                await asyncio.sleep(0.01)
        await peer.say(reading_frame(STRANGER, NOON))
        await peer.hear()
        await asyncio.to_thread(retire, device)
        async with asyncio.timeout(60):
            while (known := running.registry.get(STRANGER)) is None or known.profile is not None:
                await asyncio.sleep(0.01)
        await peer.say(reading_frame(STRANGER, NOON + timedelta(minutes=1)))
        assert await peer.hears_nothing()

    def adopt() -> Device:
        try:
            return make_device(plant.cast.merchant.pk, STRANGER)
        finally:
            connection.close()

    def retire(device: Device) -> None:
        try:
            Device.objects.filter(pk=device.pk).update(state="retired")
        finally:
            connection.close()

    with_gateway(plant, talk)
    assert readings() == 1


def test_a_wrong_crc_is_not_answered_and_its_bytes_are_kept(plant: Plant) -> None:
    wrong = reading_frame(plant.device.mn, NOON).replace(b"a34041-Rtd=0.500", b"a34041-Rtd=9.500")

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(wrong)
        assert await peer.hears_nothing()
        await peer.say(reading_frame(plant.device.mn, NOON))
        await peer.hear()

    with_gateway(plant, talk)
    assert fetch("SELECT fume_mg_m3 FROM reading_fume") == [(0.5,)]
    assert [(why, bytes(frame)) for why, frame in fetch("SELECT why, frame FROM odd_frame")] == [("crc", wrong.strip())]


def test_a_profile_may_allow_another_crc(plant: Plant) -> None:
    constant = reading_frame(plant.device.mn, NOON)[:-6] + b"FFFF\r\n"

    async def talk(running: Gateway, dial: Dial) -> None:
        known = running.registry.get(plant.device.mn)
        assert known is not None and known.profile is not None
        profile = known.profile.reader.profile.model_copy(update={"accepted_crc": ("standard", "constant")})
        known.profile.reader = ProfileReader(profile, COUNTY)
        peer = await dial()
        await peer.say(constant)
        await peer.hear()

    with_gateway(plant, talk)
    assert readings() == 1


def test_a_wrong_length_is_understood_where_the_frame_ends(plant: Plant) -> None:
    frame = reading_frame(plant.device.mn, NOON)

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(b"##0400" + frame[6:])
        await peer.hear()
        await peer.say(b"##0007" + reading_frame(plant.device.mn, NOON + timedelta(minutes=1))[6:])
        await peer.hear()

    with_gateway(plant, talk)
    assert readings() == 2


@pytest.mark.parametrize(
    ("offset", "why"), [(timedelta(days=3), "time-ahead"), (timedelta(days=-3000), "time-too-old")]
)
def test_an_impossible_time_is_odd_answered_and_no_reading(plant: Plant, offset: timedelta, why: str) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(reading_frame(plant.device.mn, NOW + offset))
        await peer.hear()

    with_gateway(plant, talk)
    assert (readings(), odd()) == (0, [why])


def test_a_value_out_of_range_is_answered_kept_as_odd_and_left_out_of_the_row(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(
            reading_frame(plant.device.mn, NOON, 900.0), reading_frame(plant.device.mn, NOON, "NaN", cn="2051")
        )
        await peer.hear(2)

    with_gateway(plant, talk)
    assert odd() == ["range:fume_mg_m3=900.000"]
    assert fetch("SELECT cn, fume_mg_m3, fan_on FROM reading_fume ORDER BY cn") == [
        (2011, None, True),
        (2051, None, True),
    ]


def test_what_a_device_uploads_besides_data_is_kept_and_answered(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(control("3020", plant.device.mn))
        (ack,) = await peer.hear()
        assert ack.cn == "9014"

    with_gateway(plant, talk)
    assert odd() == ["cn:3020"]


# ── who is cut off ──


def test_five_megabytes_without_a_frame_end_the_connection_and_hurt_nobody(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        loud, good = await dial(), await dial()
        with_error = asyncio.create_task(pour(loud, b"no frame here " * 1024, 5 * 1024 * 1024))
        for at in minutes(NOON, 20):
            await good.say(reading_frame(plant.device.mn, at))
            await good.hear()
        assert await loud.is_hung_up()
        with_error.cancel()
        assert running.counts.connections == 1

    with_gateway(plant, talk)
    assert readings() == 20


async def pour(peer: Peer, data: bytes, total: int) -> None:
    try:
        for _ in range(total // len(data)):
            await peer.say(data)
    except ConnectionError:
        pass


def test_a_device_that_never_reads_its_acks_is_cut_off_and_hurts_nobody(plant: Plant) -> None:
    limits = Limits(unread_bytes=4_096, batch_rows=100)

    async def talk(running: Gateway, dial: Dial) -> None:
        good = await dial()
        deaf = await deaf_peer(running)
        frames = b"".join(reading_frame(plant.currents.mn, at) for at in minutes(NOON, 60))
        with_error = asyncio.create_task(pour_raw(deaf, frames, 4_000))
        for at in minutes(NOON, 20):
            await good.say(reading_frame(plant.device.mn, at))
            await good.hear()
        async with asyncio.timeout(30):
            while running.counts.connections > 1:
                await asyncio.sleep(0.02)
        with_error.cancel()
        deaf.close()

    with_gateway(plant, talk, limits)
    assert readings() == 80


async def deaf_peer(running: Gateway) -> socket.socket:
    """A socket with next to no room for what it is sent."""
    assert running.port
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", running.port))
    return raw


async def pour_raw(raw: socket.socket, data: bytes, times: int) -> None:
    try:
        for _ in range(times):
            await asyncio.get_running_loop().sock_sendall(raw, data)
    except OSError:
        pass


def test_half_a_frame_that_never_ends_is_cut_off(plant: Plant) -> None:
    limits = Limits(stall_seconds=1.5, quiet_seconds=0.5)

    async def talk(_: Gateway, dial: Dial) -> None:
        slow, good = await dial(), await dial()
        frame = reading_frame(plant.device.mn, NOON)
        await slow.say(frame[:50])
        await good.say(frame)
        await good.hear()
        assert await slow.is_hung_up()

    with_gateway(plant, talk, limits)


def test_a_frame_whose_end_a_device_never_sends_is_taken_when_the_line_is_quiet(plant: Plant) -> None:
    bare = reading_frame(plant.device.mn, NOON)[:-6]  # neither CRC nor CR LF

    async def talk(running: Gateway, dial: Dial) -> None:
        known = running.registry.get(plant.device.mn)
        assert known is not None and known.profile is not None
        missing = known.profile.reader.profile.model_copy(update={"accepted_crc": ("missing",)})
        known.profile.reader = ProfileReader(missing, COUNTY)
        peer = await dial()
        await peer.say(bare)
        await peer.hear()

    with_gateway(plant, talk, Limits(quiet_seconds=0.2))
    assert readings() == 1


def test_who_says_nothing_is_cut_off(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        assert await (await dial()).is_hung_up()

    with_gateway(plant, talk, Limits(idle_seconds=0.5))


def test_a_flood_is_cut_off_and_hurts_nobody(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        loud, good = await dial(), await dial()
        flood = b"".join(control("9014", plant.currents.mn) for _ in range(500))
        with_error = asyncio.create_task(pour(loud, flood, 4_000 * len(flood)))
        await good.say(reading_frame(plant.device.mn, NOON))
        await good.hear()
        assert await loud.is_hung_up()
        with_error.cancel()

    with_gateway(plant, talk, Limits(flood_frames=100, flood_seconds=2))
    assert readings() == 1


def test_there_is_room_for_so_many_and_no_more(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        first, second = await dial(), await dial()
        await first.say(reading_frame(plant.device.mn, NOON))
        await first.hear()
        assert await second.is_hung_up()

    with_gateway(plant, talk, Limits(connections=1))


def test_who_never_names_a_known_device_is_cut_off_and_who_does_stays(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        good, stranger, silent = await dial(), await dial(), await dial()
        await good.say(reading_frame(plant.device.mn, NOON))
        await good.hear()
        await stranger.say(reading_frame(STRANGER, NOON))
        assert await silent.is_hung_up() and await stranger.is_hung_up()
        await good.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=1)))
        await good.hear()

    with_gateway(plant, talk, Limits(stranger_seconds=0.5))


def test_an_address_holds_so_many_connections_nobody_known_has_spoken_on(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        for n in range(5):  # those of known devices do not count
            peer = await dial()
            await peer.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=n)))
            await peer.hear()
        first, second, third = await dial(), await dial(), await dial()
        assert await third.is_hung_up()
        await first.close()
        async with asyncio.timeout(60):
            while running.counts.connections > 6:
                await asyncio.sleep(0.01)
        fourth = await dial()
        for peer in (fourth, second):
            await peer.say(reading_frame(plant.device.mn, NOON))
            await peer.hear()

    with_gateway(plant, talk, Limits(stranger_connections=2, spare_loopback=False))


def test_a_stranger_says_so_much_a_minute_and_no_more_and_hurts_no_device_beside_it(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        good, loud = await dial(), await dial()
        frames = [reading_frame(plant.device.mn, at) for at in minutes(NOON, 60)]
        for _n in range(2):
            await loud.say(*(reading_frame(STRANGER, at) for at in minutes(NOON, 60)))
        assert await loud.is_hung_up()
        await good.say(*frames)
        await good.hear(60)

    with_gateway(plant, talk, Limits(stranger_bytes=12_000, spare_loopback=False))


def test_a_stranger_that_never_reads_is_cut_off_early(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        deaf = await deaf_peer(running)
        pouring = asyncio.create_task(pour_raw(deaf, control("1013", STRANGER) * 200, 4_000))
        async with asyncio.timeout(30):
            while not running.cuts and running.counts.connections == 0:
                await asyncio.sleep(0.01)
            while running.counts.connections:
                await asyncio.sleep(0.01)
        pouring.cancel()
        deaf.close()

    with_gateway(plant, talk)


def test_an_address_names_so_many_unknown_devices_a_minute_and_each_is_written_once_in_it(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        for _n in range(3):
            await peer.say(*(reading_frame(f"M{n}", NOON) for n in range(5)))
            assert await peer.hears_nothing()
            await asyncio.to_thread(running.logbook.write)
        rows = await asyncio.to_thread(unknown_rows, plant)
        assert rows == [("M0", 1), ("M1", 1), ("M2", 1)]

    with_gateway(plant, talk, Limits(stranger_names=3, spare_loopback=False))
    assert {(one.mn, one.frames) for one in UnknownDevice.objects.all()} == {("M0", 3), ("M1", 3), ("M2", 3)}


def unknown_rows(plant: Plant) -> list[tuple[Any, ...]]:
    with psycopg.connect(plant.database) as database:
        return database.execute("SELECT mn, frames FROM sensing_unknowndevice ORDER BY mn").fetchall()


@pytest.mark.parametrize("limits", [Limits(queue_bytes=20_000), Limits(owed_acks=50)], ids=["bytes", "acks"])
def test_what_waits_is_bounded_by_bytes_and_by_answers_owed(plant: Plant, limits: Limits) -> None:
    """One moment said a thousand times is one row, and a thousand answers."""

    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        frame = reading_frame(plant.device.mn, NOON)
        peer.writer.write(frame * 2_000)
        waiting = asyncio.create_task(peer.hear(2_000, within=30))
        most = paused = 0
        while not waiting.done():
            most = max(most, len(running._pending.acks) + len(running._in_flight.acks))
            paused += running._paused
            await asyncio.sleep(0)
        await waiting
        assert paused and most < 1_000  # what one reading of the socket may add

    with_gateway(plant, talk, limits)
    assert readings() == 1


# ── without a database ──


def test_a_device_adopted_after_the_line_that_tells_was_cut_is_known_within_the_time_of_polling(plant: Plant) -> None:
    def cut_the_line() -> None:
        with psycopg.connect(plant.database, autocommit=True) as admin:
            listening = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()"
            until = time.monotonic() + 10
            while not (cut := [pid for (pid,) in admin.execute(listening)]) and time.monotonic() < until:
                pass  # the gateway is still on its way to listening
            # It waits for their ends by itself, ten seconds at most: the registry may listen again on a new line before.
            ended = [admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() for pid in cut]
            assert ended
            assert all(row is not None and row[0] for row in ended)

    def adopt() -> None:
        try:
            make_device(plant.cast.merchant.pk, STRANGER)
        finally:
            connection.close()

    async def talk(running: Gateway, dial: Dial) -> None:
        await asyncio.to_thread(cut_the_line)
        await asyncio.to_thread(adopt)
        async with asyncio.timeout(60):
            while running.registry.get(STRANGER) is None:
                await asyncio.sleep(0.01)
        peer = await dial()
        await peer.say(reading_frame(STRANGER, NOON))
        await peer.hear()

    with_gateway(plant, talk, Limits(registry_seconds=3.0))


@contextmanager
def database_away(database: str, ours: int) -> Iterator[None]:
    """Whoever was connected no longer is, this test aside, and nobody can connect again."""
    name = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s", [name, ours]
        )
        yield
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def disk_full(database: str, ours: int) -> Iterator[None]:
    """Not a row more can be written, and PostgreSQL says so as it does when there is no space left."""
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        admin.execute("CREATE TRIGGER no_space BEFORE INSERT ON reading_fume FOR EACH ROW EXECUTE FUNCTION no_space()")
        yield
        admin.execute("DROP FUNCTION no_space CASCADE")


@pytest.mark.parametrize("trouble", [database_away, disk_full], ids=lambda trouble: trouble.__name__)
def test_without_the_database_nothing_is_answered_and_nothing_read_and_then_all_of_it(
    plant: Plant, trouble: Callable[[str, int], AbstractContextManager[None]]
) -> None:
    ((ours,),) = fetch("SELECT pg_backend_pid()")

    async def talk(running: Gateway, dial: Dial) -> None:
        peer, other = await dial(), await dial()
        await peer.say(reading_frame(plant.device.mn, NOON - timedelta(minutes=1)))
        await peer.hear()
        with trouble(plant.database, ours):
            await peer.say(*(reading_frame(plant.device.mn, at) for at in minutes(NOON, 5)))
            assert await peer.hears_nothing()
            await other.say(reading_frame(plant.states.mn, NOON))
            assert await other.hears_nothing()
            late = await dial()
            await late.say(reading_frame(plant.currents.mn, NOON))
            assert await late.hears_nothing()
            assert running.counts.frames == 6  # neither the second socket is read nor one that dials in meanwhile
        assert len(await peer.hear(5)) == 5
        await other.hear()
        await late.hear()

    with_gateway(plant, talk)
    assert readings() == 8


def test_a_full_queue_stops_the_reading_and_forgets_nothing(plant: Plant) -> None:
    limits = Limits(queue_rows=200, batch_rows=50)

    async def talk(running: Gateway, dial: Dial) -> None:
        peers = [await dial() for _ in range(4)]
        most = 0
        starts = [NOON - timedelta(days=n) for n in range(1, 5)]
        for peer, start in zip(peers, starts, strict=True):
            peer.writer.write(b"".join(reading_frame(plant.device.mn, at) for at in minutes(start, 1_000)))
        waiting = [asyncio.create_task(peer.hear(1_000, within=30)) for peer in peers]
        while not all(one.done() for one in waiting):
            most = max(most, running._queued())
            await asyncio.sleep(0)
        assert most < limits.queue_rows + 4 * 300  # what one reading of each socket may add

    with_gateway(plant, talk, limits)
    assert readings() == 4_000


# ── its life ──


def test_a_gateway_that_is_told_to_stop_stores_and_answers_what_it_took(plant: Plant) -> None:
    limits = Limits(batch_seconds=30.0)  # nothing would be written yet

    async def run() -> None:
        async with gateway(plant.database, limits, at_now) as (running, dial):
            peer = await dial()
            await peer.say(*(reading_frame(plant.device.mn, at) for at in minutes(NOON, 3)))
            async with asyncio.timeout(60):
                while running.counts.frames < 3:
                    await asyncio.sleep(0.01)
            await running.stop()
            assert len(await peer.hear(3)) == 3
            assert await peer.is_hung_up()

    asyncio.run(run())
    assert readings() == 3


def test_two_gateways_serve_the_same_devices(plant: Plant) -> None:
    async def run() -> None:
        async with (
            gateway(plant.database, None, at_now) as (_, dial),
            gateway(plant.database, None, at_now) as (_, dial_other),
        ):
            peer, other = await dial(), await dial_other()
            frames = [reading_frame(plant.device.mn, at) for at in minutes(NOON, 200)]
            await asyncio.gather(peer.say(*frames), other.say(*frames))
            await asyncio.gather(peer.hear(200), other.hear(200))

    asyncio.run(run())
    assert readings() == 200
    assert odd() == []


@pytest.mark.parametrize(("files", "connections"), [(-1, 20_000), (65_536, 20_000), (1_024, 960), (30, 1)])
def test_devices_leave_files_for_the_database(files: int, connections: int) -> None:
    assert within(Limits(), files).connections == connections


def test_a_port_that_is_taken_is_named_with_its_mend(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        with pytest.raises(CannotListen, match=rf"127.0.0.1:{running.port} .*HJ212_PORT="):
            await Gateway(plant.database).start("127.0.0.1", running.port)

    with_gateway(plant, talk)


def test_it_says_what_it_has_counted(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        frame = reading_frame(plant.device.mn, NOON)
        await peer.say(frame, frame, reading_frame(STRANGER, NOON), frame.replace(b"0.500", b"0.600"))
        await peer.hear(2)

    with_gateway(plant, talk)
    counted = Process.objects.get()
    assert (counted.frames, counted.readings, counted.unknown, counted.refused, counted.odd) == (4, 1, 1, 1, 1)
    assert counted.values == 3
    assert counted.batches >= 1


def test_the_last_hundred_frames_of_a_device_can_be_looked_at(plant: Plant) -> None:
    async def talk(running: Gateway, dial: Dial) -> None:
        peer = await dial()
        for start in (NOON, NOON + timedelta(hours=2)):
            await peer.say(*(reading_frame(plant.device.mn, at) for at in minutes(start, 80)))
            await peer.hear(80)
            await asyncio.to_thread(running.logbook.write)

    with_gateway(plant, talk)
    frames = [bytes(frame) for (frame,) in fetch("SELECT frame FROM recent_frame ORDER BY id")]
    assert len(frames) == 100
    assert frames[-1] == reading_frame(plant.device.mn, NOON + timedelta(hours=2, minutes=79)).strip()
    assert frames[0] == reading_frame(plant.device.mn, NOON + timedelta(minutes=60)).strip()


def test_a_time_without_any_gateway_is_noted(plant: Plant) -> None:
    async def live(at: datetime) -> None:
        async with gateway(plant.database, None, lambda: microseconds(at)):
            pass

    for at in (NOON, NOON + timedelta(seconds=30), NOON + timedelta(hours=2)):
        asyncio.run(live(at))
    assert [(one.since, one.until) for one in Deafness.objects.all()] == [
        (NOON + timedelta(seconds=30), NOON + timedelta(hours=2))
    ]


def test_a_message_of_the_platforms_own_is_not_mistaken_for_a_devices(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(encode(Message("9014", "91", plant.device.mn, "123456", "20260305120000000", "4")))
        assert await peer.hears_nothing()

    with_gateway(plant, talk)
    assert (readings(), odd()) == (0, [])
