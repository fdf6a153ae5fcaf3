"""Forecasts on a database: made and revised by night, told once, settled by people or by what came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from lingxiu.issues.actions.moving import move
from lingxiu.issues.lifecycle import Move, State
from lingxiu.issues.models import Issue, Source
from lingxiu.issues.writing import Brought
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions
from lingxiu.sensing.forecasting import look_ahead, look_at_all, look_back, looked_on
from lingxiu.sensing.hits import hit_rates, rates_by_quarter, turned_out
from lingxiu.sensing.models import Deafness, Device, Forecast, Maintenance, Storm, Way
from lingxiu.sensing.other_readings import Point, store
from lingxiu.sensing.past import Past
from lingxiu.sensing.verdicts import listen
from tests.cast import Cast
from tests.sensing.conftest import Plant, make_device

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 2)
pytestmark = pytest.mark.django_db

HOURS = {11: 0.6, 12: 0.9, 17: 0.7, 18: 1.0, 19: 0.8}


def local(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


def night(day: int) -> datetime:
    """Four in the morning of the day so many after the first."""
    return local(FIRST + timedelta(days=day), 4).astimezone(UTC)


def cook(device: Device, since: int, levels: list[float]) -> None:
    """Hours of a kitchen whose busiest hour has these levels, a day each."""
    rows = []
    for n, level in enumerate(levels):
        for hour in range(24):
            share = HOURS.get(hour, 0.0)
            wobble = 1 + 0.02 * ((n * 7 + hour) % 5 - 2)
            mean = level * share * wobble if share else 0.03
            fan = 60 if share else 0
            rows.append(
                (device.pk, local(FIRST + timedelta(days=since + n), hour), mean, mean * 0.8, mean * 1.3, fan, fan)
            )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO hour_fume (device_id, at, count, valid, minutes, fume_mean, fume_min, fume_max, fan_on_minutes,"
            " purifier_on_minutes, fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)"
            " VALUES (%s, %s, 60, 60, 60, %s, %s, %s, %s, %s, 0, 0, 0, 0)",
            rows,
        )


def rising(days: int, start: float = 1.0, per_day: float = 0.03) -> list[float]:
    return [start + per_day * n for n in range(days)]


@pytest.fixture
def device(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, "330421A0B0C0D0E0F0000009")


def the_forecast() -> Forecast:
    return Forecast.objects.get()


def test_a_purifier_that_clogs_is_forecast_and_a_predicted_issue_waits_for_a_person(device: Device) -> None:
    cook(device, 0, rising(28))

    assert look_ahead(night(28))

    forecast = the_forecast()
    assert forecast.kind == Forecast.Kind.FOULING and forecast.outcome == Forecast.Outcome.OPEN
    assert abs((forecast.due_on - (FIRST + timedelta(days=34))).days) <= 3
    assert len(forecast.inputs["points"]) == 28 and forecast.inputs["reasons"][0]["what"] == "cooking"
    issue = Issue.objects.get(number=forecast.issue_number)
    assert (issue.state, issue.source, issue.violation) == (State.PREDICTED, Source.FORECAST, "F-PURIFIER")
    assert Entry.objects.filter(kind="forecast.made", subject_id=forecast.pk).count() == 1


def test_a_night_is_done_once_and_not_before_three(device: Device) -> None:
    cook(device, 0, rising(28))

    assert not look_ahead(local(FIRST + timedelta(days=28), 2))
    assert look_ahead(night(28))
    assert looked_on(FIRST + timedelta(days=28))
    assert not look_ahead(night(28) + timedelta(hours=1))
    assert Forecast.objects.count() == 1 and Issue.objects.count() == 1


def test_the_next_night_revises_and_keeps_what_was_said_first(device: Device) -> None:
    cook(device, 0, rising(20))
    look_ahead(night(20))
    first = the_forecast()
    cook(device, 20, rising(5, 1.6, 0.05))
    look_ahead(night(25))

    later = the_forecast()
    assert later.pk == first.pk and later.due_on != first.due_on
    assert later.inputs["said"] == first.inputs["said"]


def test_a_device_that_only_observes_or_is_retired_is_not_spoken_of(device: Device) -> None:
    cook(device, 0, rising(28))
    Device.objects.filter(pk=device.pk).update(observe_until=night(40))

    look_ahead(night(28))

    assert not Forecast.objects.exists()


def test_outside_the_built_up_area_no_limit_binds(cast: Cast, device: Device) -> None:
    cook(device, 0, rising(28))
    type(cast.merchant).objects.filter(pk=cast.merchant.pk).update(in_built_up=False)

    look_ahead(night(28))

    assert not Forecast.objects.filter(kind=Forecast.Kind.FOULING).exists()


def test_it_was_right_when_the_limit_is_passed(device: Device) -> None:
    cook(device, 0, rising(28))
    look_ahead(night(28))
    cook(device, 28, rising(9, 1.84, 0.04))
    look_ahead(night(37))

    forecast = the_forecast()
    assert forecast.outcome == Forecast.Outcome.RIGHT and forecast.inputs["why"] == "passed"
    (rate,) = [rate for rate in hit_rates([device.pk], night(0)) if rate.kind == Forecast.Kind.FOULING]
    assert (rate.right, rate.wrong, rate.share) == (1, 0, 100)
    assert rate.warning is not None and 3 <= rate.warning <= 9


def test_it_was_wrong_when_nothing_came_and_its_issue_is_let_go(device: Device) -> None:
    cook(device, 0, rising(28))
    look_ahead(night(28))
    until = date.fromisoformat(the_forecast().inputs["said"]["due_to"])
    days = (until - FIRST).days + 9
    cook(device, 28, [1.75] * (days - 28))
    look_ahead(night(days))

    forecast = Forecast.objects.order_by("pk")[0]
    assert forecast.outcome == Forecast.Outcome.WRONG and forecast.inputs["why"] == "nothing_came"
    assert Issue.objects.get(number=forecast.issue_number).state == State.DISMISSED


def test_a_cleaning_makes_it_beside_the_point(cast: Cast, device: Device) -> None:
    cook(device, 0, rising(28))
    look_ahead(night(28))
    CareRecord.objects.create(
        merchant=cast.merchant, kind="purifier_cleaned", on=FIRST + timedelta(days=29), recorded_at=night(30)
    )
    cook(device, 28, [1.0] * 4)
    look_ahead(night(32))

    assert the_forecast().outcome == Forecast.Outcome.LAPSED
    assert Issue.objects.get().state == State.DISMISSED


def stands_elsewhere(cast: Cast, device: Device, at: datetime) -> None:
    """Moved to another shop, and no longer only observing there."""
    actions.move(device, cast.other_merchant, at=at)
    type(cast.merchant).objects.filter(pk=cast.other_merchant.pk).update(in_built_up=True)
    Device.objects.filter(pk=device.pk).update(observe_until=at)


def test_nothing_is_learnt_from_what_was_measured_at_another_shop(cast: Cast, device: Device) -> None:
    cook(device, 0, rising(28))
    stands_elsewhere(cast, device, local(FIRST + timedelta(days=27), 15))
    cook(device, 28, [0.8] * 3)

    look_at_all(night(31))

    assert not Forecast.objects.exists()
    cook(device, 31, rising(25, 0.8, 0.045))
    look_at_all(night(56))
    assert date.fromisoformat(the_forecast().inputs["points"][0][0]) == FIRST + timedelta(days=28)
    assert the_forecast().inputs["last"] == "", "a move is no cleaning"


def test_a_forecast_of_the_former_shop_is_beside_the_point(cast: Cast, device: Device) -> None:
    cook(device, 0, rising(28))
    look_ahead(night(28))
    stands_elsewhere(cast, device, night(29))
    cook(device, 28, rising(9, 1.84, 0.04))

    look_ahead(night(31))

    assert (the_forecast().outcome, the_forecast().inputs["why"]) == (Forecast.Outcome.LAPSED, "anew")
    assert the_forecast().inputs["came_on"] == str(FIRST + timedelta(days=29))
    assert Issue.objects.get().state == State.DISMISSED


def test_a_trap_is_not_forecast_from_the_levels_of_another(cast: Cast) -> None:
    trap = make_device(cast.merchant.pk, "TRAP000002", kind="grease_trap")
    store([
        Point("grease_trap", trap.pk, local(FIRST + timedelta(days=n), 12), 0, {"level_pct": 8 + 6.0 * n})
        for n in range(13)
    ], night(13))  # fmt: skip
    stands_elsewhere(cast, trap, night(13))

    look_at_all(night(14))

    assert not Forecast.objects.exists()


def test_a_person_who_dismisses_it_has_the_last_word_and_is_left_in_peace(plant: Plant) -> None:
    cast, device = plant.cast, plant.device
    cook(device, 0, rising(26))
    look_ahead(night(26))
    issue = Issue.objects.get()
    move(issue.number, Move.DISMISS, actor=cast.dispatcher, at=night(26), brought=Brought(words="看过，电场干净"))

    assert listen(night(26)) == 1
    assert listen(night(26)) == 0
    cook(device, 26, rising(2, 1.78))
    look_ahead(night(28))

    forecast = the_forecast()
    assert forecast.outcome == Forecast.Outcome.WRONG and forecast.outcome_by == cast.dispatcher.pk


def test_a_person_who_confirms_it_makes_it_right(plant: Plant) -> None:
    cast, device = plant.cast, plant.device
    cook(device, 0, rising(28))
    look_ahead(night(28))
    move(Issue.objects.get().number, Move.CONFIRM, actor=cast.dispatcher, at=night(28))

    listen(night(28))

    assert the_forecast().outcome == Forecast.Outcome.RIGHT
    assert Issue.objects.get().state == State.DISPATCHED  # a lead goes to the grid once somebody believes it


def test_a_trap_is_forecast_from_what_its_sensor_says(cast: Cast) -> None:
    trap = make_device(cast.merchant.pk, "TRAP000001", kind="grease_trap")
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions(%s, %s)", [local(FIRST), local(FIRST + timedelta(days=30))])
        for table in ("reading_grease",):
            cursor.executemany(
                f"INSERT INTO {table} (device_id, at, channel, received_at, level_pct) VALUES (%s, %s, 0, %s, %s)",
                [
                    (trap.pk, at, at, 8 + 6.0 * n)
                    for n in range(13)
                    if (at := local(FIRST + timedelta(days=n), 12))
                ],
            )  # fmt: skip

    look_ahead(night(13))

    forecast = the_forecast()
    assert forecast.kind == Forecast.Kind.TRAP_FULL
    assert abs((forecast.due_on - (FIRST + timedelta(days=15))).days) <= 1
    assert Issue.objects.get().violation == "F-TRAP"


def rests(device: Device) -> None:
    Maintenance.objects.create(device=device, since=night(20), until=night(29), note="维修")


def power_is_off(device: Device) -> None:
    """In the whole county."""
    Storm.objects.create(
        town="", code="ALM-OFF", since=night(20), until=night(29), devices=9, of=9, edition=1, noticed_at=night(20)
    )


def nobody_listens(device: Device) -> None:
    """No gateway, and another way in, which is not this monitor's, for longer."""
    Deafness.objects.create(way=Way.HJ212, since=night(20), until=night(29))
    Deafness.objects.create(way=Way.MQTT, since=night(10), until=night(31))


