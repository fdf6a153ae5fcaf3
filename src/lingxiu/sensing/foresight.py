"""What the readings so far let us expect (预判): a purifier that clogs, a grease trap that fills, a monitor that is about to fail.

Each is a robust line through daily figures since the last cleaning, emptying or service, carried on to where it meets a limit,
with an interval; or nothing, where the evidence is too thin. An expectation, never a finding: nobody is accused by a line.
Plain values in and out: no database, no clock. Method and measurements in words: docs/foresight.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lingxiu.policy.foresight import DeviceForesight, ForesightRule, FoulingForesight, TrapForesight

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

HEARD_MINUTES: Final = 30  # an hour of which less was heard says nothing
FAN_SHARE: Final = 0.75  # the kitchen cooks: the fan ran so much of what was heard
ALONE_SHARE: Final = 0.1  # and not without the purifier: that is another matter (ALM-LINK)
USUAL_SHARE: Final = 1 / 3  # an hour of the day it cooks in on so many of its days
DAY_MINUTES: Final = 1440
SIDE: Final = 4  # days looked at on either side of a fall
WORST_ECHO: Final = 0.6  # days that resemble each other count as fewer; not fewer than a quarter of them
STALE_DAYS: Final = 3  # after so many days without a figure nothing is said
FURTHEST: Final = 2  # horizons; no interval reaches further


@dataclass(frozen=True, slots=True)
class Hours:
    """What a monitor said, hour by hour, from the day `first` on: arrays of shape (days, 24).

    `mean`, `lowest`, `highest`: fume in mg/m³, NaN where nothing valid came. `minutes`, `fan`, `alone`: how many minutes of the
    hour were heard, with the fan on, and of these without the purifier.
    """

    first: date
    mean: Numbers
    lowest: Numbers
    highest: Numbers
    minutes: Numbers
    fan: Numbers
    alone: Numbers

    def part(self, begins: int, ends: int) -> Hours:
        """The days between these two places."""
        parts = (self.mean, self.lowest, self.highest, self.minutes, self.fan, self.alone)
        return Hours(self.first + timedelta(days=begins), *(one[begins:ends] for one in parts))

    def newest(self, days: int) -> Hours:
        """Only so many days, the last ones."""
        return self.part(max(0, len(self.mean) - days), len(self.mean))


class Reason(NamedTuple):
    """A figure on its way to a limit. `what`: cooking | level | drift | flat | gaps. Values in the figure's own unit."""

    what: str
    now: float
    per_day: float
    limit: float
    chance: float
    due_on: date


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected, and on what evidence.

    `chance`: that it comes within the rule's horizon if all goes on as it does. `since`: the first day of the evidence;
    `days`: how many days of it say anything. `course`: how it goes on, from which every chance told was taken.
    """

    due_on: date
    due_from: date
    due_to: date
    chance: float
    since: date
    days: int
    reasons: tuple[Reason, ...]
    course: Course | None = None


# ── the line ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Line(NamedTuple):
    """A robust line: its slope with the ends of its interval, its value at the last point and how unsure that is."""

    slope: float
    slowest: float
    fastest: float
    now: float
    unsure: float


def fit(x: Numbers, y: Numbers, sure: float) -> Line:
    """The line of Theil and Sen: the median of the slopes of all pairs of points.

    Its interval is Sen's: the slopes whose ranks lie z·√Var(S)/2 from the middle, with Kendall's Var(S) = n(n−1)(2n+5)/18
    (P. K. Sen, J. Am. Stat. Assoc. 63, 1968, 1379–1389). Days that resemble their neighbours are worth less: the variance grows
    by (1+r)/(1−r), r the correlation of each residual with the next (Bayley and Hammersley 1946, for a first-order process).
    """
    n = len(x)
    i, j = _pairs(n)
    slopes = np.sort((y[j] - y[i]) / (x[j] - x[i]))
    slope = _middle(slopes)
    residuals = y - slope * x
    level = _middle(np.sort(residuals))
    residuals = residuals - level
    z = NormalDist().inv_cdf(0.5 + sure / 2)
    echo = math.sqrt((1 + (r := _echo(residuals))) / (1 - r))
    reach = z * echo * math.sqrt(n * (n - 1) * (2 * n + 5) / 18) / 2
    middle = (len(slopes) - 1) / 2
    low, high = (min(max(round(middle + side * reach), 0), len(slopes) - 1) for side in (-1, 1))
    spread = 1.4826 * _middle(np.sort(np.abs(residuals)))
    unsure = z * echo * 1.2533 * spread / math.sqrt(n)
    return Line(slope, float(slopes[low]), float(slopes[high]), level + slope * float(x[-1]), unsure)


@cache
def _pairs(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The places of all pairs of n points."""
    i, j = np.triu_indices(n, 1)
    return i, j


