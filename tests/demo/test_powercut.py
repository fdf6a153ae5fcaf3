"""A town's power cut in the demo: its monitors fall silent together, and the sensing room's own rule makes one storm of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from lingxiu.demo.kitchens import Kitchen
from lingxiu.demo.monitors import Monitor, Way
from lingxiu.demo.powercut import PowerCut, power_cut, write_storms
from lingxiu.demo.readings import told
from lingxiu.demo.shops import Shop
from lingxiu.demo.trades import TRADES, Manner
from lingxiu.policy.alarm_rules import Silence
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.alarms import silence
from lingxiu.sensing.models import Alarm, Device, Storm
from lingxiu.sensing.profiles import moment
from tests.cast import Cast
from tests.sensing.conftest import make_device

AT = datetime(2026, 11, 19, 18, 55, tzinfo=ZoneInfo("Asia/Shanghai"))
ALARMS = read_folder(SHIPPED)[0].alarms
RULE = next(rule for rule in ALARMS.rules if isinstance(rule, Silence))


def cut() -> PowerCut:
    found = power_cut(["330421001"] * 12 + ["330421002"] * 9, ALARMS.storms, AT)
    assert found is not None
    return found


def silences(device: Device, without_power: PowerCut, shop: Shop) -> Iterator[tuple[datetime, datetime]]:
    """When the silences of a monitor became alarms, and when it was heard again, around the cut."""
    kitchen = Kitchen(device.mn, "restaurant", Manner.GOOD, time(10), time(21), (), 60)
    dark = (without_power.since, without_power.back(device.mn))
    one = told(Monitor(device, shop, kitchen, Way.SENDING, AT - timedelta(days=20), AT, dark), AT)
    for first, after in pairwise(one.at[one.sent].tolist()):
        raised = silence(RULE, moment(first), moment(after), ())
        if raised is not None and abs(raised - without_power.since) < timedelta(hours=3):
            yield raised, moment(after)


def test_it_is_the_town_with_the_most_monitors_some_days_ago_and_none_where_there_are_few() -> None:
    assert (cut().town, cut().since.date()) == ("330421001", AT.date() - timedelta(days=4))
    assert power_cut(["330421001"] * 7, ALARMS.storms, AT) is None
    assert power_cut([], ALARMS.storms, AT) is None


@pytest.mark.django_db
def test_all_of_them_are_one_storm_that_ended_and_one_that_stayed_dark_is_part_of_it(cast: Cast) -> None:
    without_power, shop = cut(), Shop(1, cast.merchant, next(iter(TRADES.values())), Manner.GOOD, staged=False)
    policy = in_force()
    for number in range(10):
        device = make_device(cast.merchant.pk, f"YS{number}", last_frame_at=AT)
        for raised, back in silences(device, without_power, shop):
            write_alarm(device, raised, back if number else None)

    write_storms(policy)

    storm = Storm.objects.get()
    assert (storm.town, storm.code, storm.of) == (cast.merchant.town, RULE.id, 10)
    assert storm.devices >= 8, "now and then one had been silent before"
    assert timedelta(minutes=28) < storm.since - without_power.since <= timedelta(minutes=30)
    assert storm.until is not None and without_power.until < storm.until < without_power.until + timedelta(minutes=8)
    assert storm.alarms.count() == storm.devices and storm.alarms.filter(cleared_at=None).count() == 1


def write_alarm(device: Device, raised: datetime, back: datetime | None) -> None:
    Alarm.objects.create(
        device=device, code=RULE.id, severity=RULE.severity, raised_at=raised, last_at=back or raised, cleared_at=back,
        edition=1, noticed_at=raised, told_at=raised,
    )  # fmt: skip


@pytest.mark.django_db
def test_silences_that_have_nothing_to_do_with_each_other_are_no_storm(cast: Cast) -> None:
    for number in range(10):
        device = make_device(cast.merchant.pk, f"YS{number}", last_frame_at=AT)
        write_alarm(device, AT - timedelta(days=number + 1), AT - timedelta(days=number, hours=20))
    write_storms(in_force())
    assert not Storm.objects.exists()
