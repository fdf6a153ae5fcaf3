"""The device's page of traps, gas alarms, meters and cameras: last words, what follows from them, for whoever may see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from lingxiu.policy.queries import in_force
from lingxiu.sensing import point_alarms
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.other_readings import Point, Value, store
from tests.cast import NOON, Cast, make_cast
from tests.pages import plain_static
from tests.sensing.conftest import forget_readings, make_device

__all__ = ["plain_static"]

pytestmark = pytest.mark.usefixtures("plain_static")


@pytest.fixture
def cast(transactional_db: None) -> Iterator[Cast]:
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        yield make_cast()
    forget_readings()


def page(cast: Cast, device: Device, user: object = None, query: str = "") -> str:
    client = Client(headers={"accept-language": "en"})
    client.cookies["django_language"] = "en"
    client.force_login(user or cast.county_officer)  # type: ignore[arg-type]  # a user of the cast
    answer = client.get(f"/sensing/devices/{device.mn}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def device(cast: Cast, kind: str, name: str) -> Device:
    return make_device(cast.merchant.pk, f"{name.upper()}1", f"json-{name}", kind=kind, observe_until=None)


def tell(one: Device, minute: float, event: str = "", **values: Value) -> None:
    at = NOON + timedelta(minutes=minute)
    store([Point(one.kind, one.pk, at, 0, values, event=event)], at)
    point_alarms.judge(in_force(), at)


def test_a_trap_shows_its_level_and_when_it_was_emptied(cast: Cast) -> None:
    trap = device(cast, "grease_trap", "grease")
    tell(trap, 0, level_pct=96.4, oil_mm=150.0, emptied_at=NOON - timedelta(days=20))
    html = page(cast, trap)
    for word in ("96", "150", "2026-02-13", ">20<", "ALM-GREASE-FULL" if "ALM-GREASE-FULL" in html else "grease trap"):
        assert word in html


def test_a_gas_alarm_shows_its_values_and_leads_to_the_roster(cast: Cast) -> None:
    gas = device(cast, "gas_alarm", "gas")
    tell(gas, 0, lel_pct=31.5, state="alarm")
    html = page(cast, gas)
    assert "31.5" in html
    assert "/sensing/duty/" in html
    assert "/sensing/duty/" not in page(cast, gas, cast.owner)


def test_the_alarm_says_what_to_do_and_who_was_called(cast: Cast) -> None:
    gas = device(cast, "gas_alarm", "gas")
    tell(gas, 60, lel_pct=31.5)
    point_alarms.run(in_force(), NOON + timedelta(hours=1))
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    html = client.get(f"/sensing/alarms/{Alarm.objects.get().pk}/").content.decode()
    assert "119" in html
    assert "31.5" in html
    assert cast.dispatcher.name in html
    client.force_login(cast.owner)
    html = client.get(f"/sensing/alarms/{Alarm.objects.get().pk}/").content.decode()
    assert "119" in html
    assert "/sensing/duty/" not in html


def test_a_camera_shows_its_stream_and_what_it_saw(cast: Cast) -> None:
    camera = device(cast, "camera", "camera")
    tell(camera, 0, state="online", hls_url="https://camera.example/live/1.m3u8")
    tell(camera, 1, "smoking", confidence=0.91, picture_url="https://camera.example/p/1.jpg")
    tell(camera, 2, "no_hat", confidence=0.4, picture_url="rtsp://camera.example/p/2")
    html = page(cast, camera)
    assert 'href="https://camera.example/live/1.m3u8"' in html
    assert 'href="https://camera.example/p/1.jpg"' in html
    assert 'href="rtsp' not in html
    assert "smoking" in html


def test_a_meter_shows_power_count_and_currents(cast: Cast) -> None:
    meter = device(cast, "power_meter", "power")
    tell(meter, 0, power_w=8123.0, energy_kwh=10234.5, fan_a=4.2, purifier_a=0.0)
    html = page(cast, meter, query="?part=live")
    for value in ("8123", "10234.5", "4.2"):
        assert value in html


def test_before_anything_came_it_says_what_to_do(cast: Cast) -> None:
    assert "/api/v1/readings" in page(cast, device(cast, "gas_alarm", "gas"))


def test_somebody_elses_shop_is_nobodys_to_see(cast: Cast) -> None:
    gas = device(cast, "gas_alarm", "gas")
    client = Client()
    client.force_login(cast.stranger_owner)
    assert client.get(f"/sensing/devices/{gas.mn}/").status_code == 404
