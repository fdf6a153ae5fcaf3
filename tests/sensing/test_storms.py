"""Many silences at once are one thing; and who hears of an alarm at all."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.policy.alarm_rules import Storms
from lingxiu.policy.queries import in_force
from lingxiu.sensing import muting, telling
from lingxiu.sensing.judging import judge_gaps
from lingxiu.sensing.models import Alarm, Device, Storm
from lingxiu.sensing.statistics import Gap
from lingxiu.sensing.storms import Fall, gales
from lingxiu.sensing.watch import run_once, tick
from tests.sensing.conftest import Plant, make_device
from tests.sensing.test_watch import NOON, gateway_lives, graver, minute, send, watch

RULE = Storms(devices_at_least=3, share_percent=30, county_devices_at_least=6, county_share_percent=50)


def falls(town: str, *minutes: float, back: float | None = None, first: int = 0) -> list[Fall]:
    return [Fall(first + n, town, minute(at), None if back is None else minute(back)) for n, at in enumerate(minutes)]


def test_enough_silences_of_a_town_within_minutes_are_a_storm() -> None:
    (storm,) = gales(RULE, falls("A", 0, 4, 9), {"A": 10, "B": 20})
    assert (storm.town, storm.since, storm.until, storm.alarm_ids) == ("A", minute(0), None, (0, 1, 2))
    assert gales(RULE, falls("A", 0, 4, 11), {"A": 10, "B": 20}) == []
    assert gales(RULE, falls("A", 0, 4, 9), {"A": 11, "B": 20}) == []  # four of eleven would be


def test_what_falls_while_it_lasts_is_part_of_it_and_it_ends_when_most_are_back() -> None:
    first = [*falls("A", 0, 1, 2, 3, back=60), *falls("A", 5, first=10), *falls("A", 40, first=20)]
    (storm,) = gales(RULE, [*first, *falls("A", 61, first=30)], {"A": 10, "B": 20})
    assert (storm.until, storm.alarm_ids) == (minute(60), (0, 1, 2, 3, 10, 20))


def test_towns_together_are_a_storm_of_the_county() -> None:
    both = [*falls("A", 0, 1, 2), *falls("B", 3, 4, 5, first=10)]
    assert [storm.town for storm in gales(RULE, both, {"A": 6, "B": 6})] == [""]
    assert [storm.town for storm in gales(RULE, both, {"A": 6, "B": 10})] == ["A", "B"]


# ── on a database ──


def heard(devices: list[Device], at: datetime) -> None:
    """As the watch would have written it down."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO watch_device (device_id, heard_at, latest_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (device_id) DO UPDATE SET heard_at = excluded.heard_at, latest_at = excluded.latest_at",
            [(device.pk, at, at) for device in devices],
        )
    Device.objects.filter(pk__in=[device.pk for device in devices]).update(last_frame_at=at)


def back(devices: list[Device], at: datetime) -> None:
    judge_gaps(in_force(), [Gap(device.pk, minute(0), at) for device in devices], at)
    heard(devices, at)


def go(*minutes: float) -> None:
    for n in minutes:
        gateway_lives(minute(n))
        tick(minute(n))
        while run_once(minute(n)):
            pass


def told_of(kind: str) -> int:
    return Entry.objects.filter(kind=kind).count()


def test_a_power_cut_of_three_hundred_devices_is_one_thing(plant: Plant) -> None:
    Device.objects.exclude(merchant=None).update(state="retired")
    devices = [make_device(plant.cast.merchant.pk, f"S{n:03d}") for n in range(300)]
    heard(devices[:150], minute(0))
    heard(devices[150:], minute(1))
    go(30.1, 31.1, 39.9)
    assert Alarm.objects.filter(code="ALM-OFF").count() == 300
    assert not Storm.objects.exists()  # what else falls within these minutes is not known yet
    go(41, 42)
    storm = Storm.objects.get()
    assert (storm.town, storm.since, storm.devices, storm.of) == ("", minute(30), 300, 300)
    assert (told_of("storm.began"), told_of("device.silent")) == (1, 0)

    go(1500)  # more than a day, and still no single issue
    assert not Issue.objects.exists()

    back(devices[5:], minute(1510))
    go(1511, 1512, 1513)
    storm.refresh_from_db()
    assert (storm.until, told_of("storm.ended"), told_of("device.silent")) == (minute(1510), 1, 5)
    assert Alarm.objects.exclude(issue_number="").count() == 5
    before = (Entry.objects.count(), Alarm.objects.exclude(issue_number="").count())
    go(1514)
    telling.tell(in_force(), minute(1515))
    assert (Entry.objects.count(), Alarm.objects.exclude(issue_number="").count()) == before


def test_a_storm_that_came_and_went_while_no_watch_ran_is_one_thing_too(plant: Plant) -> None:
    Device.objects.update(state="retired")
    devices = [make_device(plant.cast.merchant.pk, f"S{n:03d}") for n in range(60)]
    heard(devices, minute(0))
    back(devices, minute(90))
    go(91)
    storm = Storm.objects.get()
    assert (storm.since, storm.until, storm.devices) == (minute(30), minute(90), 60)
    assert (told_of("storm.began"), told_of("storm.ended"), told_of("device.silent")) == (1, 1, 0)


