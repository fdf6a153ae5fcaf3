"""Officers sign in by name and password; the door closes for a while after five wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session
from django.test import Client

from lingxiu.accounts import lockout
from lingxiu.accounts.jobs import forget_at
from lingxiu.accounts.models import User
from lingxiu.journal.models import Entry
from tests.cast import Cast

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
PASSWORD = "wide-river-lantern-7"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) MicroMessenger/8.0.50"
EN = {"accept-language": "en"}


@pytest.fixture
def officer(cast: Cast) -> User:
    """The county officer, with a password."""
    cast.county_officer.set_password(PASSWORD)
    cast.county_officer.save()
    return cast.county_officer


def try_password(client: Client, password: str, username: str = "county", **extra: Any) -> Any:
    return client.post("/sign-in/", {"username": username, "password": password, **extra}, headers=EN)


def test_the_right_password_leads_to_the_front_door(officer: User, client: Client) -> None:
    answer = try_password(client, PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(officer.pk)


def test_each_role_comes_in_by_its_own_front_door(cast: Cast, client: Client) -> None:
    doors = {}
    for role, user in cast.by_role.items():
        user.set_password(PASSWORD)
        user.save()
        doors[role] = try_password(Client(), PASSWORD, user.username)["Location"]
    assert doors["grid_member"] == "/collect/"
    assert doors["owner"] == "/shop/"
    assert doors["town_dispatcher"] == "/issues/?view=unit"
    assert doors["leader"] == "/"


def test_a_sign_in_leaves_a_trace_with_nothing_personal_in_it(officer: User, client: Client) -> None:
    try_password(client, PASSWORD)
    client.post("/sign-out/")
    signed_in, signed_out = Entry.objects.filter(subject_kind="user", subject_id=officer.pk).order_by("id")
    assert (signed_in.kind, signed_in.reference) == ("user.signed_in", {"way": "password"})
    assert (signed_out.kind, signed_out.reference) == ("user.signed_out", {})


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/issues/?view=all", "/issues/?view=all"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("issues/", "/"),
        ("https://testserver/issues/", "/"),
    ],
)
def test_nobody_is_led_to_a_strangers_address(officer: User, client: Client, wanted: str, led_to: str) -> None:
    assert try_password(client, PASSWORD, next=wanted)["Location"] == led_to


def test_a_stranger_is_sent_to_sign_in_and_then_back(officer: User, client: Client) -> None:
    answer = client.get("/account/?x=1")
    assert answer["Location"] == "/sign-in/?next=%2Faccount%2F%3Fx%3D1"
    assert 'value="/account/?x=1"' in client.get(answer["Location"]).content.decode()


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(officer: User, client: Client) -> None:
    wrong, unknown = try_password(client, "wrong"), try_password(client, "wrong", "nobody-here")
    assert wrong.status_code == unknown.status_code == 400
    assert "Name or password is wrong" in wrong.content.decode()
    assert "Name or password is wrong" in unknown.content.decode()
    assert 'value="nobody-here"' in unknown.content.decode()


def test_five_wrong_passwords_lock_the_name_and_say_until_when(officer: User, client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        answers = [try_password(client, "wrong") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [400] * 4 + [429]
        page = answers[-1].content.decode()
        assert "Locked until 12:15" in page
        assert 'value="county"' in page
        assert try_password(client, PASSWORD).status_code == 429  # even the right one
    with time_machine.travel(NOON + timedelta(minutes=16), tick=False):
        assert try_password(client, PASSWORD).status_code == 302


def test_a_lock_holds_only_for_the_name_and_the_place_it_was_tried_from(
    officer: User, cast: Cast, client: Client
) -> None:
    for _ in range(5):
        try_password(client, "wrong")
    assert (
        client.post("/sign-in/", {"username": "county", "password": PASSWORD}, REMOTE_ADDR="10.0.0.9").status_code
        == 302
    )


def spray(client: Client, count: int, address: str = "203.0.113.9") -> list[int]:
    """One wrong password for each of so many names; the statuses of the answers."""
    posts = [{"username": f"name-{number}", "password": "Spring-2026"} for number in range(count)]
    return [client.post("/sign-in/", post, REMOTE_ADDR=address).status_code for post in posts]


def enter_from(client: Client, address: str = "203.0.113.9") -> Any:
    fields = {"username": "county", "password": PASSWORD}
    return client.post("/sign-in/", fields, REMOTE_ADDR=address, headers=EN)


def test_one_password_for_many_names_is_stopped_at_the_thirtieth(officer: User, client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        assert spray(client, lockout.MOST_NAMES + 2) == [400] * lockout.MOST_NAMES + [429] * 2
        refused = enter_from(client)
        assert refused.status_code == 429
        assert "Wrong passwords for too many names" in refused.content.decode()
        assert "Locked until 12:15" in refused.content.decode()
        assert enter_from(Client(), "203.0.113.10").status_code == 302
    with time_machine.travel(NOON + timedelta(minutes=15, seconds=1), tick=False):
        assert enter_from(client).status_code == 302


def test_an_office_behind_one_address_is_not_locked_by_its_mistypes(officer: User, client: Client) -> None:
    spray(client, lockout.MOST_NAMES - 1)
    assert enter_from(client).status_code == 302


def test_who_signed_in_on_this_device_before_still_may_while_the_office_is_sprayed(
    officer: User, client: Client
) -> None:
    enter_from(client)
    client.post("/sign-out/")
    stranger = Client()
    spray(stranger, lockout.MOST_NAMES)
    assert enter_from(stranger).status_code == 429
    stranger.cookies[lockout.DEVICE] = "forged:value"
    assert enter_from(stranger).status_code == 429
    wrong_name = client.post("/sign-in/", {"username": "leader", "password": "x"}, REMOTE_ADDR="203.0.113.9")
    assert wrong_name.status_code == 429
    assert enter_from(client).status_code == 302


# ── what is kept ──


def test_failed_sign_ins_keep_neither_names_nor_addresses(officer: User, client: Client) -> None:
    try_password(client, "wrong")
    client.post("/sign-in/", {"username": "county", "password": "wrong"}, REMOTE_ADDR="203.0.113.9")
    enter_from(client, "203.0.113.10")
    kept = str([*AccessAttempt.objects.values(), *AccessLog.objects.values(), *AccessFailureLog.objects.values()])
    assert AccessAttempt.objects.count() == 2
    assert not AccessLog.objects.exists()
    assert not any(said in kept for said in ("county", "203.0.113", "127.0.0.1", "wrong'"))


def test_what_locks_nobody_any_more_is_forgotten_at_night(officer: User, client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        try_password(client, "wrong")
        client.get("/sign-in/")
    forget_at(NOON + timedelta(minutes=14))
    assert AccessAttempt.objects.count() == 1
    forget_at(NOON + timedelta(minutes=16))
    assert not AccessAttempt.objects.exists()


def test_sessions_that_ended_are_forgotten_at_night(officer: User, client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        try_password(client, PASSWORD)
    forget_at(NOON + timedelta(minutes=119))
    assert Session.objects.count() == 1
    forget_at(NOON + timedelta(minutes=121))
    assert not Session.objects.exists()


def test_a_person_who_left_does_not_come_in(officer: User, client: Client) -> None:
    User.objects.filter(pk=officer.pk).update(is_active=False)
    assert try_password(client, PASSWORD).status_code == 400


def test_nobody_without_a_password_comes_in_by_an_empty_one(cast: Cast, client: Client) -> None:
    assert try_password(client, "", "leader").status_code == 400
    assert try_password(client, "!", "leader").status_code == 400


def test_signing_out_needs_a_press_not_a_link(officer: User, client: Client) -> None:
    client.force_login(officer)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/account/").status_code == 302


def test_who_is_signed_in_already_is_led_on(officer: User, client: Client) -> None:
    client.force_login(officer)
    assert client.get("/sign-in/?next=/account/")["Location"] == "/account/"


# ── the page ──


def test_a_desk_sees_the_password_first_a_phone_the_phone(client: Client, db: None) -> None:
    desk, phone = client.get("/sign-in/"), client.get("/sign-in/", headers={"user-agent": PHONE})
    assert 'name="password"' in desk.content.decode()
    assert 'name="phone"' in phone.content.decode()
    assert 'name="password"' in client.get("/sign-in/?way=password", headers={"user-agent": PHONE}).content.decode()


def test_a_device_remembers_the_way_that_worked(officer: User, client: Client) -> None:
    try_password(client, PASSWORD)
    client.post("/sign-out/")
    assert 'name="password"' in client.get("/sign-in/", headers={"user-agent": PHONE}).content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_stands_in_both_languages(client: Client, db: None, language: str) -> None:
    page = client.get("/sign-in/", headers={"accept-language": language}).content.decode()
    assert ("用户名" in page) == (language == "zh-hans")
    assert ("User name" in page) == (language == "en")


# ── staying signed in ──


def test_an_officer_is_signed_out_when_idle_and_told_so(officer: User, client: Client, settings: Any) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        try_password(client, PASSWORD)
        for _ in range(3):  # used every 100 minutes: stays
            now.shift(timedelta(minutes=100))
            assert client.get("/account/").status_code == 200
        now.shift(timedelta(minutes=121))
        answer = client.get("/account/", headers=EN)
        assert answer.status_code == 302
        assert "You are signed out" in client.get(answer["Location"], headers=EN).content.decode()


@pytest.mark.parametrize("by_itself", ["/pulse", "/account/?part=live", "/map/alarms.geojson"])
def test_a_page_left_open_keeps_nobody_signed_in(officer: User, client: Client, by_itself: str) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        try_password(client, PASSWORD)
        for _ in range(2):
            now.shift(timedelta(minutes=70))
            client.get(by_itself)
        assert client.get("/account/").status_code == 302


def test_the_session_is_written_once_a_minute_at_most(officer: User, client: Client) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        try_password(client, PASSWORD)
        now.shift(timedelta(seconds=30))
        assert "sessionid" not in client.get("/account/").cookies
        now.shift(timedelta(seconds=31))
        assert "sessionid" in client.get("/account/").cookies
