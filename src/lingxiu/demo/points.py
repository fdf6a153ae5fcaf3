"""The demo's grease traps, gas alarms, power meters and kitchen cameras: a fortnight of readings each, and who is on duty for gas.

They come in by the sensing room's own store and are judged by its own rules; one trap is nearly full, one is overdue, one gas alarm
went off days ago and was over in minutes, one camera is gone. Nothing here sends: it is what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final

from django.db import connection

from lingxiu.accounts.models import Unit, User
from lingxiu.demo.chance import stream
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import Staff
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import InForce
from lingxiu.sensing import point_alarms
from lingxiu.sensing.models import Device, DutyTurn
from lingxiu.sensing.other_readings import TABLES, Point, store

SHARES: Final = {"grease_trap": 24 / 2780, "gas_alarm": 12 / 2780, "power_meter": 8 / 2780, "camera": 10 / 2780}
PROFILES: Final = {
    "grease_trap": "json-grease", "gas_alarm": "json-gas", "power_meter": "json-power", "camera": "json-camera"
}  # fmt: skip
NUMBERS: Final = {"grease_trap": "GT", "gas_alarm": "GAS", "power_meter": "PM", "camera": "CAM"}
LEAST: Final = 3
FORTNIGHT: Final = timedelta(days=14)
DUTY_DAYS: Final = 7
AT_ONCE: Final = 4_000
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_ARRIVED: Final = "UPDATE {table} SET received_at = at + interval '4 seconds' WHERE device_id = ANY (%s)"
_HEARD: Final = """
    UPDATE point_device SET heard_at = latest_at + interval '4 seconds' WHERE device_id = ANY (%s);
    UPDATE sensing_device d SET last_frame_at = p.heard_at FROM point_device p WHERE p.device_id = d.id AND d.id = ANY (%s)
