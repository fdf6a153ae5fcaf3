"""How well forecasts do against months whose hidden truth is known: warning in days, precision, recall, coverage of the interval.

The months are simulated here: kitchens that clog and are cleaned, or not; grease traps; monitors that fail, or do not. With
closed days, noise that lasts for days, flares, forgotten purifiers, lost days, cleanings nobody wrote down, menus and seasons
that change. Nothing in them was measured in a real kitchen, so the figures say how the method does when the world is such.

Every day of every device is played as it came: a forecast sees only what had been heard by the evening before. Beside our
rules, on the same days, two simple ones: the last value (a threshold near the limit, as an alarm has it), and a straight line by
least squares through all days that are looked at.

    python benchmarks/foresight.py --quick
    python benchmarks/foresight.py --calibrate     the tails of policy/foresight.yaml, from months nothing else is measured on
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lingxiu.policy.foresight import Foresight, ForesightRule
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.foresight import (
    Expected,
    Hours,
    cooking_levels,
    daily_levels,
    expect_failure,
    expect_fouling,
    expect_full,
    missing_minutes,
    quiet_levels,
    swings,
)

Numbers = npt.NDArray[np.float64]

# A kitchen as the simulator of devices has it (lingxiu/sensing/simulator/kitchen.py): when a meal is busiest, how wide, how high.
MEALS = ((11.9, 0.75, 0.85), (18.2, 0.95, 1.0))
FAN_FROM, UNPURIFIED = 0.06, 2.6

FIRST = date(2026, 1, 5)  # a Monday
DAYS, WARM_UP = 180, 21
DEVICES = {True: 30, False: 150}  # a kind and seed
SEEDS = {True: (1,), False: (11, 12)}  # those the rules were not built on, nor their tails
CALIBRATION_SEEDS = (101, 102, 103, 104)
COVERAGE_SEED, DRAWS = 31, 2_000
HORIZONS = {"fouling": (7, 14, 30), "trap": (3, 5, 10), "device": (7, 14, 30)}
NEAR = 0.8  # of the limit: the threshold of the rule that only looks at the last value (ALM-FUME-1)
TRAP_NEAR = 80.0  # per cent (ALM-GREASE)
PAGE = Path(__file__).resolve().parents[1] / "docs" / "foresight.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
METHODS = ("ours", "last value", "least squares")
WORDS = {"fouling": "Purifier fouling", "trap": "Grease trap full", "device": "Device about to fail"}


# ── the hidden truth ─────────────────────────────────────────────────────────────────────────────────────────────


class Spell(NamedTuple):
    """Between two cleanings (emptyings, installations): its first day, the day after its last, and the day on which what is
    forecast comes, or would have come had nobody cleaned; None: it never would."""

    begins: int
    ends: int
    comes: int | None

    @property
    def came(self) -> bool:
        """Whether it really did."""
        return self.comes is not None and self.comes < self.ends


@dataclass
class World:
    """One simulated device: what it said and what nobody knew."""

    kind: str
    spells: list[Spell]
    hours: Hours | None = None
    points: list[tuple[int, float]] = field(default_factory=list)  # (day, level), of a trap
    recorded: list[int] = field(default_factory=list)  # days of the cleanings somebody wrote down

    def days_recorded(self, today: int) -> list[date]:
        return [FIRST + timedelta(days=day) for day in self.recorded if day < today]


def _spells(rng: np.random.Generator, every: tuple[float, float]) -> list[int]:
    """The days of the cleanings of a shop that cleans about so often, and now and then does not."""
    cycle, day, found = rng.uniform(*every), 0.0, []
    while True:
        day += cycle * rng.uniform(0.75, 1.3) * (2 if rng.random() < 0.2 else 1)
        if day >= DAYS:
            return found
        found.append(int(day))


def _lasting(rng: np.random.Generator, days: int, sigma: float, echo: float = 0.4) -> Numbers:
    """Noise that resembles that of the day before."""
    steps = rng.normal(0, sigma * math.sqrt(1 - echo**2), days)
    found = np.empty(days)
    found[0] = rng.normal(0, sigma)
    for day in range(1, days):
        found[day] = echo * found[day - 1] + steps[day]
    return found


def _closed(rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Rest days and holidays."""
    closed = rng.random(DAYS) < 0.01
    if rng.random() < 0.2:
        closed |= np.arange(DAYS) % 7 == rng.integers(7)
    for _ in range(rng.integers(0, 3)):
        begins = int(rng.integers(DAYS))
        closed[begins : begins + int(rng.integers(3, 11))] = True
    return closed


