"""The demo's grease traps, gas alarms, power meters and kitchen cameras: what they told, and who is on duty for gas.

As of the monitors there are three days of readings, a fortnight of windows, three months of hours and days; traps have all their
readings, from which forecasts are made. A trap falls on the days the shop has on record, and on no other. The last days come in by
the sensing room's own store and are judged by its own rules; one trap is nearly full, one is overdue, one gas alarm went off days
ago and was over in minutes, one camera is gone. Nothing here sends: it is what was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from django.db import connection

from lingxiu.accounts.models import DutyTurn, Unit, User
from lingxiu.demo import scenario
from lingxiu.demo.bulk import Column, copy, copy_columns
from lingxiu.demo.chance import dice, stream
from lingxiu.demo.readings import DAY as DAY_MINUTES
from lingxiu.demo.readings import HISTORY_DAYS, RAW_DAYS, WINDOW_DAYS, beginning
from lingxiu.demo.readings import HOUR as HOUR_MINUTES
from lingxiu.demo.readings import WINDOW as WINDOW_MINUTES
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import Staff
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import InForce
from lingxiu.sensing import point_alarms, point_statistics
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import TABLES, Point, store
from lingxiu.sensing.profiles import MINUTE as MINUTE_US
from lingxiu.sensing.profiles import microseconds, moment

SHARES: Final = {"grease_trap": 24 / 2780, "gas_alarm": 12 / 2780, "power_meter": 8 / 2780, "camera": 10 / 2780}
PROFILES: Final = {
    "grease_trap": "json-grease", "gas_alarm": "json-gas", "power_meter": "json-power", "camera": "json-camera"
}  # fmt: skip
NUMBERS: Final = {"grease_trap": "GT", "gas_alarm": "GAS", "power_meter": "PM", "camera": "CAM"}
LEAST: Final = 3
DUTY_DAYS: Final = 7
AT_ONCE: Final = 4_000
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATENESS_US: Final = 4_000_000
EMPTIED_AT: Final = time(6, 40)
BOX_DAYS: Final = 6
OVERDUE_DAYS, LATELY_DAYS = range(31, 90), range(1, 28)
Values: TypeAlias = npt.NDArray[np.float64]
_ARRIVED: Final = "UPDATE {table} SET received_at = at + interval '4 seconds' WHERE device_id = ANY (%s)"
_HEARD: Final = """
    UPDATE point_device SET heard_at = latest_at + interval '4 seconds' WHERE device_id = ANY (%s);
    UPDATE sensing_device d SET last_frame_at = p.heard_at FROM point_device p WHERE p.device_id = d.id AND d.id = ANY (%s)
