"""How devices did: on line, complete, valid, linked, high; and what leaves as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.journal.models import Entry
from lingxiu.merchants.workbook import read_rows
from lingxiu.sensing import exporting, figures
from lingxiu.sensing.figures import Figures
from lingxiu.sensing.models import Deafness, Device, DeviceEvent, Maintainer, Maintenance
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.frames import COUNTY
from tests.sensing.test_pages import device, reader, run, window

__all__ = ["device", "plain_static", "reader"]

THURSDAY = date(2026, 3, 5)
MIDNIGHT = datetime(2026, 3, 5, tzinfo=COUNTY)
LATER = datetime(2026, 4, 1, tzinfo=UTC)
QUERY = "from=2026-03-05&to=2026-03-06"


def day(of: Device, at: datetime = MIDNIGHT, **values: int) -> None:
    """A day's row; all of 1,440 minutes received unless told."""
    row = {
        "count": 1440, "valid": 1440, "minutes": 1440, "fan_on_minutes": 600, "purifier_on_minutes": 570,
        "fan_without_purifier_minutes": 30, "minutes_over_1": 100, "minutes_over_2": 60, "minutes_over_4": 10, **values,
    }  # fmt: skip
    columns = ", ".join(row)
    run(f"INSERT INTO day_fume (device_id, at, {columns}) VALUES (%s, %s{', %s' * len(row)})", of.pk, at, *row.values())


def of(device: Device, first: date = THURSDAY, last: date = THURSDAY) -> Figures:
    [row] = figures.of_devices(Device.objects.filter(pk=device.pk), first, last, LATER)
    return row.figures


def test_the_shares_are_those_of_the_field(device: Device) -> None:
    day(device, minutes=1080, count=1080, valid=540)
    found = of(device)
    assert (found.online, found.complete, found.valid, found.linked, found.over) == (75.0, 75.0, 50.0, 95.0, 10.0)
    assert found.offline == 360
    assert found.bands == (980, 40, 50, 10)


def test_going_dark_is_never_a_relief(cast: Cast, device: Device) -> None:
    day(device)
    assert of(device).online == 100.0
    dark = of(device, THURSDAY, THURSDAY + timedelta(days=3))
    assert (dark.online, dark.complete, dark.offline) == (25.0, 25.0, 3 * 1440)
    never = of(make_device(cast.merchant.pk, "NEVER"))
    assert (never.online, never.complete, never.valid, never.offline) == (0.0, 0.0, None, 1440)


def test_maintenance_and_what_no_gateway_heard_count_on_neither_side(device: Device) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    Maintenance.objects.create(device=device, since=MIDNIGHT, until=noon, note="-")
    Deafness.objects.create(since=noon - timedelta(hours=1), until=noon + timedelta(hours=6))
    for n in range(72):
        window(device, MIDNIGHT + timedelta(minutes=10 * n))
    day(device, minutes=720)
    found = of(device)
    assert (found.due, found.received_due) == (360, 0)
    assert (found.online, found.complete) == (0.0, 50.0)


def test_a_device_is_due_from_its_installation_until_it_is_taken_out_of_use(cast: Cast) -> None:
    made = make_device(cast.merchant.pk, "NEW", installed_on=THURSDAY + timedelta(days=1))
    assert of(made, THURSDAY, THURSDAY + timedelta(days=1)).due == 1440
    gone = make_device(cast.merchant.pk, "GONE", state="retired")
    DeviceEvent.objects.create(device=gone, kind="retired", at=MIDNIGHT + timedelta(hours=6), merchant=cast.merchant)
    assert of(gone).due == 360
    make_device(cast.merchant.pk, "LONG GONE", state="retired")
    assert not figures.of_devices(Device.objects.filter(mn="LONG GONE"), THURSDAY, THURSDAY, LATER)


def test_time_to_come_is_not_due(device: Device) -> None:
    [row] = figures.of_devices(Device.objects.all(), THURSDAY, THURSDAY, MIDNIGHT + timedelta(hours=2))
    assert row.figures.due == 120


@given(
    st.lists(st.integers(0, 1440), min_size=12, max_size=12), st.lists(st.integers(0, 1440), min_size=12, max_size=12)
)
def test_a_groups_shares_lie_between_those_of_its_devices(one: list[int], other: list[int]) -> None:
    first, second = Figures(*one), Figures(*other)
    both = first + second
    for name in ("online", "complete"):
        shares = [getattr(each, name) for each in (first, second)]
        if None not in shares and 100.0 not in shares:
            assert min(shares) - 1e-9 <= getattr(both, name) <= max(shares) + 1e-9


