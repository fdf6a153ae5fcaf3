"""What a device measured before it was taken out of use, and is only judged after: nothing of it comes to life again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions, slow_judging
from lingxiu.sensing.judging import judge_gaps
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.statistics import Gap
from tests.sensing.conftest import Plant
from tests.sensing.test_watch import minute, send, standing, watch


def open_alarms() -> list[str]:
    return list(Alarm.objects.filter(cleared_at=None).values_list("code", flat=True))


def replace(plant: Plant, at: float) -> Device:
    return actions.replace(plant.device, mn="330421A0B0C0D0E0F0000099", profile_id="plain-2017", at=minute(at))


def retire(plant: Plant, at: float) -> None:
    actions.retire(plant.device, at=minute(at))


@pytest.mark.parametrize("end", [retire, replace])
def test_an_alarm_that_ended_with_its_device_is_not_opened_again_by_its_last_readings(
    plant: Plant, end: Callable[[Plant, float], object]
) -> None:
    send(plant, plant.device, 0, 30, 4.5, arrived=30)
    watch(31)
    assert "ALM-FUME-3" in open_alarms()
    send(plant, plant.device, 30, 10, 4.5, arrived=40)
    end(plant, 40)
    watch(41, 42, 52)
    assert open_alarms() == []
    assert standing(plant).open_alarms == 0


def test_a_high_value_of_its_last_half_hour_is_told_as_over(plant: Plant) -> None:
    send(plant, plant.device, 0, 30, 4.5, arrived=30)
    retire(plant, 30)
    watch(31, 42)
    assert open_alarms() == []


def test_its_last_days_are_not_judged_after_it(plant: Plant) -> None:
    for hour in range(8):
        send(plant, plant.device, hour * 60, 50, 0.01, arrived=hour * 60 + 50)
    watch(500)
    retire(plant, 510)
    watch(2000)
    while slow_judging.judge_days(in_force(), minute(2000)):
        pass
    assert open_alarms() == []


def test_a_silence_before_its_last_word_that_is_heard_of_late_raises_none(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    retire(plant, 100)
    judge_gaps(in_force(), [Gap(plant.device.pk, minute(0), minute(90))], minute(100) + timedelta(seconds=1))
    assert open_alarms() == []