def _grime(rng: np.random.Generator, length: int) -> tuple[Numbers, Numbers]:
    """By how much more comes through, day by day since a cleaning: as it went, and had it gone on."""
    t = np.arange(length + 400, dtype=float)
    shape, speed = (
        rng.choice(["straight", "steeper", "slower", "none"], p=[0.4, 0.25, 0.2, 0.15]),
        rng.uniform(0.006, 0.04),
    )
    grown = {
        "straight": 1 + speed * t,
        "steeper": np.exp(np.minimum(speed * t, 3)),
        "slower": 1 + 2.5 * (1 - np.exp(-speed * t / 1.5)),
        "none": np.ones_like(t),
    }[str(shape)]
    grown = grown * rng.uniform(1.0, 1.12)  # no cleaning is perfect
    return grown[:length], grown


def _kitchen(rng: np.random.Generator) -> tuple[Numbers, Numbers, Numbers]:
    """Of every hour: how much it cooks (days × 24, 1 at the busiest), minutes with the fan on, and without the purifier."""
    minutes = np.arange(1440) / 60
    busy = np.zeros((DAYS, 1440))
    for at, width, height in MEALS:
        centres = at + rng.uniform(-0.7, 0.7) + rng.normal(0, 0.15, (DAYS, 1))
        heights = height * rng.lognormal(0, 0.15, (DAYS, 1))
        busy += heights * np.exp(-0.5 * ((minutes - centres) / (width * rng.uniform(0.8, 1.3))) ** 2)
    busy[5::7] *= (weekend := rng.choice([1.0, 1.15]))
    busy[6::7] *= weekend
    busy[_closed(rng)] = 0
    fan = busy > FAN_FROM
    forgotten = fan & (rng.random((DAYS, 1)) < rng.choice([0.01, 0.05]))
    cooking = np.where(fan, busy**0.7, 0).reshape(DAYS, 24, 60)
    on = fan.reshape(DAYS, 24, 60).sum(axis=2)
    mean = cooking.sum(axis=2) / np.maximum(on, 1)
    mean *= np.where(forgotten.reshape(DAYS, 24, 60).any(axis=2), UNPURIFIED, 1.0)
    return mean, on.astype(float), forgotten.reshape(DAYS, 24, 60).sum(axis=2).astype(float)


def _said(rng: np.random.Generator, level: Numbers, *, healthy: bool = True) -> Hours:
    """A kitchen's hours when its busiest hour usually has this level (mg/m³ a day), as a healthy monitor says them."""
    cooking, fan, alone = _kitchen(rng)
    usual = np.median(cooking.max(axis=1)[cooking.max(axis=1) > 0])
    flares = np.where(rng.random((DAYS, 24)) < 0.01, rng.uniform(1.5, 3.5, (DAYS, 24)), 1.0)
    noise = rng.lognormal(0, 0.12, (DAYS, 24)) * np.exp(_lasting(rng, DAYS, 0.09))[:, None] * flares
    fume = level[:, None] * cooking / usual * noise
    base = 0.03 * rng.lognormal(0, 0.3, (DAYS, 24))
    minutes = np.full((DAYS, 24), 60.0)
    minutes -= rng.binomial(60, 0.003, (DAYS, 24))
    minutes[rng.random((DAYS, 24)) < 0.01] = 0
    for _ in range(rng.poisson(2) if healthy else 0):
        begins = int(rng.integers(DAYS))
        minutes[begins : begins + int(rng.integers(1, 6))] = 0
    return _hours(rng, fume + base, minutes, fan, alone, np.full(DAYS, 0.45))