@pytest.mark.parametrize("meanwhile", [rests, power_is_off, nobody_listens])
def test_days_on_which_nobody_could_hear_it_are_not_a_monitor_s_gaps(
    device: Device, meanwhile: Callable[[Device], None]
) -> None:
    assert not Past.of([device], in_force(), night(32)).excused[device.pk]
    meanwhile(device)
    past = Past.of([device], in_force(), night(32))
    assert past.excused[device.pk] == {FIRST + timedelta(days=n) for n in range(20, 30)}


def test_nights_gone_by_are_looked_at_as_they_were(cast: Cast, device: Device) -> None:
    cook(device, 0, [*rising(30), *[1.0] * 3, *rising(30)])
    nights = [night(day) for day in range(20, 63, 3)]

    def told() -> list[tuple[object, ...]]:
        rows = Forecast.objects.order_by("made_at", "kind")
        return [(row.kind, row.made_at, row.due_on, row.due_from, row.due_to, row.outcome, row.outcome_at, row.inputs)
                for row in rows]  # fmt: skip

    def cleaned() -> None:
        CareRecord.objects.create(
            merchant=cast.merchant, kind="purifier_cleaned", on=FIRST + timedelta(days=30), recorded_at=night(31)
        )

    for at in nights:
        if at == night(32):
            cleaned()
        look_at_all(at)
    as_it_came = told()
    Forecast.objects.all().delete()
    look_back([device], in_force(), nights, lambda *_asked: None)

    assert told() == as_it_came
    assert "lapsed" in {outcome for *_, outcome, _at, _inputs in as_it_came}


def test_an_answer_given_before_readings_ended_it_counts_however_late_it_is_heard_of(plant: Plant) -> None:
    cast, device = plant.cast, plant.device
    cook(device, 0, rising(28))
    look_ahead(night(28))
    move(Issue.objects.get().number, Move.CONFIRM, actor=cast.dispatcher, at=night(28))
    cook(device, 28, [1.0] * 4)
    look_at_all(night(32))
    assert the_forecast().outcome == Forecast.Outcome.LAPSED

    listen(night(32))

    assert the_forecast().outcome == Forecast.Outcome.RIGHT
    assert the_forecast().outcome_by == cast.dispatcher.pk


def test_hits_are_counted_by_the_quarter_they_were_first_said_in(device: Device) -> None:
    cook(device, 0, rising(28))
    look_ahead(night(28))
    cook(device, 28, rising(9, 1.84, 0.04))
    look_ahead(night(37))

    ((quarter, rates),) = rates_by_quarter(turned_out([device.pk], night(0)))

    assert quarter == (2026, 1)
    assert [rate.right for rate in rates if rate.kind == Forecast.Kind.FOULING] == [1]
