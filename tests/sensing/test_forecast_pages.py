"""The pages of forecasts: what is expected, on what evidence, for officers who see the device."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from lingxiu.issues.actions.moving import move
from lingxiu.issues.lifecycle import Move, State
from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
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


def test_each_row_says_why(cast: Cast, device: Device, client: Client) -> None:
    client.force_login(cast.county_officer)

    page = client.get("/sensing/forecasts/", headers={"accept-language": "en"}).content.decode()

    assert "Mean of the busiest hour: 1.8" in page and "+0.03 a day, limit 2 mg/m³" in page
    assert "no cleaning on record in these weeks" in page


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("outcome=waiting", True),
        ("outcome=right", False),
        ("kind=fouling", True),
        ("kind=trap_full", False),
        ("sort=newest", True),
        ("sort=soonest&page=9", True),
    ],
)
def test_the_list_is_narrowed_and_sorted(cast: Cast, device: Device, client: Client, asked: str, there: bool) -> None:
    client.force_login(cast.county_officer)
    address = f"/sensing/forecasts/{Forecast.objects.get().pk}/"

    assert (address in client.get(f"/sensing/forecasts/?{asked}").content.decode()) is there


def test_the_list_asks_no_more_for_more_rows(
    cast: Cast, device: Device, client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(cast.county_officer)
    client.get("/sensing/forecasts/")
    with django_assert_max_num_queries(20):
        client.get("/sensing/forecasts/")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_list_is_had_as_a_file_and_that_is_noted(cast: Cast, device: Device, client: Client, form: str) -> None:
    client.force_login(cast.county_officer)

    answer = client.get(f"/sensing/forecasts.{form}?outcome=all")
    content = b"".join(answer)  # type: ignore[arg-type]  # a streamed answer yields bytes

    assert answer.status_code == 200 and len(content) > 200
    if form == "csv":
        assert device.mn in content.decode() and Forecast.objects.get().issue_number in content.decode()
    assert Entry.objects.filter(kind="forecasts.exported").count() == 1


def test_the_chart_has_the_days_the_limit_and_the_interval(cast: Cast, device: Device, client: Client) -> None:
    client.force_login(cast.county_officer)
    forecast = Forecast.objects.get()

    data = client.get(f"/sensing/forecasts/{forecast.pk}/chart.json").json()

    assert data["kind"] == "trend" and len(data["points"]) == 28 and data["limit"]["value"] == 2.0
    assert data["line"]["points"][-1] == [str(forecast.due_on), 2.0]
    assert data["expected"]["from"] == str(forecast.due_from) and data["expected"]["until"] == str(forecast.due_to)


def test_many_that_wait_are_confirmed_at_once(cast: Cast, device: Device, client: Client) -> None:
    client.force_login(cast.dispatcher)
    issue = Issue.objects.get()
    row = f"{issue.number}.{issue.version}"

    assert f'value="{row}"' in client.get("/sensing/forecasts/").content.decode()
    client.post("/issues/bulk/", {"row": [row], "what": "confirm", "submission": str(uuid4())})

    issue.refresh_from_db()
    assert issue.state == State.DISPATCHED
    assert f'value="{row}"' not in client.get("/sensing/forecasts/?outcome=all").content.decode()


def test_the_issue_shows_the_forecast_it_was_made_from(cast: Cast, device: Device, client: Client) -> None:
    client.force_login(cast.dispatcher)
    forecast = Forecast.objects.get()

    page = client.get(f"/issues/{forecast.issue_number}/").content.decode()

    assert f"/sensing/forecasts/{forecast.pk}/" in page and f"{forecast.due_to:%m-%d}" in page
    assert page.count("<circle") >= 28


def test_the_owner_is_told_in_one_sentence_once_a_person_has_confirmed_it(
    cast: Cast, device: Device, client: Client
) -> None:
    forecast = Forecast.objects.get()
    sentence = f"about {forecast.due_on:%m-%d} ({forecast.due_from:%m-%d} to {forecast.due_to:%m-%d})"
    client.force_login(cast.owner)
    english = {"accept-language": "en"}
    assert sentence not in client.get(f"/shop/{cast.merchant.pk}/", headers=english).content.decode()

    move(forecast.issue_number, Move.CONFIRM, actor=cast.dispatcher, at=night(28))

    assert sentence in client.get(f"/shop/{cast.merchant.pk}/", headers=english).content.decode()
    assert sentence in client.get(f"/shop/issues/{forecast.issue_number}/", headers=english).content.decode()
