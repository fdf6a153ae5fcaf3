"""The simulated devices: kitchens that repeat themselves, dialects that are understood, sockets that lose nothing."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest
from django.db import connection

from hj212 import Decoder, encode
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.alarms import Window, fold
from lingxiu.sensing.gateway import Limits
from lingxiu.sensing.profiles import ProfileReader, microseconds
from lingxiu.sensing.simulator import (
    Kitchen,
    SimulatedDevice,
    Values,
    buffered_minutes,
    held_high,
    make_fleet,
    run_device,
    run_fleet,
    say,
    until,
    without_purifier,
)
from tests.sensing.conftest import MN, Plant
from tests.sensing.frames import COUNTY, local
from tests.sensing.peers import gateway

CATALOGUES = read_folder(SHIPPED)[0]
PROFILES = {profile.id: profile for profile in CATALOGUES.devices}
NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 4, 16, 0, tzinfo=UTC)


def day_of(kitchen: Kitchen) -> list[Values]:
    return [kitchen(MIDNIGHT + timedelta(minutes=n)) for n in range(1440)]


def fume(values: list[Values]) -> float:
    return mean(one.fume_mg_m3 or 0.0 for one in values)


def test_a_kitchen_repeats_itself_and_no_other() -> None:
    first, second = Kitchen.of("A", COUNTY), Kitchen.of("B", COUNTY)
    assert day_of(first) == day_of(Kitchen.of("A", COUNTY))
    assert day_of(first) != day_of(second)


def test_a_kitchen_has_lunch_and_dinner_and_sleeps_at_night() -> None:
    days = [day_of(Kitchen.of(f"K{n}", COUNTY)) for n in range(20)]
    night, lunch, afternoon, dinner = (
        mean(fume(day[a * 60 : b * 60]) for day in days) for a, b in ((0, 6), (11, 13), (15, 16), (17, 19))
    )
    assert lunch > 5 * night
    assert dinner > lunch > afternoon
    assert not any(one.fan_on for day in days for one in day[: 6 * 60])
    assert all(one.fan_on for day in days for one in day[12 * 60 : 12 * 60 + 5])
    running = [one for day in days for one in day if one.fan_on]
    assert 0.9 < mean(bool(one.purifier_on) for one in running) < 1.0


def test_most_kitchens_are_no_reason_for_an_alarm() -> None:
    (rule,) = [rule for rule in CATALOGUES.alarms.rules if rule.id == "ALM-FUME-3"]
    raised = 0
    for n in range(40):
        day = day_of(Kitchen.of(f"K{n}", COUNTY))
        windows = [
            Window(
                MIDNIGHT + timedelta(minutes=start),
                fume_mg_m3=fume(day[start : start + 10]),
                fan_on_minutes=sum(bool(one.fan_on) for one in day[start : start + 10]),
            )
            for start in range(0, 1440, 10)
        ]
        assert rule.type == "sustained_value"
        raised += bool(fold(rule, windows))
    assert raised <= 6


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.id)
@pytest.mark.parametrize("cn", ["2011", "2051"])
def test_what_a_device_says_is_what_its_profile_understands(profile: object, cn: str) -> None:
    assert hasattr(profile, "factors")
    reader = ProfileReader(profile, COUNTY)  # type: ignore[arg-type]  # parametrize forgets the type
    kitchen = Kitchen.of("A", COUNTY)
    for hour in (3, 12, 18):
        at = MIDNIGHT + timedelta(hours=hour)
        values = kitchen(at)
        frames = Decoder().feed(encode(say(profile, values, mn=MN, at=local(at), qn="20260305120000000", cn=cn)))  # type: ignore[arg-type]
        understood, odd, _others = reader.read(frames[0], 1, microseconds(at))
        assert odd == ""
        assert understood.at == microseconds(at)
        for column in values._fields:
            heard = getattr(understood, column)
            assert heard is None or math.isclose(heard, getattr(values, column), abs_tol=1e-9)
        assert understood.fume_mg_m3 is not None


def test_sources_change_what_a_kitchen_tells() -> None:
    kitchen = Kitchen.of("A", COUNTY)
    assert (values := without_purifier(kitchen)(NOON)) and (values.fan_on, values.purifier_on) == (True, False)
    dark = until(kitchen, NOON)
    assert (dark(NOON - timedelta(minutes=1)) is None, dark(NOON) is None) == (False, True)
    high = held_high("A")
    assert all(
        2.6 <= (values.fume_mg_m3 or 0) <= 3.8 for n in range(50) if (values := high(NOON + timedelta(minutes=n)))
    )


def test_of_ten_devices_four_have_something_to_show() -> None:
    fleet = make_fleet([(f"D{n}", "plain-2017") for n in range(10)], PROFILES, NOON, COUNTY)
    assert [len(device.unsent) for device in fleet] == [40] + [0] * 9
    assert fleet[0].unsent[0] == NOON - timedelta(minutes=40)
    assert (values := fleet[3].source(NOON)) and values.purifier_on is False
    assert fleet[6].source(NOON + timedelta(hours=1)) is None
    assert fleet[8].drift == timedelta(minutes=-7)


def test_a_device_never_uses_a_qn_twice_and_dates_by_its_own_clock() -> None:
    device = SimulatedDevice(MN, PROFILES["plain-2017"], Kitchen.of("A", COUNTY), COUNTY, drift=timedelta(minutes=-7))
    told = [device.message(NOON, NOON) for _ in range(3)]
    assert [one.qn for one in told] == ["20260305115300000", "20260305115300001", "20260305115300002"]
    assert "DataTime=20260305115300;" in told[0].cp


# ── on sockets ──


def fleet_of(plant: Plant) -> list[SimulatedDevice]:
    kept = buffered_minutes(NOON, 40)
    return [
        SimulatedDevice(device.mn, PROFILES[device.profile], Kitchen.of(device.mn, COUNTY), COUNTY, kept=kept)
        for device in (plant.device, plant.currents, plant.states)
    ]


def stored() -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT device_id, count(*) FROM reading_fume GROUP BY 1 ORDER BY 1")
        return cursor.fetchall()


async def until_told(fleet: list[SimulatedDevice]) -> None:
    async with asyncio.timeout(30):
        while any(device.unsent for device in fleet):
            await asyncio.sleep(0.01)


def test_devices_of_several_dialects_send_again_what_they_kept(plant: Plant) -> None:
    fleet = fleet_of(plant)

    async def run() -> None:
        async with gateway(plant.database, Limits(batch_seconds=0.01), lambda: microseconds(NOON)) as (running, _):
            sending = asyncio.create_task(run_fleet(fleet, "127.0.0.1", running.port, clock=lambda: NOON))
            await until_told(fleet)
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    asyncio.run(run())
    assert stored() == [(device.pk, 40) for device in (plant.device, plant.currents, plant.states)]
    assert [device.acked for device in fleet] == [40, 40, 40]


def test_a_device_dials_again_and_loses_nothing_when_its_gateway_dies(plant: Plant) -> None:
    (device, *_) = fleet_of(plant)
    clock = {"clock": lambda: microseconds(NOON)}

    async def run() -> None:
        async with gateway(plant.database, Limits(batch_seconds=0.01), **clock) as (running, _):
            port = running.port
            sending = asyncio.create_task(run_device(device, "127.0.0.1", port, clock=lambda: NOON))
            async with asyncio.timeout(30):
                while device.acked < 5:
                    await asyncio.sleep(0.01)
        assert device.unsent
        async with gateway(plant.database, Limits(batch_seconds=0.01), port=port, **clock):
            await until_told([device])
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending

    asyncio.run(run())
    assert stored() == [(plant.device.pk, 40)]