# ── the page ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("by", figures.GROUPS)
def test_the_page_opens_to_the_devices(reader: Any, cast: Cast, device: Device, by: str, language: str) -> None:
    Device.objects.update(vendor="某厂", maintainer=Maintainer.objects.create(name="某某运维"))
    day(device, minutes=1080)
    client = reader("county_officer")
    page = client.get(f"/sensing/figures/?by={by}&{QUERY}", headers={"accept-language": language}).content.decode()
    assert "37.5" in page
    expected = {
        "device": f"/sensing/devices/{MN}/",
        "town": "?town=330421001",
        "vendor": "?vendor=",
        "maintainer": "?maintainer=",
    }
    assert expected[by] in page


def test_figures_are_ordered_and_seen_as_far_as_the_reader_sees(reader: Any, cast: Cast, device: Device) -> None:
    other = make_device(cast.other_merchant.pk, "OTHER")
    day(device, minutes=700)
    day(other, minutes=1400)
    for sort, first in (("online", MN), ("-online", "OTHER")):
        page = reader("leader").get(f"/sensing/figures/?{QUERY}&sort={sort}").content.decode()
        assert (page.index(f">{MN}<") < page.index(">OTHER<")) == (first == MN)
    assert "OTHER" not in reader("town_dispatcher").get(f"/sensing/figures/?{QUERY}").content.decode()
    assert reader("owner").get("/sensing/figures/").status_code == 403


def test_figures_cost_the_same_however_many_devices(
    reader: Any, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        day(make_device(cast.merchant.pk, f"D{n}"))
    client = reader("county_officer")
    client.get(f"/sensing/figures/?{QUERY}")
    with django_assert_max_num_queries(9):
        client.get(f"/sensing/figures/?{QUERY}")


# ── files ──


def rows(answer: Any) -> list[list[str]]:
    body = b"".join(answer.streaming_content)
    if answer["Content-Type"].startswith("text/csv"):
        return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    return read_rows(body)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize(("step", "table"), [("10m", "window_fume"), ("1h", "hour_fume"), ("1d", "day_fume")])
def test_statistics_leave_as_a_file_and_the_journal_says_so(
    reader: Any, cast: Cast, device: Device, form: str, step: str, table: str
) -> None:
    window(device, MIDNIGHT, 1.25)
    if table != "window_fume":
        run(f"INSERT INTO {table} SELECT * FROM window_fume")
    answer = reader("leader").get(f"/sensing/devices/{MN}/readings.{form}?step={step}&{QUERY}")
    head, *found = rows(answer)
    assert head == list(exporting.SUM_COLUMNS)
    assert [row[4] for row in found] == ["1.25"]
    entry = Entry.objects.get(kind="device.readings_exported")
    assert (entry.subject_id, entry.actor_id, entry.reference["step"]) == (MN, cast.leader.pk, step)


def test_every_reading_leaves_too_and_an_owner_gets_the_own_ones_only(reader: Any, cast: Cast, device: Device) -> None:
    run("SELECT sensing_make_partition(%s)", MIDNIGHT)
    for hour in (1, 9):
        run(
            "INSERT INTO reading_fume (device_id, at, cn, channel, received_at, fume_mg_m3) VALUES (%s, %s, 2011, 0, %s, %s)",
            device.pk, MIDNIGHT + timedelta(hours=hour), MIDNIGHT, hour,
        )  # fmt: skip
    events = [("installed", 0, cast.other_merchant), ("moved", 5, cast.merchant)]
    for kind, hour, shop in events:
        DeviceEvent.objects.create(device=device, kind=kind, at=MIDNIGHT + timedelta(hours=hour), merchant=shop)
    for role, hours in (("leader", ["1.0", "9.0"]), ("owner", ["9.0"])):
        answer = reader(role).get(f"/sensing/devices/{MN}/readings.csv?step=raw&{QUERY}")
        assert [row[4] for row in rows(answer)[1:]] == hours
    other = make_device(cast.other_merchant.pk, "OTHER")
    assert reader("owner").get(f"/sensing/devices/{other.mn}/readings.csv").status_code == 404
    assert reader("leader").get(f"/sensing/devices/{MN}/readings.csv?step=century").status_code == 404


def test_no_cell_of_a_file_is_taken_for_a_formula(reader: Any, cast: Cast, device: Device) -> None:
    Device.objects.update(vendor="=HYPERLINK(1)")
    day(device)
    [_head, line] = rows(reader("leader").get(f"/sensing/figures.csv?by=vendor&{QUERY}"))
    assert line[0] == "'=HYPERLINK(1)"
    [_head, line] = rows(reader("leader").get(f"/sensing/figures.xlsx?by=vendor&{QUERY}"))
    assert line[0] == "=HYPERLINK(1)"
    assert Entry.objects.filter(kind="figures.exported").count() == 2
