"""Devices that speak HJ 212 to any gateway: believable kitchens behind real sockets, for demonstrations, trials and tests.

    devices = [SimulatedDevice(mn, profile, Kitchen.of(mn, zone), zone, kept=buffered_minutes(now, 40))]
    asyncio.run(run_fleet(devices, "127.0.0.1", 9212, clock=timezone.now))

`Source` is what a device measures: any function of a moment. Whoever has kitchens of their own passes them in.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.utils import timezone

from hj212 import CP_LIMIT, Version
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.queries import in_force
from lingxiu.sensing.keys import Key
from lingxiu.sensing.models import Device
from lingxiu.sensing.simulator.device import SimulatedDevice, run_device, run_fleet
from lingxiu.sensing.simulator.dialect import say
from lingxiu.sensing.simulator.habits import Habit
from lingxiu.sensing.simulator.kitchen import Kitchen, Source, Values, held_high, make_values, until, without_purifier

__all__ = [
    "Habit",
    "Kitchen",
    "Manner",
    "SimulatedDevice",
    "Source",
    "Values",
    "buffered_minutes",
    "held_high",
    "main",
    "make_fleet",
    "make_values",
    "run_device",
    "run_fleet",
    "say",
    "until",
    "without_purifier",
]

log = structlog.get_logger(__name__)

KEPT_MINUTES: Final = 40
SOON: Final = timedelta(minutes=5)
CLOCK_OFF: Final = timedelta(days=3)


def buffered_minutes(now: datetime, count: int) -> tuple[datetime, ...]:
    """The last `count` whole minutes before `now`, oldest first."""
    last = now.replace(second=0, microsecond=0)
    return tuple(last - timedelta(minutes=n) for n in range(count, 0, -1))


def make_fleet(
    registered: Sequence[tuple[str, str]], profiles: dict[str, DeviceProfile], now: datetime, zone: tzinfo
) -> list[SimulatedDevice]:
    """One device an (MN, profile) pair; of every ten, four have something to show.

    They are: forty kept minutes of high values, a fan without purifier, one that goes dark, one whose clock is seven minutes slow.
    """
    fleet = []
    for number, (mn, profile_id) in enumerate(registered):
        device = SimulatedDevice(mn, profiles[profile_id], Kitchen.of(mn, zone), zone)
        match number % 10:
            case 0:
                device = SimulatedDevice(
                    mn, profiles[profile_id], held_high(mn), zone, kept=buffered_minutes(now, KEPT_MINUTES)
                )
            case 3:
                device.source = without_purifier(device.source)
            case 6:
                device.source = until(device.source, now + SOON)
            case 8:
                device.drift = timedelta(minutes=-7)
            case _:
                pass
        fleet.append(device)
    return fleet


@dataclass(frozen=True, slots=True)
class Manner:
    """How the devices of `lingxiu simulate` speak; what is left out is as their profile and registration have it."""

    version: Version | None = None
    key: str = ""
    part_bytes: int = CP_LIMIT
    kept: int = 0
    habits: frozenset[Habit] = frozenset()
    hello: tuple[str, ...] = ()

    def give(self, device: SimulatedDevice, secret: str, now: datetime) -> None:
        """Make a device speak so; `secret`: the key it is registered with."""
        device.said_version = self.version
        digits = self.key or secret
        device.key = Key(digits) if digits else None
        device.part_bytes, device.habits, device.hello = self.part_bytes, self.habits, self.hello
        if self.kept:
            device.unsent.clear()
            device.unsent.extend(buffered_minutes(now, self.kept))
        if Habit.CLOCK in self.habits:
            device.drift = CLOCK_OFF


def main(devices: int, rate: float, host: str, port: int, manner: Manner = Manner()) -> None:
    """`lingxiu simulate`: the registered devices, as many as asked for, and beyond those some that nobody knows yet.

    `rate`: how many times a minute each sends; a device has one reading a second at most.
    """
    profiles = {profile.id: profile for profile in in_force().catalogues.devices}
    known = Device.objects.exclude(state=Device.State.RETIRED).filter(profile__in=profiles).order_by("mn")[:devices]
    secrets = {device.mn: device.secret for device in known}
    registered = [(device.mn, device.profile) for device in known]
    registered += [(f"SIM{number:09d}", "plain-2017") for number in range(devices - len(registered))]
    now = timezone.now()
    fleet = make_fleet(registered, profiles, now, ZoneInfo(settings.TIME_ZONE))
    for device in fleet:
        manner.give(device, secrets.get(device.mn, ""), now)
    log.info("simulator.started", devices=len(fleet), host=host, port=port)
    asyncio.run(_run(fleet, host, port, max(1.0, 60.0 / rate)))
    log.info("simulator.stopped", acknowledged=sum(device.acked for device in fleet))


async def _run(fleet: list[SimulatedDevice], host: str, port: int, every: float) -> None:
    sending = asyncio.create_task(run_fleet(fleet, host, port, clock=timezone.now, every=every))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
    try:
        await sending
    except asyncio.CancelledError:
        log.info("simulator.stopping")