"""


@dataclass(frozen=True)
class Told:
    """What a device measured since the history's beginning, every `every` minutes: a column of readings → its values.

    `emptied`: of a trap, since when it filled, µs. `beside`: readings besides the even ones. `online`: of a camera.
    """

    every: int
    values: Mapping[str, Values]
    emptied: npt.NDArray[np.int64] | None = None
    beside: tuple[Point, ...] = ()


def write_points(shops: Sequence[Shop], policy: InForce, at: datetime) -> None:
    """Devices, what they told, and the statistics and alarms that follow from it."""
    emptied = _emptied()
    devices = _devices(
        [shop for shop in shops if shop.merchant.status == "open" and not shop.staged], len(shops), emptied, at
    )
    told = {device: _TOLD[device.kind](device, number, emptied, at) for number, device in devices}
    _write_past(told, at)
    points = [point for device, one in told.items() for point in _last_days(device, one, at)]
    for first in range(0, len(points), AT_ONCE):
        store(points[first : first + AT_ONCE], at)
    ids = [device.pk for device in told]
    with connection.cursor() as cursor:
        for table in {point.table.name for point in points}:
            cursor.execute(_ARRIVED.format(table=table), [ids])
        cursor.execute(_HEARD, [ids, ids])
    point_statistics.recompute(policy.catalogues, ids, beginning(at, RAW_DAYS), at, at)
    while point_alarms.judge(policy, at):
        pass


def _devices(shops: Sequence[Shop], of: int, emptied: Emptied, at: datetime) -> list[tuple[int, Device]]:
    """The devices, written, each with its number among those of its kind."""
    made = []
    for kind, share in SHARES.items():
        count = min(len(shops), max(LEAST, round(share * of)))
        chosen = stream("points", kind).sample(list(shops), len(shops) if kind == "grease_trap" else count)
        for number, shop in enumerate(_with_traps(chosen, emptied, at)[:count] if kind == "grease_trap" else chosen):
            random = stream("point", kind, number)
            device = Device(
                mn=f"{NUMBERS[kind]}330421{number + 1:04d}", merchant=shop.merchant, profile=PROFILES[kind], kind=kind,
                vendor="示例厂家", model="box" if kind == "grease_trap" and number % 4 == 3 else "",
                installed_on=(at - timedelta(days=random.randint(100, 500))).date(), synthetic=True,
            )  # fmt: skip
            made.append((number, device))
    Device.objects.bulk_create([device for _, device in made])
    _keep_boxes([device for _, device in made if device.model == "box"], emptied, at)
    return made


# ── when traps were emptied: as the shops have it on record ──────────────────────────────────────────────────────

Emptied: TypeAlias = dict[int, list[date]]


def _emptied() -> Emptied:
    """Merchant → the days its trap was emptied, in order."""
    found: Emptied = defaultdict(list)
    records = CareRecord.objects.filter(kind=CareRecord.Kind.TRAP).order_by("on")
    for merchant, day in records.values_list("merchant", "on"):
        found[merchant].append(day)
    return found


def _with_traps(shops: Sequence[Shop], emptied: Emptied, at: datetime) -> list[Shop]:
    """Those with a sensor in their trap: the first had it emptied longest ago of all who keep up, the second not for too long."""
    kept = [shop for shop in shops if len(emptied.get(shop.merchant.pk, ())) > 1]
    ago = {shop.number: (at.date() - emptied[shop.merchant.pk][-1]).days for shop in kept}
    steady = [shop for shop in kept if ago[shop.number] in LATELY_DAYS] or list(shops)
    overdue = [shop for shop in kept if ago[shop.number] in OVERDUE_DAYS]
    first = max(steady, key=lambda shop: _share_of_longest(shop, emptied, at))
    return [first, *overdue[:1], *(shop for shop in steady if shop is not first)]


def _share_of_longest(shop: Shop, emptied: Emptied, at: datetime) -> float:
    """How long ago it was emptied last, by the longest that it ever took before."""
    days = emptied.get(shop.merchant.pk, [])
    longest = max(((then - before).days for before, then in pairwise(days)), default=1)
    return (at.date() - days[-1]).days / longest if days else 0.0


def _keep_boxes(boxes: Sequence[Device], emptied: Emptied, at: datetime) -> None:
    """A small box under the sink fills within a week: its shop has that on record."""
    CareRecord.objects.filter(merchant__in=[box.merchant_id for box in boxes], kind=CareRecord.Kind.TRAP).delete()
    records = []
    for box in boxes:
        last = at.date() - timedelta(days=stream("box", box.mn).randint(1, BOX_DAYS - 1))
        opened = box.merchant.opened_on or date.min
        back = (last - timedelta(days=n) for n in range(0, HISTORY_DAYS + BOX_DAYS, BOX_DAYS))
        emptied[box.merchant_id] = sorted(day for day in back if day >= opened)
        records += [
            CareRecord(merchant=box.merchant, kind=CareRecord.Kind.TRAP, on=day, by="自行清掏", synthetic=True,
                       recorded_at=datetime.combine(day, time(12), at.tzinfo))
            for day in emptied[box.merchant_id]
        ]  # fmt: skip
    copy(records)


# ── what they measured ───────────────────────────────────────────────────────────────────────────────────────────


def _times(every: int, at: datetime) -> npt.NDArray[np.int64]:
    """The beginnings of its steps, µs, from the beginning of the history to a little before now."""
    begins = microseconds(beginning(at, HISTORY_DAYS))
    return np.arange(begins, microseconds(at - 2 * MINUTE), every * MINUTE_US, dtype=np.int64)


def _cooks(count: int, every: int) -> npt.NDArray[np.bool_]:
    """Whether a kitchen cooks, by the hour of the day."""
    hours = np.arange(count) * every // 60 % 24
    return np.asarray(((hours >= 10) & (hours < 14)) | ((hours >= 16) & (hours < 21)))


def _floats(values: Mapping[str, npt.NDArray[Any]]) -> dict[str, Values]:
    return {name: column.astype(np.float64) for name, column in values.items()}


def _grease(device: Device, number: int, emptied: Emptied, at: datetime) -> Told:
    """It fills by the day and falls on the mornings it was emptied; the first is nearly full by now."""
    rng, times = dice("grease", number), _times(60, at)
    marks = [datetime.combine(day, EMPTIED_AT, at.tzinfo) for day in emptied.get(device.merchant_id, ())]
    marks = [mark for mark in marks if mark <= at] or [at - timedelta(days=20)]
    gaps = [(then - before) / DAY for before, then in pairwise([*marks, at])]
    longest = gaps[-1] if number == 0 else max(gaps)
    by_day = ((94.0 if number == 0 else rng.uniform(55, 78)) - 8) / longest
    marks_us = np.array([microseconds(marks[0] - timedelta(days=longest)), *map(microseconds, marks)], dtype=np.int64)
    last = marks_us[np.maximum(np.searchsorted(marks_us, times, side="right") - 1, 0)]
    full = 8 + by_day * (times - last) / (DAY_MINUTES * MINUTE_US) + rng.uniform(-0.5, 0.5, len(times))
    level = np.round(np.clip(full, 2, 99), 1)
    warmth = np.round(rng.uniform(16, 24, len(times)) + 9 * _cooks(len(times), 60), 1)
    values = {"level_pct": level, "oil_mm": np.round(level * 1.6), "temperature_c": warmth}
    return Told(60, _floats(values), last)


def _gas(device: Device, number: int, emptied: Emptied, at: datetime) -> Told:
    """Next to nothing; the first went off three days ago, while a burner did not light, and was over within minutes."""
    rng, times = dice("gas", number), _times(10, at)
    beside = []
    if number == 0:
        began = (at - 3 * DAY).replace(hour=11, minute=12, second=20, microsecond=0)
        for minute, value in enumerate([6.0, 24.0, 37.5, 21.0, 8.0, 3.0, 1.0, 0.5]):
            beside.append(
                _said(device, began + minute * MINUTE, lel_pct=value, state="alarm" if value >= 20 else "normal")
            )
    return Told(10, _floats({"lel_pct": np.round(rng.uniform(0, 2.5, len(times)), 1)}), beside=tuple(beside))


def _power(device: Device, number: int, emptied: Emptied, at: datetime) -> Told:
    """Little at night, much at meals; the count only grows. The second's purifier never runs."""
    rng, times = dice("power", number), _times(5, at)
    cooks = _cooks(len(times), 5)
    watts = np.round(np.where(cooks, rng.uniform(6_000, 14_000, len(times)), rng.uniform(300, 900, len(times))))
    count = rng.uniform(4_000, 90_000) + np.cumsum(watts) / 12_000
    purifier = cooks & (number != 1)
    values: dict[str, npt.NDArray[Any]] = {
        "power_w": watts, "energy_kwh": np.round(count, 2), "fan_a": np.where(cooks, 4.2, 0.0),
        "purifier_a": np.where(purifier, 2.1, 0.0),
    }  # fmt: skip
    return Told(5, _floats(values))


