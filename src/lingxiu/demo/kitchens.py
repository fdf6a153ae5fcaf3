"""What goes on in a demo kitchen, minute by minute: how hard it cooks, whether fan and purifier run, what is measured.

One model for the months that were and for the devices that send now: a week of a kitchen follows from its monitor's number and
that week's Monday alone. Figures are ours: meals where meals are, higher values where a purifier is dirty, off, or overrun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lingxiu.demo.chance import dice, stream
from lingxiu.demo.trades import Manner

DAY, WEEK = 1440, 10_080  # minutes
KNOT = 15  # minutes over which the cooking swells and ebbs
FAN_FROM = 0.09  # how hard a kitchen cooks before somebody turns the fan on

Minutes = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Thousandths = npt.NDArray[np.int64]


class Meal(NamedTuple):
    """When it is busiest (minute of the day), how wide the rush is, how high."""

    at: int
    width: float
    height: float


MEALS: dict[str, tuple[Meal, ...]] = {
    "restaurant": (Meal(715, 42, 0.8), Meal(1085, 56, 1.0)),
    "snack_bar": (Meal(430, 48, 0.7), Meal(715, 46, 0.9), Meal(1080, 44, 0.6)),
    "noodle_shop": (Meal(425, 50, 0.8), Meal(710, 46, 1.0), Meal(1075, 40, 0.6)),
    "hotpot": (Meal(725, 40, 0.5), Meal(1110, 70, 1.0)),
    "barbecue": (Meal(1140, 55, 0.8), Meal(1290, 70, 1.0)),
    "canteen": (Meal(400, 30, 0.5), Meal(680, 40, 1.0), Meal(1035, 34, 0.6)),
    "farmhouse": (Meal(710, 50, 1.0), Meal(1065, 46, 0.7)),
    "small_eatery": (Meal(425, 55, 0.8), Meal(700, 55, 0.6)),
}


class Temper(NamedTuple):
    """How a kitchen of this manner does: mg/m³ at full cooking and a clean purifier; chances a meal that it flares up or that
    somebody forgets the purifier, and a week that the purifier fails on some day of it."""

    strength: tuple[float, float]
    flares: float
    forgets: float
    fails: float


TEMPERS = {
    Manner.GOOD: Temper((0.22, 0.55), 0.0008, 0.0006, 0.004),
    Manner.FAIR: Temper((0.42, 0.8), 0.004, 0.005, 0.012),
    Manner.POOR: Temper((0.65, 1.4), 0.015, 0.03, 0.04),
}
FLARE = (2.4, 4.6)  # times as much for the better part of a meal
UNPURIFIED = 2.4
FAILED, FAILS_DAYS = 2.6, (2, 6)  # times as much, for so many days
GRIME, WORST_GRIME = 0.8, 2.0  # how much a cycle without cleaning adds; at most so many times a clean one

# What else a monitor tells, with the fan off and how much more with it on: °C, %, and amperes of fan and purifier.
WARMTH, HUMIDITY, FAN_A, PURIFIER_A = (22.0, 16.0), (58.0, 7.0), (0.0, 3.2), (0.0, 1.4)
SCATTER = {"temperature_c": 1.2, "humidity_pct": 2.0, "fan_a": 0.12, "purifier_a": 0.06}

# A few probes grease up: so many days after one was wiped it begins to tell more than there is, mg/m³ a day more, until it is wiped.
GREASY_PROBES, WIPED_EVERY, CLEAN_FOR, DRIFT = 0.02, 100, 40, 0.01

LOST = 0.003  # of its minutes a monitor loses on the way
GAPS_A_WEEK, GAP_MINUTES = 0.12, (35, 260)
LONG_GAP, LONG_GAP_MINUTES = 0.06, (1500, 3600)  # of the gaps


class Week(NamedTuple):
    """A week of minutes from Monday 0:00 in the county. Values in thousandths of mg/m³; `sent`: what arrived."""

    fume: Thousandths
    pm: Thousandths
    nmhc: Thousandths
    fan: Flags
    purifier: Flags
    sent: Flags


@dataclass(frozen=True)
class Kitchen:
    """One kitchen with its monitor. `cleaned`: the days its purifier was; `cycle_days` between cleanings."""

    mn: str
    kind: str
    manner: Manner
    opens: time
    closes: time
    cleaned: tuple[date, ...]
    cycle_days: int

    def week(self, monday: date) -> Week:
        """What the monitor tells in the week of this Monday."""
        rng, temper = dice("kitchen", self.mn, monday), TEMPERS[self.manner]
        strength = stream("strength", self.mn).uniform(*temper.strength)
        meals = MEALS[self.kind]
        centres = self._centres(rng, meals)
        rush = self._rush(rng, meals, centres)
        fan = rush > FAN_FROM
        purifier = fan & ~self._some_meals(rng, centres, temper.forgets, (14, 85))
        cooking = rush * _swelling(rng, 0.18) * np.where(self._some_meals(rng, centres, temper.flares, (45, 110)),
                                                         rng.uniform(*FLARE), 1.0)  # fmt: skip
        grime = self._grime(monday) * self._failure(rng, temper.fails)
        fume = strength * np.power(cooking, 0.7) * grime * _noise(rng, 0.14)
        fume = np.where(fan, fume * np.where(purifier, 1.0, UNPURIFIED), 0.0) + 0.03 * _noise(rng, 0.4)
        fume += self._drift(monday)
        return Week(
            _thousandths(fume, 28.0),
            _thousandths(fume * 0.42 * _noise(rng, 0.1) + 0.02, 90.0),
            _thousandths(fume * 1.6 * _noise(rng, 0.1) + 0.25, 200.0),
            fan,
            purifier,
            _sent(rng),
        )

    def _centres(self, rng: np.random.Generator, meals: Sequence[Meal]) -> Minutes:
        """(7, meals): the minute of the week each meal is busiest at."""
        day = np.arange(7)[:, None] * DAY
        return np.asarray(day + np.array([meal.at for meal in meals]) + rng.normal(0, 9, (7, len(meals))))

    def _rush(self, rng: np.random.Generator, meals: Sequence[Meal], centres: Minutes) -> Minutes:
        """How hard it cooks: 0 to about 1, nothing while closed."""
        heights = np.array([meal.height for meal in meals]) * rng.lognormal(0, 0.13, centres.shape)
        heights[5:] *= 0.2 if self.kind == "canteen" else 1.15
        heights[rng.random(7) < 0.012] = 0  # a day off
        minutes, rush = np.arange(WEEK), np.zeros(WEEK)
        for day in range(7):
            for number, meal in enumerate(meals):
                first, last = (int(centres[day, number] + side * 3.2 * meal.width) for side in (-1, 1))
                part = slice(max(first, 0), min(last, WEEK))
                away = (minutes[part] - centres[day, number]) / meal.width
                rush[part] += heights[day, number] * np.exp(-0.5 * away**2)
        return np.where(self._open(), rush, 0.0)

    def _open(self) -> Flags:
        minutes = np.arange(WEEK) % DAY
        opens, closes = (at.hour * 60 + at.minute for at in (self.opens, self.closes))
        if opens < closes:
            return (minutes >= opens) & (minutes < closes)
        return (minutes >= opens) | (minutes < closes)

    def _some_meals(self, rng: np.random.Generator, centres: Minutes, chance: float, minutes: tuple[int, int]) -> Flags:
        """A stretch around a few of the meals."""
        hit = rng.random(centres.shape) < chance
        begins, lengths = centres - rng.uniform(0, 50, centres.shape), rng.uniform(*minutes, centres.shape)
        found = np.zeros(WEEK, dtype=np.bool_)
        for begin, length in zip(begins[hit], lengths[hit], strict=True):
            found[max(0, int(begin)) : int(begin + length)] = True
        return found

    def _grime(self, monday: date) -> Minutes:
        """How much more a purifier lets through, the longer ago it was cleaned."""
        days = [monday + timedelta(days=n) for n in range(7)]
        since = [
            min(((day - one).days for one in self.cleaned if one <= day), default=self.cycle_days * 2) for day in days
        ]
        grime = np.minimum(1 + GRIME * np.array(since) / self.cycle_days, WORST_GRIME)
        return np.asarray(np.repeat(grime, DAY), dtype=np.float64)

    def _drift(self, monday: date) -> Minutes:
        """What a greasy probe adds."""
        random = stream("probe", self.mn)
        if random.random() >= GREASY_PROBES:
            return np.zeros(WEEK)
        since_wiped = (np.arange(7) + monday.toordinal() + random.randrange(WIPED_EVERY)) % WIPED_EVERY
        return np.repeat(DRIFT * np.maximum(0, since_wiped - CLEAN_FOR), DAY)

    @staticmethod
    def _failure(rng: np.random.Generator, chance: float) -> Minutes:
        """A purifier that runs and does nothing, from some day of a week for a few days."""
        factor, day, days = np.ones(WEEK), int(rng.integers(5)), int(rng.integers(*FAILS_DAYS))
        if rng.random() < chance:
            factor[day * DAY : (day + days) * DAY] = FAILED
        return factor


def monday_of(day: date) -> date:
    """The Monday of the week a day is in."""
    return day - timedelta(days=day.weekday())


def _swelling(rng: np.random.Generator, sigma: float) -> Minutes:
    """Slow ups and downs around 1."""
    knots = rng.normal(0, sigma, WEEK // KNOT + 1)
    return np.asarray(np.exp(np.interp(np.arange(WEEK), np.arange(len(knots)) * KNOT, knots)))


def _noise(rng: np.random.Generator, sigma: float) -> Minutes:
    """Quick ones, minute by minute."""
    return np.asarray(np.exp(rng.standard_normal(WEEK, dtype=np.float32) * np.float32(sigma)), dtype=np.float64)


def _thousandths(values: Minutes, highest: float) -> Thousandths:
    return np.asarray(np.rint(np.minimum(values, highest) * 1000), dtype=np.int64)


def _sent(rng: np.random.Generator) -> Flags:
    """Which minutes arrived: nearly all, but for single ones and now and then an hour or a day."""
    sent = rng.random(WEEK) >= LOST
    for _ in range(rng.poisson(GAPS_A_WEEK)):
        minutes = LONG_GAP_MINUTES if rng.random() < LONG_GAP else GAP_MINUTES
        begin = int(rng.integers(WEEK))
        sent[begin : begin + int(rng.integers(*minutes))] = False
    return sent