def _hours(
    rng: np.random.Generator, mean: Numbers, minutes: Numbers, fan: Numbers, alone: Numbers, swing: Numbers
) -> Hours:
    """As `hour_fume` has it. `swing`: by what share of the mean the minutes of an hour go up and down, a day."""
    reach = swing[:, None] * rng.uniform(0.75, 1.3, mean.shape)
    share = minutes / 60
    said = np.where(minutes > 0, mean, np.nan)
    return Hours(
        FIRST, said, said * (1 - reach / 2), said * (1 + reach), minutes, np.round(fan * share), np.round(alone * share)
    )


def purifier(rng: np.random.Generator, limit: float) -> World:
    """A kitchen behind a purifier that clogs."""
    cleanings = _spells(rng, (25, 110))
    clean = rng.uniform(0.35, 1.5)
    season = 1 + rng.uniform(0, 0.1) * np.sin(2 * np.pi * (np.arange(DAYS + 400) / 180 + rng.random()))
    if rng.random() < 0.15:
        season[int(rng.integers(20, DAYS)) :] *= rng.uniform(0.85, 1.3)  # another menu, another cook
    level, spells = np.empty(DAYS), []
    for begins, ends in zip([0, *cleanings], [*cleanings, DAYS], strict=True):
        went, on = _grime(rng, ends - begins)
        level[begins:ends] = clean * went
        beyond = np.flatnonzero(clean * on[: DAYS + 200 - begins] * season[begins : DAYS + 200] >= limit)
        spells.append(Spell(begins, ends, begins + int(beyond[0]) if len(beyond) else None))
    hours = _said(rng, level * season[:DAYS])
    return World("fouling", spells, hours, recorded=[day for day in cleanings if rng.random() < 0.6])


def trap(rng: np.random.Generator, full: float) -> World:
    """A grease trap with a level sensor that says something every two hours."""
    emptyings, closed = _spells(rng, (9, 35)), _closed(rng)
    level, spells, points = 0.0, [], []
    rate = rng.uniform(1.5, 9)
    weekend = rng.choice([1.0, 1.4])
    for begins, ends in zip([0, *emptyings], [*emptyings, DAYS], strict=True):
        level, own = rng.uniform(2, 15), rate * rng.lognormal(0, 0.15)
        comes = None
        for day in range(begins, DAYS + 60):
            grown = (
                0.0 if day < DAYS and closed[day] else own * rng.lognormal(0, 0.35) * (weekend if day % 7 > 4 else 1)
            )
            before, level = level, level + grown
            if level >= full and comes is None:
                comes = day
            if day >= ends:
                if comes is not None:
                    break
                continue
            if rng.random() < 0.04:
                continue  # a day without data
            for two_hours in range(12):
                said = min(before + grown * two_hours / 12, 100) + rng.normal(0, 1.5)
                points.append((day, said + (rng.choice([-30, 25]) if rng.random() < 0.02 else 0)))
        spells.append(Spell(begins, ends, comes))
    return World("trap", spells, points=points, recorded=[day for day in emptyings if rng.random() < 0.7])


def monitor(rng: np.random.Generator, rule: Any) -> World:
    """A monitor: two in three stay well; the others drift, flatten, or fall silent more and more; some of them all of a sudden."""
    level = np.full(DAYS, rng.uniform(0.4, 1.4)) * (1 + 0.004 * (np.arange(DAYS) % 60))
    fault = str(rng.choice(["none", "drift", "flat", "gaps", "sudden"], p=[0.66, 0.1, 0.1, 0.1, 0.04]))
    hours = _said(rng, level, healthy=fault != "gaps" or rng.random() < 0.5)
    onset, takes = int(rng.integers(30, 120)), rng.uniform(12, 70)
    bent = rng.choice([1.0, 1.6])
    grown = np.maximum(0, (np.arange(DAYS + 200) - onset) / takes) ** bent  # 1: failed
    if fault == "sudden":
        grown = np.where(np.arange(DAYS + 200) >= onset, 2.0, 0.0)
    comes = None if fault == "none" else int(np.flatnonzero(grown >= 1)[0])
    now = grown[:DAYS]
    if fault == "drift":
        rise = (now * (rule.drift_limit_mg_m3 - 0.03))[:, None] * rng.uniform(0.85, 1.15, (DAYS, 24))
        hours = replace(hours, mean=hours.mean + rise, lowest=hours.lowest + rise, highest=hours.highest + rise)
    if fault == "flat":
        left = np.maximum(1 - now * (1 - rule.flat_share), 0.02)[:, None]
        hours = replace(hours, lowest=hours.mean - (hours.mean - hours.lowest) * left,
                        highest=hours.mean + (hours.highest - hours.mean) * left)  # fmt: skip
    if fault in ("gaps", "sudden"):
        lost = np.minimum(now * rule.missing_minutes / 1440, 1.0) * rng.uniform(0.6, 1.4, DAYS)
        silent = rng.random((DAYS, 24)) < lost[:, None]
        gone = np.where(silent, 0.0, 1.0)
        hours = replace(hours, minutes=hours.minutes * gone, fan=hours.fan * gone, alone=hours.alone * gone,
                        mean=np.where(silent, np.nan, hours.mean))  # fmt: skip
    return World("device", [Spell(0, DAYS, comes)], hours)


