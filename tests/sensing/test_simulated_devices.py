"""Simulated devices and a whole gateway: every version, split, encrypted, misbehaving; and doing what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from lingxiu.policy.queries import in_force
from lingxiu.sensing import asking
from lingxiu.sensing.gateway import Gateway, Limits
from lingxiu.sensing.keys import Key
from lingxiu.sensing.models import Device, DeviceRequest
from lingxiu.sensing.profiles import microseconds
from lingxiu.sensing.simulator import (
    Habit,
    Kitchen,
    SimulatedDevice,
    Values,
    buffered_minutes,
    run_device,
)
from lingxiu.sensing.simulator.habits import WORDS, spoil
from lingxiu.sensing.simulator.obeying import OBEYS, mean_of
from lingxiu.sensing.statistics import Gap
from tests.sensing.conftest import Plant, make_device
from tests.sensing.frames import COUNTY
from tests.sensing.peers import gateway
from tests.sensing.test_asking import ends, looked

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
QUICK = Limits(batch_seconds=0.01, quiet_seconds=0.2, answer_seconds=2.0)
KEY = "30" * 16
MINUTES = 12


def simulated(device: Device, **manner: Any) -> SimulatedDevice:
    """The device, with some minutes to tell of."""
    profile = next(row for row in in_force().catalogues.devices if row.id == device.profile)
    said = {"kept": buffered_minutes(NOON, MINUTES), "timeout": 0.3} | manner
    return SimulatedDevice(device.mn, profile, Kitchen.of(device.mn, COUNTY), COUNTY, **said)


def run(
    plant: Plant,
    device: SimulatedDevice,
    until: Callable[[Gateway], Awaitable[None]] | None = None,
    limits: Limits = QUICK,
) -> None:
    """Let it talk to a gateway until it has told everything, or what `until` waits for has come."""

    async def told(_: Gateway) -> None:
        async with asyncio.timeout(30):
            while device.unsent:
                await asyncio.sleep(0.01)

    async def running() -> None:
        async with gateway(plant.database, limits, lambda: microseconds(NOON)) as (gate, _):
            talking = asyncio.create_task(
                run_device(device, "127.0.0.1", gate.port, clock=lambda: NOON, dial_again=(0.05, 0.1))
            )
            await (until or told)(gate)
            talking.cancel()
            with suppress(asyncio.CancelledError):
                await talking

    asyncio.run(running())


def rows(device: Device, columns: str = "at, fume_mg_m3", cn: int = 2011) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM reading_fume WHERE device_id = %s AND cn = %s ORDER BY at", [device.pk, cn]
        )
        return cursor.fetchall()


def odd() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT why FROM odd_frame")
        return {why for (why,) in cursor.fetchall()}


# ── versions ──


@pytest.mark.parametrize(
    ("profile", "key", "part_bytes"),
    [
        ("plain-2005", "", 950),
        ("plain-2017", "", 950),
        ("plain-2017", "", 110),
        ("plain-2025", "", 950),
        ("plain-2025", KEY, 950),
        ("plain-2025", KEY, 110),
    ],
)
def test_a_device_of_any_version_tells_everything_it_kept_once(
    plant: Plant, profile: str, key: str, part_bytes: int
) -> None:
    device = make_device(plant.cast.merchant.pk, "330421A0B0C0D0E0F0000009", profile, secret=key)
    one = simulated(device, key=Key(key) if key else None, part_bytes=part_bytes)
    assert (len(one.messages(NOON, NOON)) > 1) is (part_bytes < 950)
    run(plant, one)
    assert one.acked == MINUTES
    told = rows(device, "at, fume_mg_m3, fan_on, purifier_on")
    assert [row[0] for row in told] == list(one.kept)
    for at, fume, fan, purifier in told:
        values = one.source(at)
        assert values is not None
        assert (fume, fan, purifier) == (pytest.approx(values.fume_mg_m3), values.fan_on, values.purifier_on)
    assert odd() == set()


def test_what_is_sent_again_after_a_broken_line_is_known_as_such(plant: Plant) -> None:
    device = make_device(plant.cast.merchant.pk, "330421A0B0C0D0E0F0000009", "plain-2025", secret=KEY)
    run(plant, simulated(device, key=Key(KEY)))
    assert {extra for (extra,) in rows(device, "extra->>'RF'")} == {"1"}


def test_a_device_greets_as_it_is_told_to(plant: Plant) -> None:
    one = simulated(plant.device, hello=("9021", "1013", "9015"), drift=timedelta(minutes=-7))

    async def until(_: Gateway) -> None:
        async with asyncio.timeout(60):
            while one.drift or one.unsent:
                await asyncio.sleep(0.01)

    run(plant, one, until)
    request = DeviceRequest.objects.get()
    assert (request.cn, request.why, request.state) == ("1012", "device", "done")


# ── misbehaving ──


@pytest.mark.parametrize("habit", sorted(set(Habit) - {Habit.CLOCK}))
def test_no_misbehaviour_loses_or_doubles_a_minute(plant: Plant, habit: Habit) -> None:
    encrypted = habit is Habit.PRINTED
    device = make_device(
        plant.cast.merchant.pk,
        "330421A0B0C0D0E0F0000009",
        "plain-2025" if encrypted else "plain-2017",
        secret=KEY if encrypted else "",
    )
    one = simulated(device, habits=frozenset({habit}), key=Key(KEY) if encrypted else None)
    run(plant, one)
    told = rows(device)
    assert [at for at, _ in told] == list(one.kept)
    missing = sum(fume is None for _, fume in told)
    assert missing == (MINUTES // 4 if habit in (Habit.NAN, Habit.MISSING) else 0)
    assert odd() <= {"crc", "length", "deviation:encrypted-as-text"}


def test_every_habit_is_said_in_words_and_none_is_the_rule() -> None:
    assert set(WORDS) == set(Habit)
    assert spoil(frozenset(Habit), b"##", 1).pieces == (b"##",)


# ── obeying ──


def talk_with(plant: Plant, one: SimulatedDevice, ask: Callable[[], Awaitable[None]]) -> None:
    async def until(_: Gateway) -> None:
        await ask()

    run(plant, one, until)


async def answered(device: Device, what: str, **said: Any) -> DeviceRequest:
    request = await looked(asking.ask, device, what, at=NOON, **said)
    assert isinstance(request, DeviceRequest)
    return await ends(request, DeviceRequest.State.DONE)


def test_a_clock_that_is_off_is_read_set_and_right(plant: Plant) -> None:
    one = simulated(plant.device, drift=timedelta(days=-3))

    async def ask() -> None:
        assert (await answered(plant.device, "clock")).answer["SystemTime"] == "20260302120000"
        await answered(plant.device, "set-clock")
        assert one.drift == timedelta()
        assert (await answered(plant.device, "clock")).answer["SystemTime"] == "20260305120000"

    talk_with(plant, one, ask)


def test_intervals_are_set_and_read_back(plant: Plant) -> None:
    one = simulated(plant.device)

    async def ask() -> None:
        await answered(plant.device, "set-realtime-interval", value="120")
        assert (await answered(plant.device, "realtime-interval")).answer["RtdInterval"] == "120"
        await answered(plant.device, "set-minute-interval", value="10")
        assert (await answered(plant.device, "minute-interval")).answer["MinInterval"] == "10"

    talk_with(plant, one, ask)
    assert (one.every, one.minutes, one.obeyed) == (120.0, 10, 4)


@pytest.mark.parametrize(("profile", "key"), [("plain-2017", ""), ("plain-2025", KEY), ("plain-2005", "")])
def test_a_gap_is_filled_by_asking(plant: Plant, profile: str, key: str) -> None:
    device = make_device(plant.cast.merchant.pk, "330421A0B0C0D0E0F0000009", profile, secret=key)
    one = simulated(device, key=Key(key) if key else None)
    since = NOON - timedelta(hours=5)

    async def ask() -> None:
        request = await answered(device, "history", since=since, until=since + timedelta(minutes=30))
        assert request.answer["frames"] == "31"

    talk_with(plant, one, ask)
    minutes = rows(device, cn=2051)
    assert [at for at, _ in minutes] == [since + timedelta(minutes=n) for n in range(31)]


@pytest.mark.parametrize(
    ("profile", "key"),
    [("plain-2005", ""), ("plain-2017", ""), ("plain-2025", KEY), ("numbers-by-id", ""), ("lampblack-words", "")],
)
def test_what_was_missed_is_asked_for_in_every_dialect_that_keeps_it_and_stands_where_it_belongs(
    plant: Plant, profile: str, key: str
) -> None:
    device = make_device(plant.cast.merchant.pk, "330421A0B0C0D0E0F0000009", profile, secret=key)
    one = simulated(device, key=Key(key) if key else None, kept=(NOON,))
    gap = Gap(device.pk, NOON - timedelta(hours=3), NOON - timedelta(minutes=5))
    assert asking.fill_gaps(in_force(), [gap], NOON) == 1

    async def filled() -> None:
        await ends(await looked(DeviceRequest.objects.get), DeviceRequest.State.DONE)

    talk_with(plant, one, filled)
    told = rows(device, cn=2051)
    missed = [NOON - timedelta(hours=3) + timedelta(minutes=n) for n in range(170)]
    assert [at for at, _ in told] == missed
    for at, fume in told:
        values = one.source(at)
        assert values is not None
        assert fume == pytest.approx(values.fume_mg_m3, abs=2e-3)
    assert odd() == set()


def test_a_device_that_does_not_know_the_question_is_soon_left_alone(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(OBEYS, "2051")
    one = simulated(plant.device, kept=(NOON,))
    gap = Gap(plant.device.pk, NOON - timedelta(hours=3), NOON - timedelta(minutes=5))
    assert asking.fill_gaps(in_force(), [gap], NOON) == 1

    async def refused() -> None:
        request = await ends(await looked(DeviceRequest.objects.get), DeviceRequest.State.REFUSED)
        assert request.qn_rtn == 8

    talk_with(plant, one, refused)
    assert asking.fill_gaps(in_force(), [gap._replace(since=gap.since - timedelta(days=1))], NOON) == 0


def test_hours_and_days_are_means_of_what_was_measured(plant: Plant) -> None:
    one = simulated(plant.device)

    async def ask() -> None:
        await answered(plant.device, "hour", since=NOON - timedelta(hours=4), until=NOON)
        await answered(plant.device, "day", since=NOON - timedelta(days=3), until=NOON)

    talk_with(plant, one, ask)
    assert len(rows(plant.device, cn=2061)) == 4
    assert len(rows(plant.device, cn=2031)) == 2
    assert mean_of([Values(fume_mg_m3=1.0, fan_on=True), Values(fume_mg_m3=2.0, fan_on=False)]) == Values(
        fume_mg_m3=1.5, fan_on=False
    )


def test_field_information_is_told(plant: Plant) -> None:
    one = simulated(plant.device, started=NOON - timedelta(days=2))

    async def ask() -> None:
        assert (await answered(plant.device, "info", value="i13001")).answer["i13001-Info"] == "0-10"
        number = await answered(plant.device, "number", value="a34041")
        assert number.answer["a34041-SN"] == plant.device.mn
        assert (await answered(plant.device, "restart-notice")).answer["RestartTime"] == "20260303120000"

    talk_with(plant, one, ask)


def test_a_key_is_changed_and_used(plant: Plant) -> None:
    device = make_device(plant.cast.merchant.pk, "330421A0B0C0D0E0F0000009", "plain-2025")
    asking.set_key(device, KEY, at=NOON)
    one = simulated(device, key=Key(KEY))

    async def ask() -> None:
        request = await looked(asking.rotate_key, device, at=NOON)
        await ends(request, DeviceRequest.State.DONE)
        one.measure(NOON)
        async with asyncio.timeout(60):
            while True:
                await looked(device.refresh_from_db)
                if not device.former_secret and one.key is not None and one.key.hex == device.secret != KEY:
                    return
                await asyncio.sleep(0.02)

    talk_with(plant, one, ask)


def test_a_device_says_when_it_has_no_such_data(plant: Plant) -> None:
    one = simulated(plant.device)

    async def ask() -> None:
        request = await looked(asking.ask, plant.device, "info", value="zzz", at=NOON)
        request = await ends(request, DeviceRequest.State.FAILED)
        assert request.exe_rtn == 100

    talk_with(plant, one, ask)
