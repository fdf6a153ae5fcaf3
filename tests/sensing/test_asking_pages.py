"""Asking from a page and from the command line: who may, what they see, how it ends."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from hj212 import ExeRtn, QnRtn
from lingxiu.cli import main
from lingxiu.sensing import answers, asking
from lingxiu.sensing.models import Device, DeviceLine, DeviceRequest, Process
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, Plant, make_device
from tests.sensing.peers import Peer, gateway
from tests.sensing.test_asking import QUICK, Dial, answer, data_of, hello

__all__ = ["plain_static"]

PAGE = f"/sensing/devices/{MN}/ask/"
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.fixture
def device(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, MN)


@pytest.fixture
def manager(client: Client, cast: Cast) -> Client:
    client.force_login(cast.by_role["county_officer"])
    return client


def test_only_who_manages_devices_may_ask_them(client: Client, cast: Cast, device: Device) -> None:
    client.force_login(cast.by_role["leader"])
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"what": "clock"}).status_code == 403
    assert not DeviceRequest.objects.exists()


def test_a_question_is_asked_once_however_often_its_form_is_sent(manager: Client, cast: Cast, device: Device) -> None:
    form = {"what": "clock", "submission": "9b2c3f52-6f7e-4a7e-9d6f-000000000001"}
    for _ in range(2):
        assert manager.post(PAGE, form).status_code == 302
    (request,) = DeviceRequest.objects.all()
    assert (request.cn, request.state, request.asked_by) == ("1011", "waiting", cast.by_role["county_officer"].pk)
    page = manager.get(PAGE).content.decode()
    assert "Read its clock" in page or "读取" in page


def test_data_are_asked_for_by_the_countys_clock(manager: Client, device: Device) -> None:
    since = timezone.localtime() - timedelta(hours=3)
    until = since + timedelta(hours=1)
    moments = {"since": f"{since:%Y-%m-%dT%H:%M}", "until": f"{until:%Y-%m-%dT%H:%M}"}
    manager.post(PAGE, {"what": "minute", **moments})
    (request,) = DeviceRequest.objects.all()
    assert request.parameters == {"BeginTime": f"{since:%Y%m%d%H%M}00", "EndTime": f"{until:%Y%m%d%H%M}00"}


@pytest.mark.parametrize(
    "said", [{"what": "tea"}, {"what": "minute", "since": "never"}, {"what": "set-key", "key": "1"}]
)
def test_what_cannot_be_asked_is_said_and_nothing_is_kept(
    manager: Client, device: Device, said: dict[str, str]
) -> None:
    assert manager.post(PAGE, said).status_code == 302
    assert not DeviceRequest.objects.exists()
    device.refresh_from_db()
    assert device.secret == ""
    assert manager.get(PAGE).status_code == 200


def test_a_key_is_set_by_hand_and_never_shown(manager: Client, device: Device) -> None:
    manager.post(PAGE, {"what": "set-key", "key": "AB" * 16})
    device.refresh_from_db()
    assert device.secret == "ab" * 16
    manager.post(PAGE, {"what": "change-key"})
    device.refresh_from_db()
    page = manager.get(PAGE).content.decode()
    assert device.secret not in page and device.former_secret not in page
    assert DeviceRequest.objects.get().why == "rotation"


def test_the_devices_page_says_how_it_is_connected_and_who_contests_it(manager: Client, device: Device) -> None:
    now = timezone.now()
    process = Process.objects.create(
        run="9b2c3f52-6f7e-4a7e-9d6f-000000000002", kind="gateway", host="a", pid=1, started_at=now, seen_at=now
    )
    line = DeviceLine.objects.create(device=device, run=process.run, peer="10.1.2.3:4711", since=now, version="2025")
    assert "10.1.2.3:4711" in manager.get(f"/sensing/devices/{MN}/").content.decode()
    line.contested_at, line.contested_by = now, "10.9.9.9"
    line.save()
    assert "10.9.9.9" in manager.get(PAGE).content.decode()
    Process.objects.update(seen_at=now - timedelta(minutes=5))
    assert "10.1.2.3:4711" not in manager.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("state", "codes", "answer_items", "words"),
    [
        ("done", {}, {"SystemTime": "20260305195500", "frames": "1"}, "2026-03-05 19:55:00: 300 s behind"),
        ("done", {}, {"SystemTime": "20260305200001", "frames": "1"}, "2026-03-05 20:00:01: right"),
        ("done", {}, {"RtdInterval": "30"}, "every 30 s"),
        ("done", {}, {"first": "20260305100000", "last": "20260305110000", "frames": "61"},
         "61 packets, from 2026-03-05 10:00 to 2026-03-05 11:00"),
        ("done", {}, {"i13001-Info": "0-10"}, "i13001-Info=0-10"),
        ("refused", {"qn_rtn": 3}, {}, "wrong password"),
        ("failed", {"exe_rtn": 100}, {}, "it has no such data"),
        ("waiting", {}, {}, ""),
    ],
)  # fmt: skip
def test_answers_are_told_in_words(state: str, codes: dict[str, int], answer_items: dict[str, str], words: str) -> None:
    request = DeviceRequest(cn="1011", state=state, answer=answer_items, ended_at=NOW, **codes)
    with translation.override("en"):
        assert answers.answer_of(request) == words


# ── the command line ──


def type_in(*words: str, said: str = "") -> Result:
    """In a thread of its own, as in a process of its own."""
    results: list[Result] = []

    def work() -> None:
        language = os.environ.pop("LANG", None)
        try:
            results.append(CliRunner().invoke(main, ["device", *words], input=said))
        finally:
            if language is not None:
                os.environ["LANG"] = language
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return results[0]


def in_talk(plant: Plant, device_side: Callable[[Peer], object], *words: str) -> Result:
    """`lingxiu device …` while a device is connected, which answers as `device_side` says."""
    results: list[Result] = []

    async def talk(dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        typed = asyncio.create_task(asyncio.to_thread(type_in, *words))
        answered = device_side(peer)
        assert asyncio.iscoroutine(answered)
        await answered
        results.append(await typed)

    async def running() -> None:
        async with gateway(plant.database, QUICK) as (_, dial):
            await talk(dial)

    asyncio.run(running())
    return results[0]


def test_lingxiu_device_ask_prints_the_answer(plant: Plant) -> None:
    async def says(peer: Peer) -> None:
        (question,) = await peer.hear()
        await answer(peer, question, data_of(question, f"SystemTime={timezone.localtime():%Y%m%d%H%M%S}"))

    result = in_talk(plant, says, "ask", MN, "clock")
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("right")


def test_lingxiu_device_ask_ends_with_one_and_a_line_when_the_device_cannot(plant: Plant) -> None:
    async def says(peer: Peer) -> None:
        (question,) = await peer.hear()
        await answer(peer, question, result=ExeRtn.NO_DATA)

    result = in_talk(plant, says, "ask", MN, "history", "--since", f"{timezone.localtime():%Y-%m-%d} 00:00:00")
    assert (result.exit_code, result.output) == (1, "Error: failed: it has no such data\n")


def test_lingxiu_device_ask_gives_up_on_a_device_that_is_not_there(plant: Plant) -> None:
    result = type_in("ask", MN, "clock", "--wait", "1")
    assert (result.exit_code, result.output) == (1, "Error: not done in time\n")


def test_wrong_words_end_with_two(plant: Plant) -> None:
    assert type_in("ask", MN, "tea").exit_code == 2
    assert type_in("ask", MN, "realtime-interval", "--value", "5").exit_code == 2
    assert type_in("ask", "NOBODY", "clock").exit_code == 1


def test_lingxiu_device_key_sets_and_changes_a_key(plant: Plant) -> None:
    assert type_in("key", MN, "--change").exit_code == 1
    assert type_in("key", MN, said="zz\n").exit_code == 1
    assert type_in("key", MN, said="31" * 16 + "\n").exit_code == 0
    assert type_in("key", MN, "--change").exit_code == 0
    plant.device.refresh_from_db()
    assert plant.device.former_secret == "31" * 16
    assert asking.DeviceRequest.objects.get().cn == "1014"


def test_a_refusal_has_a_word_for_every_code_of_the_standard() -> None:
    assert set(answers.REFUSALS) == set(QnRtn) - {QnRtn.ACCEPTED}
    assert set(answers.FAILURES) == set(ExeRtn) - {ExeRtn.DONE}
