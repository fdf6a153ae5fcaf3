"""Charts and files of traps, gas alarms, meters and cameras: drawn from their statistics, for whoever may see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.policy.json_mappings import WORDS
from lingxiu.policy.queries import in_force
from lingxiu.sensing import exporting, point_alarms, point_statistics
from lingxiu.sensing.models import Device, DeviceEvent
from lingxiu.sensing.other_readings import Point, Value, store
from lingxiu.sensing.point_charting import DRAWINGS
from tests.cast import NOON, Cast, make_cast
from tests.pages import plain_static
from tests.sensing.conftest import forget_readings, make_device

__all__ = ["plain_static"]

pytestmark = pytest.mark.usefixtures("plain_static")
KINDS = {"grease_trap": "grease", "gas_alarm": "gas", "power_meter": "power", "camera": "camera"}


@pytest.fixture
def cast(transactional_db: None) -> Iterator[Cast]:
    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        yield make_cast()
    forget_readings()


def device(cast: Cast, kind: str, **fields: Any) -> Device:
    name = KINDS[kind]
    return make_device(cast.merchant.pk, f"{name.upper()}1", f"json-{name}", kind=kind, observe_until=None, **fields)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def tell(one: Device, minute: float, event: str = "", channel: int = 0, **values: Value) -> None:
    store([Point(one.kind, one.pk, at(minute), channel, values, event=event)], at(minute))


def follow(minute: float = 180) -> None:
    for n in (0, 5):
        point_statistics.follow(in_force().catalogues, at(minute + n))


def reader(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.cookies["django_language"] = "en"
    client.force_login(user)
    return client


def drawn(cast: Cast, one: Device, query: str = "", user: User | None = None) -> dict[str, Any]:
    answer = reader(user or cast.county_officer).get(f"/sensing/devices/{one.mn}/chart.json?{query}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def steps(chart: dict[str, Any]) -> dict[str, list[float | None]]:
    """Those in which anything came, by the county's clock."""
    return {row[0][11:16]: row[1:] for row in chart["windows"] if any(one is not None for one in row[1:])}


def test_a_trap_is_drawn_in_hours_with_the_limits_of_its_rules_and_its_alarms(cast: Cast) -> None:
    trap = device(cast, "grease_trap")
    for n, level in enumerate([70.0, 82.0, 96.0]):
        tell(trap, 60 * n, level_pct=level, oil_mm=level * 2)
    point_alarms.judge(in_force(), at(130))
    follow()
    chart = drawn(cast, trap)
    assert (chart["unit"], chart["label"], chart["step"], chart["strips"]) == ("%", "Filled to", 60, [])
    assert (chart["from"], chart["until"]) == ("2026-03-05T00:00:00+08:00", "2026-03-06T00:00:00+08:00")
    assert [limit["value"] for limit in chart["thresholds"]] == [80, 95]
    assert steps(chart) == {"12:00": [70, 70], "13:00": [82, 82], "14:00": [96, 96]}
    assert sorted(mark["code"] for mark in chart["alarms"]) == ["ALM-GREASE", "ALM-GREASE-FULL"]
    other = drawn(cast, trap, "show=oil")
    assert (other["unit"], other["thresholds"], steps(other)["13:00"]) == ("mm", [], [164, 164])


def test_gas_is_drawn_in_windows_its_worst_probe_with_its_minutes_above(cast: Cast) -> None:
    gas = device(cast, "gas_alarm")
    for minute, value in enumerate([2.0, 30.0, 60.0]):
        tell(gas, minute, channel=1, lel_pct=value)
    tell(gas, 1, channel=2, lel_pct=1.0)
    follow()
    chart = drawn(cast, gas)
    assert (chart["step"], len(chart["windows"])) == (10, 6 * 15)
    assert [strip["label"] for strip in chart["strips"]] == ["≥20 %", "≥50 %"]
    assert steps(chart) == {"12:00": [pytest.approx(30.667, abs=0.001), 60, 2, 1]}


def test_what_a_meter_used_is_reckoned_from_one_step_to_the_next_even_from_the_day_before(cast: Cast) -> None:
    meter = device(cast, "power_meter")
    for minute, count in [(-721, 90.0), (-715, 90.5), (0, 100.0), (65, 103.25), (128, 104.0)]:
        tell(meter, minute, energy_kwh=count, power_w=3000.0)
    follow()
    assert steps(drawn(cast, meter, "span=week")) == {
        "23:00": [0, None], "00:00": [0.5, None], "12:00": [9.5, None], "13:00": [3.25, None], "14:00": [0.75, None],
    }  # fmt: skip
    days = [row[1] for row in drawn(cast, meter, "span=year")["windows"] if row[1] is not None]
    assert days == [0, 14.0]
    assert drawn(cast, meter, "span=week&show=power")["unit"] == "W"


