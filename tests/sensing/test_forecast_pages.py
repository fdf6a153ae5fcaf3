"""The pages of forecasts: what is expected, on what evidence, for officers who see the device."""

from __future__ import annotations

import pytest
from django.test import Client

from lingxiu.sensing.forecasting import look_ahead
from lingxiu.sensing.models import Device, Forecast
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import make_device
from tests.sensing.test_forecasting import cook, night, rising

__all__ = ["plain_static"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_static")]


@pytest.fixture
def device(cast: Cast) -> Device:
    device = make_device(cast.merchant.pk, "330421A0B0C0D0E0F0000009")
    cook(device, 0, rising(28))
    look_ahead(night(28))
    return device


def test_an_officer_sees_what_is_expected_and_on_what_evidence(cast: Cast, device: Device, client: Client) -> None:
    client.force_login(cast.county_officer)
    forecast = Forecast.objects.get()

    listed = client.get("/sensing/forecasts/").content.decode()
    page = client.get(f"/sensing/forecasts/{forecast.pk}/").content.decode()
    of_device = client.get(f"/sensing/devices/{device.mn}/").content.decode()

    assert f"/sensing/forecasts/{forecast.pk}/" in listed and f"/sensing/forecasts/{forecast.pk}/" in of_device
    assert page.count("<circle") == 28 and forecast.issue_number in page
    assert f"/sensing/forecasts/{forecast.pk}/" not in client.get("/sensing/forecasts/?outcome=right").content.decode()


def test_neither_its_owner_nor_another_town_is_told(cast: Cast, device: Device, client: Client) -> None:
    address = f"/sensing/forecasts/{Forecast.objects.get().pk}/"

    client.force_login(cast.owner)
    assert client.get(address).status_code == 403
    assert address not in client.get(f"/sensing/devices/{device.mn}/").content.decode()
    client.force_login(cast.other_dispatcher)
    assert client.get(address).status_code == 404
