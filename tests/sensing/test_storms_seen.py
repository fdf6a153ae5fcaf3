"""Storms and mutes where officers look: the list of alarms, the dashboard, a device's page, the map."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing import muting, noted
from lingxiu.sensing.models import Alarm, Device, Mute, Storm
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.test_pages import raise_alarm, reader

__all__ = ["plain_static", "reader"]
LIST = "/sensing/?tab=alarms"


@pytest.fixture
def storm(cast: Cast) -> Storm:
    """Fourteen devices of the first town fell silent two hours ago; two of them are back."""
    since = timezone.now() - timedelta(hours=2)
    kept = Storm.objects.create(
        town=cast.merchant.town, code="ALM-OFF", since=since, devices=14, of=20, edition=in_force().id, noticed_at=since
    )
    for n in range(14):
        back = since + timedelta(hours=1) if n < 2 else None
        device = make_device(cast.merchant.pk, f"S{n:02d}", last_frame_at=since)
        raise_alarm(device, since, "ALM-OFF", severity="yellow", storm=kept, cleared_at=back)
    return kept


@pytest.fixture
def device(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, MN, last_frame_at=timezone.now())


def muted(device: Device, cast: Cast, code: str = "") -> Mute:
    now = timezone.now()
    return muting.mute(
        device, code=code, until=now + timedelta(days=3), reason="探头送检", at=now, actor_id=cast.administrator.pk
    )


def text_of(client: Client, address: str, language: str = "en") -> str:
    answer = client.get(address, headers={"accept-language": language})
    assert answer.status_code == 200
    return str(answer.content.decode())


# ── the list ──


def test_a_storm_is_one_row_that_unfolds(reader: Any, cast: Cast, storm: Storm, device: Device) -> None:
    raise_alarm(device, timezone.now())
    client = reader("county_officer")
    page = text_of(client, LIST)
    assert "14 devices silent at once" in page and "12 still without data" in page
    assert page.count("<tr>") == 3  # the heading, the storm, and the one alarm that is no part of it
    unfolded = re.findall(r'href="/sensing/devices/(S\d\d)/"', page)
    assert len(set(unfolded)) == noted.UNFOLDED
    every = f"/sensing/?tab=alarms&amp;open=all&amp;storm={storm.pk}"
    assert every in page and "all 14" in page
    whole = text_of(client, every.replace("&amp;", "&"))
    assert whole.count("<tr>") == 15 and "Part of one storm: 14 devices" in whole


def test_a_storm_counts_as_one_open_alarm(reader: Any, cast: Cast, storm: Storm, device: Device) -> None:
    raise_alarm(device, timezone.now())
    assert noted.count_open(Alarm.objects.visible_to(cast.county_officer)) == noted.Counted(1, 12, 1)
    for address in (LIST, "/"):
        page = text_of(reader("county_officer"), address)
        assert "12 devices in one storm" in page


def test_a_storm_that_is_over_folds_nothing_but_in_the_list_of_all(reader: Any, storm: Storm) -> None:
    Storm.objects.update(until=timezone.now())
    client = reader("county_officer")
    page = text_of(client, LIST)
    assert (page.count("<tr>"), page.count("part of a storm")) == (13, 12)
    assert text_of(client, LIST + "&open=all").count("<tr>") == 2


def test_who_searches_a_shop_finds_its_alarm_and_that_it_is_part_of_a_storm(reader: Any, storm: Storm) -> None:
    page = text_of(reader("county_officer"), LIST + "&q=S03")
    assert (page.count("<tr>"), page.count("part of a storm")) == (2, 1)


def test_nobody_sees_a_storm_of_another_town(client: Client, cast: Cast, storm: Storm) -> None:
    client.force_login(cast.other_dispatcher)
    for address in (LIST, "/", f"{LIST}&open=all&storm={storm.pk}"):
        assert "silent at once" not in text_of(client, address)


@pytest.mark.parametrize("odd", ["x", "999999999999999999", "-1", "²"])
def test_a_storm_nobody_knows_is_none(reader: Any, storm: Storm, odd: str) -> None:
    text_of(reader("county_officer"), f"{LIST}&storm={odd}")


def test_a_muted_alarm_says_until_when_and_one_that_somebody_knows_of_says_so(
    reader: Any, cast: Cast, device: Device
) -> None:
    alarm = raise_alarm(device, timezone.now())
    mute = muted(device, cast, "ALM-FUME-3")
    muting.acknowledge(alarm, words="已电话店主", at=timezone.now(), actor_id=1)
    until = f"muted until {timezone.localtime(mute.until):%m-%d %H:%M}"
    client = reader("county_officer")
    page = text_of(client, LIST)
    assert until in page and "acknowledged" in page
    assert until in text_of(client, "/")
    assert until in text_of(client, "/sensing/")
    assert until in text_of(client, f"/map/card/{cast.merchant.pk}/")


# ── a device's page ──


@pytest.mark.parametrize("kind", ["fume_monitor", "gas_alarm"])
def test_a_devices_page_says_until_when_it_is_muted_by_whom_and_why(
    reader: Any, cast: Cast, device: Device, kind: str
) -> None:
    Device.objects.update(kind=kind)
    muted(device, cast)
    page = text_of(reader("county_officer"), f"/sensing/devices/{MN}/")
    for words in ("Muted until", "Every alarm of this device", cast.administrator.name, "探头送检"):
        assert words in page
    assert "探头送检" not in text_of(reader("owner"), f"/sensing/devices/{MN}/")


def test_who_manages_devices_ends_a_mute_there(reader: Any, cast: Cast, device: Device) -> None:
    mute = muted(device, cast)
    end = f"/sensing/mutes/{mute.pk}/end/"
    assert end not in text_of(reader("town_dispatcher"), f"/sensing/devices/{MN}/")
    assert reader("town_dispatcher").post(end).status_code == 403
    client = reader("system_administrator")
    assert end in text_of(client, f"/sensing/devices/{MN}/")
    assert client.post(end).headers["Location"] == f"/sensing/devices/{MN}/"
    assert not noted.mutes_of([device.pk], timezone.now())[device.pk]
    assert Entry.objects.filter(kind="device.unmuted").count() == 1
    client.post(end)
    assert Entry.objects.filter(kind="device.unmuted").count() == 1


def test_every_alarm_of_a_device_is_muted_from_the_page_of_one(reader: Any, cast: Cast, device: Device) -> None:
    alarm = raise_alarm(device, timezone.now())
    said = {"why": "整机返厂", "days": "7", "what": "device"}
    assert reader("system_administrator").post(f"/sensing/alarms/{alarm.pk}/mute/", said).status_code == 302
    assert Mute.objects.get().code == ""


def test_a_devices_page_says_that_it_is_part_of_a_storm_while_that_lasts(reader: Any, storm: Storm) -> None:
    client = reader("county_officer")
    assert "Part of a storm: 14 devices" in text_of(client, "/sensing/devices/S05/")
    assert "Part of a storm" not in text_of(client, "/sensing/devices/S00/")  # it is back
    assert "part of a storm" in text_of(client, "/sensing/?tab=devices&q=S05")
    Storm.objects.update(until=timezone.now())
    assert "Part of a storm" not in text_of(client, "/sensing/devices/S05/")


# ── the dashboard and the map ──


def test_the_dashboard_shows_a_storm_and_not_its_alarms(reader: Any, cast: Cast, storm: Storm, device: Device) -> None:
    raise_alarm(device, timezone.now())
    page = text_of(reader("county_officer"), "/")
    assert "14 devices silent at once" in page
    assert page.count(f"/sensing/devices/{MN}/") == 1
    assert "/sensing/devices/S" not in page


def test_the_map_marks_what_is_muted_and_what_is_part_of_a_storm(
    reader: Any, cast: Cast, storm: Storm, device: Device
) -> None:
    raise_alarm(device, timezone.now(), "ALM-FUME-2")
    raise_alarm(device, timezone.now(), "ALM-LINK")
    muted(device, cast, "ALM-LINK")
    client = reader("county_officer")
    features = json.loads(client.get("/map/alarms.geojson").content)["features"]
    marks = sorted((row["properties"]["code"], row["properties"]["mark"]) for row in features)
    assert marks == [("ALM-FUME-2", "open"), ("ALM-LINK", "muted"), *[("ALM-OFF", "storm")] * 12]
    assert "part of a storm: 14 devices" in text_of(client, f"/map/card/{cast.merchant.pk}/")


def test_a_storm_costs_the_same_however_many_devices_it_has(
    reader: Any, cast: Cast, storm: Storm, django_assert_max_num_queries: Any
) -> None:
    client = reader("county_officer")
    for n in range(60):
        device = make_device(cast.merchant.pk, f"T{n:02d}")
        raise_alarm(device, storm.since, "ALM-OFF", storm=storm)
    for address, most in ((LIST, 19), ("/sensing/", 18), ("/map/alarms.geojson", 8)):
        client.get(address)
        with django_assert_max_num_queries(most):
            client.get(address)