def _middle(ordered: Numbers) -> float:
    """The median of ordered numbers (np.median orders them again, and takes five times as long)."""
    n = len(ordered)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _echo(residuals: Numbers) -> float:
    """The correlation of each residual with the next, between 0 and WORST_ECHO."""
    power = float(residuals @ residuals)
    return min(max(float(residuals[:-1] @ residuals[1:]) / power, 0.0), WORST_ECHO) if power else 0.0


@dataclass(frozen=True, slots=True)
class _Series:
    """A figure a day, NaN where there is none; the last one is yesterday's."""

    first: date
    values: Numbers
    since: int = 0  # where the evidence begins

    @property
    def x(self) -> Numbers:
        return np.flatnonzero(~np.isnan(self.values) & (np.arange(len(self.values)) >= self.since)).astype(np.float64)


def _expect(what: str, series: _Series, limit: float, rule: ForesightRule) -> Expected | None:
    """When a rising figure meets its limit; None if it does not surely rise, is there already, or is not likely to come soon."""
    x = series.x
    if len(x) < rule.least_days or x[-1] - x[0] + 1 < rule.least_days:
        return None
    line, begins = newest_line(x, series.values[x.astype(int)], rule)
    if line.slowest <= 0 or line.now >= limit:
        return None
    z = NormalDist().inv_cdf(0.5 + rule.sure / 2)
    bend = math.hypot((line.fastest - line.slowest) / 2 / z, rule.bend * line.slope)
    going = Going(line.now, line.slope, line.unsure / z, bend, 0.0)
    last = series.first + timedelta(days=int(x[-1]))
    yesterday = series.first + timedelta(days=len(series.values) - 1)
    first = series.first + timedelta(days=int(x[begins]))
    return _expected(what, going, limit, rule, last, yesterday, first, len(x) - begins)


def newest_line(x: Numbers, y: Numbers, rule: ForesightRule) -> tuple[Line, int]:
    """The line through these points, or, if the newer half of them surely rises faster or slower, the line through that.

    Returns: the line, and the index of the first point it goes through.
    """
    begins = 0
    line = fit(x, y, rule.sure)
    while (len(x) - begins) // 2 >= rule.least_days:
        half = begins + (len(x) - begins) // 2
        newer = fit(x[half:], y[half:], rule.sure)
        if newer.slowest <= line.slope <= newer.fastest:
            break
        line, begins = newer, half
    return line, begins


class Going(NamedTuple):
    """A figure on its way: where it is, how fast it goes a day, and three ways of being unsure, as standard deviations: of
    where it is, of how fast it goes from now on, and of what each single day adds."""

    now: float
    per_day: float
    unsure: float
    bend: float
    wander: float

    def chance(self, limit: float, days: float) -> float:
        """How likely it is to be at the limit after so many days, all three being normal and independent."""
        unsure = math.sqrt(self.unsure**2 + (self.bend * days) ** 2 + self.wander**2 * days)
        ahead = self.now + self.per_day * days - limit
        return NormalDist().cdf(ahead / unsure) if unsure else float(ahead >= 0)


class Course(NamedTuple):
    """A figure on its way to a limit since the day of its last value."""

    going: Going
    limit: float
    last: date

    def chance_by(self, day: date) -> float:
        """How likely it is to be at the limit by then."""
        return self.going.chance(self.limit, (day - self.last).days)


def _expected(
    what: str, going: Going, limit: float, rule: ForesightRule, last: date, yesterday: date, first: date, days: int
) -> Expected | None:
    """The day it is as likely as not to have come by, and those between which it comes with the rule's sureness.

    `last`: the day of the last figure. None if it is too unlikely to come within the horizon.
    """
    passed, furthest = (yesterday - last).days, FURTHEST * rule.horizon_days
    if passed > STALE_DAYS:
        return None
    chance = going.chance(limit, passed + rule.horizon_days)
    if chance < max(rule.least_chance, 0.5):
        return None
    chances = [going.chance(limit, passed + n) for n in range(1, furthest + 1)]
    due = _reaches(chances, 0.5)
    tail = rule.tail(due)
    due_from, due_on, due_to = (
        yesterday + timedelta(days=n) for n in (_reaches(chances, tail.early), due, _reaches(chances, tail.late))
    )
    reason = Reason(what, going.now, going.per_day, limit, chance, due_on)
    return Expected(due_on, due_from, due_to, chance, first, days, (reason,), Course(going, limit, last))


