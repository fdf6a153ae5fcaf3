"""The chart of a device: a day, a week, a month, a year; what it is compared with, what it marks, and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.models import Source
from lingxiu.sensing import charting
from lingxiu.sensing.charting import STEPS, Span
from lingxiu.sensing.models import Device, DeviceEvent, Maintenance
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.frames import COUNTY
from tests.sensing.test_pages import device, raise_alarm, reader, run, window

__all__ = ["device", "plain_static", "reader"]

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
THURSDAY = date(2026, 3, 5)
COLUMNS = (
    "device_id, at, count, valid, minutes, fume_mean, fume_min, fume_max, fan_on_minutes, purifier_on_minutes,"
    " fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4"
)


def step(table: str, of: Device, at: datetime, fume: float, minutes: int = 60) -> None:
    """A stored hour or day."""
    values = (of.pk, at, minutes, minutes, minutes, fume, fume / 2, fume * 2, 30, 20, 10, 5, 3, 0)
    run(f"INSERT INTO {table} ({COLUMNS}) VALUES ({', '.join(['%s'] * len(values))})", *values)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=COUNTY)


# ── spans ──


@pytest.mark.parametrize(
    ("name", "first", "after"),
    [
        ("day", date(2026, 3, 5), date(2026, 3, 6)),
        ("week", date(2026, 3, 2), date(2026, 3, 9)),
        ("month", date(2026, 3, 1), date(2026, 4, 1)),
        ("year", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_span_is_the_calendars(name: str, first: date, after: date) -> None:
    assert Span.of(name, THURSDAY) == Span(name, first, after)


@given(st.sampled_from(sorted(STEPS)), st.dates(date(2001, 1, 1), date(2090, 1, 1)))
def test_spans_follow_each_other_without_a_day_lost_or_twice(name: str, day: date) -> None:
    span = Span.of(name, day)
    assert span.first <= day < span.after
    assert span.previous.after == span.first
    assert Span.of(name, span.after).first == span.after
    moments = list(span.moments(span.until))
    assert moments[0] == span.since
    assert len(moments) <= 144 if name == "day" else len(moments) <= 744


def test_what_it_is_compared_with_begins_on_the_same_day_of_the_week() -> None:
    for name in ("day", "week"):
        span = Span.of(name, THURSDAY)
        for which in ("before", "year"):
            assert span.earlier(which).first.weekday() == span.first.weekday()
    assert Span.of("week", THURSDAY).earlier("before").first == date(2026, 2, 23)
    assert Span.of("month", THURSDAY).earlier("before") == Span.of("month", date(2026, 2, 1))
    assert Span.of("month", THURSDAY).earlier("year") == Span.of("month", date(2025, 3, 1))
    assert Span.of("year", THURSDAY).earlier("before") == Span.of("year", date(2025, 1, 1))


# ── what it draws ──


def test_a_day_has_every_window_so_far_and_what_overlaps_it(device: Device) -> None:
    start = midnight(THURSDAY)
    window(device, start, 0.25)
    window(device, NOON, None, alone=4)
    raise_alarm(device, start - timedelta(hours=1), cleared_at=start + timedelta(hours=1))
    alarm = raise_alarm(device, NOON, "ALM-LINK")
    raise_alarm(device, NOON - timedelta(days=3), cleared_at=NOON - timedelta(days=2))
    data = charting.chart(device, Span.of("day", THURSDAY), NOON + timedelta(minutes=15), "en")
    windows = data["windows"]
    assert (data["step"], len(windows)) == (10, 12 * 6 + 2)
    assert windows[0] == ["2026-03-05T00:00:00+08:00", 0.25, 0.25, 10, 10]
    assert windows[1] == ["2026-03-05T00:10:00+08:00", None, None, None, None]
    assert windows[72] == ["2026-03-05T12:00:00+08:00", None, None, 10, 6]
    assert {"value": 2.0, "label": "high-value reminder 2"} in data["thresholds"], (
        "what begins at the line stands at it"
    )
    assert [(one["code"], one["from"], one["to"]) for one in data["alarms"]] == [
        ("ALM-FUME-3", "2026-03-05T00:00:00+08:00", "2026-03-05T01:00:00+08:00"),
        ("ALM-LINK", "2026-03-05T12:00:00+08:00", None),
    ]
    assert data["alarms"][1]["url"] == f"/sensing/alarms/{alarm.pk}/"
    assert charting.chart(device, Span.of("day", date(2026, 3, 4)), NOON, "en")["windows"] == []


@pytest.mark.parametrize(
    ("name", "table", "minutes", "steps"),
    [("week", "hour_fume", 60, 3 * 24 + 12), ("month", "hour_fume", 60, 4 * 24 + 12), ("year", "day_fume", 1440, 64)],
)
def test_longer_spans_are_drawn_from_hours_and_days_with_their_gaps(
    device: Device, name: str, table: str, minutes: int, steps: int
) -> None:
    for day in (2, 4):
        step(table, device, midnight(date(2026, 3, day)), 0.8, minutes)
    data = charting.chart(device, Span.of(name, THURSDAY), NOON, "en")
    assert (data["step"], len(data["windows"])) == (minutes, steps)
    there = {start: mean for start, mean, *_rest in data["windows"] if mean is not None}
    assert there == {"2026-03-02T00:00:00+08:00": 0.8, "2026-03-04T00:00:00+08:00": 0.8}


def test_it_is_compared_with_the_week_before_shifted_onto_this_one(device: Device) -> None:
    step("hour_fume", device, midnight(date(2026, 3, 2)), 1.0)
    step("hour_fume", device, midnight(date(2026, 2, 23)), 0.4)
    step("hour_fume", device, midnight(date(2025, 3, 3)), 0.3)
    data = charting.chart(device, Span.of("week", THURSDAY), NOON, "en", beside=["before", "year", "nothing"])
    assert [(one["name"], one["points"]) for one in data["beside"]] == [
        ("before", [["2026-03-02T00:00:00+08:00", 0.4]]),
        ("year", [["2026-03-02T00:00:00+08:00", 0.3]]),
    ]


def test_the_median_of_its_kind_is_that_of_the_others_if_they_are_enough(cast: Cast, device: Device) -> None:
    at = midnight(date(2026, 3, 2))
    step("hour_fume", device, at, 9.0)
    others = [make_device(cast.merchant.pk, f"OTHER{n}") for n in range(5)]
    for n, other in enumerate(others[:4]):
        step("hour_fume", other, at, n / 10)
    gone = make_device(cast.merchant.pk, "GONE", state="retired")
    step("hour_fume", gone, at, 5.0)
    span = Span.of("week", THURSDAY)
    assert charting.medians(device, span) == ([], 0)
    step("hour_fume", others[4], at, 0.4)
    [(found, value)], peers = charting.medians(device, span)
    assert (found, round(value, 3), peers) == (at, 0.2, 5)


def test_issues_of_the_merchant_are_marked_for_officers_who_see_them(cast: Cast, device: Device) -> None:
    found = Found(Source.GRID_MEMBER, "P-OTHER", "看一看", NOON, cast.merchant, found_by=cast.grid_member)
    issue = report(found, at=NOON)
    span = Span.of("year", issue.reported_at.date())
    marked = charting.chart(device, span, issue.reported_at, "en", user=cast.county_officer)["issues"]
    assert [(one["number"], one["url"]) for one in marked] == [(issue.number, f"/issues/{issue.number}/")]
    for user in (cast.owner, cast.other_grid_member, None):
        assert charting.chart(device, span, issue.reported_at, "en", user=user)["issues"] == []


def test_times_of_maintenance_and_calibration_are_shaded(device: Device) -> None:
    Maintenance.objects.create(device=device, since=NOON - timedelta(hours=1), until=NOON, kind="calibration", note="-")
    Maintenance.objects.create(device=device, since=NOON + timedelta(hours=1), note="-")
    held = charting.chart(device, Span.of("day", THURSDAY), NOON + timedelta(hours=2), "en")["held"]
    assert [(one["from"][11:16], one["to"][11:16]) for one in held] == [("11:00", "12:00"), ("13:00", "14:00")]


# ── who is told what ──


def test_an_owner_is_not_told_what_a_device_measured_at_its_place_before(
    reader: Any, cast: Cast, device: Device
) -> None:
    moved = midnight(THURSDAY) + timedelta(hours=9)
    DeviceEvent.objects.create(
        device=device, kind="installed", at=moved - timedelta(days=90), merchant=cast.other_merchant
    )
    DeviceEvent.objects.create(device=device, kind="moved", at=moved, merchant=cast.merchant)
    window(device, moved - timedelta(hours=1), 3.33)
    window(device, moved + timedelta(hours=1), 0.77)
    raise_alarm(device, moved - timedelta(hours=1), cleared_at=moved)
    for role, seen in (("owner", False), ("leader", True)):
        client = reader(role)
        data = client.get(f"/sensing/devices/{MN}/chart.json?day=2026-03-05").json()
        assert (any(row[1] == 3.33 for row in data["windows"]), bool(data["alarms"])) == (seen, seen)
        page = client.get(f"/sensing/devices/{MN}/?day=2026-03-05").content.decode()
        assert ("3.33" in page, "0.77" in page, "/sensing/alarms/" in page) == (seen, True, seen)


# ── the page ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_the_page_has_the_charts_numbers_as_a_table(reader: Any, device: Device, name: str, language: str) -> None:
    table = STEPS[name].table
    step(table, device, midnight(date(2026, 3, 5)), 1.37)
    page = reader("leader").get(
        f"/sensing/devices/{MN}/?span={name}&day=2026-03-05&with=kind", headers={"accept-language": language}
    )
    text = page.content.decode()
    assert "1.37" in text
    assert f"chart.json?span={name}&amp;day=2026-03-05&amp;with=kind" in text
    assert "span=week&amp;day=2026-03-05" in text


@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_chart_costs_the_same_number_of_statements_whatever_its_span(
    reader: Any, cast: Cast, device: Device, name: str, django_assert_max_num_queries: Any
) -> None:
    client = reader("county_officer")
    for n in range(60):
        step(STEPS[name].table, device, midnight(THURSDAY) - timedelta(days=n), 0.5)
        raise_alarm(device, NOON - timedelta(days=n), cleared_at=NOON - timedelta(days=n) + timedelta(hours=1))
    address = f"/sensing/devices/{MN}/chart.json?span={name}&day=2026-03-05&with=before&with=year&with=kind"
    client.get(address)
    with django_assert_max_num_queries(13):
        assert client.get(address).status_code == 200
    with django_assert_max_num_queries(20):
        assert client.get(f"/sensing/devices/{MN}/?span={name}&day=2026-03-05").status_code == 200


# ── the page of a device that went silent ──


def test_a_day_after_it_was_last_heard_shows_the_way_to_the_day_it_was(reader: Any, device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(last_frame_at=midnight(date(2026, 3, 3)) + timedelta(hours=18))
    client = reader("county_officer")

    def shown(day: str) -> str:
        return str(client.get(f"/sensing/devices/{MN}/?day={day}", headers={"accept-language": "en"}).content.decode())

    assert '<a href="?span=day&amp;day=2026-03-03">Show that time</a>' in shown("2026-03-05")
    assert "No reading of late" in shown("2026-03-05"), "it was heard, so that nothing has come yet is not so"
    assert "Show that time" not in shown("2026-03-03")


def test_its_tiles_come_by_themselves_too(reader: Any, device: Device) -> None:
    page = reader("county_officer").get(f"/sensing/devices/{MN}/?part=tiles").content.decode()
    assert "stat-value" in page
    assert "chart.json" not in page