def _camera(device: Device, number: int, emptied: Emptied, at: datetime) -> Told:
    """Online but for some hours, the first not for two days; now and then it sees something."""
    random, times = stream("camera", number), _times(60, at)
    online = np.ones(len(times))
    for _ in range(random.randint(1, 4)):
        began = random.randrange(len(times) - 24 * RAW_DAYS)
        online[began : began + random.randint(1, 9)] = 0
    if number == 0:
        online[times > microseconds(at - 2 * DAY)] = 0
    events = []
    for n in range(random.randint(8, 20)):
        back = random.randint(1, 13) if n % 3 == 0 else random.randint(14, HISTORY_DAYS - 1)
        when = (at - timedelta(days=back)).replace(
            hour=random.randint(9, 20), minute=random.randint(0, 59), second=n, microsecond=0
        )
        rare = "rodent" if n == 0 else "no_hat"
        event = random.choice(["no_hat", "no_hat", "no_mask", "smoking"]) if number % 5 else rare
        events.append(_said(device, when, event, confidence=round(random.uniform(0.55, 0.97), 2)))
    return Told(60, {"online": online}, beside=tuple(events))


_TOLD: Final[dict[str, Callable[[Device, int, Emptied, datetime], Told]]] = {
    "grease_trap": _grease, "gas_alarm": _gas, "power_meter": _power, "camera": _camera
}  # fmt: skip
assert set(_TOLD) == set(TABLES)


