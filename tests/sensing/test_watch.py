"""The watch on a database: what is raised, held, cleared, held back, and told to whom."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant, Standing
from lingxiu.policy.queries import in_force
from lingxiu.sensing import judging
from lingxiu.sensing.models import Alarm, Deafness, Device, Maintenance, Process, WatchCursor
from lingxiu.sensing.profiles import Reading, microseconds
from lingxiu.sensing.rebuilding import rebuild
from lingxiu.sensing.store import Batch, Store
from lingxiu.sensing.watch import Watch, run_once, tick
from tests.sensing.conftest import Plant, forget_readings, make_device

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def minute(n: float) -> datetime:
    return NOON + timedelta(minutes=n)


def send(
    plant: Plant,
    device: Device,
    first: float,
    count: int,
    fume: float = 0.5,
    *,
    fan: bool = True,
    purifier: bool = True,
    arrived: float | None = None,
) -> None:
    """`count` minutes of readings from minute `first` on, arriving each in its minute, or all at once."""
    with closing(Store(plant.database)) as store:
        rows = [
            Reading(device.pk, microseconds(minute(n)), 2011, 0, fume, fan_on=fan, purifier_on=purifier)
            for n in (first + step for step in range(count))
        ]
        if arrived is not None:
            store.write(made(rows, minute(arrived)))
            return
        for row, n in zip(rows, range(count), strict=True):
            store.write(made([row], minute(first + n)))


def made(rows: list[Reading], at: datetime) -> Batch:
    batch = Batch(microseconds(at))
    for row in rows:
        batch.add(row, b"##")
    return batch


def watch(*minutes: float) -> None:
    for n in minutes:
        while run_once(minute(n)):
            pass
        run_once(minute(n) + timedelta(seconds=6))


def gateway_lives(at: datetime) -> None:
    Process.objects.update_or_create(
        run="00000000-0000-0000-0000-000000000001",
        defaults={"kind": "gateway", "host": "h", "pid": 1, "started_at": NOON, "seen_at": at},
    )


def graver_open(plant: Plant) -> int:
    """Open alarms of the merchant that people should know of, without those that come with others."""
    lower = Alarm.objects.filter(device__merchant=plant.cast.merchant, cleared_at=None, observing=False)
    return standing(plant).open_alarms - lower.filter(code__in=LOWER).count()


def standing(plant: Plant) -> Standing:
    return Standing.objects.get(merchant=plant.cast.merchant)


LOWER = ("ALM-FUME-1", "ALM-FUME-2", "ALM-JUMP")
"""They come with every sustained high value, or with how abruptly it ends here."""


def graver() -> QuerySet[Alarm]:
    return Alarm.objects.exclude(code__in=LOWER)


def told(plant: Plant) -> list[str]:
    entries = Entry.objects.filter(kind__regex="^(alarm|device)", merchant_id=plant.cast.merchant.pk)
    rows = entries.order_by("id").values_list("kind", "reference")
    return [kind for kind, reference in rows if reference.get("code") not in LOWER]


def test_an_alarm_is_raised_held_and_cleared_by_readings(plant: Plant) -> None:
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(30)
    assert not graver().exists()  # the third window may still get late data
    watch(31)
    alarm = graver().get()
    assert (alarm.code, alarm.severity, alarm.raised_at, alarm.cleared_at) == ("ALM-FUME-3", "orange", minute(30), None)
    assert alarm.peak == pytest.approx(2.5)
    assert [window["at"] for window in alarm.evidence["windows"]] == [minute(n).isoformat() for n in (0, 10, 20)]

    send(plant, plant.device, 30, 10, 3.5, arrived=40)
    send(plant, plant.device, 40, 20, 0.5, arrived=60)
    watch(61)
    alarm.refresh_from_db()
    assert (alarm.last_at, alarm.cleared_at, graver_open(plant)) == (minute(40), None, 1)
    assert alarm.peak == pytest.approx(3.5)

    send(plant, plant.device, 60, 10, 0.5, arrived=70)
    watch(71)
    alarm.refresh_from_db()
    assert (alarm.cleared_at, graver_open(plant)) == (minute(70), 0)
    assert told(plant) == ["alarm.raised", "alarm.told", "alarm.cleared"]
    assert Issue.objects.get().state != "closed"  # people close it


def test_an_alarm_belongs_to_the_grid_of_its_merchant_in_the_journal(plant: Plant) -> None:
    send(plant, plant.device, 0, 10, 4.5, arrived=10)
    watch(11)
    entry = Entry.objects.get(kind="alarm.raised", reference__code="ALM-FUME-3")
    merchant = plant.cast.merchant
    assert (entry.town, entry.grid, entry.merchant_id, entry.public) == (
        merchant.town,
        merchant.grid,
        merchant.pk,
        False,
    )


def test_a_fan_without_purifier_is_another_alarm_and_another_issue(plant: Plant) -> None:
    send(plant, plant.device, 0, 10, 4.5, purifier=False, arrived=10)
    watch(11)
    assert sorted(graver().values_list("code", flat=True)) == ["ALM-FUME-3", "ALM-LINK"]
    assert sorted(Issue.objects.values_list("violation", flat=True)) == ["L-FUME", "L-LINK"]


def test_a_second_device_of_the_same_merchant_joins_the_open_issue(plant: Plant) -> None:
    for device in (plant.device, plant.currents):
        send(plant, device, 0, 10, 4.5, arrived=10)
    watch(11)
    issue = Issue.objects.get()
    assert set(graver().values_list("issue_number", flat=True)) == {issue.number}


def test_a_device_that_is_new_is_only_observed(plant: Plant) -> None:
    Device.objects.filter(pk=plant.device.pk).update(observe_until=minute(60))
    send(plant, plant.device, 0, 10, 4.5, arrived=10)
    watch(11)
    assert (graver().get().observing, Issue.objects.count(), graver_open(plant)) == (True, 0, 0)
    send(plant, plant.device, 10, 30, 0.1, arrived=40)
    send(plant, plant.device, 60, 10, 4.5, arrived=70)
    watch(71)
    assert (graver().count(), Issue.objects.count(), graver_open(plant)) == (2, 1, 1)


def test_rules_of_the_built_up_area_bind_nobody_outside_it(plant: Plant) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(in_built_up=False)
    send(plant, plant.device, 0, 10, 4.5, purifier=False, arrived=10)
    watch(11)
    assert not graver().exists()


def test_windows_under_maintenance_neither_raise_nor_clear(plant: Plant) -> None:
    Maintenance.objects.create(device=plant.device, since=minute(0), until=minute(15), note="cleaning")
    send(plant, plant.device, 0, 20, 4.5, arrived=20)
    watch(21)
    assert not graver().exists()
    send(plant, plant.device, 20, 10, 4.5, arrived=30)
    watch(31)
    assert graver().get().raised_at == minute(30)
    Maintenance.objects.create(device=plant.device, since=minute(30), note="again")
    send(plant, plant.device, 30, 60, 0.1, arrived=90)
    watch(91)
    assert graver().get().cleared_at is None


def test_a_device_not_heard_for_half_an_hour_is_silent_until_it_is_heard_again(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    for n in (29, 30):
        gateway_lives(minute(n))
        tick(minute(n))
    assert not graver().exists()
    assert standing(plant).device_state == "offline"  # the second device of this merchant was never heard
    Device.objects.filter(pk=plant.currents.pk).update(state="retired")
    tick(minute(30))
    assert standing(plant).device_state == "online"

    gateway_lives(minute(31))
    tick(minute(31))
    tick(minute(31))
    alarm = graver().get()
    assert (alarm.code, alarm.raised_at, alarm.cleared_at) == ("ALM-OFF", minute(30), None)
    assert alarm.issue_wanted_at == minute(1440)
    assert standing(plant).device_state == "offline"

    send(plant, plant.device, 50, 1)
    watch(51)
    gateway_lives(minute(51))
    tick(minute(51))
    alarm.refresh_from_db()
    assert (alarm.cleared_at, alarm.issue_wanted_at) == (minute(50), None)
    assert standing(plant).device_state == "online"
    assert standing(plant).last_reading_at == minute(50)
    assert told(plant) == [
        "device.changed",
        "device.heard",
        "alarm.raised",
        "device.changed",
        "alarm.cleared",
        "device.heard",
    ]


def test_a_silence_of_a_day_opens_an_issue(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    for n in (31, 1439, 1441):
        gateway_lives(minute(n))
        tick(minute(n))
        watch(n)
    assert Issue.objects.get().violation == "L-OFF"
    assert Issue.objects.get().act_at == minute(30)


def test_a_silence_that_came_and_went_while_no_watch_ran_is_found_all_the_same(plant: Plant) -> None:
    send(plant, plant.device, 0, 2)
    send(plant, plant.device, 60, 2)
    send(plant, plant.device, 200, 1)
    watch(201)
    assert list(graver().order_by("raised_at").values_list("raised_at", "cleared_at")) == [
        (minute(31), minute(60)),
        (minute(91), minute(200)),
    ]
    assert not Issue.objects.exists()


def test_nobody_is_silent_while_no_gateway_listens(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    watch(1)
    gateway_lives(minute(5))
    tick(minute(120))
    assert not graver().exists()
    Deafness.objects.create(since=minute(5), until=minute(120))
    gateway_lives(minute(121))
    tick(minute(121))
    assert not graver().exists()
    gateway_lives(minute(151))
    tick(minute(151))
    assert graver().get().raised_at == minute(150)


def test_however_many_are_quiet_all_of_them_are_asked(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "DEVICES_AT_ONCE", 2)
    devices = [make_device(plant.cast.merchant.pk, f"Q{n}") for n in range(5)]
    for device in devices:
        send(plant, device, 0, 1)
        watch(1)
    for device in devices[:3]:
        Maintenance.objects.create(device=device, since=minute(0), note="-")
    gateway_lives(minute(40))
    tick(minute(40))
    assert list(graver().order_by("device_id").values_list("device__mn", flat=True)) == ["Q3", "Q4"]


def test_late_data_that_disprove_an_alarm_withdraw_it(plant: Plant) -> None:
    for n in range(0, 30, 2):  # every other minute is missing
        send(plant, plant.device, n, 1, 2.4, arrived=30)
    watch(31)
    assert graver().filter(cleared_at=None).count() == 1
    for n in range(1, 30, 2):
        send(plant, plant.device, n, 1, 0.4, arrived=35)
    watch(36)
    alarm = graver().get()
    assert (alarm.withdrawn_at is not None, alarm.cleared_at is not None, graver_open(plant)) == (
        True,
        True,
        0,
    )
    assert told(plant) == ["alarm.raised", "alarm.told", "alarm.withdrawn"]


def test_what_old_data_show_to_have_been_long_ago_opens_no_issue(plant: Plant) -> None:
    two_days = 2 * 24 * 60
    send(plant, plant.device, 0, 10, 4.5, arrived=two_days + 100)
    send(plant, plant.device, 10, 30, 0.4, arrived=two_days + 100)
    watch(two_days + 101)
    assert graver().filter(cleared_at__isnull=False).count() == 1
    assert not Issue.objects.exists()


def test_an_alarm_whose_issue_cannot_be_opened_holds_up_no_other_and_is_tried_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    Merchant.objects.filter(pk=plant.cast.merchant.pk).update(town="no such town", grid="", area=None)
    from lingxiu.sensing import watch as module

    opens, poisoned = module.report_alarm, plant.cast.merchant.pk

    def refuse(**said: Any) -> str:
        if said["merchant_id"] == poisoned:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return opens(**said)

    monkeypatch.setattr(module, "report_alarm", refuse)
    for device in (plant.device, plant.states):
        send(plant, device, 0, 10, 4.5, arrived=10)
    watch(11)
    assert [issue.merchant_id for issue in Issue.objects.all()] == [plant.cast.other_merchant.pk]
    assert graver().get(device=plant.device).issue_wanted_at > minute(70)
    monkeypatch.undo()
    watch(72)
    assert Issue.objects.count() == 2


def test_a_device_is_judged_as_a_whole_when_it_sends_again_what_it_kept(plant: Plant) -> None:
    """Two windows of five high minutes would be an alarm, the whole of them is not."""
    for n in range(0, 10, 2):
        send(plant, plant.device, n, 1, 4.5, arrived=60)
    run_once(minute(60))
    send(plant, plant.device, 1, 1, 0.1, arrived=60.05)
    run_once(minute(60.05))
    for n in range(3, 10, 2):
        send(plant, plant.device, n, 1, 0.1, arrived=60.1)
    run_once(minute(60.1))
    run_once(minute(60.3))
    assert not graver().exists()


def test_a_device_that_cannot_be_judged_holds_up_no_other(plant: Plant) -> None:
    for device in (plant.device, plant.states):
        send(plant, device, 0, 10, 4.5, arrived=10)
    watch(11)
    graver().filter(device=plant.device).update(evidence={"windows": "broken"})
    for device in (plant.device, plant.states):
        send(plant, device, 10, 30, 0.5, arrived=40)
    watch(41)
    assert graver().get(device=plant.states).cleared_at == minute(40)
    graver().filter(device=plant.device).update(evidence={})
    watch(102)
    assert graver().get(device=plant.device).cleared_at == minute(40)


def test_several_watches_at_once_raise_each_alarm_once(plant: Plant) -> None:
    devices = [make_device(plant.cast.merchant.pk, f"W{n}") for n in range(6)]

    def watch_on() -> None:
        try:
            for n in range(40):
                run_once(minute(61) + timedelta(seconds=2 * n))
        finally:
            connection.close()

    for device in devices:
        for first in range(0, 60, 20):
            send(plant, device, first, 20, 4.5 if first < 40 else 0.1, arrived=61)
    watches = [threading.Thread(target=watch_on) for _ in range(3)]
    for one in watches:
        one.start()
    for one in watches:
        one.join()
    watch(63)
    found = graver().order_by("device_id")
    assert [(one.device_id, one.raised_at, one.cleared_at) for one in found] == [
        (device.pk, minute(10), None) for device in devices
    ]
    assert sorted(told(plant)) == ["alarm.raised"] * len(devices) + ["alarm.told"] * len(devices)
    assert Issue.objects.count() == 1
    rebuild(in_force(), minute(64))
    assert graver().count() == len(devices)


def test_a_round_that_finds_nothing_says_so(plant: Plant) -> None:
    assert run_once(NOON) is False


def test_the_loop_ends_when_it_is_told(plant: Plant) -> None:
    watching = Watch(clock=lambda: NOON)
    watching.stop()
    watching.run()


# ── a replay ──

some_minutes = st.lists(
    st.tuples(
        st.integers(0, 1),  # device
        st.integers(0, 119),  # minute
        st.sampled_from([0.1, 2.0, 2.3, 4.6]),
        st.booleans(),  # fan
        st.booleans(),  # purifier
    ),
    min_size=5,
    max_size=60,
    unique_by=lambda one: (one[0], one[1]),
)


def statistics_now() -> list[list[tuple[object, ...]]]:
    """All windows, hours and days, to the last digit."""
    tables = []
    with connection.cursor() as cursor:
        for table in ("window_fume", "hour_fume", "day_fume"):
            cursor.execute(f"SELECT * FROM {table} ORDER BY device_id, at")
            tables.append(cursor.fetchall())
    return tables


def alarms_now() -> list[tuple[Any, ...]]:
    columns = ("device_id", "code", "raised_at", "last_at", "cleared_at", "peak", "evidence", "observing")
    return list(
        Alarm.objects.filter(withdrawn_at=None).order_by("device_id", "code", "raised_at").values_list(*columns)
    )


def start_over() -> None:
    forget_readings()
    Alarm.objects.all().delete()
    WatchCursor.objects.all().delete()


@given(runs=some_minutes, data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_replay_of_the_stored_readings_gives_the_alarms_there_were(
    plant: Plant, runs: list[tuple[int, int, float, bool, bool]], data: st.DataObject
) -> None:
    """However the readings came, and whenever the watch looked."""
    start_over()
    devices = [plant.device, plant.states]
    rows = [
        Reading(devices[device].pk, microseconds(minute(n + part)), 2011, 0, fume, fan_on=fan, purifier_on=purifier)
        for device, n, fume, fan, purifier in runs
        for part in (0, 0.5)
    ]
    again = data.draw(st.lists(st.sampled_from(rows), max_size=8)) if rows else []
    sent = data.draw(st.permutations([*rows, *again]))
    clock = data.draw(st.sampled_from([0.0, 60.0, 130.0]))
    with closing(Store(plant.database)) as store:
        while sent:
            size = data.draw(st.integers(1, len(sent)))
            clock += data.draw(st.sampled_from([0.1, 1.0, 9.0, 45.0]))
            store.write(made(sent[:size], minute(clock)))
            sent = sent[size:]
            if data.draw(st.booleans()):
                run_once(minute(clock + 0.2))
    end = max(clock, 140.0) + 10
    watch(end, end + 1, end + 2, end + 3)
    lived, summed = alarms_now(), statistics_now()

    Alarm.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM window_fume; DELETE FROM hour_fume; DELETE FROM day_fume; DELETE FROM watch_device")
    rebuild(in_force(), minute(end + 3))
    assert statistics_now() == summed
    assert alarms_now() == lived
    before = Entry.objects.count()
    rebuild(in_force(), minute(end + 4))
    assert (alarms_now(), Entry.objects.count()) == (lived, before)
