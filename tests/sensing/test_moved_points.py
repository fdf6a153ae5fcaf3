"""A grease trap, camera or gas alarm that was moved is judged by what it said where it stands now, and by nothing older."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions, point_alarms
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.other_readings import Point, Value, store
from tests.cast import NOON
from tests.sensing.conftest import Plant, make_device

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def tell(device: Device, at: datetime, **values: Value) -> None:
    store([Point(device.kind, device.pk, at, 0, values)], at)


def judge(at: datetime) -> None:
    while point_alarms.judge(in_force(), at):
        pass


def alarms(code: str) -> list[tuple[datetime, datetime | None]]:
    valid = Alarm.objects.filter(code=code, withdrawn_at=None).order_by("raised_at")
    return list(valid.values_list("raised_at", "cleared_at"))


@pytest.fixture
def trap(plant: Plant) -> Device:
    return make_device(plant.cast.merchant.pk, "GREASE", "json-grease", kind="grease_trap")


@pytest.fixture
def camera(plant: Plant) -> Device:
    return make_device(plant.cast.merchant.pk, "CAMERA", "json-camera", kind="camera")


def test_a_moved_traps_month_begins_where_it_stands_now(plant: Plant, trap: Device) -> None:
    tell(trap, NOON, level_pct=40.0, emptied_at=NOON - DAY)
    judge(NOON + HOUR)
    actions.move(trap, plant.cast.other_merchant, at=NOON + 20 * DAY)
    tell(trap, NOON + 20 * DAY + HOUR, level_pct=40.0, emptied_at=NOON - DAY)  # it repeats what was elsewhere
    judge(NOON + 49 * DAY)
    assert alarms("ALM-GREASE-DUE") == []
    judge(NOON + 51 * DAY)
    assert alarms("ALM-GREASE-DUE") == [(NOON + 50 * DAY, None)]
    tell(trap, NOON + 52 * DAY, level_pct=5.0, emptied_at=NOON + 52 * DAY)
    judge(NOON + 52 * DAY + HOUR)
    assert alarms("ALM-GREASE-DUE") == [(NOON + 50 * DAY, NOON + 52 * DAY)]


def test_an_alarm_of_the_place_before_is_left_as_it_ended(plant: Plant, trap: Device) -> None:
    tell(trap, NOON, level_pct=95.0, emptied_at=NOON - DAY)
    judge(NOON + 30 * DAY)
    before = alarms("ALM-GREASE-DUE")
    assert before == [(NOON + 29 * DAY, None)]
    moved = NOON + 30 * DAY
    actions.move(trap, plant.cast.other_merchant, at=moved)
    tell(trap, moved - HOUR, level_pct=99.0)  # kept in its buffer since, and sent from the new place
    tell(trap, moved + HOUR, level_pct=10.0)
    judge(moved + 2 * HOUR)
    assert alarms("ALM-GREASE-DUE") == [(NOON + 29 * DAY, moved)]
    assert alarms("ALM-GREASE-FULL") == [(NOON, moved)]
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_what_the_new_shop_had_emptied_before_the_move_does_not_shorten_its_month(plant: Plant, trap: Device) -> None:
    tell(trap, NOON, level_pct=40.0)
    CareRecord.objects.create(
        merchant=plant.cast.other_merchant, kind=CareRecord.Kind.TRAP, on=NOON.date(), recorded_at=NOON
    )
    actions.move(trap, plant.cast.other_merchant, at=NOON + 20 * DAY)
    judge(NOON + 49 * DAY)
    assert alarms("ALM-GREASE-DUE") == []


def test_a_moved_camera_has_its_day_from_the_move_on_even_if_it_never_says_a_word_there(
    plant: Plant, camera: Device
) -> None:
    tell(camera, NOON, state="online")
    judge(NOON + 25 * HOUR)
    assert alarms("ALM-CAM") == [(NOON + 24 * HOUR, None)]
    moved = NOON + 30 * HOUR
    actions.move(camera, plant.cast.other_merchant, at=moved)
    judge(moved + 23 * HOUR)
    assert alarms("ALM-CAM") == [(NOON + 24 * HOUR, moved)]
    judge(moved + 25 * HOUR)
    assert alarms("ALM-CAM") == [(NOON + 24 * HOUR, moved), (moved + DAY, None)]


def test_gas_that_was_at_the_place_before_raises_nothing_at_the_new_one(plant: Plant) -> None:
    probe = make_device(plant.cast.merchant.pk, "GAS", "json-gas", kind="gas_alarm", observe_until=None)
    moved = NOON + HOUR
    tell(probe, NOON, lel_pct=1.0)
    judge(NOON + HOUR)
    actions.move(probe, plant.cast.other_merchant, at=moved)
    tell(probe, moved - HOUR / 12, lel_pct=60.0)
    judge(moved + HOUR)
    assert alarms("ALM-GAS") == []
    tell(probe, moved + HOUR, lel_pct=60.0)
    judge(moved + HOUR)
    assert alarms("ALM-GAS") == [(moved + HOUR, None)]
