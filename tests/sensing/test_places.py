"""A reading belongs to the shop where the device stood when it measured, however often the device has moved since."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions, queries
from lingxiu.sensing.kept_hours import hours_of
from lingxiu.sensing.models import Alarm, DeviceEvent
from lingxiu.sensing.queries import Mean
from lingxiu.sensing.rebuilding import rebuild
from lingxiu.sensing.watch import run_once, tick
from tests.sensing.conftest import Plant
from tests.sensing.test_watch import NOON, gateway_lives, graver, minute, send, watch


def moves(plant: Plant, n: float) -> None:
    """From the first shop, where it was put in, to the other one."""
    if not DeviceEvent.objects.filter(device=plant.device).exists():
        actions.happened(plant.device, DeviceEvent.Kind.INSTALLED, NOON - timedelta(days=90), None)
    actions.move(plant.device, plant.cast.other_merchant, at=minute(n))
    plant.device.refresh_from_db()


def alarms_of(plant: Plant) -> list[tuple[object, ...]]:
    rows = Alarm.objects.filter(device=plant.device).order_by("pk")
    return list(rows.values_list("code", "raised_at", "last_at", "cleared_at", "withdrawn_at", "observing"))


def test_what_comes_late_from_the_former_shop_changes_no_alarm_and_raises_none_here(plant: Plant) -> None:
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    assert graver().get().cleared_at is None
    moves(plant, 40)
    before = alarms_of(plant)
    send(plant, plant.device, 30, 9, 5.0, arrived=50)
    send(plant, plant.device, 60, 15, 0.3, arrived=75)
    send(plant, plant.device, 75, 15, 0.3, arrived=90)
    watch(91)
    assert alarms_of(plant) == before
    rebuild(in_force(), minute(92))
    assert alarms_of(plant) == before
    assert Issue.objects.get().merchant == plant.cast.merchant


def test_high_values_of_the_former_shop_do_not_make_those_here_repeated(plant: Plant) -> None:
    for day in range(2):
        send(plant, plant.device, day * 1440, 30, 2.5, arrived=day * 1440 + 30)
        send(plant, plant.device, day * 1440 + 30, 40, 0.3, arrived=day * 1440 + 70)
        watch(day * 1440 + 71)
    moves(plant, 2 * 1440 - 60)
    send(plant, plant.device, 2 * 1440, 30, 2.5, arrived=2 * 1440 + 30)
    watch(2 * 1440 + 31)
    assert Alarm.objects.filter(code="ALM-FUME-3").count() == 3
    assert not Alarm.objects.filter(code="ALM-FUME-4").exists()


def test_a_silence_on_the_way_is_nobodys(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    gateway_lives(minute(60))
    tick(minute(60))
    assert graver().get().code == "ALM-OFF"
    moves(plant, 120)
    ended = graver().get()
    assert ended.cleared_at == minute(120)
    for n in (121, 149):
        gateway_lives(minute(n))
        tick(minute(n))
    assert list(graver()) == [ended]
    gateway_lives(minute(151))
    tick(minute(151))
    assert [row.raised_at for row in graver().order_by("pk")] == [minute(30), minute(150)]
    told = Entry.objects.filter(kind="alarm.raised", reference__code="ALM-OFF").order_by("id")
    assert [entry.merchant_id for entry in told] == [plant.cast.merchant.pk, plant.cast.other_merchant.pk]


def test_a_device_heard_soon_after_it_moved_was_not_silent_there(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    moves(plant, 120)
    send(plant, plant.device, 130, 1)
    watch(131)
    assert not graver().exists()


def test_the_shops_last_reading_is_none_of_before_the_device_came(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    moves(plant, 5)
    gateway_lives(minute(6))
    tick(minute(6))
    assert last_reading(plant.cast.other_merchant.pk) is None
    send(plant, plant.device, 7, 1)
    watch(8)
    gateway_lives(minute(8))
    tick(minute(8))
    assert last_reading(plant.cast.other_merchant.pk) == minute(7)


def last_reading(merchant_id: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_reading_at FROM merchants_standing WHERE merchant_id = %s", [merchant_id])
        return cursor.fetchone()[0]


def test_the_means_of_an_hour_are_those_of_the_shop_where_they_were_measured(plant: Plant) -> None:
    send(plant, plant.device, 0, 10, 1.5, arrived=10)
    run_once(minute(11))
    moves(plant, 20)
    send(plant, plant.device, 30, 10, 0.5, arrived=40)
    run_once(minute(41))
    here, there = plant.cast.merchant.pk, plant.cast.other_merchant.pk
    assert queries.hour_means([here, there], NOON) == {
        here: [Mean(minute(0), 1.5)],
        there: [Mean(minute(30), 0.5)],
    }
    assert queries.stands_there_since(plant.device) == minute(20)
    assert [reading.means for reading in hours_of(here, [NOON])] == [((minute(0), 1.5),)]
    assert [reading.means for reading in hours_of(there, [NOON])] == [((minute(30), 0.5),)]
