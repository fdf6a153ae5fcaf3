"""Where the installation asks for it, an officer's password alone opens nothing."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from lingxiu.accounts.models import User
from lingxiu.files.actions import store_document
from lingxiu.journal.models import Entry
from tests.cast import Cast

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _asked_for(settings: Any) -> None:
    settings.OFFICER_TOTP = True


def digits_of(key: bytes, at: datetime) -> str:
    clock = TOTP(key)
    clock.time = at.timestamp()
    return f"{clock.token():06d}"


def device_of(user: User) -> TOTPDevice:
    return TOTPDevice.objects.create(user=user, name="app", confirmed=True)


def test_an_officer_without_an_app_sets_it_up_once(cast: Cast, client: Client) -> None:
    client.force_login(cast.leader)
    with time_machine.travel(NOON, tick=False):
        answer = client.get("/account/")
        assert answer["Location"].startswith("/sign-in/second-factor/?next=")
        answer = client.get(answer["Location"], follow=True)
        page = answer.content.decode()
        key = re.search(r'class="mono">([A-Z2-7 ]+)<', page)
        assert key
        assert "data:image/svg+xml" in page
        raw = b32decode(key.group(1).replace(" ", ""))
        wrong = client.post("/sign-in/second-factor/new/", {"digits": "000000"})
        assert wrong.status_code == 400
    with time_machine.travel(NOON + timedelta(seconds=60), tick=False):
        at = NOON + timedelta(seconds=60)
        answer = client.post("/sign-in/second-factor/new/", {"digits": digits_of(raw, at), "next": "/account/"})
        assert answer["Location"] == "/account/"
        assert client.get("/account/").status_code == 200
    assert TOTPDevice.objects.get(user=cast.leader).confirmed
    assert Entry.objects.get(kind="user.signed_in").reference == {"way": "second_factor"}


def test_an_officer_with_an_app_is_asked_for_its_digits(cast: Cast, client: Client) -> None:
    device = device_of(cast.leader)
    client.force_login(cast.leader)
    with time_machine.travel(NOON, tick=False):
        assert client.get("/account/")["Location"].startswith("/sign-in/second-factor/")
        digits = digits_of(device.bin_key, NOON)
        assert client.post("/sign-in/second-factor/", {"digits": digits}).status_code == 302
        assert client.get("/account/").status_code == 200


def test_the_same_digits_pass_once(cast: Cast) -> None:
    device = device_of(cast.leader)
    first, second = Client(), Client()
    with time_machine.travel(NOON, tick=False):
        digits = digits_of(device.bin_key, NOON)
        for browser, status in ((first, 302), (second, 400)):
            browser.force_login(cast.leader)
            assert browser.post("/sign-in/second-factor/", {"digits": digits}).status_code == status


def test_wrong_digits_make_the_right_ones_wait(cast: Cast, client: Client) -> None:
    device = device_of(cast.leader)
    client.force_login(cast.leader)
    with time_machine.travel(NOON, tick=False):
        right = digits_of(device.bin_key, NOON)
        wrong = f"{(int(right) + 1) % 1_000_000:06d}"
        assert client.post("/sign-in/second-factor/", {"digits": wrong}).status_code == 400
        assert client.post("/sign-in/second-factor/", {"digits": right}).status_code == 400
    with time_machine.travel(NOON + timedelta(seconds=2), tick=False):
        assert client.post("/sign-in/second-factor/", {"digits": right}).status_code == 302


def test_two_pages_opened_at_once_do_not_lock_an_officer_out(cast: Cast, client: Client) -> None:
    devices = [TOTPDevice.objects.create(user=cast.leader, confirmed=False, name="app") for _ in range(2)]
    client.force_login(cast.leader)
    with time_machine.travel(NOON, tick=False):
        assert client.get("/sign-in/second-factor/new/").status_code == 200
        digits = digits_of(devices[0].bin_key, NOON)
        assert client.post("/sign-in/second-factor/new/", {"digits": digits}).status_code == 302


def test_who_stole_a_password_cannot_set_up_an_app_beside_the_owners(cast: Cast, client: Client) -> None:
    device_of(cast.leader)
    client.force_login(cast.leader)
    answer = client.get("/sign-in/second-factor/new/")
    assert answer["Location"].startswith("/sign-in/second-factor/?")
    client.post("/sign-in/second-factor/new/", {"digits": "123456"})
    assert TOTPDevice.objects.filter(user=cast.leader).count() == 1


@pytest.mark.parametrize(
    "address", ["/", "/complain/?q=x", "/pulse", "/files/{sha256}/", "/m/{token}", "/r/x", "/admin/"]
)
def test_an_address_open_to_strangers_does_not_answer_as_the_officer_before(
    cast: Cast, client: Client, address: str
) -> None:
    file = store_document(b"evidence", content_type="text/plain", stored_at=NOON, stored_by=cast.county_officer.pk)
    client.force_login(cast.county_officer)
    answer = client.get(address.format(sha256=file.sha256, token=cast.merchant.codes.get().token))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/second-factor/")


@pytest.mark.parametrize("address", ["/sign-out/", "/language/setlang/"])
def test_before_it_an_officer_may_leave_and_choose_a_language(cast: Cast, client: Client, address: str) -> None:
    client.force_login(cast.leader)
    assert "second-factor" not in client.post(address, {"language": "en"}).headers.get("Location", "")


def test_who_administers_without_an_officers_post_is_asked_too(cast: Cast, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", "wide-river-lantern-7", name="root"))
    assert client.get("/admin/accounts/user/")["Location"].startswith("/sign-in/second-factor/")


def test_owners_are_not_asked(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    assert client.get("/account/").status_code == 200
    assert client.get("/sign-in/second-factor/")["Location"] == "/shop/"


def test_a_stranger_is_led_away(client: Client, db: None) -> None:
    assert client.get("/sign-in/second-factor/")["Location"] == "/"
    assert client.get("/sign-in/second-factor/new/?next=/account/")["Location"] == "/account/"


def test_the_app_reads_whom_and_what_the_digits_are_for(cast: Cast, client: Client) -> None:
    import segno

    client.force_login(cast.leader)
    page = client.get("/sign-in/second-factor/new/").content.decode()
    drawn = re.search(r'src="(data:image/svg\+xml[^"]+)"', page)
    device = TOTPDevice.objects.get(user=cast.leader)
    from base64 import b32encode

    key = b32encode(device.bin_key).decode()
    address = f"otpauth://totp/%E7%81%B5%E5%97%85:leader?secret={key}&issuer=%E7%81%B5%E5%97%85&algorithm=SHA1&digits=6&period=30"
    expected = segno.make(address, error="m").svg_data_uri(scale=5, border=4)
    assert drawn
    assert unquote(drawn.group(1).replace("&#x27;", "'").replace("&amp;", "&")) == unquote(expected)