def _reaches(chances: Sequence[float], chance: float) -> int:
    """In how many days the chance is that high; the furthest day looked at if it never is."""
    return next((n for n, one in enumerate(chances, 1) if one >= chance), len(chances))


# ── a purifier that clogs ────────────────────────────────────────────────────────────────────────────────────────


def expect_fouling(
    hours: Hours, limit: float, rule: FoulingForesight, *, cleaned: Collection[date] = ()
) -> Expected | None:
    """When what is measured at the busiest hour of the day is expected to pass the limit (mg/m³).

    Args:
        hours: of whole days, up to yesterday. cleaned: the days on which somebody says the purifier was.
    """
    levels = cooking_levels(hours)
    begins = max(_after(hours.first, cleaned), last_fall(levels, rule.drop_share))
    return _expect("cooking", _Series(hours.first, levels, begins), limit, rule)


def cooking_levels(hours: Hours) -> Numbers:
    """Of each day, what its busiest hour would have measured: comparable, whatever hours it cooked in; NaN where it did not.

    Every hour is held against what is usual at that hour of the day, the day's level is the median of these ratios: so a
    short day, a day that began late and a single flare weigh nothing.
    """
    cooks = (
        (hours.minutes >= HEARD_MINUTES)
        & (hours.fan >= FAN_SHARE * hours.minutes)
        & (hours.alone <= ALONE_SHARE * hours.fan)
        & (hours.mean > 0)
    )
    days = cooks.any(axis=1).sum()
    kept = cooks.sum(axis=0) >= max(1.0, USUAL_SHARE * days)
    if not days or not kept.any():
        return np.full(len(hours.mean), np.nan)
    logs = np.where(cooks, np.log(np.where(cooks, hours.mean, 1.0)), np.nan)[:, kept]
    usual = _medians(logs.T)
    return np.asarray(np.exp(np.max(usual) + _medians(logs - usual)))


def last_fall(levels: Numbers, share: float) -> int:
    """Where the last lasting fall by at least this share ends: the index of the first low day; 0 if there is none.

    Medians of four days on either side, so that one odd day is no fall; the fall must also stand out of what days differ by.
    """
    known = np.flatnonzero(~np.isnan(levels))
    if len(known) < 2 * SIDE:
        return 0
    medians = np.median(np.lib.stride_tricks.sliding_window_view(levels[known], SIDE), axis=1)
    before, after = medians[: -SIDE or None], medians[SIDE:]
    ratios = after / before
    usual = float(np.median(np.abs(np.diff(levels[known]))))
    falls = np.flatnonzero((ratios < 1 - share) & (before - after > 2 * usual))
    if not len(falls):
        return 0
    together = falls[falls > falls[-1] - SIDE]  # one fall is seen from several places: where it is deepest
    return int(known[together[np.argmin(ratios[together])] + SIDE])


# ── a grease trap that fills ─────────────────────────────────────────────────────────────────────────────────────


def expect_full(
    first: date, levels: Numbers, rule: TrapForesight, *, emptied: Collection[date] = ()
) -> Expected | None:
    """When a trap is expected to be full.

    Args:
        levels: per cent of its depth, one a day from `first` to yesterday (`daily_levels`), NaN where none came.
        emptied: the days on which somebody says it was.
    """
    smooth = without_spikes(levels, rule.emptied_drop_pct)
    known = np.flatnonzero(~np.isnan(smooth))
    begins = max(_after(first, emptied), last_step_down(smooth, rule.emptied_drop_pct))
    if len(known) < 2 or known[-1] < begins:
        return None
    days, gains = np.diff(known), np.diff(smooth[known])
    fills = gains > -rule.emptied_drop_pct  # all weeks that are looked at tell how fast it fills, not only the last
    fills &= smooth[known[1:]] < rule.full_pct  # what is full fills no further
    for day in {(day - first).days for day in emptied}:
        fills &= (known[1:] < day) | (known[:-1] > day)
    filling = int(days[fills].sum())
    now = float(smooth[known[-1]])
    if filling < rule.least_days or now >= rule.full_pct:
        return None
    per_day = float(gains[fills].sum() / filling)
    wander = math.sqrt(float((gains[fills] - per_day * days[fills]) @ (gains[fills] - per_day * days[fills])) / filling)
    if per_day <= wander / math.sqrt(filling):
        return None
    going = Going(now, per_day, 0.0, math.hypot(wander / math.sqrt(filling), rule.bend * per_day), wander)
    yesterday = first + timedelta(days=len(levels) - 1)
    last = first + timedelta(days=int(known[-1]))
    return _expected(
        "level", going, rule.full_pct, rule, last, yesterday, first + timedelta(days=int(known[0])), filling
    )


