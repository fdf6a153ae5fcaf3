"""Owners sign in by phone and six digits; nobody learns from it who has a shop."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from lingxiu.accounts import codes
from lingxiu.accounts.actions import CodeRefused, TooManyCodes, ask_for_code, person_of_code
from lingxiu.accounts.models import DemoMessage, LoginCode, User
from lingxiu.connectors.sms import NoGateway
from lingxiu.journal.models import Entry
from lingxiu.privacy.cipher import blind_index
from tests.cast import Cast

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
UNKNOWN = "13900000000"
HERE = "10.1.2.3"


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


def ask(phone: str, at: datetime = NOON, address: str = HERE) -> str:
    """Ask for a code and read it where the demo shows it; empty if nothing was sent."""
    before = DemoMessage.objects.count()
    ask_for_code(phone, address=address, at=at)
    newest = DemoMessage.objects.last()
    if newest is None or DemoMessage.objects.count() == before:
        return ""
    assert newest.phone == phone
    found = re.search(r"\d{6}", newest.text)
    assert found
    return found.group()


def enter(phone: str, digits: str, at: datetime) -> User:
    """Sign in by the newest code."""
    newest = LoginCode.objects.latest("id")
    return person_of_code(phone, digits, code_id=newest.pk, at=at)


def other_than(digits: str) -> str:
    return f"{(int(digits) + 1) % 1_000_000:06d}"


# ── the code ──


def test_the_digits_open_the_door_once(cast: Cast) -> None:
    digits = ask(cast.owner.phone)
    assert enter(cast.owner.phone, digits, at=NOON).pk == cast.owner.pk
    with pytest.raises(CodeRefused):
        enter(cast.owner.phone, digits, at=NOON)


def test_they_are_good_for_five_minutes(cast: Cast) -> None:
    digits = ask(cast.owner.phone)
    with pytest.raises(CodeRefused):
        enter(cast.owner.phone, digits, at=NOON + codes.GOOD_FOR)
    assert enter(cast.owner.phone, digits, at=NOON + codes.GOOD_FOR - timedelta(seconds=1))


def test_five_wrong_tries_use_them_up(cast: Cast) -> None:
    digits = ask(cast.owner.phone)
    left = []
    for _ in range(codes.MOST_TRIES):
        with pytest.raises(CodeRefused) as caught:
            enter(cast.owner.phone, other_than(digits), at=NOON)
        left.append(caught.value.tries_left)
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(CodeRefused):
        enter(cast.owner.phone, digits, at=NOON)


def test_a_newer_code_takes_the_place_of_the_older_in_the_session_that_asked(cast: Cast, client: Client) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        send(client, cast.owner.phone)
        older = read_demo_code()
        now.shift(timedelta(minutes=2))
        send(client, cast.owner.phone)
        newer = read_demo_code()
        if older != newer:
            assert client.post("/sign-in/phone/", {"digits": older}).status_code == 400
        assert client.post("/sign-in/phone/", {"digits": newer}).status_code == 302


def test_the_digits_are_good_only_where_they_were_asked_for(cast: Cast, client: Client) -> None:
    other = Client()
    with time_machine.travel(NOON, tick=False) as now:
        send(client, cast.owner.phone)
        digits = read_demo_code()
        now.shift(timedelta(minutes=1))
        send(other, cast.owner.phone)  # a stranger who knows the number asks for it, too
        if read_demo_code() != digits:
            for _ in range(codes.MOST_TRIES):
                assert other.post("/sign-in/phone/", {"digits": digits}).status_code == 400
        assert Client().post("/sign-in/phone/", {"digits": digits})["Location"] == "/sign-in/?way=phone"
        assert client.post("/sign-in/phone/", {"digits": digits}).status_code == 302


def test_once_somebody_is_in_no_other_code_of_the_phone_is_good(cast: Cast) -> None:
    first, second = ask(cast.owner.phone), ask(cast.owner.phone, NOON + timedelta(minutes=1))
    older, newer = LoginCode.objects.order_by("id").values_list("pk", flat=True)
    assert person_of_code(cast.owner.phone, second, code_id=newer, at=NOON + timedelta(minutes=1)) == cast.owner
    with pytest.raises(CodeRefused):
        person_of_code(cast.owner.phone, first, code_id=older, at=NOON + timedelta(minutes=1))


def test_one_phones_digits_do_not_open_anothers_door(cast: Cast) -> None:
    digits = ask(cast.owner.phone)
    ask(cast.stranger_owner.phone)
    with pytest.raises(CodeRefused):
        enter(cast.stranger_owner.phone, other_than(digits), at=NOON)


def test_an_unknown_phone_is_treated_alike_but_gets_no_message(cast: Cast) -> None:
    assert ask(UNKNOWN) == ""
    assert LoginCode.objects.filter(phone_index=blind_index(UNKNOWN)).count() == 1
    with pytest.raises(CodeRefused) as caught:
        enter(UNKNOWN, "123456", at=NOON)
    assert caught.value.tries_left == codes.MOST_TRIES - 1
    with pytest.raises(TooManyCodes):
        ask(UNKNOWN, NOON + timedelta(seconds=10))


def test_an_officer_never_signs_in_by_phone_alone(cast: Cast) -> None:
    cast.grid_member.phone = "13700000001"
    cast.grid_member.save()
    assert ask("13700000001") == ""


def test_somebody_without_a_post_gets_no_message(cast: Cast) -> None:
    User.objects.create_user("nobody", None, name="无", phone="13700000002")
    assert ask("13700000002") == ""


def test_a_code_lies_in_the_database_neither_readable_nor_guessable(cast: Cast) -> None:
    digits = ask(cast.owner.phone)
    row = LoginCode.objects.get()
    stored = [str(getattr(row, field.name)) for field in LoginCode._meta.get_fields()]
    assert not any(cast.owner.phone in value or digits == value or HERE in value for value in stored)
    assert len(row.code_hash) == 64


def test_old_requests_are_forgotten(cast: Cast) -> None:
    ask(cast.owner.phone)
    ask(UNKNOWN, NOON + timedelta(days=2))
    assert LoginCode.objects.count() == 1


# ── how often ──


def test_a_phone_gets_one_a_minute_and_five_an_hour(cast: Cast) -> None:
    for minute in range(5):
        ask(cast.owner.phone, NOON + timedelta(minutes=minute))
    with pytest.raises(TooManyCodes) as caught:
        ask(cast.owner.phone, NOON + timedelta(minutes=5))
    assert caught.value.free_from == NOON + timedelta(hours=1)


def test_a_network_address_cannot_try_one_phone_after_another(cast: Cast) -> None:
    limit = codes.PER_ADDRESS[0]
    for number in range(limit.count):
        ask(f"139{number:08d}")
    with pytest.raises(TooManyCodes):
        ask("13800000000")
    assert ask(cast.owner.phone, address="10.9.9.9")


def test_a_burst_from_one_phone_is_counted_one_by_one(
    django_db_setup: None, django_db_blocker: Any, settings: Any
) -> None:
    """Eight at once, each on a connection of its own: one is sent for."""

    def one(_: int) -> bool:
        try:
            ask_for_code(UNKNOWN, address=HERE, at=NOON)
        except TooManyCodes:
            return False
        finally:
            connection.close()
        return True

    with django_db_blocker.unblock():
        try:
            with ThreadPoolExecutor(8) as pool:
                assert sorted(pool.map(one, range(8))) == [False] * 7 + [True]
        finally:
            LoginCode.objects.all().delete()


def test_without_a_gateway_known_and_unknown_phones_are_told_the_same(cast: Cast, settings: Any) -> None:
    settings.DEMO = False
    for phone in (cast.owner.phone, UNKNOWN):
        with pytest.raises(NoGateway):
            ask_for_code(phone, address=HERE, at=NOON)
    assert not LoginCode.objects.exists()


# ── on the page ──


def send(client: Client, phone: str, **extra: Any) -> Any:
    return client.post("/sign-in/code/", {"phone": phone, **extra})


def read_demo_code() -> str:
    newest = DemoMessage.objects.last()
    assert newest
    found = re.search(r"\d{6}", newest.text)
    assert found
    return found.group()


def test_an_owner_comes_in_and_stays_for_a_month(cast: Cast, client: Client) -> None:
    number = cast.owner.phone
    spaced = f"+86 {number[:3]}-{number[3:7]} {number[7:]}"
    answer = send(client, spaced, next="/account/")
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert f"{number[:3]}****{number[7:]}" in page
    assert number not in page
    answer = client.post("/sign-in/phone/", {"digits": read_demo_code(), "next": "/account/"})
    assert answer["Location"] == "/account/"
    assert client.session["_auth_user_id"] == str(cast.owner.pk)
    assert client.session.get_expiry_age() == 30 * 24 * 3600
    entry = Entry.objects.get(kind="user.signed_in")
    assert (entry.actor_id, entry.reference) == (cast.owner.pk, {"way": "code"})


def test_known_and_unknown_phones_see_the_same_page(cast: Cast) -> None:
    pages = []
    for phone in (cast.owner.phone, UNKNOWN):
        client = Client()
        answer = client.get(send(client, phone)["Location"])
        masked = f"{phone[:3]}****{phone[7:]}"
        pages.append(re.sub(r'value="[^"]{40,}"', "", answer.content.decode()).replace(masked, "…"))
    assert pages[0] == pages[1]


def test_the_number_waits_in_the_session_unreadable(cast: Cast, client: Client) -> None:
    send(client, cast.owner.phone)
    assert cast.owner.phone not in str(dict(client.session))


def test_wrong_digits_say_how_many_tries_are_left(cast: Cast, client: Client) -> None:
    send(client, cast.owner.phone)
    answer = client.post("/sign-in/phone/", {"digits": other_than(read_demo_code())}, headers={"accept-language": "en"})
    assert answer.status_code == 400
    assert "Tries left with this code: 4" in answer.content.decode()


@pytest.mark.parametrize("digits", ["", "12345", "1234567", "12345x", "１２３４５"])
def test_what_is_not_six_digits_costs_no_try(cast: Cast, client: Client, digits: str) -> None:
    send(client, cast.owner.phone)
    assert client.post("/sign-in/phone/", {"digits": digits}).status_code == 400
    assert LoginCode.objects.get().tries == 0


def test_digits_typed_wide_or_with_blanks_are_understood(cast: Cast, client: Client) -> None:
    send(client, cast.owner.phone)
    digits = read_demo_code()
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in digits)
    answer = client.post("/sign-in/phone/", {"digits": f" {wide[:3]} {wide[3:]} "})
    assert answer.status_code == 302


def test_a_wrong_number_is_named_and_kept(client: Client, db: None) -> None:
    answer = send(client, "12345")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "12345" in page


def test_asking_again_too_soon_says_from_when(cast: Cast, client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        send(client, cast.owner.phone)
        answer = client.post("/sign-in/code/", {"phone": cast.owner.phone}, headers={"accept-language": "en"})
    assert answer.status_code == 429
    assert "from 12:01:00" in answer.content.decode()


def test_digits_without_a_number_lead_back_to_the_number(client: Client, db: None) -> None:
    assert client.post("/sign-in/phone/", {"digits": "123456"})["Location"] == "/sign-in/?way=phone"


def test_another_number_can_be_typed(cast: Cast, client: Client) -> None:
    send(client, cast.owner.phone)
    client.post("/sign-in/other-phone/", {})
    assert 'name="phone"' in client.get("/sign-in/?way=phone").content.decode()


def test_the_demo_shows_its_messages_and_only_the_demo(cast: Cast, client: Client, settings: Any) -> None:
    assert client.get("/demo/sms/").status_code == 200
    send(client, cast.owner.phone)
    part = client.get("/demo/sms/?part=list").content.decode()
    assert read_demo_code() in part
    assert "<html" not in part
    settings.DEMO = False
    assert client.get("/demo/sms/").status_code == 302  # like any address a stranger may not open
    client.force_login(cast.administrator)
    assert client.get("/demo/sms/").status_code == 404
