"""What a shop's owner reads of its traps, gas alarms and cameras: what was seen, what to do, until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from lingxiu.accounts.models import User
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Notice
from lingxiu.notices.wording import lines
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing import point_alarms, telling
from lingxiu.sensing.other_readings import Point, Value, store
from tests.cast import Cast, make_cast
from tests.sensing.conftest import forget_readings, make_device

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
RULES = read_folder(SHIPPED)[0].alarms.rules


@pytest.fixture
def cast(transactional_db: None) -> Iterator[Cast]:
    yield make_cast()
    forget_readings()


def say(cast: Cast, kind: str, profile: str, event: str = "", **values: Value) -> None:
    device = make_device(cast.merchant.pk, profile.upper(), profile, kind=kind, observe_until=None)
    store([Point(kind, device.pk, NOON, 0, values, event=event)], NOON)
    point_alarms.run(in_force(), NOON)
    telling.tell(in_force(), NOON)
    read_on(NOON)


def words(person: User, language: str, kind: str = "alarm.told") -> list[str]:
    told = list(Notice.objects.filter(person=person, kind=kind).order_by("id"))
    with translation.override(language):
        return [line.words for line in lines(told, officer=person.authority.is_officer)]


def test_of_a_trap_the_owner_reads_how_full_it_is_what_to_do_and_until_which_day(cast: Cast) -> None:
    say(cast, "grease_trap", "json-grease", level_pct=84.0)
    (english,) = words(cast.owner, "en")
    assert english.startswith("Your grease trap is 80 % full. Have it emptied by March 8")
    (chinese,) = words(cast.owner, "zh-hans")
    assert chinese.startswith("隔油池已经八成满了。请在3月8日前")
    assert "净化" not in chinese


def test_of_gas_the_owner_reads_what_to_do_now_and_who_is_on_duty_what_they_are_called_for(cast: Cast) -> None:
    say(cast, "gas_alarm", "json-gas", lel_pct=40.0)
    for kind in ("alarm.called", "alarm.told"):
        (owner,) = words(cast.owner, "en", kind)
        assert owner.startswith("Gas may be leaking in your shop! Now: shut the main valve")
    (dispatcher,) = words(cast.dispatcher, "en", "alarm.called")
    assert dispatcher.startswith("Combustible gas: see to it at once and acknowledge it here")


def test_of_what_a_camera_saw_the_owner_is_asked_to_look_the_same_day(cast: Cast) -> None:
    say(cast, "camera", "json-camera", "smoking", confidence=0.95)
    (said,) = words(cast.owner, "zh-hans")
    assert "机器看的，可能有错" in said
    assert "请在3月5日收工前" in said


def test_every_alarm_of_these_devices_that_a_shop_hears_of_has_plain_words() -> None:
    kinds = ("level", "not_emptied", "camera_offline", "camera_sees")
    told = [rule for rule in RULES if rule.type in kinds and "merchant" in rule.tells]
    assert len(told) == 7
    for rule in told:
        assert rule.reminds is not None
        for language in ("zh-hans", "en"):
            assert ("{day}" in rule.reminds.says.text(language)) == (rule.id != "ALM-GAS")


def test_the_day_is_the_countys(cast: Cast) -> None:
    late = datetime(2026, 3, 5, 17, 0, tzinfo=UTC)  # an hour past midnight there
    device = make_device(cast.merchant.pk, "GT1", "json-grease", kind="grease_trap", observe_until=None)
    store([Point("grease_trap", device.pk, late, 0, {"level_pct": 97.0})], late + timedelta(seconds=1))
    point_alarms.run(in_force(), late + timedelta(seconds=2))
    telling.tell(in_force(), late + timedelta(seconds=2))
    read_on(late + timedelta(seconds=3))
    assert any("by March 7 at the latest" in one for one in words(cast.owner, "en"))
