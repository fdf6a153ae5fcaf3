"""Alarms over single readings: raised and cleared by readings and time alone, right in whatever order readings come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.issues.models import Issue
from lingxiu.merchants.models import CareRecord, Standing
from lingxiu.policy.alarm_rules import PointLevel
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing import point_alarms
from lingxiu.sensing.models import Alarm, Device, Maintenance
from lingxiu.sensing.other_readings import Point, Value, store
from lingxiu.sensing.point_rules import Said, absences, levels, sightings
from lingxiu.sensing.watch import open_issues
from tests.cast import NOON, make_cast
from tests.sensing.conftest import forget_readings, make_device

RULES = {rule.id: rule for rule in read_folder(SHIPPED)[0].alarms.rules}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def gas() -> PointLevel:
    rule = RULES["ALM-GAS"]
    assert isinstance(rule, PointLevel)
    return rule


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


# ── the rules alone ──────────────────────────────────────────────────────────────────────────────────────────────


def test_gas_is_an_alarm_with_the_first_high_reading_and_over_after_three_low_ones() -> None:
    readings = [Said(at(n), 0, value) for n, value in enumerate([3, 25, 40, 15, 9, 8, 12, 5, 5, 5, 30])]
    first, second = levels(gas(), readings)
    assert (first.raised_at, first.last_at, first.cleared_at, first.peak) == (at(1), at(6), at(9), 40)
    assert (second.raised_at, second.cleared_at) == (at(10), None)


def test_one_probe_that_is_still_high_keeps_the_alarm() -> None:
    readings = [Said(at(0), 1, 30), Said(at(0), 2, 1), *(Said(at(n), 2, 1) for n in range(1, 9))]
    (one,) = levels(gas(), readings)
    assert one.cleared_at is None


def test_the_devices_own_word_counts_without_a_value() -> None:
    readings = [Said(at(0), 0, None, "alarm"), *(Said(at(n), 0, None, "normal") for n in range(1, 4))]
    (one,) = levels(gas(), readings)
    assert (one.raised_at, one.cleared_at, one.peak) == (at(0), at(3), None)
    assert levels(gas(), [Said(at(0), 0, None, "fault")]) == []


def test_an_absence_is_raised_when_the_time_is_up_and_cleared_by_the_next_mark() -> None:
    found = absences([at(0), at(0) + 30 * HOUR], 24 * HOUR, at(0) + 40 * HOUR)
    (one,) = found.episodes
    assert (one.raised_at, one.cleared_at) == (at(0) + 24 * HOUR, at(0) + 30 * HOUR)
    assert found.next_at == at(0) + 54 * HOUR
    assert absences([at(0)], 24 * HOUR, at(0) + 24 * HOUR).next_at is None  # it stands now


def test_sightings_near_each_other_are_one() -> None:
    found = sightings([at(0), at(10), at(50)], timedelta(minutes=30), at(60))
    first, second = found.episodes
    assert (first.raised_at, first.last_at, first.cleared_at) == (at(0), at(10), at(40))
    assert (second.cleared_at, found.next_at) == (None, at(80))


# ── stored ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def devices(transactional_db: None) -> Iterator[dict[str, Device]]:
    merchant = make_cast().merchant.pk
    kinds = {"gas": "gas_alarm", "grease": "grease_trap", "camera": "camera"}
    yield {
        name: make_device(merchant, f"{name.upper()}1", f"json-{name}", kind=kind, observe_until=None)
        for name, kind in kinds.items()
    }
    forget_readings()


def tell(device: Device, when: datetime, event: str = "", channel: int = 0, **values: Value) -> None:
    store([Point(device.kind, device.pk, when, channel, values, event=event)], when + timedelta(seconds=2))


def judge(now: datetime) -> None:
    while point_alarms.judge(in_force(), now):
        pass


def alarms(code: str) -> list[tuple[datetime, datetime | None]]:
    rows = Alarm.objects.filter(code=code, withdrawn_at=None).order_by("raised_at")
    return [(row.raised_at.astimezone(UTC), row.cleared_at and row.cleared_at.astimezone(UTC)) for row in rows]


def test_gas_opens_one_red_alarm_and_one_issue_for_the_town_team(devices: dict[str, Device]) -> None:
    for n, value in enumerate([2.0, 35.0, 60.0]):
        tell(devices["gas"], at(n), lel_pct=value)
        judge(at(n) + timedelta(seconds=5))
    alarm = Alarm.objects.get()
    assert (alarm.code, alarm.severity, alarm.peak, alarm.cleared_at) == ("ALM-GAS", "red", 60.0, None)
    assert Standing.objects.get(merchant=alarm.device.merchant_id).open_alarms == 1
    open_issues(at(3))
    assert Issue.objects.get().violation == "L-GAS"
    assert Issue.objects.get().lead_unit.kind == "town_team"
    for n in range(4, 7):
        tell(devices["gas"], at(n), lel_pct=1.0)
    judge(at(7))
    assert alarms("ALM-GAS") == [(at(1), at(6))]
    assert Standing.objects.get(merchant=alarm.device.merchant_id).open_alarms == 0


def test_a_trap_that_fills_warns_then_opens_an_issue_and_is_cleared_by_emptying(devices: dict[str, Device]) -> None:
    for n, level in enumerate([70.0, 85.0, 96.0, 10.0]):
        tell(devices["grease"], at(60 * n), level_pct=level)
    judge(at(181))
    assert alarms("ALM-GREASE") == [(at(60), at(180))]
    assert alarms("ALM-GREASE-FULL") == [(at(120), at(180))]
    open_issues(at(182))
    assert Issue.objects.get().violation == "L-GREASE"


def test_a_late_reading_changes_the_past(devices: dict[str, Device]) -> None:
    tell(devices["gas"], at(0), lel_pct=30.0)
    for n in (10, 11, 12):
        tell(devices["gas"], at(n), lel_pct=1.0)
    judge(at(13))
    assert alarms("ALM-GAS") == [(at(0), at(12))]
    for n in (2, 3, 4):  # buffered meanwhile: it was over sooner
        tell(devices["gas"], at(n), lel_pct=2.0)
    tell(devices["gas"], at(-5), lel_pct=50.0)  # and began earlier
    judge(at(20))
    assert alarms("ALM-GAS") == [(at(-5), at(4))]
    assert Alarm.objects.count() == 1


def test_a_trap_nobody_empties_is_told_when_its_time_is_up(devices: dict[str, Device]) -> None:
    trap = devices["grease"]
    tell(trap, NOON, level_pct=40.0, emptied_at=NOON - DAY)
    judge(NOON + HOUR)
    assert alarms("ALM-GREASE-DUE") == []
    judge(NOON + 29 * DAY + HOUR)  # nothing came since; time alone
    assert alarms("ALM-GREASE-DUE") == [(NOON + 29 * DAY, None)]
    tell(trap, NOON + 31 * DAY, level_pct=5.0, emptied_at=NOON + 30 * DAY)
    judge(NOON + 31 * DAY + HOUR)
    assert alarms("ALM-GREASE-DUE") == [(NOON + 29 * DAY, NOON + 30 * DAY)]


def test_a_small_box_is_due_after_a_week_and_a_record_or_a_fall_counts_as_emptied(devices: dict[str, Device]) -> None:
    trap = devices["grease"]
    Device.objects.filter(pk=trap.pk).update(model="box")
    tell(trap, NOON, level_pct=80.0)
    tell(trap, NOON + DAY, level_pct=20.0)  # somebody emptied it and said nothing
    judge(NOON + 7 * DAY)
    assert alarms("ALM-GREASE-DUE") == []
    judge(NOON + 9 * DAY)
    assert alarms("ALM-GREASE-DUE") == [(NOON + 8 * DAY, None)]
    CareRecord.objects.create(
        merchant=trap.merchant, kind=CareRecord.Kind.TRAP, on=date(2026, 3, 14), recorded_at=NOON + 9 * DAY
    )
    tell(trap, NOON + 9 * DAY + HOUR, level_pct=22.0)
    judge(NOON + 10 * DAY)
    ((_, cleared),) = alarms("ALM-GREASE-DUE")
    assert cleared == datetime(2026, 3, 13, 16, tzinfo=UTC)


def test_a_camera_is_gone_after_a_day_and_back_when_it_says_so(devices: dict[str, Device]) -> None:
    camera = devices["camera"]
    tell(camera, NOON, state="online")
    tell(camera, NOON + 2 * HOUR, state="offline")
    judge(NOON + 3 * HOUR)
    assert alarms("ALM-CAM") == []
    judge(NOON + 25 * HOUR)
    assert alarms("ALM-CAM") == [(NOON + 24 * HOUR, None)]
    assert Alarm.objects.get().severity == "blue"
    tell(camera, NOON + 12 * HOUR, state="online")  # late: it had been there
    tell(camera, NOON + 26 * HOUR, state="online")
    judge(NOON + 27 * HOUR)
    assert alarms("ALM-CAM") == []
    assert Alarm.objects.get().withdrawn_at is not None


def test_what_a_camera_sees_for_certain_is_a_lead(devices: dict[str, Device]) -> None:
    camera = devices["camera"]
    tell(camera, at(0), "no_hat", confidence=0.5)
    judge(at(1))
    assert not Alarm.objects.exists()
    tell(camera, at(2), "smoking", confidence=0.9, picture_url="https://10.0.0.1/1.jpg")
    tell(camera, at(12), "no_hat", confidence=0.95)
    judge(at(13))
    open_issues(at(13))
    assert alarms("ALM-CAM-AI") == [(at(2), None)]
    assert Issue.objects.get().violation == "L-CAM"
    judge(at(43))
    assert alarms("ALM-CAM-AI") == [(at(2), at(42))]


def test_readings_during_maintenance_alarm_nobody(devices: dict[str, Device]) -> None:
    Maintenance.objects.create(device=devices["gas"], since=at(0), until=at(10), note="探头标定")
    for n in (1, 5, 9):
        tell(devices["gas"], at(n), lel_pct=50.0)
    judge(at(11))
    assert not Alarm.objects.exists()
    tell(devices["gas"], at(12), lel_pct=50.0)
    judge(at(13))
    assert alarms("ALM-GAS") == [(at(12), None)]


def test_a_new_device_alarms_but_opens_no_issue(devices: dict[str, Device]) -> None:
    Device.objects.filter(pk=devices["grease"].pk).update(observe_until=NOON + DAY)
    tell(devices["grease"], NOON, level_pct=99.0)
    judge(NOON + HOUR)
    open_issues(NOON + HOUR)
    assert Alarm.objects.filter(observing=True).count() == 2
    assert not Issue.objects.exists()


def test_one_device_that_cannot_be_judged_holds_up_no_other(
    devices: dict[str, Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = point_alarms._said

    def unwilling(rule: PointLevel, device: Device, *rest: Any) -> list[Said]:
        if device.kind == "grease_trap":
            raise ZeroDivisionError
        return said(rule, device, *rest)

    monkeypatch.setattr(point_alarms, "_said", unwilling)
    tell(devices["grease"], at(0), level_pct=99.0)
    tell(devices["gas"], at(0), lel_pct=50.0)
    judge(at(1))
    assert alarms("ALM-GAS") == [(at(0), None)]
    monkeypatch.undo()
    judge(at(70))
    assert alarms("ALM-GREASE-FULL") == [(at(0), None)]


readings = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 1), st.sampled_from([1.0, 15.0, 25.0, 60.0])),
    min_size=1, max_size=14, unique_by=lambda one: one[:2],
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=readings, order=st.randoms(use_true_random=False), cuts=st.lists(st.integers(1, 4), min_size=14, max_size=14)
)
def test_any_order_and_any_pauses_give_the_alarms_of_all_readings_together(
    devices: dict[str, Device], data: list[tuple[int, int, float]], order: Any, cuts: list[int]
) -> None:
    device = devices["gas"]
    shuffled = list(data)
    order.shuffle(shuffled)
    while shuffled:
        part, shuffled = shuffled[: cuts[0]], shuffled[cuts[0] :]
        cuts = cuts[1:]
        for minute, channel, value in part + part[:1]:
            tell(device, at(minute), channel=channel, lel_pct=value)
        judge(at(60))
    whole = levels(gas(), [Said(at(m), c, v) for m, c, v in sorted(data)])
    assert alarms("ALM-GAS") == [(one.raised_at, one.cleared_at) for one in whole]
    assert peaks() == [one.peak for one in whole]
    assert all(one.cleared_at is not None for one, _ in pairwise(whole))
    Alarm.objects.all().delete()
    forget_readings()


def peaks() -> Sequence[float | None]:
    return list(Alarm.objects.filter(withdrawn_at=None).order_by("raised_at").values_list("peak", flat=True))


def test_the_watch_judges_only_what_is_due(devices: dict[str, Device]) -> None:
    tell(devices["gas"], at(0), lel_pct=5.0)
    assert point_alarms.judge(in_force(), at(1)) == 1
    assert point_alarms.judge(in_force(), at(1)) == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT dirty_from, due_at FROM point_device")
        assert cursor.fetchall() == [(None, None)]