def _said(device: Device, when: datetime, event: str = "", **values: float | str | datetime) -> Point:
    return Point(device.kind, device.pk, when, 0, values, event=event)


# ── the last days, as readings ───────────────────────────────────────────────────────────────────────────────────


def _last_days(device: Device, told: Told, at: datetime) -> Iterator[Point]:
    """Its readings of the last days, each some seconds into its minute."""
    times, seconds = _times(told.every, at), stream("second", device.mn).randrange(50)
    gone = False
    for n in range(int(np.searchsorted(times, microseconds(beginning(at, RAW_DAYS)))), len(times)):
        when = moment(int(times[n])) + timedelta(seconds=seconds)
        if device.kind != "camera":
            values: dict[str, float | str | datetime] = {name: float(column[n]) for name, column in told.values.items()}
            if told.emptied is not None:
                values["emptied_at"] = moment(int(told.emptied[n]))
            yield Point(device.kind, device.pk, when, 0, values)
        elif told.values["online"][n]:
            gone = False
            yield _said(device, when, state="online", hls_url=f"https://camera.example/live/{device.mn}.m3u8")
        elif not gone:
            gone = True
            yield _said(device, when, state="offline")
    yield from told.beside


# ── what lies before them, as statistics ─────────────────────────────────────────────────────────────────────────


def _write_past(told: Mapping[Device, Told], at: datetime) -> None:
    """Windows of the fortnight but for the last days; hours and days from the beginning. Of traps the readings as well."""
    for kind, names in _NAMES.items():
        mine = {device: one for device, one in told.items() if device.kind == kind}
        table = "camera" if kind == "camera" else point_statistics.KEPT[kind][0].name
        for step, minutes, days in (("window", WINDOW_MINUTES, WINDOW_DAYS), ("hour", HOUR_MINUTES, HISTORY_DAYS),
                                    ("day", DAY_MINUTES, HISTORY_DAYS)):  # fmt: skip
            parts = [
                _summed(device, one, names, minutes, days, at) for device, one in mine.items() if one.every <= minutes
            ]
            if parts:
                copy_columns(
                    f"{step}_{table}", {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
                )
    traps = [_raw(device, one, at) for device, one in told.items() if one.emptied is not None]
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partition_of('reading_grease', week) FROM"
                       " generate_series(%s::timestamptz, %s, interval '7 days') week",
                       [beginning(at, HISTORY_DAYS), at])  # fmt: skip
    copy_columns("reading_grease", {name: np.concatenate([part[name] for part in traps]) for name in traps[0]})


def _raw(device: Device, told: Told, at: datetime) -> dict[str, Column]:
    """A trap's readings before the last days."""
    assert told.emptied is not None
    times = _times(told.every, at)
    old = times < microseconds(beginning(at, RAW_DAYS))
    moments = times[old] + stream("second", device.mn).randrange(50) * 1_000_000
    return {
        "device_id": np.full(len(moments), device.pk, dtype=np.int32),
        "at": moments,
        "channel": np.zeros(len(moments), dtype=np.int16),
        "received_at": moments + LATENESS_US,
        **{name: column[old].astype(np.float32) for name, column in told.values.items()},
        "emptied_at": told.emptied[old],
    }


