"""What nobody types but anybody may send: an address bent in any of these ways is answered, never with a fault of ours."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.sensing.models import Device
from tests.cast import Cast

ODD = [
    "9999-12-31",
    "0001-01-01",
    "2026-13-45",
    "2026-13-45T99:99:99Z",
    "99999999999",
    "99999999999999999999",
    "9" * 5000,
    "-1",
    "1.5",
    "nan",
    "%00",
    "%ED%A0%80",  # a lone surrogate
    "%FF%FE",
    "%D9%A3",  # a digit, in Arabic
    "%EF%BC%91",  # a digit, wide
    "%C2%B2",  # a digit, above
    "%F0%9F%8D%9C",
    "%27%22%3C%7B%25%5C",
    "..%2F..%2Fetc",
    "%0d%0aX:%20y",
    "a[b]",
]
LIST = ["q", "town", "grid", "kind", "scale", "level", "device", "issues", "status", "page", "sort", "part"]
ASKED = {
    "/merchants/": LIST,
    "/merchants/labels/": [*LIST, "merchant", "sheet", "start", "fresh"],
    "/merchants/new/": ["q"],
    "/merchants/import/": ["q"],
    "/issues/": ["view", "q", "state", "level", "flow", "source", "violation", "town", "merchant", "late", "due", "from",
                 "to", "sort", "after", "before", "part"],
    "/issues/export.xlsx": ["from", "to", "merchant", "q"],
    "/issues/lookback/": ["kind", "of", "from", "to", "town", "grid", "violation", "source", "unit"],
    "/issues/digest/": ["q"],
    "/exchange/12345/answers.xlsx": ["from", "to"],
    "/sensing/": ["tab", "q", "town", "kind", "state", "page", "sort", "part", "from", "to", "code"],
    "/sensing/figures/": ["by", "from", "to", "sort"],
    "/sensing/figures.csv": ["by", "from", "to"],
    "/sensing/forecasts/": ["kind", "town", "outcome", "sort", "page"],
    "/sensing/observing/": ["page"],
    "/shop/": ["merchant", "q"],
    "/sign-in/": ["way", "next"],
    "/sign-in/second-factor/": ["next"],
    "/account/": ["next"],
    "/account/password/": ["next"],
    "/language/setlang/": ["next", "language"],
}  # fmt: skip
ONE = [
    "/merchants/{}/dossier/", "/merchants/{}/visit/", "/merchants/{}/code/", "/merchants/{}/level/", "/shop/{}/",
    "/shop/{}/check/", "/shop/{}/waste/", "/files/{}/", "/files/{}/small/", "/merchants/{}/",
]  # fmt: skip


def clients(cast: Cast) -> list[Client]:
    """Who may ask these: the county, a grid member, an owner, a stranger."""
    found = [Client(), Client(), Client(), Client()]
    for client, user in zip(found, (cast.county_officer, cast.grid_member, cast.owner), strict=False):
        client.force_login(user)
    return found


def status(client: Client, address: str) -> int:
    """What is answered; a sheet is a file, which is closed when it is read."""
    answer = client.get(address)
    if answer.streaming:
        list(answer.streaming_content)
    return int(answer.status_code)


@pytest.mark.parametrize("address", ASKED)
def test_an_odd_query_is_answered(cast: Cast, address: str) -> None:
    county, *others = clients(cast)
    for odd in ODD:
        for name in {*ASKED[address]} & {"q", "from", "to", "merchant", "page", "after", "start", "next"}:
            assert status(county, f"{address}?{name}={odd}") < 500, (name, odd[:30])
        everything = "&".join(f"{name}={odd}" for name in ASKED[address])
        for client in (county, *others):
            assert status(client, f"{address}?{everything}") < 500, odd[:30]


@pytest.mark.parametrize("kind", ["fume_monitor", "grease_trap"])
def test_an_odd_day_of_a_device_is_answered(cast: Cast, kind: str) -> None:
    profile = "plain-2017" if kind == "fume_monitor" else "trap-json"
    device = Device.objects.create(mn="88888888000001", merchant=cast.merchant, profile=profile, kind=kind)
    county = clients(cast)[0]
    for odd in ODD:
        for span in ("day", "week", "month", "year"):
            asked = f"day={odd}&span={span}&with=before&with=year"
            for page in ("", "chart.json"):
                assert status(county, f"/sensing/devices/{device.mn}/{page}?{asked}") < 500, (page, span, odd[:30])
        for name in ("from", "to", "step"):
            assert status(county, f"/sensing/devices/{device.mn}/readings.csv?{name}={odd}") < 500, (name, odd[:30])


def test_an_odd_address_is_answered(cast: Cast) -> None:
    for client in clients(cast):
        for address in ONE:
            for odd in ODD:
                assert status(client, address.format(odd)) < 500, (address, odd[:30])


FORMS: dict[str, list[str]] = {
    "/merchants/labels/": [*LIST, "merchant", "sheet", "start", "fresh"],
    "/merchants/{}/dossier/": ["seen_at", "submission", "name", "licence_until", "lng", "seats", "opens_at", "uscc"],
    "/merchants/{}/care/": ["kind", "on", "by", "kg", "submission"],
    "/merchants/{}/facilities/": ["kind", "installed_on", "maker", "submission"],
    "/merchants/{}/people/": ["kind", "name", "phone", "submission"],
    "/merchants/{}/code/": ["why", "submission"],
    "/merchants/new/": ["name", "address", "lng", "lat", "seats", "floor_area_m2", "opened_on", "source", "submission"],
    "/sign-in/": ["username", "password", "next"],
    "/sign-in/code/": ["phone", "next"],
    "/sign-in/phone/": ["digits", "next"],
    "/account/size/": ["size", "next"],
    "/account/absences/": ["since", "until"],
    "/sensing/duty/": ["since", "until", "rank"],
    "/account/password/": ["old_password", "new_password1"],
    "/language/setlang/": ["language", "next"],
}
GOOD: dict[str, dict[str, Any]] = {
    "/merchants/new/": {"kind": "restaurant", "status": "open", "name": "甲", "address": "乙", "lng": "120.95",
                        "lat": "30.85", "reference_stoves": "1"},
    "/merchants/{}/dossier/": {"kind": "restaurant", "status": "open", "name": "甲", "address": "乙", "lng": "120.95",
                               "lat": "30.85", "reference_stoves": "1"},
    "/merchants/{}/care/": {"kind": "purifier", "on": "2026-03-01"},
    "/merchants/{}/facilities/": {"kind": "hood"},
    "/merchants/{}/people/": {"kind": "owner", "name": "甲", "phone": "13700000001"},
    "/merchants/{}/code/": {"why": "x"},
    "/account/absences/": {"reason": "leave", "since": f"{timezone.localdate()}", "until": f"{timezone.localdate()}"},
    "/sensing/duty/": {"since": "2026-03-05T08:00", "until": "2026-03-05T17:00", "rank": "1"},
}  # fmt: skip
TYPED = [
    "a\0b", "\ud800", "9999-12-31", "0001-01-01", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59.999999-12:00", "1e400",
    "nan", "-1", "99999999999999999999", "9" * 5000,
]  # fmt: skip


def send(client: Client, to: str, fields: dict[str, Any]) -> Any:
    """As a browser sends a form, and what no browser would put into it."""
    body = urlencode(fields, encoding="utf-8", errors="surrogatepass")
    return client.post(to, body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("address", FORMS)
def test_an_odd_form_is_answered(cast: Cast, address: str) -> None:
    client = clients(cast)[0]
    to, known = address.format(cast.merchant.pk), {"person": cast.county_officer.pk, "unit": cast.county_office.pk}
    for odd in TYPED:
        for name in FORMS[address]:
            sent = {**known, **GOOD.get(address, {}), name: odd}
            assert send(client, to, sent).status_code < 500, (name, odd[:30])
            if not client.session.get("_auth_user_id"):
                client.force_login(cast.county_officer)


@pytest.mark.parametrize("what", ["check", "cleaning", "trap", "waste"])
def test_an_odd_form_of_a_shop_is_answered(cast: Cast, what: str) -> None:
    client = Client()
    client.force_login(cast.owner)
    for odd in TYPED:
        for name in ("on", "by", "kg", "submission", "photo_lng", "photo_shot_at"):
            good = {"on": f"{timezone.localdate()}", "by": "", "kg": "3", "submission": str(uuid4())}
            sent = {**good, name: odd}
            assert send(client, f"/shop/{cast.merchant.pk}/{what}/", sent).status_code < 500, (name, odd[:30])