# ── who forecasts ────────────────────────────────────────────────────────────────────────────────────────────────

Forecaster = Callable[[World, int], Expected | None]


def _seen(hours: Hours, today: int, days: int) -> Hours:
    """What had been heard by the evening before."""
    since = max(0, today - days)
    part = slice(since, today)
    return Hours(
        FIRST + timedelta(days=since), hours.mean[part], hours.lowest[part], hours.highest[part],
        hours.minutes[part].copy(), hours.fan[part], hours.alone[part],
    )  # fmt: skip


def ours(policy: Foresight, limit: float) -> dict[str, Forecaster]:
    """The rules of the program, as the nightly job asks them."""

    def fouling(world: World, today: int) -> Expected | None:
        assert world.hours is not None
        seen = _seen(world.hours, today, policy.fouling.look_back_days)
        return expect_fouling(seen, limit, policy.fouling, cleaned=world.days_recorded(today))

    def full(world: World, today: int) -> Expected | None:
        first, levels = _levels(world, today, policy.trap)
        return expect_full(first, levels, policy.trap, emptied=world.days_recorded(today))

    def failure(world: World, today: int) -> Expected | None:
        assert world.hours is not None
        return expect_failure(_seen(world.hours, today, policy.device.look_back_days), policy.device)

    return {"fouling": fouling, "trap": full, "device": failure}


def _levels(world: World, today: int, rule: ForesightRule) -> tuple[date, Numbers]:
    days = min(today, rule.look_back_days)
    first = FIRST + timedelta(days=today - days)
    points = [(FIRST + timedelta(days=day), level) for day, level in world.points if today - days <= day < today]
    return first, daily_levels(points, first, days)


def _figures(world: World, today: int, policy: Foresight, limit: float) -> list[tuple[Numbers, float, float]]:
    """The daily figures the simple rules look at, each with its limit and its threshold near it."""
    if world.kind == "trap":
        return [(_levels(world, today, policy.trap)[1], policy.trap.full_pct, TRAP_NEAR)]
    assert world.hours is not None
    if world.kind == "fouling":
        seen = _seen(world.hours, today, policy.fouling.look_back_days)
        return [(cooking_levels(seen), limit, NEAR * limit)]
    rule, seen = policy.device, _seen(world.hours, today, policy.device.look_back_days)
    return [
        (quiet_levels(seen), rule.drift_limit_mg_m3, rule.drift_limit_mg_m3 / 2),
        (-swings(seen), -rule.flat_share, -(1 + rule.flat_share) / 2),
        (missing_minutes(seen), rule.missing_minutes, rule.missing_minutes / 2),
    ]


def last_value(policy: Foresight, limit: float) -> Forecaster:
    """It is expected within any horizon as soon as yesterday's figure lay beyond a threshold near the limit. It knows no day."""

    def forecast(world: World, today: int) -> Expected | None:
        for values, end, near in _figures(world, today, policy, limit):
            known = values[~np.isnan(values)]
            if len(known) and near <= known[-1] < end:
                day = FIRST + timedelta(days=today)
                return Expected(day, day, day, 1.0, day, 1, ())
        return None

    return forecast