_NAMES: Final[dict[str, dict[str, str]]] = {
    "grease_trap": {"level": "level_pct", "oil": "oil_mm", "temperature": "temperature_c"},
    "gas_alarm": {"lel": "lel_pct"},
    "power_meter": {"power": "power_w", "fan": "fan_a", "purifier": "purifier_a"},
    "camera": {},
}
"""Kind → the values its statistics keep, and the readings' columns they come from."""


def _summed(
    device: Device, told: Told, names: Mapping[str, str], minutes: int, days: int, at: datetime
) -> dict[str, Column]:
    """Rows of `minutes` each, from so many days ago to the last days."""
    times, of = _times(told.every, at), minutes // told.every
    begins, ends = (microseconds(beginning(at, n)) for n in (days, RAW_DAYS))
    mine = (times >= begins) & (times < ends)
    blocks = {name: values[mine].reshape(-1, of) for name, values in told.values.items()}
    count = len(times[mine]) // of
    columns: dict[str, Column] = {
        "device_id": np.full(count, device.pk, dtype=np.int32),
        "at": times[mine][::of],
        "channel": np.zeros(count, dtype=np.int16),
        "count": np.full(count, of, dtype=np.int32),
    }
    for name, column in names.items():
        block = blocks[column].astype(np.float32)
        columns |= {f"{name}_count": columns["count"], f"{name}_mean": block.mean(axis=1, dtype=np.float64).astype(np.float32),
                    f"{name}_min": block.min(axis=1), f"{name}_max": block.max(axis=1)}  # fmt: skip
    return columns | _besides(device.kind, blocks, columns["count"], told.every)


def _besides(kind: str, blocks: Mapping[str, Values], count: Column, every: int) -> dict[str, Column]:
    """What else the statistics of a kind keep."""
    if kind == "gas_alarm":
        none = np.zeros(len(count), dtype=np.int32)
        return {"minutes": count, "minutes_over_20": none, "minutes_over_50": none, "minutes_alarm": none}
    if kind == "power_meter":
        first, last = blocks["energy_kwh"][:, 0], blocks["energy_kwh"][:, -1]
        return {"used_kwh": np.round(last - first, 3), "first_kwh": first, "last_kwh": last}
    if kind == "camera":
        online = (blocks["online"].sum(axis=1) * every * 60).astype(np.int32)
        return {"seconds_online": online, "seconds_offline": (count * every * 60 - online).astype(np.int32)}
    return {}


# ── who is on duty ───────────────────────────────────────────────────────────────────────────────────────────────


def write_duty(staff: Staff, at: datetime) -> None:
    """The roster of the coming week, from eight to eight: a town's dispatchers and its team, the county's officers; and of the
    grid of the scenario its own member, so that it is told alike on any day of the week."""
    morning = datetime.combine(at.date(), time(8), at.tzinfo) - (DAY if at.hour < 8 else timedelta())
    turns: list[DutyTurn] = []
    for code, unit in staff.units.items():
        people = [*staff.of("town_dispatcher", code), *staff.of("town_officer", f"{code}-team")]
        if unit.kind == "county_office":
            people = list(staff.of("county_officer", code))
        if code == scenario.GRID:
            people = list(staff.of("grid_member", code))
        turns += _week(unit, people, morning) if unit.kind in ("town", "county_office") or code == scenario.GRID else []
    DutyTurn.objects.bulk_create(turns)


def _week(unit: Unit, people: Sequence[User], morning: datetime) -> Iterator[DutyTurn]:
    """Two a day, in turn."""
    for day in range(DUTY_DAYS):
        for rank in range(1, min(2, len(people)) + 1):
            since = morning + day * DAY
            person = people[(day + rank - 1) % len(people)]
            yield DutyTurn(unit=unit, person=person, since=since, until=since + DAY, rank=rank, synthetic=True)