def test_a_camera_shows_how_often_it_saw_something_and_when_it_was_there(cast: Cast) -> None:
    camera = device(cast, "camera")
    tell(camera, 0, state="online")
    tell(camera, 30, state="offline")
    for minute in (1, 2, 70):
        tell(camera, minute, "no_hat", confidence=0.9)
    follow()
    chart = drawn(cast, camera)
    assert chart["strips"] == [{"label": "Online", "colour": "purifier"}]
    assert {hour: row for hour, row in steps(chart).items() if hour < "14:00"} == {
        "12:00": [2, None, 30], "13:00": [1, None, 0],
    }  # fmt: skip


@pytest.mark.parametrize("span", ["day", "week", "month", "year"])
def test_it_is_compared_with_the_time_before_on_the_same_days_of_the_week(cast: Cast, span: str) -> None:
    trap = device(cast, "grease_trap")
    back = {"day": 7, "week": 7, "month": 28, "year": 365}[span]
    tell(trap, 0, level_pct=50.0)
    tell(trap, -1440 * back, level_pct=33.0)
    follow()
    (before,) = drawn(cast, trap, f"span={span}&with=before")["beside"]
    assert [value for _, value in before["points"]] == [33.0]


def peers_of(cast: Cast, kind: str, count: int, **fields: Any) -> list[Device]:
    name = KINDS[kind]
    return [
        make_device(cast.merchant.pk, f"PEER{n}", f"json-{name}", kind=kind, observe_until=None, **fields)
        for n in range(count)
    ]


def median(cast: Cast, one: Device, query: str) -> dict[str, Any]:
    (found,) = drawn(cast, one, f"{query}&with=kind")["beside"]
    assert found["name"] == "kind"
    return dict(found)


@pytest.mark.parametrize(("span", "step"), [("day", 60), ("week", 60), ("month", 1440), ("year", 1440)])
def test_it_is_compared_with_the_median_of_its_kind(cast: Cast, span: str, step: int) -> None:
    trap = device(cast, "grease_trap")
    tell(trap, 0, level_pct=99.0)
    for n, peer in enumerate(peers_of(cast, "grease_trap", 5)):
        tell(peer, 0, level_pct=10.0 * n, channel=1)
        tell(peer, 0, level_pct=1.0, channel=2)
    follow()
    found = median(cast, trap, f"span={span}")
    assert (found["step"], found["label"]) == (step, "median of its kind (5 devices)")
    assert [value for _, value in found["points"]] == [20.0]


def test_fewer_than_five_others_tell_nobody_s_values(cast: Cast) -> None:
    trap = device(cast, "grease_trap")
    tell(trap, 0, level_pct=99.0)
    for peer in peers_of(cast, "grease_trap", 4):
        tell(peer, 0, level_pct=10.0)
    for stranger in (make_device(cast.merchant.pk, "OUT", "json-grease", kind="grease_trap", state="retired"),
                     make_device(cast.other_merchant.pk, "OTHER", "json-grease", kind="grease_trap")):  # fmt: skip
        tell(stranger, 0, level_pct=10.0)
    type(cast.merchant).objects.filter(pk=cast.other_merchant.pk).update(kind="canteen")
    follow()
    assert median(cast, trap, "span=day")["points"] == []


def test_what_is_counted_in_a_step_is_compared_in_steps_of_the_same_length(cast: Cast) -> None:
    meter = device(cast, "power_meter")
    for minute, count in [(0, 10.0), (9, 11.0), (12, 11.5)]:
        tell(meter, minute, energy_kwh=count, power_w=100.0)
        for n, peer in enumerate(
            peers_of(cast, "power_meter", 5) if not minute else Device.objects.filter(mn__startswith="PEER")
        ):
            tell(peer, minute, energy_kwh=count * (n + 1), power_w=100.0 * (n + 1))
    follow()
    used = median(cast, meter, "span=day")
    assert (used["step"], [value for _, value in used["points"]]) == (10, [3.0, 1.5])
    power = median(cast, meter, "span=day&show=power")
    assert (power["step"], [value for _, value in power["points"]]) == (60, [300.0])


@pytest.mark.parametrize("kind", DRAWINGS)
def test_its_page_draws_it_for_officers_and_for_the_owner(cast: Cast, kind: str) -> None:
    one = device(cast, kind)
    for user in (cast.county_officer, cast.owner):
        for span in ("day", "year"):
            html = reader(user).get(f"/sensing/devices/{one.mn}/?span={span}").content.decode()
            assert f'data-url="/sensing/devices/{one.mn}/chart.json?span={span}' in html
            assert "No readings in this time." in html
    live = reader(cast.owner).get(f"/sensing/devices/{one.mn}/?part=live").content.decode()
    assert "chart.json" not in live