def least_squares(policy: Foresight, limit: float) -> Forecaster:
    """A straight line through all days that are looked at, cleaned or not, with the textbook interval of its slope."""
    rules = {"fouling": policy.fouling, "trap": policy.trap, "device": policy.device}

    def forecast(world: World, today: int) -> Expected | None:
        rule, found = rules[world.kind], []
        for values, end, _near in _figures(world, today, policy, limit):
            x = np.flatnonzero(~np.isnan(values)).astype(float)
            if len(x) < rule.least_days:
                continue
            y = values[x.astype(int)]
            across = x - x.mean()
            slope = float(across @ y / (across @ across))
            rest = y - y.mean() - slope * across
            error = math.sqrt(float(rest @ rest) / (len(x) - 2) / float(across @ across))
            reach = NormalDist().inv_cdf(0.5 + rule.sure / 2) * error
            to_go = end - (y.mean() + slope * (len(values) - 1 - x.mean()))
            if slope - reach <= 0 or to_go <= 0 or to_go / slope > rule.horizon_days:
                continue
            days = [max(1, math.ceil(to_go / one)) for one in (slope, slope + reach, slope - reach)]
            due = [FIRST + timedelta(days=today - 1 + n) for n in days]
            found.append(Expected(due[0], due[1], due[2], 1.0, due[0], len(x), ()))
        return min(found, key=lambda one: one.due_on, default=None)

    return forecast


