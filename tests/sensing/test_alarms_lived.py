"""Alarms of days, months, records and repetition, from the readings to the issue and to their clearing."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.policy.queries import in_force
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.profiles import Reading, microseconds
from lingxiu.sensing.rebuilding import rebuild
from lingxiu.sensing.slow_judging import midnight
from lingxiu.sensing.store import Store
from lingxiu.sensing.watch import run_once, tick
from tests.sensing.conftest import Plant
from tests.sensing.test_watch import gateway_lives, made

TODAY = date(2026, 3, 5)


def noon(day: date) -> datetime:
    return midnight(day) + timedelta(hours=12)


def cooks(
    plant: Plant, day: date, minutes: int, fume: float, *, purifier: bool = True, fan: bool = True, late: int = 0
) -> None:
    """Readings of a day from noon on, one a minute, that arrive together `late` days after they were made."""
    rows = [
        Reading(
            plant.device.pk, microseconds(noon(day) + timedelta(minutes=n)), 2011, 0, fume, fan_on=fan,
            purifier_on=purifier,
        )
        for n in range(minutes)
    ]  # fmt: skip
    with closing(Store(plant.database)) as store:
        store.write(made(rows, noon(day) + timedelta(minutes=minutes, days=late)))


def lives(at: datetime) -> None:
    """The watch looks, sums up what was touched, and looks again."""
    gateway_lives(at + timedelta(minutes=5))
    for minutes in (0, 5):
        now = at + timedelta(minutes=minutes)
        while run_once(now):
            pass
        tick(now)
        while run_once(now):
            pass


def alarm(code: str) -> Alarm:
    return Alarm.objects.get(code=code)


def told(code: str) -> list[list[str]]:
    entries = Entry.objects.filter(kind="alarm.told", reference__code=code).order_by("id")
    return [entry.reference["tells"] for entry in entries]


def issues(violation: str) -> int:
    return Issue.objects.filter(violation=violation).count()


def everything() -> list[tuple[object, ...]]:
    rows = Alarm.objects.filter(withdrawn_at=None).order_by("device_id", "code", "raised_at")
    return list(rows.values_list("device_id", "code", "raised_at", "last_at", "cleared_at", "peak", "observing"))


# ── again and again ──


def test_high_fume_on_three_days_is_told_to_the_town_opens_an_issue_and_goes_after_a_week_of_cooking(
    plant: Plant,
) -> None:
    for n in range(3):
        day = TODAY + timedelta(days=n)
        cooks(plant, day, 40, 2.6)
        cooks(plant, day, 40, 2.6)  # the same again changes nothing
        lives(noon(day) + timedelta(minutes=60))
        assert Alarm.objects.filter(code="ALM-FUME-4").count() == (n == 2)
        with_calm(plant, day)
        lives(noon(day) + timedelta(hours=4))
    repeated = alarm("ALM-FUME-4")
    third = noon(TODAY + timedelta(days=2))
    assert (repeated.raised_at, repeated.peak, repeated.cleared_at) == (third + timedelta(minutes=30), 3, None)
    assert told("ALM-FUME-4") == [["merchant", "grid", "town"]]
    assert issues("L-REPEAT") == 1

    for n in range(3, 10):
        assert alarm("ALM-FUME-4").cleared_at is None
        cooks(plant, TODAY + timedelta(days=n), 240, 0.4)
        lives(noon(TODAY + timedelta(days=n)) + timedelta(hours=5))
    # Three calm windows of the third day, 24 of each of six more; the last three of the 150 on the seventh.
    last = noon(TODAY + timedelta(days=9))
    assert alarm("ALM-FUME-4").cleared_at == last + timedelta(minutes=30)
    before = everything()
    rebuild(in_force(), last + timedelta(hours=6))
    assert everything() == before


def with_calm(plant: Plant, day: date) -> None:
    rows = [
        Reading(
            plant.device.pk, microseconds(noon(day) + timedelta(minutes=40 + n)), 2011, 0, 0.4, fan_on=True,
            purifier_on=True,
        )
        for n in range(60)
    ]  # fmt: skip
    with closing(Store(plant.database)) as store:
        store.write(made(rows, noon(day) + timedelta(minutes=105)))


# ── days ──


def test_a_day_of_cooking_near_zero_tells_who_looks_after_the_device_and_goes_with_a_day_that_moves(
    plant: Plant,
) -> None:
    cooks(plant, TODAY, 180, 0.01)
    lives(noon(TODAY) + timedelta(hours=4))
    assert not Alarm.objects.filter(code="ALM-FLAT-D").exists()  # the day is not over
    night = midnight(TODAY + timedelta(days=1)) + timedelta(minutes=20)
    lives(night)
    found = alarm("ALM-FLAT-D")
    assert (found.raised_at, found.cleared_at) == (midnight(TODAY + timedelta(days=1)), None)
    assert told("ALM-FLAT-D") == [["maintainer", "grid"]]
    assert issues("L-DEVICE") == 1

    cooks(plant, TODAY + timedelta(days=1), 60, 0.01)  # too little cooking: it says nothing
    lives(night + timedelta(days=1))
    assert alarm("ALM-FLAT-D").cleared_at is None
    cooks(plant, TODAY + timedelta(days=2), 30, 0.3, fan=False)
    lives(night + timedelta(days=2))
    assert alarm("ALM-FLAT-D").cleared_at == midnight(TODAY + timedelta(days=3))
    before = everything()
    rebuild(in_force(), night + timedelta(days=3))
    assert everything() == before


def test_what_comes_late_shows_that_the_day_was_none(plant: Plant) -> None:
    cooks(plant, TODAY, 180, 0.01)
    night = midnight(TODAY + timedelta(days=1)) + timedelta(minutes=20)
    lives(night)
    assert alarm("ALM-FLAT-D").withdrawn_at is None
    rows = [Reading(plant.device.pk, microseconds(noon(TODAY) + timedelta(hours=5)), 2011, 0, 0.9, fan_on=True)]
    with closing(Store(plant.database)) as store:
        store.write(made(rows, night + timedelta(hours=1)))
    lives(night + timedelta(hours=2))
    assert alarm("ALM-FLAT-D").withdrawn_at is not None


# ── months ──


def test_a_month_with_too_little_linkage_is_told_and_opens_no_issue_and_a_better_one_clears_it(plant: Plant) -> None:
    for n in range(4):
        cooks(plant, date(2026, 2, 9 + n), 400, 0.5, purifier=n != 0)
    lives(noon(date(2026, 2, 13)))
    assert not Alarm.objects.filter(code="ALM-LINK-R").exists()  # the month is not over
    lives(midnight(date(2026, 3, 1)) + timedelta(minutes=20))
    found = alarm("ALM-LINK-R")
    assert (found.raised_at, found.peak, found.cleared_at) == (midnight(date(2026, 3, 1)), 75.0, None)
    assert told("ALM-LINK-R") == [["merchant", "grid"]]
    assert found.issue_wanted_at is None

    for n in range(4):
        cooks(plant, date(2026, 3, 9 + n), 400, 0.5)
    lives(midnight(date(2026, 4, 1)) + timedelta(minutes=20))
    assert alarm("ALM-LINK-R").cleared_at == midnight(date(2026, 4, 1))
    before = everything()
    rebuild(in_force(), noon(date(2026, 4, 1)))
    assert everything() == before


def test_a_month_of_little_cooking_says_nothing(plant: Plant) -> None:
    cooks(plant, date(2026, 2, 9), 400, 0.5, purifier=False)
    lives(midnight(date(2026, 3, 1)) + timedelta(minutes=20))
    assert not Alarm.objects.filter(code="ALM-LINK-R").exists()


def test_late_days_of_a_month_that_is_over_change_what_it_said(plant: Plant) -> None:
    for n in range(4):
        cooks(plant, date(2026, 2, 9 + n), 400, 0.5, purifier=n != 0)
    lives(midnight(date(2026, 3, 1)) + timedelta(minutes=20))
    assert alarm("ALM-LINK-R").withdrawn_at is None
    for n in range(7):
        cooks(plant, date(2026, 2, 16 + n), 400, 0.5, late=20)
    lives(noon(date(2026, 3, 16)))
    lives(midnight(date(2026, 3, 17)) + timedelta(minutes=20))
    assert alarm("ALM-LINK-R").withdrawn_at is not None  # 4,000 of 4,400 minutes: 90.9 %


# ── cleanings ──


def cleaned(plant: Plant, on: date, at: datetime) -> None:
    CareRecord.objects.create(merchant=plant.cast.merchant, kind=CareRecord.Kind.PURIFIER, on=on, recorded_at=at)


def test_a_cleaning_that_is_due_is_told_opens_an_issue_a_week_later_and_goes_with_the_next_on_record(
    plant: Plant,
) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(scale="large")
    cooks(plant, TODAY, 10, 0.5)
    cleaned(plant, TODAY - timedelta(days=30), noon(TODAY))
    lives(noon(TODAY))
    assert not Alarm.objects.filter(code="ALM-CLEAN").exists()  # today is the last day of the cycle
    tomorrow = TODAY + timedelta(days=1)
    lives(noon(tomorrow))
    found = alarm("ALM-CLEAN")
    assert (found.device, found.raised_at, found.cleared_at) == (plant.device, midnight(tomorrow), None)
    assert (told("ALM-CLEAN"), issues("L-CLEAN")) == ([["merchant"]], 0)

    lives(noon(tomorrow + timedelta(days=7)))
    assert issues("L-CLEAN") == 1

    day = tomorrow + timedelta(days=8)
    cleaned(plant, day, noon(day) + timedelta(minutes=1))
    lives(noon(day) + timedelta(minutes=2))
    assert alarm("ALM-CLEAN").cleared_at == midnight(day)
    before = everything()
    rebuild(in_force(), noon(day) + timedelta(hours=1))
    assert everything() == before


def test_a_shop_cleaned_within_the_week_gets_no_issue(plant: Plant) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(scale="large")
    cooks(plant, TODAY, 10, 0.5)
    cleaned(plant, TODAY - timedelta(days=31), noon(TODAY) - timedelta(days=1))
    lives(noon(TODAY))
    cleaned(plant, TODAY + timedelta(days=2), noon(TODAY + timedelta(days=2)))
    lives(noon(TODAY + timedelta(days=2)) + timedelta(hours=1))
    lives(noon(TODAY + timedelta(days=9)))
    assert (alarm("ALM-CLEAN").cleared_at, issues("L-CLEAN")) == (midnight(TODAY + timedelta(days=2)), 0)


def test_a_second_monitor_of_a_shop_says_nothing_of_its_cleaning(plant: Plant) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(scale="large")
    cleaned(plant, TODAY - timedelta(days=50), noon(TODAY))
    rows = [Reading(device.pk, microseconds(noon(TODAY)), 2011, 0, 0.5) for device in (plant.device, plant.currents)]
    with closing(Store(plant.database)) as store:
        store.write(made(rows, noon(TODAY)))
    lives(noon(TODAY) + timedelta(minutes=2))
    assert Device.objects.get(alarms__code="ALM-CLEAN") == plant.device


def test_a_monitor_that_never_spoke_is_a_monitor_of_its_shop_too(plant: Plant) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(scale="large")
    cleaned(plant, TODAY - timedelta(days=50), noon(TODAY))
    lives(noon(TODAY))
    assert alarm("ALM-CLEAN").device == plant.device