def daily_levels(points: Iterable[tuple[date, float]], first: date, days: int) -> Numbers:
    """The median of each day's levels, from `first` on; NaN where none came. Points outside these days are passed over."""
    of_day: list[list[float]] = [[] for _ in range(days)]
    for day, level in points:
        if 0 <= (place := (day - first).days) < days:
            of_day[place].append(level)
    return np.array([float(np.median(found)) if found else np.nan for found in of_day])


def without_spikes(levels: Numbers, height: float) -> Numbers:
    """The same without single days that differ by `height` from both neighbours, which agree."""
    known = np.flatnonzero(~np.isnan(levels))
    if len(known) < 3:
        return levels
    values = levels[known]
    before, here, after = values[:-2], values[1:-1], values[2:]
    spike = (np.minimum(abs(here - before), abs(here - after)) > height) & (
        np.sign(here - before) == np.sign(here - after)
    )
    cleared = levels.copy()
    cleared[known[1:-1][spike]] = np.nan
    return cleared


def last_step_down(levels: Numbers, height: float) -> int:
    """The index of the first day after the last fall by at least `height`; 0 if there is none."""
    known = np.flatnonzero(~np.isnan(levels))
    falls = np.flatnonzero(np.diff(levels[known]) <= -height)
    return int(known[falls[-1] + 1]) if len(falls) else 0


# ── a monitor that is about to fail ──────────────────────────────────────────────────────────────────────────────


def expect_failure(
    hours: Hours, rule: DeviceForesight, *, serviced: Collection[date] = (), excused: Collection[date] = ()
) -> Expected | None:
    """When a monitor is expected to fail, and why: zero drift, a signal that flattens, gaps that grow.

    The chances of the reasons are taken as independent: 1 − Π(1 − chance). The date is that of the first to come.

    Args:
        serviced: the days of calibration or maintenance, after which evidence begins anew.
        excused: days whose gaps are not the monitor's: maintenance, a deaf gateway, a power cut of the town.
    """
    begins = _after(hours.first, serviced)
    found = [
        one
        for what, (values, limit) in failing_figures(hours, rule, excused).items()
        if (one := _expect(what, _Series(hours.first, values, begins), limit, rule)) is not None
    ]
    if not found:
        return None
    first = min(found, key=lambda one: one.due_on)
    chance = 1 - math.prod(1 - one.chance for one in found)
    reasons = sorted((one.reasons[0] for one in found), key=lambda reason: reason.due_on)
    return replace(first, chance=chance, reasons=tuple(reasons))


def failing_figures(
    hours: Hours, rule: DeviceForesight, excused: Collection[date] = ()
) -> dict[str, tuple[Numbers, float]]:
    """The three signs of a failing monitor, a figure a day each and the limit it rises to."""
    return {
        "drift": (quiet_levels(hours), rule.drift_limit_mg_m3),
        "flat": (-swings(hours), -rule.flat_share),
        "gaps": (missing_minutes(hours, excused), float(rule.missing_minutes)),
    }


def quiet_levels(hours: Hours) -> Numbers:
    """Of each day, the median of what was measured in hours without the fan, mg/m³; NaN where there were none."""
    quiet = (hours.minutes >= HEARD_MINUTES) & (hours.fan == 0)
    return _medians(np.where(quiet, hours.mean, np.nan))