def test_each_value_can_be_chosen_and_the_table_has_all_of_them(cast: Cast) -> None:
    trap = device(cast, "grease_trap")
    tell(trap, 0, level_pct=50.0, oil_mm=81.0, temperature_c=21.5)
    follow()
    html = reader(cast.county_officer).get(f"/sensing/devices/{trap.mn}/?show=temperature").content.decode()
    assert "Temperature, hourly values" in html
    for word in ("show=level", "show=oil", ">50<", ">81<", ">21.5<"):
        assert word in html
    assert "median of its kind" in html


def test_a_shop_is_told_nothing_of_what_the_device_measured_elsewhere(cast: Cast) -> None:
    meter = device(cast, "power_meter")
    for kind, merchant, minute in (("installed", cast.other_merchant, -600), ("moved", cast.merchant, 60)):
        DeviceEvent.objects.create(device=meter, kind=kind, at=at(minute), merchant=merchant)
    for minute, count in [(0, 100.0), (60, 140.0), (70, 141.0)]:
        tell(meter, minute, energy_kwh=count)
    follow()
    assert steps(drawn(cast, meter, user=cast.owner)) == {"13:00": [0, None], "13:10": [1, None]}
    assert steps(drawn(cast, meter))["13:00"] == [40, None]
    assert drawn(cast, meter, user=cast.owner)["issues"] == []


def file(cast: Cast, one: Device, step: str, form: str = "csv") -> Any:
    day = (NOON + timedelta(hours=8)).date()
    answer = reader(cast.county_officer).get(
        f"/sensing/devices/{one.mn}/readings.{form}?step={step}&from={day}&to={day}"
    )
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # it streams
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))) if form == "csv" else content


@pytest.mark.parametrize("kind", DRAWINGS)
@pytest.mark.parametrize("step", exporting.STEPS)
def test_everything_can_be_had_as_a_file(cast: Cast, kind: str, step: str) -> None:
    one = device(cast, kind)
    values: dict[str, dict[str, Value]] = {
        "grease_trap": {"level_pct": 41.5, "emptied_at": at(-600)},
        "gas_alarm": {"lel_pct": 1.5, "state": "normal"},
        "power_meter": {"energy_kwh": 12.5},
        "camera": {"state": "online"},
    }
    tell(one, 3, **values[kind])
    follow()
    (row,) = file(cast, one, step)[:1]
    assert row["at"].startswith("2026-03-05 ")
    assert {"41.5", "1.5", "12.5", "online", "420", "3420", "3600"} & set(row.values())
    assert file(cast, one, step, "xlsx")[:2] == b"PK"


def test_a_cameras_file_counts_what_it_saw_by_kind(cast: Cast) -> None:
    camera = device(cast, "camera")
    tell(camera, 0, state="online")
    tell(camera, 1, "no_hat", confidence=0.9)
    tell(camera, 2, "smoking", confidence=0.9)
    follow()
    (row,) = file(cast, camera, "1d")
    assert (row["no_hat"], row["smoking"], row["rodent"], row["seconds_online"]) == ("1", "1", "0", "3600")
    assert set(WORDS["camera", "event"]) <= set(row)
    assert [line["event"] for line in file(cast, camera, "raw")] == ["", "no_hat", "smoking"]


def test_a_year_is_drawn_from_as_many_rows_as_it_has_days(cast: Cast) -> None:
    gas = device(cast, "gas_alarm")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO day_gas SELECT %s, day, 0, 1440, 1440, 1, 0, 2, 1440, 0, 0, 0"
            " FROM generate_series('2025-12-31T16:00Z'::timestamptz, '2026-03-04T16:00Z', interval '1 day') day",
            [gas.pk],
        )
    assert len(steps_of_year := drawn(cast, gas, "span=year")["windows"]) == 64
    assert all(row[1:] == [1, 2, 0, 0] for row in steps_of_year)


@pytest.mark.parametrize("span", ["day", "year"])
def test_chart_and_page_cost_the_same_number_of_statements_however_much_there_is(
    cast: Cast, span: str, django_assert_max_num_queries: Any
) -> None:
    gas = device(cast, "gas_alarm")
    for minute in range(0, 120, 3):
        tell(gas, minute, lel_pct=30.0 if minute % 30 == 0 else 1.0)
    point_alarms.judge(in_force(), at(121))
    follow()
    client = reader(cast.county_officer)
    address = f"/sensing/devices/{gas.mn}/"
    client.get(address)
    with django_assert_max_num_queries(13):
        assert client.get(f"{address}chart.json?span={span}&with=before&with=year&with=kind").status_code == 200
    with django_assert_max_num_queries(17) as asked:
        assert client.get(f"{address}?span={span}").status_code == 200
    of_monitors = [query["sql"] for query in asked.captured_queries if "_fume" in query["sql"]]
    assert of_monitors == [], "a gas alarm measures no fume"