"""


def write_points(shops: Sequence[Shop], policy: InForce, at: datetime) -> None:
    """Devices, what they told in a fortnight, and the alarms that follow from it."""
    devices = _devices([shop for shop in shops if shop.merchant.status == "open" and not shop.staged], len(shops), at)
    told = [point for number, device in devices for point in _READINGS[device.kind](device, number, at)]
    for first in range(0, len(told), AT_ONCE):
        store(told[first : first + AT_ONCE], at)
    ids = [device.pk for _, device in devices]
    with connection.cursor() as cursor:
        for table in {point.table.name for point in told}:
            cursor.execute(_ARRIVED.format(table=table), [ids])
        cursor.execute(_HEARD, [ids, ids])
    while point_alarms.judge(policy, at):
        pass


def _devices(shops: Sequence[Shop], of: int, at: datetime) -> list[tuple[int, Device]]:
    """The devices, written, each with its number among those of its kind."""
    made = []
    for kind, share in SHARES.items():
        count = min(len(shops), max(LEAST, round(share * of)))
        for number, shop in enumerate(stream("points", kind).sample(list(shops), count)):
            random = stream("point", kind, number)
            device = Device(
                mn=f"{NUMBERS[kind]}330421{number + 1:04d}", merchant=shop.merchant, profile=PROFILES[kind], kind=kind,
                vendor="示例厂家", model="box" if kind == "grease_trap" and number % 4 == 3 else "",
                installed_on=(at - timedelta(days=random.randint(60, 500))).date(), synthetic=True,
            )  # fmt: skip
            made.append((number, device))
    Device.objects.bulk_create([device for _, device in made])
    return made


# ── what they told ───────────────────────────────────────────────────────────────────────────────────────────────


def _times(at: datetime, step: timedelta, offset: int) -> Iterator[datetime]:
    """From a fortnight ago to a little before now."""
    moment = (at - FORTNIGHT).replace(minute=0, second=offset % 60, microsecond=0) + HOUR
    while moment <= at - 2 * MINUTE:
        yield moment
        moment += step


def _said(device: Device, when: datetime, event: str = "", **values: float | str | datetime) -> Point:
    return Point(device.kind, device.pk, when, 0, values, event=event)


def _grease(device: Device, number: int, at: datetime) -> Iterator[Point]:
    """It fills by the day and is emptied in the morning; the first is nearly full by now, the second nobody empties."""
    random = stream("grease", number)
    cycle = {0: 26, 1: 40}.get(number, 6 if device.model == "box" else random.randint(10, 24))
    ago = {0: 25, 1: 34}.get(number, random.randint(1, cycle - 1))
    emptied = (at - timedelta(days=ago)).replace(hour=6, minute=40, second=0, microsecond=0)
    fills = {0: 98.0, 1: 62.0}.get(number, random.uniform(55, 78))
    if number == 1:
        kept = CareRecord.objects.filter(merchant=device.merchant_id, kind=CareRecord.Kind.TRAP, on__gt=emptied.date())
        kept.delete()
    for when in _times(at, 2 * HOUR, number):
        last = emptied
        while last > when:
            last -= timedelta(days=cycle)
        full = 8 + (fills - 8) * ((when - last) / timedelta(days=cycle)) + random.uniform(-0.6, 0.6)
        level = round(min(99.0, max(2.0, full)), 1)
        yield _said(device, when, level_pct=level, oil_mm=round(level * 1.6), temperature_c=round(random.uniform(16, 34), 1),
                    emptied_at=last)  # fmt: skip


def _gas(device: Device, number: int, at: datetime) -> Iterator[Point]:
    """Next to nothing; the first went off three days ago, while a burner did not light, and was over within minutes."""
    random = stream("gas", number)
    for when in _times(at, HOUR / 2, number):
        yield _said(device, when, lel_pct=round(random.uniform(0, 2.5), 1), state="normal")
    if number == 0:
        began = (at - 3 * DAY).replace(hour=11, minute=12, second=20, microsecond=0)
        for minute, value in enumerate([6.0, 24.0, 37.5, 21.0, 8.0, 3.0, 1.0, 0.5]):
            yield _said(device, began + minute * MINUTE, lel_pct=value, state="alarm" if value >= 20 else "normal")


def _power(device: Device, number: int, at: datetime) -> Iterator[Point]:
    """Little at night, much at meals; the count only grows."""
    random = stream("power", number)
    count = random.uniform(4_000, 90_000)
    for when in _times(at, HOUR, number):
        cooks = 10 <= when.hour < 14 or 16 <= when.hour < 21
        watts = random.uniform(6_000, 14_000) if cooks else random.uniform(300, 900)
        count += watts / 1000
        yield _said(device, when, power_w=round(watts), energy_kwh=round(count, 2), fan_a=round(4.2 if cooks else 0.0, 1),
                    purifier_a=round(2.1 if cooks and number != 1 else 0.0, 1))  # fmt: skip


def _camera(device: Device, number: int, at: datetime) -> Iterator[Point]:
    """Online every six hours, the first not for two days; now and then it sees something."""
    random = stream("camera", number)
    address = f"https://camera.example/live/{device.mn}.m3u8"
    for when in _times(at, 6 * HOUR, number):
        if number == 0 and when > at - 2 * DAY:
            yield _said(device, when, state="offline")
            return
        yield _said(device, when, state="online", hls_url=address)
    for n in range(random.randint(2, 6)):
        when = (at - timedelta(days=random.randint(1, 13))).replace(
            hour=random.randint(9, 20), minute=random.randint(0, 59)
        )
        event = (
            random.choice(["no_hat", "no_hat", "no_mask", "smoking"])
            if number % 5
            else "rodent"
            if n == 0
            else "no_hat"
        )
        yield _said(
            device, when.replace(second=n, microsecond=0), event, confidence=round(random.uniform(0.55, 0.97), 2)
        )


_READINGS: Final = {"grease_trap": _grease, "gas_alarm": _gas, "power_meter": _power, "camera": _camera}
assert set(_READINGS) == set(TABLES)


# ── who is on duty ───────────────────────────────────────────────────────────────────────────────────────────────


def write_duty(staff: Staff, at: datetime) -> None:
    """The roster of the coming week, from eight to eight: a town's dispatchers and its team, the county's officers."""
    morning = datetime.combine(at.date(), time(8), at.tzinfo) - (DAY if at.hour < 8 else timedelta())
    turns: list[DutyTurn] = []
    for code, unit in staff.units.items():
        people = [*staff.of("town_dispatcher", code), *staff.of("town_officer", f"{code}-team")]
        if unit.kind == "county_office":
            people = list(staff.of("county_officer", code))
        turns += _week(unit, people, morning) if unit.kind in ("town", "county_office") else []
    DutyTurn.objects.bulk_create(turns)


def _week(unit: Unit, people: Sequence[User], morning: datetime) -> Iterator[DutyTurn]:
    """Two a day, in turn."""
    for day in range(DUTY_DAYS):
        for rank in range(1, min(2, len(people)) + 1):
            since = morning + day * DAY
            person = people[(day + rank - 1) % len(people)]
            yield DutyTurn(unit=unit, person=person, since=since, until=since + DAY, rank=rank, synthetic=True)