def swings(hours: Hours) -> Numbers:
    """Of each day, how much the values of a cooking hour move, as a share of what they usually do in these weeks.

    Measured as (highest − lowest) ÷ mean, which neither a dirty purifier nor a busy day changes; usual is the upper quartile.
    """
    cooks = (hours.minutes >= HEARD_MINUTES) & (hours.fan >= FAN_SHARE * hours.minutes) & (hours.mean > 0)
    by_day = _medians(np.where(cooks, (hours.highest - hours.lowest) / np.where(cooks, hours.mean, 1.0), np.nan))
    known = by_day[~np.isnan(by_day)]
    usual = float(np.quantile(known, 0.75)) if len(known) else 0.0
    return np.asarray(by_day / usual) if usual else np.full(len(by_day), np.nan)


def missing_minutes(hours: Hours, excused: Collection[date] = ()) -> Numbers:
    """Of each day, how many minutes nothing was heard; NaN on excused days and before it was heard at all."""
    missing: Numbers = np.asarray(DAY_MINUTES - hours.minutes.sum(axis=1))
    heard = np.flatnonzero(missing < DAY_MINUTES)
    missing[: heard[0] if len(heard) else len(missing)] = np.nan
    for day in excused:
        if 0 <= (place := (day - hours.first).days) < len(missing):
            missing[place] = np.nan
    return missing


# ── how it turned out ────────────────────────────────────────────────────────────────────────────────────────────

ALARM_DAYS: Final = 2  # one alarm may be a flare; alarms on two days within a week are the limit
ALARM_WITHIN: Final = timedelta(days=7)
HEARD_SHARE: Final = 0.5  # who was heard on fewer of the days than this cannot be said not to have come


class Verdict(NamedTuple):
    """How a forecast turned out. `on`: when it came, or ceased to be to the point. `why`: passed | alarm | anew | nothing_came
    | nothing_heard."""

    outcome: Literal["right", "wrong", "lapsed"]
    on: date
    why: str


def judge(
    said_on: date, until: date, today: date, *, passed: Collection[date] = (), alarms: Collection[date] = (),
    anew: Collection[date] = (), heard: Collection[date] = (),
) -> Verdict | None:  # fmt: skip
    """What readings say of a forecast of `said_on` that is judged by what came up to `until`; None while it is open.

    Args:
        passed: days whose figure had passed the limit. alarms: days on which the limit's alarm was raised. anew: days of
            cleaning, emptying or service. heard: days with any figure.
    """
    coming = {day: "passed" for day in passed if said_on <= day <= until}
    for day in _in_company(alarms):
        if said_on <= day <= until:
            coming.setdefault(day, "alarm")
    came = min(coming, default=None)
    begun = min((day for day in anew if said_on <= day <= until), default=None)
    if came is not None and (begun is None or came <= begun):
        return Verdict("right", came, coming[came])
    if begun is not None and begun < today:
        return Verdict("lapsed", begun, "anew")
    if today <= until:
        return None
    days = (until - said_on).days + 1
    if sum(said_on <= day <= until for day in heard) < HEARD_SHARE * days:
        return Verdict("lapsed", until, "nothing_heard")
    return Verdict("wrong", until, "nothing_came")


def _in_company(days: Collection[date]) -> list[date]:
    """Those of these days that had enough others in the week before them."""
    return [day for day in days if sum(day - ALARM_WITHIN < one <= day for one in set(days)) >= ALARM_DAYS]


# ── days and medians ─────────────────────────────────────────────────────────────────────────────────────────────


def _after(first: date, days: Iterable[date]) -> int:
    """The index of the day after the last of these; 0 if there is none."""
    return max((max(0, (day - first).days + 1) for day in days), default=0)


def _medians(rows: Numbers) -> Numbers:
    """The median of each row's numbers, NaN for a row without any. (np.nanmedian warns of those and is slower.)"""
    ordered = np.sort(rows, axis=1)  # NaN come last
    known = (~np.isnan(rows)).sum(axis=1)
    at = np.arange(len(rows))
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, rows.shape[1] - 1)
    return np.where(known > 0, (ordered[at, low] + ordered[at, high]) / 2, np.nan)


def blank(first: date, days: int) -> Hours:
    """Days of which nothing is known yet, to be filled in."""
    fume: Sequence[Numbers] = [np.full((days, 24), np.nan) for _ in range(3)]
    minutes: Sequence[Numbers] = [np.zeros((days, 24)) for _ in range(3)]
    return Hours(first, *fume, *minutes)