def test_a_storm_that_is_found_to_have_begun_otherwise_stays_the_same_one(plant: Plant) -> None:
    Device.objects.update(state="retired")
    devices = [make_device(plant.cast.merchant.pk, f"S{n:03d}") for n in range(60)]
    heard(devices[:1], minute(0))
    heard(devices[1:], minute(2))
    go(30.1, 32.1, 45)
    storm = Storm.objects.get()
    assert storm.since == minute(30)

    first = Alarm.objects.get(device=devices[0])  # what came late shows that the first of them was never silent
    Alarm.objects.filter(pk=first.pk).update(withdrawn_at=minute(46), cleared_at=minute(46))
    heard(devices[:1], minute(46))
    go(47)
    storm.refresh_from_db()
    assert (storm.since, storm.until, storm.devices) == (minute(32), None, 59)
    assert (Storm.objects.count(), told_of("storm.began"), told_of("storm.ended")) == (1, 1, 0)


def test_a_storm_that_never_was_holds_no_alarm_back(plant: Plant) -> None:
    Device.objects.update(state="retired")
    devices = [make_device(plant.cast.merchant.pk, f"S{n:03d}") for n in range(60)]
    heard(devices, minute(0))
    go(30.1, 45)
    assert Storm.objects.get().until is None

    never = Alarm.objects.filter(device__in=devices[1:])
    never.update(withdrawn_at=minute(46), cleared_at=minute(46))
    heard(devices[1:], minute(46))
    go(47, 48)
    assert (Storm.objects.get().until, told_of("storm.ended"), told_of("device.silent")) == (minute(47), 1, 1)


def test_one_silent_device_is_told_when_it_is_known_to_be_alone(plant: Plant) -> None:
    heard([plant.device], minute(0))
    go(31, 39)
    assert told_of("device.silent") == 0
    go(41)
    entry = Entry.objects.get(kind="device.silent")
    assert entry.reference["tells"] == ["merchant", "grid"]
    go(42)
    assert told_of("device.silent") == 1


def test_only_the_gravest_of_a_family_is_told(plant: Plant) -> None:
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    assert set(Alarm.objects.values_list("code", flat=True)) == {"ALM-FUME-1", "ALM-FUME-2", "ALM-FUME-3"}
    assert [entry.reference["code"] for entry in Entry.objects.filter(kind="alarm.told")] == ["ALM-FUME-3"]


def test_a_single_high_value_is_told_to_the_merchant_alone(plant: Plant) -> None:
    send(plant, plant.device, 0, 10, 2.5, arrived=10)
    watch(11)
    entry = Entry.objects.get(kind="alarm.told")
    assert (entry.reference["code"], entry.reference["tells"]) == ("ALM-FUME-2", ["merchant"])
    assert not Issue.objects.exists()


def test_going_dark_is_no_relief(plant: Plant) -> None:
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    go(100, 1600, 3000)
    alarm = Alarm.objects.get(code="ALM-FUME-3")
    assert alarm.cleared_at is None
    assert Alarm.objects.filter(code="ALM-OFF", cleared_at=None, device=plant.device).exists()


# ── mute and acknowledge ──


def test_a_muted_device_raises_alarms_that_nobody_hears_of(plant: Plant) -> None:
    county = plant.cast.county_officer.pk
    muting.mute(plant.device, until=minute(120), reason="探头送检", at=minute(-5), actor_id=county)
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    assert graver().get().cleared_at is None
    assert (told_of("alarm.told"), Issue.objects.count(), told_of("device.muted")) == (0, 0, 1)
    assert muting.mute_of(graver().get(), minute(40)) is not None
    watch(121)  # it is over, and the alarm still stands
    assert (told_of("alarm.told"), Issue.objects.count()) == (1, 1)


def test_a_mute_of_one_code_mutes_no_other_and_may_be_ended(plant: Plant) -> None:
    county = plant.cast.county_officer.pk
    muting.mute(plant.device, code="ALM-FUME-3", until=minute(999), reason="-", at=minute(-5), actor_id=county)
    send(plant, plant.device, 0, 30, 2.5, purifier=False, arrived=30)
    watch(31)
    assert [issue.violation for issue in Issue.objects.all()] == ["L-LINK"]
    assert muting.unmute(plant.device, code="ALM-FUME-3", at=minute(35), actor_id=county) == 1
    watch(36)
    assert sorted(issue.violation for issue in Issue.objects.all()) == ["L-FUME", "L-LINK"]


def test_a_reason_is_owed(plant: Plant) -> None:
    with pytest.raises(muting.SaysNothing):
        muting.mute(plant.device, until=minute(9), reason=" ", at=NOON, actor_id=1)
    with pytest.raises(muting.SaysNothing):
        muting.mute(plant.device, until=NOON, reason="why", at=NOON, actor_id=1)


def test_an_alarm_is_acknowledged_once_with_words(plant: Plant) -> None:
    send(plant, plant.device, 0, 10, 4.5, arrived=10)
    watch(11)
    alarm = graver().get()
    with pytest.raises(muting.SaysNothing):
        muting.acknowledge(alarm, words="", at=minute(12), actor_id=1)
    assert muting.acknowledge(alarm, words="已电话店主", at=minute(12), actor_id=7)
    assert not muting.acknowledge(alarm, words="另一句", at=minute(13), actor_id=8)
    alarm.refresh_from_db()
    assert (alarm.acknowledgement, alarm.acknowledged_by, told_of("alarm.acknowledged")) == ("已电话店主", 7, 1)
