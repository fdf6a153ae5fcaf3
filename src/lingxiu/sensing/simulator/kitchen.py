"""A believable kitchen, as a function of its seed and the minute: the same minute always has the same values.

Lunch and dinner with a rush each, a fan that runs before and after, a purifier that somebody forgets or that clogs. Figures are
ours, for devices that must look like devices; nothing here is measured, and nothing reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Final, NamedTuple, TypeAlias

MEALS: Final = ((11.9, 0.75, 0.85), (18.2, 0.95, 1.0))
"""When a meal is busiest (hour of the county's day), how many hours the rush is wide, how high."""
FAN_FROM: Final = 0.06
"""How busy it is when somebody turns the fan on."""
UNPURIFIED: Final = 2.6
"""How many times as much comes out with the purifier off."""


class Values(NamedTuple):
    """What a monitor measures in a minute; None: it does not measure that, or not now."""

    fume_mg_m3: float | None = None
    pm_mg_m3: float | None = None
    nmhc_mg_m3: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    fan_a: float | None = None
    purifier_a: float | None = None
    fan_on: bool | None = None
    purifier_on: bool | None = None


Source: TypeAlias = Callable[[datetime], Values | None]
"""Values of the minute that begins at an aware moment; None: nothing is sent of it."""


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A kitchen. `strength`: mg/m³ at the height of a rush behind a clean purifier; `forgets`: share of meals without it."""

    seed: str
    zone: tzinfo
    strength: float
    forgets: float

    @classmethod
    def of(cls, seed: str, zone: tzinfo) -> Kitchen:
        """The kitchen behind this device: most are fair, one in ten is poor."""
        random = _chance(seed, "kitchen")
        poor = random.random() < 0.1
        strength = random.uniform(1.1, 1.9) if poor else random.uniform(0.25, 0.8)
        return cls(seed, zone, strength, 0.08 if poor else 0.01)

    def __call__(self, at: datetime) -> Values:
        """What is measured in the minute of `at`."""
        local = at.astimezone(self.zone).replace(second=0, microsecond=0)
        hour = local.hour + local.minute / 60
        day = _day(self.seed, local.date().isoformat(), self.forgets)
        rushes = [_rush(hour, meal) for meal in day.meals]
        busy = sum(rushes)
        fan = busy > FAN_FROM
        purifier = fan and not day.forgotten[rushes.index(max(rushes))]
        random = _chance(self.seed, local.isoformat())
        noise = random.lognormvariate(0, 0.16)
        fume = 0.02 * random.uniform(0.5, 1.5)
        if fan:
            fume += self.strength * busy**0.7 * noise * (1.0 if purifier else UNPURIFIED)
        return make_values(fume, fan=fan, purifier=purifier, busy=busy, random=random)


def make_values(fume: float, *, fan: bool, purifier: bool, busy: float, random: Random) -> Values:
    """Everything a monitor tells, of how much fume there is and how busy it is."""
    return Values(
        fume_mg_m3=round(min(fume, 29.0), 3),
        pm_mg_m3=round(fume * 0.4 * random.uniform(0.8, 1.2), 3),
        nmhc_mg_m3=round(0.3 + fume * 1.5 * random.uniform(0.85, 1.15), 3),
        temperature_c=round(24 + 22 * min(busy, 1.2) + random.uniform(-1, 1), 1),
        humidity_pct=round(58 + 16 * min(busy, 1.2) + random.uniform(-2, 2), 1),
        fan_a=round(random.uniform(2.1, 2.5), 2) if fan else 0.0,
        purifier_a=round(random.uniform(1.4, 1.8), 2) if purifier else 0.0,
        fan_on=fan,
        purifier_on=purifier,
    )


def held_high(seed: str, highest: float = 3.8) -> Source:
    """A kitchen that stays above the reminder's limit, with fan and purifier on, whatever the hour."""

    def source(at: datetime) -> Values:
        random = _chance(seed, at.replace(second=0, microsecond=0).isoformat())
        return make_values(random.uniform(2.6, highest), fan=True, purifier=True, busy=1.0, random=random)

    return source


def without_purifier(source: Source) -> Source:
    """The same kitchen with its fan on and its purifier off."""

    def changed(at: datetime) -> Values | None:
        values = source(at)
        return values and values._replace(fan_on=True, fan_a=2.3, purifier_on=False, purifier_a=0.0)

    return changed


def until(source: Source, end: datetime) -> Source:
    """The same until a moment, then nothing: a device gone dark."""
    return lambda at: source(at) if at < end else None


class _Day(NamedTuple):
    meals: tuple[tuple[float, float, float], ...]
    forgotten: tuple[bool, ...]


@lru_cache(maxsize=8192)
def _day(seed: str, day: str, forgets: float) -> _Day:
    random = _chance(seed, day)
    meals = tuple(
        (at + random.gauss(0, 0.15), width, height * random.lognormvariate(0, 0.15)) for at, width, height in MEALS
    )
    return _Day(meals, tuple(random.random() < forgets for _ in meals))


def _rush(hour: float, meal: tuple[float, float, float]) -> float:
    at, width, height = meal
    return height * math.exp(-0.5 * ((hour - at) / width) ** 2)


def _chance(*purpose: str) -> Random:
    """A generator for this purpose alone."""
    return Random(int.from_bytes(blake2b(" ".join(purpose).encode(), digest_size=8).digest(), "big"))  # noqa: S311 (a play, not a secret)
