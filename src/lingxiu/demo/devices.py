"""The demo's devices, sending: each speaks real HJ 212 of the kitchen its history came from.

What was not heard while nothing ran is sent first, forty minutes of it at most; those of the scenario kept high values. Devices
that are dark or under maintenance stay silent; some that nobody has registered dial in as well.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from lingxiu.demo import scenario
from lingxiu.demo.chance import dice
from lingxiu.demo.kitchens import DAY, Kitchen, monday_of
from lingxiu.demo.monitors import kitchen_of
from lingxiu.demo.readings import beside
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import in_force
from lingxiu.sensing import simulator
from lingxiu.sensing.models import Device, UnknownDevice
from lingxiu.sensing.simulator import SimulatedDevice, Source, Values

log = structlog.get_logger(__name__)

DARK_AFTER = timedelta(minutes=30)  # without a reading, while others were heard
STRANGERS = 2
STRANGERS_PROFILE = "plain-2017"


def run_devices(host: str, port: int, speed: float) -> None:
    """Send until told to stop. `speed`: how many times a minute each device measures."""
    fleet = list(make_fleet(timezone.now()))
    log.info("demo.devices_started", devices=len(fleet))
    asyncio.run(_send(fleet, host, port, every=max(1.0, 60.0 / speed)))
    log.info("demo.devices_stopped", acknowledged=sum(device.acked for device in fleet))


def make_fleet(now: datetime) -> Iterator[SimulatedDevice]:
    """Every device that has something to say."""
    policy, zone = in_force(), ZoneInfo(settings.TIME_ZONE)
    profiles = {profile.id: profile for profile in policy.catalogues.devices}
    monitors = Device.objects.filter(kind="fume_monitor", synthetic=True)
    known = monitors.filter(state=Device.State.ACTIVE).select_related("merchant")
    newest = known.aggregate(newest=Max("last_reading_at"))["newest"] or now
    cleaned = _cleaning_days()
    for device in known:
        heard = device.last_reading_at
        staged = device.mn in scenario.DEVICES
        if not staged and heard is not None and heard < newest - DARK_AFTER:
            continue
        kitchen = kitchen_of(device.merchant, device.mn, cleaned.get(device.merchant_id, ()), policy.catalogues)
        source: Source = KitchenSource(kitchen, zone)
        if staged:
            source = _high_between(now - scenario.BUFFERED, now + scenario.GOES_ON, device.mn, source)
        profile = profiles[device.profile]
        yield SimulatedDevice(device.mn, profile, source, zone, kept=tuple(_not_heard(source, heard, now)))
    for stranger in UnknownDevice.objects.order_by("id")[:STRANGERS]:
        yield SimulatedDevice(stranger.mn, profiles[STRANGERS_PROFILE], simulator.Kitchen.of(stranger.mn, zone), zone)


class KitchenSource:
    """What the monitor of a kitchen measures in a minute. Keeps one day at a time."""

    def __init__(self, kitchen: Kitchen, zone: ZoneInfo) -> None:
        self.kitchen, self.zone = kitchen, zone
        self._day: date | None = None
        self._values: list[Values | None] = []

    def __call__(self, at: datetime) -> Values | None:
        local = at.astimezone(self.zone)
        if local.date() != self._day:
            self._day, self._values = local.date(), list(self._of_day(local.date()))
        return self._values[local.hour * 60 + local.minute]

    def _of_day(self, day: date) -> Iterator[Values | None]:
        week = self.kitchen.week(monday_of(day))
        part = slice(day.weekday() * DAY, (day.weekday() + 1) * DAY)
        fan, purifier = week.fan[part], week.purifier[part]
        told = beside(dice("beside", self.kitchen.mn, day), fan, purifier)
        columns = [(week.fume[part] / 1000), (week.pm[part] / 1000), (week.nmhc[part] / 1000), *told.values()]
        rows = np.column_stack(columns).tolist()
        states = zip(week.sent[part].tolist(), rows, fan.tolist(), purifier.tolist(), strict=True)
        return (Values._make([*row, runs, cleans]) if sent else None for sent, row, runs, cleans in states)


def _high_between(since: datetime, until: datetime, mn: str, otherwise: Source) -> Source:
    high = simulator.held_high(mn)
    return lambda at: high(at) if since <= at < until else otherwise(at)


def _not_heard(source: Source, heard: datetime | None, now: datetime) -> Iterator[datetime]:
    """The minutes since a device was last heard, forty at most, oldest first."""
    minutes = simulator.buffered_minutes(now, scenario.BUFFERED // timedelta(minutes=1))
    return (minute for minute in minutes if (heard is None or minute > heard) and source(minute) is not None)


def _cleaning_days() -> dict[int, tuple[date, ...]]:
    """By merchant, the days its purifier was cleaned."""
    found: dict[int, list[date]] = {}
    rows = CareRecord.objects.filter(
        kind=CareRecord.Kind.PURIFIER, merchant__in=Device.objects.filter(kind="fume_monitor").values("merchant")
    )
    for merchant, on in rows.order_by("on").values_list("merchant_id", "on"):
        found.setdefault(merchant, []).append(on)
    return {merchant: tuple(days) for merchant, days in found.items()}


async def _send(fleet: Sequence[SimulatedDevice], host: str, port: int, every: float) -> None:
    sending = asyncio.create_task(simulator.run_fleet(fleet, host, port, clock=timezone.now, every=every))
    stop: Callable[[], object] = sending.cancel
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await sending
    except asyncio.CancelledError:
        log.info("demo.devices_stopping")
