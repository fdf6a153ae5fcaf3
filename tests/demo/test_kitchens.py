"""What goes on in a demo kitchen, and when its people are at it."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.demo import hours
from lingxiu.demo.devices import KitchenSource
from lingxiu.demo.kitchens import DAY, WEEK, Kitchen, monday_of
from lingxiu.demo.trades import Manner

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 11, 16)


def kitchen(manner: Manner = Manner.GOOD, mn: str = "A", **changes: object) -> Kitchen:
    values: dict[str, object] = {
        "kind": "restaurant", "opens": time(10), "closes": time(21), "cleaned": (date(2026, 11, 1),), "cycle_days": 60,
    }  # fmt: skip
    return Kitchen(mn=mn, manner=manner, **(values | changes))  # type: ignore[arg-type]


def test_a_week_follows_from_the_monitor_and_its_monday_alone() -> None:
    first, again, later = kitchen().week(MONDAY), kitchen().week(MONDAY), kitchen().week(MONDAY + timedelta(days=7))

    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(first.fume, later.fume)


def test_nobody_cooks_while_it_is_closed_and_the_purifier_never_runs_alone() -> None:
    week = kitchen(Manner.POOR).week(MONDAY)
    minute = np.arange(WEEK) % DAY

    assert not week.fan[(minute < 600) | (minute >= 1260)].any()
    assert not (week.purifier & ~week.fan).any()


def test_a_shop_that_closes_after_midnight_cooks_after_midnight() -> None:
    week = kitchen(kind="barbecue", opens=time(16, 30), closes=time(1, 30)).week(MONDAY)
    minute = np.arange(WEEK) % DAY

    assert week.fan[(minute > 1260) & (minute < 1380)].any()
    assert not week.fan[(minute >= 90) & (minute < 990)].any()


def test_the_badly_run_let_out_more_than_the_well_run() -> None:
    means = {}
    for manner in Manner:
        weeks = [kitchen(manner, f"{manner}{n}").week(MONDAY) for n in range(12)]
        means[manner] = np.mean([week.fume[week.fan].mean() for week in weeks])

    assert means[Manner.GOOD] < means[Manner.FAIR] < means[Manner.POOR]


def test_cleaning_helps() -> None:
    dirty, clean = (kitchen(cleaned=(day,)).week(MONDAY) for day in (date(2026, 8, 1), MONDAY))

    assert clean.fume[clean.fan].mean() < 0.8 * dirty.fume[dirty.fan].mean()


def test_what_is_sent_now_is_what_the_week_says() -> None:
    source, week = KitchenSource(kitchen(), ZONE), kitchen().week(MONDAY)
    wednesday = datetime(2026, 11, 18, 12, 5, 30, tzinfo=ZONE)
    index = 2 * DAY + 12 * 60 + 5
    now = source(wednesday)

    assert (now is not None) == bool(week.sent[index])
    assert now is None or now.fume_mg_m3 == week.fume[index] / 1000


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_weeks_begin_on_mondays(day: date) -> None:
    assert monday_of(day).weekday() == 0
    assert timedelta() <= day - monday_of(day) < timedelta(days=7)


SHIFTS = st.sampled_from([hours.GRID, hours.ROOM, hours.OFFICE])


@settings(max_examples=60)
@given(SHIFTS, st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.floats(0, 3000), st.floats(0, 3000))
def test_shifts_go_on_and_never_outside_their_hours(
    shift: hours.Shift, moment: datetime, some: float, more: float
) -> None:
    start = moment.replace(tzinfo=ZONE)
    ended, later = shift.after(start, some), shift.after(start, some + more)

    assert start <= ended <= later
    assert shift.begins <= ended.hour < shift.ends
    assert shift.weekends or ended.weekday() < 5
    assert shift.after(ended, more) == pytest.approx(later, abs=timedelta(seconds=1))


def test_an_office_sleeps_over_the_weekend() -> None:
    friday = datetime(2026, 11, 20, 16, 30, tzinfo=ZONE)

    assert hours.OFFICE.after(friday, 60) == datetime(2026, 11, 23, 9, 30, tzinfo=ZONE)
