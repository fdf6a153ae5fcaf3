"""Devices that only observe: what they would have raised, and who decides when they raise single alarms."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing import observed
from lingxiu.sensing.models import Alarm, Device
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, Plant, make_device
from tests.sensing.test_pages import raise_alarm, reader
from tests.sensing.test_watch import graver, minute, send, standing, watch

__all__ = ["plain_static", "reader"]
PAGE = "/sensing/observing/"


@pytest.fixture
def device(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, MN, observe_until=timezone.now() + timedelta(days=3))


def seen(device: Device, at: datetime | None = None, **fields: Any) -> Alarm:
    return raise_alarm(device, at or timezone.now(), observing=True, **fields)


def text_of(client: Client, address: str = PAGE) -> str:
    answer = client.get(address, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def decide(client: Client, device: Device, wish: str) -> int:
    return client.post(f"{PAGE}{device.mn}/", {"wish": wish}).status_code


# ── the page ──


def test_the_morning_leads_to_what_would_have_been_raised(reader: Any, cast: Cast, device: Device) -> None:
    seen(device, peak=2.63)
    client = reader("town_dispatcher")
    assert PAGE in client.get("/issues/digest/").content.decode()
    page = text_of(client)
    for words in (cast.merchant.name, MN, "sustained high fume", "2.63 mg/m³", "told the shop, its grid member",
                  "opened an issue", ">new<"):  # fmt: skip
        assert words in page


def test_it_is_found_from_the_lists_and_from_the_device(reader: Any, device: Device) -> None:
    Device.objects.update(last_frame_at=timezone.now())
    seen(device)
    client = reader("county_officer")
    for address in ("/sensing/?tab=alarms&open=observing", "/sensing/?state=observing", f"/sensing/devices/{MN}/"):
        assert PAGE in text_of(client, address)
    assert PAGE not in text_of(reader("owner"), f"/sensing/devices/{MN}/")


def test_what_tells_nobody_says_so_and_old_ones_are_not_new(reader: Any, device: Device) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    seen(device, long_ago, code="ALM-FUME-1", severity="blue", noticed_at=long_ago, last_at=long_ago)
    page = text_of(reader("county_officer"))
    assert "told nobody" in page and ">new<" not in page


def test_a_device_with_nothing_is_listed_after_those_with_something(reader: Any, cast: Cast, device: Device) -> None:
    make_device(cast.merchant.pk, "QUIET", observe_until=timezone.now() + timedelta(days=3))
    make_device(cast.merchant.pk, "OLD", observe_until=timezone.now() - timedelta(days=3))
    seen(device)
    page = text_of(reader("county_officer"))
    assert page.index(MN) < page.index("QUIET")
    assert "Nothing so far." in page and "OLD" not in page


def test_more_than_a_few_alarms_are_counted(reader: Any, device: Device) -> None:
    for n in range(11):
        seen(device, timezone.now() - timedelta(hours=n), cleared_at=timezone.now())
    assert "and 3 more" in text_of(reader("county_officer"))


def test_another_towns_devices_are_not_there(client: Client, cast: Cast, device: Device) -> None:
    seen(device)
    client.force_login(cast.other_dispatcher)
    assert MN not in text_of(client)
    client.force_login(cast.owner)
    assert client.get(PAGE).status_code == 403


def test_the_page_costs_the_same_however_much_there_is(
    reader: Any, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for n in range(25):
        seen(make_device(cast.merchant.pk, f"N{n:02d}", observe_until=timezone.now() + timedelta(days=3)))
    client = reader("county_officer")
    assert text_of(client, PAGE + "?page=2").count("Start raising single alarms") == 5
    with django_assert_max_num_queries(14):
        assert text_of(client).count("Start raising single alarms") == 20


# ── the decision ──


def test_only_who_manages_devices_decides(reader: Any, cast: Cast, device: Device) -> None:
    assert "Start raising single alarms" not in text_of(reader("town_dispatcher"))
    for role in ("town_dispatcher", "grid_member", "owner", "assessor"):
        assert decide(reader(role), device, "begin") == 403
    assert decide(reader("county_officer"), device, "begin") == 302
    device.refresh_from_db()
    assert device.observe_until is not None and device.observe_until <= timezone.now()
    entry = Entry.objects.get(kind="device.observed")
    assert (entry.actor_id, entry.subject_id, entry.merchant_id) == (cast.county_officer.pk, MN, cast.merchant.pk)
    assert decide(reader("county_officer"), device, "begin") == 302
    assert Entry.objects.filter(kind="device.observed").count() == 1


def test_a_device_may_observe_for_longer_but_not_for_ever(reader: Any, device: Device) -> None:
    client, before = reader("county_officer"), device.observe_until
    assert before is not None
    decide(client, device, "prolong")
    device.refresh_from_db()
    assert device.observe_until == before + timedelta(days=7)
    for _ in range(20):
        decide(client, device, "prolong")
    device.refresh_from_db()
    assert device.observe_until is not None and device.observe_until <= timezone.now() + observed.LONGEST
    assert decide(client, device, "explode") == 302
    assert not Entry.objects.filter(kind="device.observed").exists()


def test_what_still_stands_when_single_alarms_begin_is_told_and_opens_its_issue(plant: Plant) -> None:
    Device.objects.filter(pk=plant.device.pk).update(observe_until=minute(600))
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    assert (graver().get().observing, Issue.objects.count(), standing(plant).open_alarms) == (True, 0, 0)

    plant.device.refresh_from_db()
    assert observed.begin(in_force(), plant.device, at=minute(35), actor_id=plant.cast.county_officer.pk)
    assert standing(plant).open_alarms == 3  # all of its family
    watch(36)
    assert (graver().get().observing, Issue.objects.count()) == (False, 1)
    assert [entry.reference["code"] for entry in Entry.objects.filter(kind="alarm.told")] == ["ALM-FUME-3"]

    send(plant, plant.device, 30, 40, 0.4, arrived=70)
    watch(71)
    cleared = graver().get(code="ALM-FUME-3")
    assert (cleared.observing, cleared.cleared_at) == (False, minute(60))


def test_an_alarm_that_outlasts_the_observing_is_an_alarm(plant: Plant) -> None:
    Device.objects.filter(pk=plant.device.pk).update(observe_until=minute(35))
    send(plant, plant.device, 0, 30, 2.5, arrived=30)
    watch(31)
    assert graver().get().observing
    send(plant, plant.device, 30, 10, 2.5, arrived=40)
    watch(41)
    assert not graver().get().observing
    assert Issue.objects.count() == 1
