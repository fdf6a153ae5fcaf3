"""A company that looks after devices is told of their faults where a person of it has an account, and may look at them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.journal.models import Entry
from lingxiu.notices.actions import tell
from lingxiu.notices.models import Delivery, Notice
from lingxiu.sensing import muting
from lingxiu.sensing.models import Alarm, Device, Maintainer
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, Plant, make_device
from tests.sensing.test_pages import raise_alarm, reader
from tests.sensing.test_watch import minute, send, watch

__all__ = ["plain_static", "reader"]


@pytest.fixture
def mechanic(cast: Cast) -> User:
    """Somebody of a company, without any post."""
    return User.objects.create_user("repairs1", "a long enough word", name="修师傅", phone="13800001111")


def company(mechanic: User | None = None, name: str = "绿油运维") -> Maintainer:
    return Maintainer.objects.create(name=name, contact="修师傅", phone="0573-84000000", account=mechanic)


def told_of(user: User) -> list[tuple[str, str]]:
    return list(Notice.objects.filter(person=user).order_by("pk").values_list("rule", "detail"))


def faulty(plant: Plant, maintainer: Maintainer) -> Alarm:
    """Two hours of cooking on which nothing moves."""
    Device.objects.filter(pk=plant.device.pk).update(maintainer=maintainer)
    send(plant, plant.device, 0, 120, 0.5, arrived=120)
    watch(121)
    tell(list(Entry.objects.order_by("pk")), at=minute(122))
    return Alarm.objects.get(code="ALM-FLAT")


def mechanic_of(plant: Plant) -> User:
    return User.objects.create_user("repairs1", "a long enough word", name="修师傅", phone="13800001111")


def test_the_company_of_a_faulty_device_is_told_by_text_message_and_others_are_not(plant: Plant) -> None:
    user = mechanic_of(plant)
    alarm = faulty(plant, company(user))
    assert told_of(user) == [("N-ALARM-COMPANY", "ALM-FLAT")]
    assert list(Delivery.objects.filter(person=user).values_list("way", flat=True)) in (["sms"], [])
    assert told_of(plant.cast.administrator) == [("N-ALARM-MAINTAINER", "ALM-FLAT")]
    assert Alarm.objects.visible_to(user).get() == alarm


def test_of_a_company_without_an_account_only_the_county_is_told(plant: Plant) -> None:
    user = mechanic_of(plant)
    company(user, "另一家")
    faulty(plant, company())
    assert told_of(user) == []
    assert told_of(plant.cast.administrator) == [("N-ALARM-MAINTAINER", "ALM-FLAT")]


def test_a_companys_person_looks_at_its_devices_and_at_no_others(client: Client, cast: Cast, mechanic: User) -> None:
    mine = make_device(cast.merchant.pk, MN, maintainer=company(mechanic))
    other = make_device(cast.merchant.pk, "OTHER", maintainer=company(name="另一家"))
    alarms = [raise_alarm(device, timezone.now(), "ALM-FLAT") for device in (mine, other)]
    client.force_login(mechanic)
    assert client.get(f"/sensing/devices/{MN}/").status_code == 200
    assert client.get("/sensing/devices/OTHER/").status_code == 404
    assert [client.get(f"/sensing/alarms/{one.pk}/").status_code for one in alarms] == [200, 404]
    assert client.get("/sensing/").status_code == 403
    assert client.get(f"/merchants/{cast.merchant.pk}/").status_code in (302, 403, 404)
    assert client.post(f"/sensing/alarms/{alarms[0].pk}/mute/", {"why": "x"}).status_code == 403


def test_the_notice_leads_to_the_alarm(client: Client, plant: Plant) -> None:
    user = mechanic_of(plant)
    alarm = faulty(plant, company(user))
    client.force_login(user)
    notice = Notice.objects.get(person=user)
    assert client.get(f"/notices/{notice.pk}/").headers["Location"] == f"/sensing/alarms/{alarm.pk}/"


def test_a_companys_page_says_whether_anybody_of_it_is_told(reader: Any, mechanic: User) -> None:
    row = company()
    client = reader("county_officer")
    address = f"/sensing/maintainers/{row.pk}/"
    headers = {"accept-language": "en"}
    assert "It has no account" in client.get(address, headers=headers).content.decode()
    assert "no account" in client.get("/sensing/maintainers/", headers=headers).content.decode()
    said = {"name": row.name, "contact": "", "phone": "", "respond_within_hours": "8", "duties": ""}
    assert client.post(address, {**said, "account": "nobody-of-this-name"}).status_code == 422
    assert client.post(address, {**said, "account": "repairs1"}).status_code == 302
    row.refresh_from_db()
    assert row.account == mechanic
    page = client.get(address, headers=headers).content.decode()
    assert "修师傅 is told" in page and 'value="repairs1"' in page
    client.post(address, {**said, "account": ""})
    row.refresh_from_db()
    assert row.account is None


def test_a_muted_device_is_muted_for_its_company_too(plant: Plant) -> None:
    user = mechanic_of(plant)
    muting.mute(plant.device, until=minute(999), reason="送检", at=minute(-9), actor_id=1)
    faulty(plant, company(user))
    assert told_of(user) == []
