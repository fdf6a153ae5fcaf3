"""Which of the demo's shops have a fume monitor, of which make, and how it is with each: sending, dark, new, under maintenance.

Makes the devices' rows and their kitchens; what they measured is `readings`' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random

from hj212 import encode, make_qn, upload
from lingxiu.demo import naming, scenario
from lingxiu.demo.chance import pick, stream
from lingxiu.demo.kitchens import MEALS, Kitchen
from lingxiu.demo.powercut import power_cut
from lingxiu.demo.shops import Shop, manner_of, number_of
from lingxiu.demo.trades import Manner
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.sensing.models import Device, Maintenance, UnknownDevice

MONITORS = 300 / 2780  # of the shops
MN = "YS330421{:06d}"
KIND = "fume_monitor"
PROFILES = {"plain-2017": 50, "ga-currents": 30, "sb-states": 20}

DARK, NEW, UNDER_MAINTENANCE = 0.02, 0.018, 0.014
DARK_FOR = (timedelta(minutes=50), timedelta(days=24))
NEW_FOR = (timedelta(hours=20), timedelta(days=5, hours=20))
MAINTAINED_FOR = (timedelta(hours=5), timedelta(days=3))
OLDEST_DAYS, YOUNGEST_DAYS = 900, 100  # since an ordinary one was put in
PAST_MAINTENANCE = 0.07  # had one in the last months, over by now
NOTES = ("探头清洗校准", "更换滤芯", "更换流量卡", "店内装修断电", "主板返厂维修")
UNKNOWN = 4
KITCHENS_OF_POOR = 2.0  # how much likelier a badly run shop was given a monitor
BUILT_UP, ELSEWHERE = 1.0, 0.15


class Way(StrEnum):
    """How it is with a monitor."""

    SENDING = "sending"
    STAGED = "staged"
    DARK = "dark"
    NEW = "new"
    MAINTAINED = "maintained"


@dataclass(frozen=True)
class Monitor:
    """A device, its kitchen, and from when until when it was heard; `dark`: but for the time without power."""

    device: Device
    shop: Shop
    kitchen: Kitchen
    way: Way
    heard_from: datetime
    heard_until: datetime
    dark: tuple[datetime, datetime] | None = None


def make_monitors(
    shops: Sequence[Shop], cleaned: Mapping[int, tuple[date, ...]], catalogues: Catalogues, at: datetime, days: int
) -> list[Monitor]:
    """Monitors with `days` of history at most, not written yet. `cleaned`: days of cleaning by number of the shop."""
    chosen = _with_monitor(shops)
    ways = _ways(chosen)
    beginning = at - timedelta(days=days)
    made = [
        _monitor(number, shop, ways[number], cleaned.get(shop.number, ()), catalogues, beginning, at)
        for number, shop in enumerate(chosen)
    ]
    return list(_without_power(made, catalogues, at))


def _without_power(monitors: Sequence[Monitor], catalogues: Catalogues, at: datetime) -> Iterator[Monitor]:
    """The same, but for what a power cut did to those of a town: all were dark for a time, and one that is dark is so since then."""
    towns = [monitor.shop.merchant.town for monitor in monitors if monitor.way is Way.SENDING]
    cut = power_cut(towns, catalogues.alarms.storms, at)
    stays_dark = 1
    for one in monitors:
        if cut is None or one.shop.merchant.town != cut.town:
            yield one
        elif one.way is Way.SENDING:
            yield replace(one, dark=(cut.since, cut.back(one.device.mn)))
        elif one.way is Way.DARK and stays_dark:
            stays_dark -= 1
            yield replace(one, heard_until=cut.since)
        else:
            yield one


def write_monitors(monitors: Sequence[Monitor], at: datetime) -> None:
    """Write devices, their maintenance, and devices nobody knows that wait to be adopted."""
    Device.objects.bulk_create([monitor.device for monitor in monitors])
    Maintenance.objects.bulk_create([row for monitor in monitors for row in _maintenance(monitor, at)])
    UnknownDevice.objects.bulk_create(_unknown(number, at) for number in range(UNKNOWN))


def kitchen_of(merchant: Merchant, mn: str, cleaned: tuple[date, ...], catalogues: Catalogues) -> Kitchen:
    """The kitchen behind a monitor."""
    assert merchant.opens_at and merchant.closes_at  # every shop of the demo has hours
    cycles: dict[str, int] = {cycle.scale: cycle.days for cycle in catalogues.kinds.cleaning_cycles}
    return Kitchen(
        mn=mn,
        kind=merchant.kind,
        manner=manner_of(number_of(merchant), mn in scenario.DEVICES),
        opens=merchant.opens_at,
        closes=merchant.closes_at,
        cleaned=cleaned,
        cycle_days=cycles[merchant.scale],
    )


def cleaning_days(records: Sequence[CareRecord]) -> tuple[date, ...]:
    """The days the purifier was cleaned."""
    return tuple(sorted(record.on for record in records if record.kind == CareRecord.Kind.PURIFIER))


def _with_monitor(shops: Sequence[Shop]) -> list[Shop]:
    """Shops with a purifier, the larger and the worse more often; those of the scenario first."""
    staged = [shop for shop in shops if shop.staged]
    cooking = [
        shop for shop in shops if shop.purifier and shop.merchant.kind in MEALS and shop.merchant.status == "open"
    ]
    others = [shop for shop in cooking if not shop.staged]
    wanted = max(len(staged) + 4, round(len(shops) * MONITORS))
    lucky = sorted(others, key=_luck, reverse=True)
    return staged + lucky[: wanted - len(staged)]


def _luck(shop: Shop) -> float:
    """Efraimidis and Spirakis (2006): the highest are a sample by weight."""
    weight = shop.merchant.reference_stoves * (BUILT_UP if shop.merchant.in_built_up else ELSEWHERE)
    weight *= KITCHENS_OF_POOR if shop.manner is Manner.POOR else 1.0
    return float(stream("monitor", shop.number).random() ** (1 / weight))


def _ways(shops: Sequence[Shop]) -> list[Way]:
    """One way each: those of the scenario, a few that are not as they should be, and the rest."""
    odd = {Way.DARK: DARK, Way.NEW: NEW, Way.MAINTAINED: UNDER_MAINTENANCE}
    free = [number for number, shop in enumerate(shops) if not shop.staged]
    ways = [Way.STAGED if shop.staged else Way.SENDING for shop in shops]
    stream("ways").shuffle(free)
    for way, share in odd.items():
        for _ in range(max(1, round(len(shops) * share))):
            ways[free.pop()] = way
    return ways


def _monitor(
    number: int, shop: Shop, way: Way, cleaned: tuple[date, ...], catalogues: Catalogues, beginning: datetime,
    at: datetime,
) -> Monitor:  # fmt: skip
    staged = len(scenario.DEVICES)
    mn = scenario.DEVICES[number] if shop.staged else MN.format(staged + 1 + number)
    random = stream("device", mn)
    heard_from, heard_until = _heard(random, way, beginning, at)
    new = way is Way.NEW
    installed = heard_from.date() if new else at.date() - timedelta(days=random.randint(YOUNGEST_DAYS, OLDEST_DAYS))
    device = Device(
        mn=mn,
        merchant=shop.merchant,
        profile="plain-2017" if shop.staged else pick(random, PROFILES),
        kind=KIND,
        state=Device.State.MAINTENANCE if way is Way.MAINTAINED else Device.State.ACTIVE,
        vendor=f"{random.choice(naming.names().makers)}传感",
        installed_on=installed,
        observe_until=heard_from + timedelta(days=catalogues.alarms.observe_days) if new else None,
        maintenance_note=random.choice(NOTES) if way is Way.MAINTAINED else "",
        maintenance_until=at + timedelta(days=random.randint(1, 6)) if way is Way.MAINTAINED else None,
        synthetic=True,
    )
    kitchen = kitchen_of(shop.merchant, mn, cleaned, catalogues)
    return Monitor(device, shop, kitchen, way, heard_from, heard_until)


def _heard(random: Random, way: Way, beginning: datetime, at: datetime) -> tuple[datetime, datetime]:
    match way:
        case Way.STAGED:
            return beginning, at - scenario.SILENT
        case Way.DARK:
            return beginning, at - _between(random, DARK_FOR)
        case Way.MAINTAINED:
            return beginning, at - _between(random, MAINTAINED_FOR)
        case Way.NEW:
            return at - _between(random, NEW_FOR), at
        case _:
            return beginning, at


def _between(random: Random, span: tuple[timedelta, timedelta]) -> timedelta:
    return span[0] + (span[1] - span[0]) * random.random()


def _maintenance(monitor: Monitor, at: datetime) -> Iterator[Maintenance]:
    random = stream("maintenance", monitor.device.mn)
    if monitor.way is Way.MAINTAINED:
        since = monitor.heard_until - timedelta(minutes=30)
        yield Maintenance(device=monitor.device, since=since, note=monitor.device.maintenance_note)
    elif monitor.way is Way.SENDING and random.random() < PAST_MAINTENANCE:
        since = at - timedelta(days=random.randint(8, 80), hours=random.randint(0, 9))
        until = since + timedelta(hours=random.randint(1, 5))
        yield Maintenance(device=monitor.device, since=since, until=until, note=random.choice(NOTES))


def _unknown(number: int, at: datetime) -> UnknownDevice:
    """A monitor that dials in and is not registered: its first and its last frame, as they came."""
    random = stream("unknown", number)
    mn, first = f"YS990000{random.randint(0, 999999):06d}", at - timedelta(days=random.randint(1, 20))
    last = at - timedelta(minutes=random.randint(1, 40))
    return UnknownDevice(
        mn=mn,
        frames=(last - first) // timedelta(minutes=1),
        peer=f"10.20.{random.randint(0, 31)}.{random.randint(2, 250)}",
        first_at=first,
        last_at=last,
        first_frame=_frame(mn, first, random),
        last_frame=_frame(mn, last, random),
    )


def _frame(mn: str, at: datetime, random: Random) -> bytes:
    factors = {"a34041": {"Rtd": f"{random.uniform(0.03, 0.9):.3f}", "Flag": "N"}}
    return encode(upload("2011", at, factors, st="31", mn=mn, pw="123456", qn=make_qn(at)))