# ── how they do ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Score:
    """What became of the first word on each spell, of one kind, method and horizon."""

    said: int = 0
    right: int = 0
    counted: int = 0
    came: int = 0
    warned: int = 0
    warning: list[int] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    off: list[int] = field(default_factory=list)
    wide: list[int] = field(default_factory=list)
    device_days: int = 0

    def figures(self) -> dict[str, float | int | None]:
        return {
            "spells_that_came": self.came,
            "said": self.said,
            "precision": _share(self.counted, self.said),
            "within_horizon": _share(self.right, self.said),
            "recall": _share(self.warned, self.came),
            "median_days_of_warning": float(np.median(self.warning)) if self.warning else None,
            "coverage": _share(sum(self.covered), len(self.covered)),
            "median_interval_days": float(np.median(self.wide)) if self.wide else None,
            "median_days_off": float(np.median(self.off)) if self.off else None,
            "false_a_device_year": round((self.said - self.counted) / self.device_days * 365, 2)
            if self.device_days
            else None,
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def play(world: World, forecast: Forecaster, scores: dict[int, Score], grace: int, dated: bool) -> None:
    """Every day from the warm-up on; of each spell and horizon the first forecast due within it counts.

    Right, as the program counts: it comes by the end of the interval (at least by the horizon) and the rule's grace, or would
    have, had nobody cleaned in between. Warned: it came, at least a day after the first word. Covered: the day lies within the
    interval of that first word. What still stands from before a cleaning is no new word.
    """
    for spell, first in first_words(world, forecast, list(scores)):
        end, begins = _until(spell), max(spell.begins, WARM_UP)
        for horizon, score in scores.items():
            score.device_days += max(0, end - begins)
            counts = spell.came and spell.comes is not None and spell.comes > begins + 1
            score.came += counts
            if horizon not in first:
                continue
            day, found = first[horizon]
            score.said += 1
            if spell.comes is None:
                continue
            last = max((found.due_to - FIRST).days if dated else 0, day + horizon)
            score.counted += spell.comes <= last + grace
            score.right += spell.comes <= day + horizon
            if counts and spell.comes > day:
                score.warned += 1
                score.warning.append(spell.comes - day)
            if dated:
                comes = FIRST + timedelta(days=spell.comes)
                score.covered.append(found.due_from <= comes <= found.due_to)
                score.wide.append((found.due_to - found.due_from).days)
                score.off.append(abs((comes - found.due_on).days))


def first_words(
    world: World, forecast: Forecaster, horizons: Sequence[int]
) -> Iterator[tuple[Spell, dict[int, tuple[int, Expected]]]]:
    """Of each spell, by horizon, the day and the words of the first forecast due within it."""
    standing: set[int] = set()
    for spell in world.spells:
        first: dict[int, tuple[int, Expected]] = {}
        for today in range(max(spell.begins, WARM_UP), spell.ends):
            found = forecast(world, today)
            due = {horizon for horizon in horizons if found and (found.due_on - FIRST).days <= today + horizon}
            if found and today < _until(spell):
                first |= {horizon: (today, found) for horizon in due - standing if horizon not in first}
            standing = (standing | set(first)) & due if today + 1 == spell.ends else standing & due
        yield spell, first


def _until(spell: Spell) -> int:
    """The day from which nothing is left to be foretold of it."""
    return min(spell.ends, spell.comes if spell.comes is not None else spell.ends)


def _policy() -> tuple[Foresight, float, dict[str, Callable[[np.random.Generator], World]]]:
    """The shipped rules, the limit of fouling, and what makes a world of each kind."""
    catalogues, _ = read_folder(SHIPPED)
    policy = catalogues.foresight
    assert policy is not None
    limit: float = next(row.limit for row in catalogues.alarms.rules if row.id == policy.fouling.alarm)  # type: ignore[union-attr]
    makers: dict[str, Callable[[np.random.Generator], World]] = {
        "fouling": lambda rng: purifier(rng, limit),
        "trap": lambda rng: trap(rng, policy.trap.full_pct),
        "device": lambda rng: monitor(rng, policy.device),
    }
    return policy, limit, makers


def calibrate(devices: int, seeds: Sequence[int]) -> dict[str, list[dict[str, float]]]:
    """The tails of each kind: split conformal prediction with the chance told as the score.

    Of every first word whose day came (or would have) two chances are taken as they had been told: that it comes by that day, and
    that it comes by the day before. The interval holds the day if the one is not below `early` and the other is below `late`; so
    of n sorted chances `early` is the ⌊(n+1)/10⌋th of the first kind, `late` the ⌈9(n+1)/10⌉th of the second. By how far off
    the day told was, since a near day is told on a steeper line.
    """
    policy, limit, makers = _policy()
    tails: dict[str, list[dict[str, float]]] = {}
    for kind, make in makers.items():
        scores: dict[int, list[tuple[float, float]]] = {horizon: [] for horizon in HORIZONS[kind]}
        for seed in seeds:
            for number in range(devices):
                world = make(np.random.default_rng([seed, number, len(kind)]))
                for within, *score in _scores(world, ours(policy, limit)[kind], HORIZONS[kind]):
                    scores[within].append((score[0], score[1]))
        furthest = {"fouling": policy.fouling, "trap": policy.trap, "device": policy.device}[kind].horizon_days
        tails[kind] = [
            {"within": furthest if within == HORIZONS[kind][-1] else within, **_tail(found), "of": len(found)}
            for within, found in scores.items()
        ]
    return tails


def _scores(world: World, forecast: Forecaster, horizons: Sequence[int]) -> Iterator[tuple[int, float, float]]:
    """Of each first word: the nearest horizon its day lay within, and the chances told for the day that came and the one before."""
    for spell, first in first_words(world, forecast, horizons):
        for today, found in dict(first.values()).items():
            if spell.comes is None or found.course is None:
                continue
            ahead = (found.due_on - FIRST).days - today
            within = next((horizon for horizon in horizons if ahead <= horizon), horizons[-1])
            comes = FIRST + timedelta(days=spell.comes)
            yield within, found.course.chance_by(comes), found.course.chance_by(comes - timedelta(days=1))


def _tail(scores: Sequence[tuple[float, float]]) -> dict[str, float]:
    n, by_then, before = len(scores), sorted(by for by, _ in scores), sorted(before for _, before in scores)
    early, late = by_then[max(0, math.floor(0.1 * (n + 1)) - 1)], before[min(n, math.ceil(0.9 * (n + 1))) - 1]
    return {"early": round(min(early, 0.5), 3), "late": round(max(late, 0.5), 3)}


def measure(devices: int, seeds: Sequence[int]) -> dict[str, Any]:
    """Kind → method → horizon → figures."""
    policy, limit, makers = _policy()
    own, simple, straight = ours(policy, limit), last_value(policy, limit), least_squares(policy, limit)
    grace = {"fouling": policy.fouling.grace_days, "trap": policy.trap.grace_days, "device": policy.device.grace_days}
    figures: dict[str, Any] = {}
    for kind, make in makers.items():
        methods = {"ours": own[kind], "last value": simple, "least squares": straight}
        scores = {name: {horizon: Score() for horizon in HORIZONS[kind]} for name in methods}
        for seed in seeds:
            for number in range(devices):
                world = make(np.random.default_rng([seed, number, len(kind)]))
                for name, forecast in methods.items():
                    play(world, forecast, scores[name], grace[kind], dated=name != "last value")
        figures[kind] = {
            name: {str(horizon): score.figures() for horizon, score in by.items()} for name, by in scores.items()
        }
    return figures


def coverage(devices: int, seed: int) -> dict[str, dict[str, dict[str, float | int]]]:
    """How often the interval of a first word holds the day, by kind and horizon, and between which shares that would lie 19 times
    of 20 if other devices had been drawn: a bootstrap over devices, because the words of one are not independent."""
    policy, limit, makers = _policy()
    rng, own = np.random.default_rng(seed), ours(policy, limit)
    found: dict[str, dict[str, dict[str, float | int]]] = {}
    for kind, make in makers.items():
        held: dict[int, list[tuple[int, int]]] = {horizon: [] for horizon in HORIZONS[kind]}
        for number in range(devices):
            scores = {horizon: Score() for horizon in HORIZONS[kind]}
            play(make(np.random.default_rng([seed, number, len(kind)])), own[kind], scores, 0, dated=True)
            for horizon, score in scores.items():
                held[horizon].append((sum(score.covered), len(score.covered)))
        found[kind] = {str(horizon): _between(np.array(rows), rng) for horizon, rows in held.items()}
    return found


def _between(held: npt.NDArray[np.int64], rng: np.random.Generator) -> dict[str, float | int]:
    """`held`: of each device the words that held, and all of them."""
    drawn = held[rng.integers(0, len(held), (DRAWS, len(held)))].sum(axis=1)
    shares = drawn[:, 0] / np.maximum(1, drawn[:, 1])
    low, high = np.quantile(shares, [0.025, 0.975])
    right, words = (int(one) for one in held.sum(axis=0))
    return {"words": words, "holds": round(right / max(1, words), 3), "from": round(low, 3), "to": round(high, 3)}


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def table(figures: dict[str, Any]) -> list[str]:
    """The figures as Markdown, one table a kind."""
    lines = []
    for kind, methods in figures.items():
        lines += [
            f"### {WORDS[kind]}",
            "",
            "| due within | method | came | said | precision | strictly within | recall | median days of warning | interval holds |"
            " interval, days | days off | false a device-year |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for horizon in HORIZONS[kind]:
            for name in METHODS:
                one = methods[name][str(horizon)]
                cells = [
                    _plain(one["spells_that_came"]), _plain(one["said"]), _percent(one["precision"]),
                    _percent(one["within_horizon"]), _percent(one["recall"]),
                    _plain(one["median_days_of_warning"]), _percent(one["coverage"]),
                    _plain(one["median_interval_days"]), _plain(one["median_days_off"]),
                    _plain(one["false_a_device_year"]),
                ]  # fmt: skip
                lines.append(f"| {horizon} days | {name} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def write_page(figures: dict[str, Any], devices: int, seeds: Sequence[int], seconds: float) -> None:
    """Put the measured tables between their marks in docs/foresight.md."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    said = (
        f"`lingxiu bench foresight`: {devices} devices a kind and seed, seeds {', '.join(map(str, seeds))}, {DAYS} days each, "
        f"{seconds:.0f} s on one core."
    )
    body = "\n".join([BEGIN, "", said, "", *table(figures), END])
    PAGE.write_text(head + body + rest.split(END)[1], encoding="utf-8")


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench foresight`; the whole run writes its tables into docs/foresight.md."""
    devices, seeds = DEVICES[quick], SEEDS[quick]
    begun = time.perf_counter()
    figures = measure(devices, seeds)
    seconds = time.perf_counter() - begun
    print("\n".join(table(figures)))
    if not quick:
        write_page(figures, devices, seeds, seconds)
    return {"devices": devices, "seeds": list(seeds), "seconds": round(seconds, 1), **figures}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--coverage", type=int, metavar="DEVICES")
    asked = parser.parse_args()
    if asked.coverage:
        print(json.dumps(coverage(asked.coverage, COVERAGE_SEED)))
    else:
        print(json.dumps(calibrate(DEVICES[False], CALIBRATION_SEEDS) if asked.calibrate else run(asked.quick)))
