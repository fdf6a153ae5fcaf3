"""A replay of what grease traps, gas alarms and cameras said gives the alarms there were."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.cli import main
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.sensing.actions import move
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.rebuilding import rebuild
from tests.sensing.conftest import forget_readings
from tests.sensing.test_point_alarms import at, devices, judge, tell

__all__ = ["devices"]
WEEK = 7 * 1440


def everything() -> list[tuple[object, ...]]:
    rows = Alarm.objects.filter(withdrawn_at=None).order_by("device_id", "code", "raised_at")
    return list(rows.values_list("device_id", "code", "raised_at", "last_at", "cleared_at", "peak", "observing"))


def live(devices: dict[str, Device]) -> None:
    """A week of a kitchen: gas twice, a trap that fills and is emptied, a camera that goes and sees."""
    for minute, lel in ((0, 2.0), (1, 35.0), (2, 60.0), (3, 1.0), (4, 1.0), (5, 1.0), (900, 22.0)):
        tell(devices["gas"], at(minute), lel_pct=lel)
        judge(at(minute) + timedelta(seconds=5))
    for hour, level in ((0, 40.0), (24, 82.0), (48, 97.0), (72, 8.0), (96, 30.0)):
        tell(devices["grease"], at(60 * hour), level_pct=level)
        judge(at(60 * hour + 1))
    tell(devices["camera"], at(0), state="online")
    for minute in (10, 20, 200):
        tell(devices["camera"], at(minute), event="smoking", confidence=0.9)
        judge(at(minute + 1))
    judge(at(WEEK))
    tell(devices["camera"], at(WEEK + 10), state="online")
    judge(at(WEEK + 11))


def test_a_replay_gives_the_alarms_of_points_there_were(devices: dict[str, Device]) -> None:
    live(devices)
    lived = everything()
    assert {row[1] for row in lived} == {"ALM-GAS", "ALM-GREASE", "ALM-GREASE-FULL", "ALM-CAM", "ALM-CAM-AI"}
    before = Entry.objects.count()
    rebuild(in_force(), at(WEEK + 12))
    assert (everything(), Entry.objects.count()) == (lived, before)  # nothing was wrong: nothing is told
    Alarm.objects.all().delete()
    rebuild(in_force(), at(WEEK + 12))
    assert everything() == lived


def test_an_operator_asks_for_it_by_device_or_for_all(devices: dict[str, Device]) -> None:
    live(devices)
    lived = everything()
    Alarm.objects.all().delete()
    with time_machine.travel(at(WEEK + 12), tick=False):
        told = CliRunner().invoke(main, ["device", "rebuild", devices["gas"].mn])
        assert (told.output, {row[1] for row in everything()}) == ("1 devices\n", {"ALM-GAS"})
        CliRunner().invoke(main, ["device", "rebuild"])
    assert everything() == lived
    assert "no device is registered under XX" in CliRunner().invoke(main, ["device", "rebuild", "XX"]).output


@pytest.mark.parametrize("code", ["ALM-GAS", "ALM-GREASE-FULL", "ALM-CAM-AI"])
def test_an_alarm_that_never_was_is_withdrawn_and_a_wrong_one_put_right(devices: dict[str, Device], code: str) -> None:
    live(devices)
    lived = everything()
    wrong = Alarm.objects.filter(code=code).order_by("raised_at").first()
    assert wrong is not None
    Alarm.objects.filter(pk=wrong.pk).update(peak=1.0, last_at=wrong.raised_at)
    Alarm.objects.create(
        device=wrong.device, code=code, severity=wrong.severity, edition=wrong.edition, noticed_at=at(WEEK),
        raised_at=at(2000), last_at=at(2001), cleared_at=at(2002),
    )  # fmt: skip
    rebuild(in_force(), at(WEEK + 12))
    assert everything() == lived
    assert Alarm.objects.filter(raised_at=at(2000), withdrawn_at__isnull=False).exists()


def test_a_device_out_of_use_and_one_that_never_spoke_are_left_alone(devices: dict[str, Device]) -> None:
    live(devices)
    Device.objects.filter(pk=devices["gas"].pk).update(state=Device.State.RETIRED)
    lived = everything()
    rebuild(in_force(), at(WEEK + 12), [device.pk for device in devices.values()])
    assert everything() == lived


def test_alarms_of_the_former_shop_are_left_alone(devices: dict[str, Device]) -> None:
    live(devices)
    gas = devices["gas"]
    move(gas, Merchant.objects.exclude(pk=gas.merchant_id).get(), at=at(WEEK + 20))
    tell(gas, at(WEEK + 30), lel_pct=1.0)
    tell(gas, at(WEEK + 40), lel_pct=30.0)
    judge(at(WEEK + 41))
    lived = everything()
    assert [row[4] for row in lived if row[1] == "ALM-GAS"] == [at(5), at(WEEK + 20), None]
    rebuild(in_force(), at(WEEK + 42))
    assert everything() == lived


@given(
    values=st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1.0, 12.0, 25.0, 60.0])), max_size=30),
    looks=st.sets(st.integers(0, 40), max_size=6),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whenever_the_watch_looked_a_replay_gives_the_same(
    devices: dict[str, Device], values: list[tuple[int, float]], looks: set[int]
) -> None:
    forget_readings()
    Alarm.objects.all().delete()
    for n, (minute, lel) in enumerate(values):
        tell(devices["gas"], at(minute), lel_pct=lel)
        if n in looks:
            judge(at(50))
    judge(at(60))
    lived = everything()
    Alarm.objects.all().delete()
    rebuild(in_force(), at(61))
    assert everything() == lived
