"""The pages on which frames are tried: by officers against a device, by makers against us. Nothing stays of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils.translation import gettext as _

from hj212 import Deviation
from hj212.encryption import transform
from lingxiu.sensing.keys import Key
from lingxiu.sensing.trying import Became
from lingxiu.sensing.trying_words import BECAME, DEVIATIONS, WHY
from lingxiu.sensing.views import trying as page
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.frames import segment_frame

__all__ = ["plain_static"]

SELF_TEST = "/sensing/self-test/"
SAID = (
    "QN=20190813155800001;ST=22;CN=2011;PW=123456;MN=2019051703100020;Flag=5;CP=&&DataTime=20190813155800;"
    "LAMPBLACK-Rtd=6.23,LAMPBLACK-Flag=N;PM-Rtd=0.5&&"
)


@pytest.fixture(autouse=True)
def fresh_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "turns", page.Turns())


def test_everything_that_can_be_said_of_a_frame_has_words() -> None:
    assert set(DEVIATIONS) == set(Deviation)
    assert set(BECAME) == set(Became)


def test_a_stranger_learns_what_we_understand_and_what_should_have_been_sent(client: Client, cast: Cast) -> None:
    assert client.get(SELF_TEST).status_code == 200
    right = segment_frame(SAID).strip().decode()
    answer = client.post(SELF_TEST, {"frames": right[:-4] + "0759", "profile": "best"}).content.decode()
    for words in ("LAMPBLACK-Rtd=6.23", "6.23 mg/m³", "0759", right[-4:], "lampblack-words"):
        assert words in answer, words


def test_makers_find_the_self_test_from_the_sign_in_page_and_officers_the_dialects_from_the_devices(
    client: Client, cast: Cast
) -> None:
    assert f'href="{SELF_TEST}"' in client.get("/sign-in/").content.decode()
    client.force_login(cast.by_role["county_officer"])
    assert 'href="/sensing/profiles/"' in client.get("/sensing/").content.decode()


def test_nothing_stays_of_a_self_test(client: Client, cast: Cast) -> None:
    def rows() -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT (SELECT count(*) FROM odd_frame), (SELECT count(*) FROM journal_entry),"
                           " (SELECT count(*) FROM sensing_unknowndevice), (SELECT count(*) FROM reading_fume)")  # fmt: skip
            return cursor.fetchall()

    before = rows()
    client.post(SELF_TEST, {"frames": segment_frame(SAID).decode()})
    assert rows() == before


@pytest.mark.parametrize(
    ("said", "status"),
    [({"frames": ""}, 422), ({"frames": "x" * 20_000}, 422), ({"frames": "##", "profile": "none"}, 422), ({"frames": "hello"}, 200)],
)  # fmt: skip
def test_what_cannot_be_tried_is_told(client: Client, cast: Cast, said: dict[str, str], status: int) -> None:
    assert client.post(SELF_TEST, said).status_code == status


def test_one_network_has_so_many_tries_a_minute() -> None:
    turns, at = page.Turns(), datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
    taken = [turns.take("10.0.0.1", at) for _ in range(page.TRIES_A_MINUTE + 1)]
    assert taken == [True] * page.TRIES_A_MINUTE + [False]
    assert turns.take("10.0.0.2", at)
    assert turns.take("10.0.0.1", at + timedelta(minutes=1))


def test_who_tries_too_often_is_asked_to_wait(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "TRIES_A_MINUTE", 0)
    assert client.post(SELF_TEST, {"frames": "hello"}).status_code == 429


def test_markup_in_a_frame_stays_text(client: Client, cast: Cast) -> None:
    frame = segment_frame(SAID.replace("PM-Rtd=0.5", "x<script>alert(1)</script>-Rtd=<b>")).decode()
    answer = client.post(SELF_TEST, {"frames": frame}).content.decode()
    assert "<script>alert" not in answer
    assert "&lt;script&gt;" in answer


def test_dialects_are_listed_for_officers_and_tried_by_who_manages_devices(client: Client, cast: Cast) -> None:
    for role, listed, tried in (("county_officer", 200, 200), ("grid_member", 200, 403), ("owner", 403, 403)):
        client.force_login(cast.by_role[role])
        assert client.get("/sensing/profiles/").status_code == listed
        assert client.get("/sensing/profiles/plain-2017/try/").status_code == tried
    client.force_login(cast.by_role["county_officer"])
    assert client.get("/sensing/profiles/none/try/").status_code == 404


def test_a_dialect_is_tried_against_the_last_frames_of_a_device_each_once(client: Client, cast: Cast) -> None:
    device = make_device(cast.merchant.pk, MN)
    frame = segment_frame(SAID).strip()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO recent_frame (device_id, at, frame) VALUES (%s, now(), %s)", [device.pk, frame])
        cursor.execute(
            "INSERT INTO odd_frame (device_id, at, why, frame) VALUES (%s, now(), 'crc', %s)", [device.pk, frame]
        )
    client.force_login(cast.by_role["county_officer"])
    answer = client.get(f"/sensing/profiles/lampblack-words/try/?mn={MN}")
    assert [len(answer.context["tried"]), answer.context["tried"][0]["values"][0]["sent"]] == [1, "LAMPBLACK-Rtd=6.23"]
    assert client.get("/sensing/profiles/lampblack-words/try/?mn=NOBODY").status_code == 404


# ── keys ──

KEY, FORMER = "30" * 16, "31" * 16
SECRET_SAID = (
    f"QN=20260305115901000;ST=31;CN={{cn}};PW=123456;MN={MN};Flag=9;CP=&&DataTime=20260305115900;a34041-Avg=0.42,a34041-Flag=N;"
    "SB1-RS=1;SB2-RS=1&&"
)


def encrypted(cn: str = "2051", key: str = KEY) -> bytes:
    """A frame of 2025, its data area under SM4; length and check value are those of the plain text."""
    plain = segment_frame(SECRET_SAID.format(cn=cn)).strip()
    begin, end = plain.index(b"&&") + 2, plain.rindex(b"&&")
    return plain[:begin] + transform(plain[begin:end], Key(key).encrypt) + plain[end:]


@pytest.mark.parametrize("version", ["best", "plain-2025"])
def test_a_maker_opens_frames_with_a_test_key_that_is_kept_nowhere(
    client: Client, cast: Cast, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    sent = {"frames": encrypted().hex(), "profile": version}
    closed = client.post(SELF_TEST, sent).context["tried"][0]
    assert (closed["values"], closed["opened"], str(closed["why"][0])) == ([], [], str(WHY["encrypted"]))
    with caplog.at_level("DEBUG"):
        answer = client.post(SELF_TEST, sent | {"key": f" {KEY[:16]} {KEY[16:].upper()} "})
    (one,) = answer.context["tried"]
    assert [value["text"] for value in one["values"]] == ["0.42", _("on"), _("on")]
    assert "a34041-Avg=0.42" in "".join(one["opened"])
    assert "a34041" not in "".join(one["raw"])
    assert KEY not in answer.content.decode()
    assert KEY not in caplog.text
    assert client.post(SELF_TEST, sent | {"key": FORMER}).context["tried"][0]["opened"] == []


@pytest.mark.parametrize("key", ["30" * 15, "zz" * 16, "秘"])
def test_a_key_that_is_none_is_told_without_being_said_again(client: Client, cast: Cast, key: str) -> None:
    answer = client.post(SELF_TEST, {"frames": "##", "key": key})
    assert answer.status_code == 422
    assert key not in answer.content.decode()


def test_an_officer_who_chooses_a_device_has_its_keys_used_and_never_sees_them(client: Client, cast: Cast) -> None:
    device = make_device(cast.merchant.pk, MN, "plain-2025", secret=KEY, former_secret=FORMER)
    make_device(cast.merchant.pk, "OTHER", "plain-2025")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO recent_frame (device_id, at, frame) VALUES (%s, now(), %s)", [device.pk, encrypted()]
        )
    client.force_login(cast.by_role["county_officer"])
    address = "/sensing/profiles/plain-2025/try/"
    answer = client.get(f"{address}?mn={MN}")
    assert [len(one["values"]) for one in answer.context["tried"]] == [3]
    for key, opened in ((KEY, True), (FORMER, True), ("32" * 16, False)):
        pasted = client.post(f"{address}?mn={MN}", {"frames": encrypted(key=key).hex()})
        assert bool(pasted.context["tried"][0]["opened"]) is opened
        assert KEY not in pasted.content.decode()
        assert FORMER not in pasted.content.decode()
    for without in (address, f"{address}?mn=OTHER"):
        assert client.post(without, {"frames": encrypted().hex()}).context["tried"][0]["opened"] == []


def test_what_tells_of_a_key_stays_closed(client: Client, cast: Cast) -> None:
    make_device(cast.merchant.pk, MN, "plain-2025", secret=KEY)
    client.force_login(cast.by_role["county_officer"])
    answer = client.post(f"/sensing/profiles/plain-2025/try/?mn={MN}", {"frames": encrypted("1014").hex()})
    (one,) = answer.context["tried"]
    assert (one["opened"], one["values"], one["kept"]) == ([], [], [])


def test_a_dialect_is_tried_against_what_is_pasted(client: Client, cast: Cast) -> None:
    client.force_login(cast.by_role["county_officer"])
    answer = client.post("/sensing/profiles/lampblack-words/try/", {"frames": segment_frame(SAID).hex(" ")})
    assert answer.context["tried"][0]["values"][0]["text"] == "6.23"
