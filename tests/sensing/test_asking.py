"""Asking devices over real sockets: what waits is said, said again, answered, written down; and only by who holds the line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from hj212 import (
    ExeRtn,
    Frame,
    Message,
    QnRtn,
    answer_request,
    command,
    decrypt,
    encode,
    is_encrypted,
    make_cp,
    report_result,
)
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing import asking, lines
from lingxiu.sensing.asking import CannotAsk
from lingxiu.sensing.gateway import Gateway, Limits
from lingxiu.sensing.keys import Key
from lingxiu.sensing.models import Device, DeviceEvent, DeviceLine, DeviceRequest
from lingxiu.sensing.profiles import microseconds
from lingxiu.sensing.statistics import Gap
from tests.sensing.conftest import Plant, make_device
from tests.sensing.frames import control, local, minutes, reading_frame
from tests.sensing.peers import Peer, gateway

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
NOW = NOON + timedelta(hours=8)
QUICK = Limits(batch_seconds=0.01, answer_seconds=0.4, answer_retries=1, result_seconds=0.6)
KEY = "30" * 16
Dial = Callable[[], Awaitable[Peer]]
State = DeviceRequest.State


def run(plant: Plant, talk: Callable[[Gateway, Dial], Awaitable[None]], limits: Limits = QUICK) -> None:
    async def running() -> None:
        async with gateway(plant.database, limits, lambda: microseconds(NOW)) as (gate, dial):
            await talk(gate, dial)

    asyncio.run(running())


def put(device: Device, what: str, **said: object) -> DeviceRequest:
    return asking.ask(device, what, at=NOW, **said)  # type: ignore[arg-type]  # a test's shorthand


async def looked(work: Callable[..., Any], *said: object, **named: object) -> Any:
    """Do something with the database from beside the loop, and let its connection go."""

    def do() -> Any:
        try:
            return work(*said, **named)
        finally:
            connection.close()

    return await asyncio.to_thread(do)


async def asked(device: Device, what: str, **said: object) -> DeviceRequest:
    request = await looked(put, device, what, **said)
    assert isinstance(request, DeviceRequest)
    return request


async def ends(request: DeviceRequest, state: State, within: float = 10.0) -> DeviceRequest:
    """Wait until it stands so in the database."""
    async with asyncio.timeout(within):
        while True:
            await looked(request.refresh_from_db)
            if request.state == state:
                return request
            await asyncio.sleep(0.02)


async def hello(dial: Dial, device: Device, at: datetime = NOON) -> Peer:
    """A device that has said something, and whose line is therefore known."""
    peer = await dial()
    await peer.say(reading_frame(device.mn, at))
    await peer.hear()
    return peer


async def answer(peer: Peer, question: Frame, *data: bytes, result: ExeRtn = ExeRtn.DONE) -> None:
    await peer.say(answer_request(question, QnRtn.ACCEPTED), *data, report_result(question, result))


def data_of(question: Frame, cp: str, **other: str) -> bytes:
    said = {"cn": question.cn or "", "st": question.st, "mn": question.mn, "pw": question.pw, "qn": question.qn} | other
    return encode(Message(**said, flag="4", cp=cp))  # type: ignore[arg-type]  # names of fields


# ── the three steps ──


def test_a_clock_is_read_in_three_steps(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "clock")
        (question,) = await peer.hear()
        assert (question.cn, question.st, question.mn, question.pw, question.flag, question.cp) == (
            "1011", "31", plant.device.mn, "123456", "5", "",
        )  # fmt: skip
        await peer.say(answer_request(question, QnRtn.ACCEPTED))
        await ends(request, State.ACCEPTED)
        await peer.say(data_of(question, "SystemTime=20260305195500"), report_result(question, ExeRtn.DONE))
        request = await ends(request, State.DONE)
        assert request.answer == {"SystemTime": "20260305195500", "frames": "1"}
        assert (request.qn, request.qn_rtn, request.exe_rtn, request.tries) == (question.qn, 1, 1, 1)
        assert (request.sent_at, request.ended_at) == (NOW, NOW)

    run(plant, talk)
    kinds = list(Entry.objects.filter(subject_kind="device").order_by("id").values_list("kind", flat=True))
    assert kinds == ["device.asked", "device.answered"]


def test_what_waits_is_said_as_soon_as_its_device_comes(plant: Plant) -> None:
    request = put(plant.device, "clock")

    async def talk(_: Gateway, dial: Dial) -> None:
        other = await hello(dial, plant.currents)
        peer = await hello(dial, plant.device)
        (question,) = await peer.hear()
        await answer(peer, question, data_of(question, "SystemTime=20260305195500"))
        await ends(request, State.DONE)
        assert await other.hears_nothing(0.05)

    run(plant, talk)


def test_setting_a_clock_says_the_time_of_saying(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "set-clock")
        (question,) = await peer.hear()
        assert (question.cn, question.items()) == ("1012", {"SystemTime": "20260305200000"})
        await answer(peer, question)
        await ends(request, State.DONE)

    run(plant, talk)


def test_questions_to_one_device_are_asked_one_after_the_other(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        requests = [await asked(plant.device, what) for what in ("clock", "realtime-interval", "minute-interval")]
        for request, cn in zip(requests, ("1011", "1061", "1063"), strict=True):
            (question,) = await peer.hear()
            assert question.cn == cn
            await answer(peer, question)
            await ends(request, State.DONE)

    run(plant, talk)


def test_a_value_is_set_in_the_words_of_the_wire(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        await asked(plant.device, "set-realtime-interval", value="30")
        (question,) = await peer.hear()
        assert (question.cn, question.items()) == ("1062", {"RtdInterval": "30"})
        await answer(peer, question)

    run(plant, talk)


def test_history_that_comes_back_is_stored_like_any_upload(plant: Plant) -> None:
    times = minutes(NOON + timedelta(hours=1), 3)

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "history", since=times[0], until=times[-1])
        (question,) = await peer.hear()
        assert question.cn == "2051"
        assert question.items() == {"BeginTime": "20260305130000", "EndTime": "20260305130200"}
        first = reading_frame(plant.device.mn, times[0], cn="2051", qn=question.qn, ack=False)
        # Parts that want answers of their own have QNs of their own (2017 C.49).
        others = [reading_frame(plant.device.mn, at, cn="2051") for at in times[1:]]
        await answer(peer, question, first, *others)
        assert [ack.cn for ack in await peer.hear(2)] == ["9014", "9014"]
        request = await ends(request, State.DONE)
        assert request.answer == {"frames": "3", "first": "20260305130000", "last": "20260305130200"}

    run(plant, talk)
    assert stored(plant.device) == [2011, 2051, 2051, 2051]


def stored(device: Device) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cn FROM reading_fume WHERE device_id = %s ORDER BY cn", [device.pk])
        return [cn for (cn,) in cursor.fetchall()]


# ── when it goes otherwise ──


def test_a_refusal_and_a_failure_are_kept_with_their_codes(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        refused = await asked(plant.device, "clock")
        (question,) = await peer.hear()
        await peer.say(answer_request(question, QnRtn.PW_WRONG))
        assert (await ends(refused, State.REFUSED)).qn_rtn == 3
        failed = await asked(plant.device, "realtime-interval")
        (question,) = await peer.hear()
        await answer(peer, question, result=ExeRtn.NO_DATA)
        assert (await ends(failed, State.FAILED)).exe_rtn == 100

    run(plant, talk)


def test_a_device_that_does_not_answer_is_asked_again_and_then_given_up(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "clock")
        first, second = await peer.hear(2)
        assert first == second
        request = await ends(request, State.EXPIRED)
        assert request.ended_at == NOW

    run(plant, talk)


def test_data_without_a_result_are_an_answer_too(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "clock")
        (question,) = await peer.hear()
        await peer.say(data_of(question, "SystemTime=20260305195500"))
        request = await ends(request, State.DONE)
        assert (request.answer["SystemTime"], request.exe_rtn) == ("20260305195500", None)

    run(plant, talk)


def test_what_a_broken_line_cut_off_is_asked_again_on_the_next(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        request = await asked(plant.device, "clock")
        await peer.hear()
        await peer.close()
        await ends(request, State.WAITING)
        peer = await hello(dial, plant.device, NOON + timedelta(minutes=1))
        (question,) = await peer.hear()
        await answer(peer, question)
        assert (await ends(request, State.DONE)).tries == 2

    run(plant, talk, Limits(batch_seconds=0.01))


def test_a_device_that_never_comes_is_waited_for_until_the_request_is_over(plant: Plant) -> None:
    request = put(plant.device, "clock")
    assert asking.expire(NOW + timedelta(minutes=9)) == 0
    assert asking.expire(NOW + timedelta(minutes=10)) == 1
    request.refresh_from_db()
    assert (request.state, request.ended_at) == (State.EXPIRED, NOW + timedelta(minutes=10))

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        assert await peer.hears_nothing(0.2)

    run(plant, talk)


def test_a_gateway_that_stops_gives_back_what_it_was_asking(plant: Plant) -> None:
    requests = []

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await hello(dial, plant.device)
        requests.append(await asked(plant.device, "clock"))
        await peer.hear()

    run(plant, talk, Limits(batch_seconds=0.01))
    requests[0].refresh_from_db()
    assert requests[0].state == State.WAITING
    line = DeviceLine.objects.get(device=plant.device)
    assert line.until == NOW
    assert asking.line_of(plant.device, NOW) is None


# ── which gateway, which line ──


def test_of_two_gateways_only_the_one_with_the_newest_line_asks(plant: Plant) -> None:
    later = NOW + timedelta(seconds=1)

    async def running() -> None:
        async with (
            gateway(plant.database, QUICK, lambda: microseconds(NOW)) as (_, dial_first),
            gateway(plant.database, QUICK, lambda: microseconds(later)) as (second, dial_second),
        ):
            old = await hello(dial_first, plant.device)
            new = await hello(dial_second, plant.device)
            await line_is_of(plant.device, second)
            request = await asked(plant.device, "clock")
            (question,) = await new.hear()
            assert await old.hears_nothing(0.1)
            await answer(new, question)
            await ends(request, State.DONE)

    asyncio.run(running())


async def line_is_of(device: Device, gate: Gateway) -> DeviceLine:
    def line() -> DeviceLine | None:
        return DeviceLine.objects.filter(device=device, run=gate.logbook.run, until=None).first()

    async with asyncio.timeout(60):
        while (found := await looked(line)) is None:
            await asyncio.sleep(0.02)
    return found


def test_a_line_says_how_its_device_speaks(plant: Plant) -> None:
    async def talk(gate: Gateway, dial: Dial) -> None:
        await hello(dial, plant.device)
        line = await line_is_of(plant.device, gate)
        assert (line.version, line.encrypted, line.since, line.contested_at) == ("2017", False, NOW, None)
        assert line.peer.startswith("127.0.0.1:")
        assert await looked(asking.line_of, plant.device, NOW) == line

    run(plant, talk)


# ── what devices and the watch want ──


def test_a_device_that_asks_for_the_time_is_given_it_once_a_minute(plant: Plant) -> None:
    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(control("1013", plant.device.mn))
        notice, question = await peer.hear(2)
        assert (notice.cn, question.cn) == ("9013", "1012")
        await answer(peer, question)
        await peer.say(control("1013", plant.device.mn))
        (notice,) = await peer.hear()
        assert notice.cn == "9013"
        assert await peer.hears_nothing(0.2)

    run(plant, talk)
    (request,) = DeviceRequest.objects.all()
    assert (request.why, request.cn, request.state) == ("device", "1012", State.DONE)


def test_a_gap_is_asked_for_once_and_only_of_devices_that_can(plant: Plant) -> None:
    policy = in_force()
    gaps = [
        Gap(plant.device.pk, NOON + timedelta(minutes=3), NOON + timedelta(hours=3, minutes=7)),
        Gap(plant.device.pk, NOON - timedelta(days=9), NOON - timedelta(days=1)),
        Gap(plant.device.pk, NOON - timedelta(minutes=30), NOON),
        Gap(plant.currents.pk, NOON, NOON + timedelta(hours=3)),
    ]
    assert asking.fill_gaps(policy, gaps, NOW) == 2
    assert asking.fill_gaps(policy, gaps, NOW + timedelta(days=1)) == 0
    requests = DeviceRequest.objects.order_by("id")
    assert [(one.cn, one.why, one.device_id) for one in requests] == [("2051", "gap", plant.device.pk)] * 2
    assert [one.parameters["BeginTime"] for one in requests] == ["20260305120000", "20260302120000"]
    assert [one.parameters["EndTime"] for one in requests] == ["20260305145900", "20260304115900"]


def test_the_journal_knows_what_was_asked_to_fill_a_gap(plant: Plant) -> None:
    assert asking.fill_gaps(in_force(), [a_gap(plant.device), a_gap(plant.device, 2)], NOW) == 2
    assert asking.fill_gaps(in_force(), [a_gap(plant.device)], NOW) == 0
    entries = list(Entry.objects.filter(kind="device.asked").order_by("id"))
    assert [(one.subject_id, one.actor_id, one.at, one.merchant_id) for one in entries] == [
        (plant.device.mn, None, NOW, plant.cast.merchant.pk)
    ] * 2
    requests = DeviceRequest.objects.order_by("id").values_list("id", flat=True)
    assert [one.reference for one in entries] == [{"request": pk, "cn": "2051", "why": "gap"} for pk in requests]


def a_gap(device: Device, days: int = 0) -> Gap:
    """Three hours of silence."""
    return Gap(device.pk, NOON - timedelta(days=days), NOON + timedelta(hours=3, days=-days))


def test_minutes_that_are_named_by_their_end_are_asked_for_by_that_name(plant: Plant) -> None:
    device = make_device(plant.cast.merchant.pk, "33042100000001", "numbers-by-id")
    assert asking.fill_gaps(in_force(), [a_gap(device)], NOW) == 1
    assert DeviceRequest.objects.get().parameters == {"BeginTime": "20260305120100", "EndTime": "20260305150000"}


async def question_of(peer: Peer) -> Frame:
    """The next that is asked; acknowledgements come when they come."""
    while True:
        (frame,) = await peer.hear()
        if frame.cn != "9014":
            return frame


async def two_that_fill_gaps() -> list[DeviceRequest]:
    async with asyncio.timeout(60):
        while True:
            found = await looked(lambda: list(DeviceRequest.objects.filter(why="gap", state=State.SENT)))
            assert len(found) <= 2
            if len(found) == 2:
                return list(found)
            await asyncio.sleep(0.02)


def ended(device: Device, state: State, **said: Any) -> None:
    """Has been asked to fill a gap, in vain or not."""
    DeviceRequest.objects.create(
        device=device, cn="2051", why="gap", state=state, tries=1, asked_at=NOW, expires_at=NOW, ended_at=NOW, **said
    )


def test_who_does_not_know_the_question_is_asked_again_after_a_month(plant: Plant) -> None:
    ended(plant.device, State.REFUSED, qn_rtn=8)
    assert asking.fill_gaps(in_force(), [a_gap(plant.device)], NOW) == 0
    assert asking.fill_gaps(in_force(), [a_gap(plant.device)], NOW + timedelta(days=31)) == 1


def test_who_never_answers_is_asked_three_times(plant: Plant) -> None:
    for day in range(3):
        assert asking.fill_gaps(in_force(), [a_gap(plant.device, day)], NOW) == 1
        DeviceRequest.objects.filter(ended_at=None).update(state=State.EXPIRED, ended_at=NOW, tries=1)
    assert asking.fill_gaps(in_force(), [a_gap(plant.device, 3)], NOW) == 0
    ended(plant.device, State.DONE)
    assert asking.fill_gaps(in_force(), [a_gap(plant.device, 3)], NOW) == 1


def test_of_many_that_come_back_together_so_many_are_asked_at_once_and_people_wait_for_none(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "GAPS_AT_ONCE", 2)
    devices = [make_device(plant.cast.merchant.pk, f"GAP{number}") for number in range(6)]
    assert asking.fill_gaps(in_force(), [a_gap(one) for one in devices], NOW) == 6

    async def talk(_: Gateway, dial: Dial) -> None:
        peers = {}
        for one in devices:
            peers[one.pk] = await dial()
            await peers[one.pk].say(reading_frame(one.mn, NOW))
        for turn in range(3):
            taken = await two_that_fill_gaps()
            questions = {one.pk: await question_of(peers[one.device_id]) for one in taken}
            assert {question.cn for question in questions.values()} == {"2051"}
            if turn == 0:
                waits = next(one for one in devices if one.pk not in {request.device_id for request in taken})
                person = await asked(waits, "clock")
                question = await question_of(peers[waits.pk])
                assert question.cn == "1011"
                await answer(peers[waits.pk], question)
                await ends(person, State.DONE)
            for request in taken:
                await answer(peers[request.device_id], questions[request.pk])
                await ends(request, State.DONE)

    run(plant, talk, Limits(batch_seconds=0.01))
    assert DeviceRequest.objects.filter(why="gap", state=State.DONE).count() == 6


@pytest.mark.parametrize(
    ("what", "said", "why"),
    [
        ("tea", {}, "unknown"),
        ("set-realtime-interval", {"value": "29"}, "value"),
        ("set-minute-interval", {"value": "7"}, "value"),
        ("history", {}, "period"),
        ("history", {"since": NOW}, "period"),
        ("history", {"since": NOW - timedelta(days=3)}, "period"),
        ("info", {"value": "i11001;"}, "name"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(
    plant: Plant, what: str, said: dict[str, object], why: str
) -> None:
    with pytest.raises(CannotAsk) as error:
        put(plant.device, what, **said)
    assert error.value.why == why
    assert not DeviceRequest.objects.exists()


def test_the_same_question_waits_once_and_not_without_end(plant: Plant) -> None:
    assert put(plant.device, "clock") == put(plant.device, "clock")
    for day in range(1, asking.OPEN_AT_ONCE):
        put(plant.device, "history", since=NOW - timedelta(days=day, hours=1), until=NOW - timedelta(days=day))
    with pytest.raises(CannotAsk):
        put(plant.device, "realtime-interval")
    plant.currents.state = Device.State.RETIRED
    with pytest.raises(CannotAsk):
        put(plant.currents, "clock")
    plant.states.profile = "trap-plain-json"  # another way in: no line to ask it on
    with pytest.raises(CannotAsk) as error:
        put(plant.states, "clock")
    assert error.value.why == "way"


# ── keys ──


def encrypted(device: Device, at: datetime, key: Key) -> bytes:
    """What a 2025 device says of a moment."""
    cp = make_cp({"DataTime": f"{local(at):%Y%m%d%H%M%S}"}, {"a34041": {"Rtd": "0.5", "Flag": "N"}})
    message = Message("2011", "31", device.mn, "123456", f"{local(at):%Y%m%d%H%M%S}000", "9", cp=cp)
    return encode(message, encrypt=key.encrypt)


def test_an_encrypted_reading_is_stored_and_acknowledged(plant: Plant) -> None:
    asking.set_key(plant.device, KEY, at=NOW)

    async def talk(gate: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(encrypted(plant.device, NOON, Key(KEY)))
        (ack,) = await peer.hear()
        assert ack.cn == "9014"
        line = await line_is_of(plant.device, gate)
        assert (line.version, line.encrypted) == ("2025", True)

    run(plant, talk)
    assert stored(plant.device) == [2011]


def test_without_its_key_an_encrypted_frame_is_kept_and_not_acknowledged(plant: Plant) -> None:
    asking.set_key(plant.currents, KEY, at=NOW)

    async def talk(_: Gateway, dial: Dial) -> None:
        peer = await dial()
        await peer.say(encrypted(plant.device, NOON, Key(KEY)))
        await peer.say(encrypted(plant.currents, NOON, Key("31" * 16)))
        assert await peer.hears_nothing(0.2)

    run(plant, talk)
    assert stored(plant.device) == stored(plant.currents) == []
    assert odd() == ["encrypted", "encrypted"]


def odd() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT why FROM odd_frame ORDER BY id")
        return [why for (why,) in cursor.fetchall()]


def test_a_key_is_changed_by_the_wire_and_the_former_one_serves_until_then(plant: Plant) -> None:
    asking.set_key(plant.device, KEY, at=NOW)

    async def talk(_: Gateway, dial: Dial) -> None:
        old = Key(KEY)
        peer = await dial()
        await peer.say(encrypted(plant.device, NOON, old))
        await peer.hear()
        request = await looked(asking.rotate_key, plant.device, at=NOW)
        (question,) = await peer.hear()
        assert is_encrypted(question)
        plain = decrypt(question, old.decrypt)
        assert plain.crc_ok
        new = Key(plain.items()["NewSK"])
        await peer.say(encrypted(plant.device, NOON + timedelta(minutes=1), old))
        await peer.hear()
        await answer(peer, question)
        await ends(request, State.DONE)
        await peer.say(encrypted(plant.device, NOON + timedelta(minutes=2), new))
        await peer.hear()
        async with asyncio.timeout(60):
            while (plant.device.secret, plant.device.former_secret) != (new.hex, ""):
                await looked(plant.device.refresh_from_db)
                await asyncio.sleep(0.02)
        assert new.hex != KEY

    plant.device.refresh_from_db()
    run(plant, talk)
    assert stored(plant.device) == [2011] * 3
    events = DeviceEvent.objects.filter(device=plant.device, kind="key_changed")
    assert events.count() == 2


def test_until_a_new_key_was_used_the_same_one_is_sent_again(plant: Plant) -> None:
    with pytest.raises(CannotAsk):
        asking.rotate_key(plant.device, at=NOW)
    asking.set_key(plant.device, KEY, at=NOW)
    asking.rotate_key(plant.device, at=NOW)
    plant.device.refresh_from_db()
    first = plant.device.secret
    asking.rotate_key(plant.device, at=NOW + timedelta(days=2))
    plant.device.refresh_from_db()
    assert (plant.device.secret, plant.device.former_secret) == (first, KEY)


def test_keys_are_changed_every_ninety_days(plant: Plant) -> None:
    asking.set_key(plant.device, KEY, at=NOW)
    assert asking.rotate_old_keys(NOW + timedelta(days=89)) == 0
    assert asking.rotate_old_keys(NOW + timedelta(days=91)) == 1
    assert asking.rotate_old_keys(NOW + timedelta(days=91, hours=1)) == 0
    (request,) = DeviceRequest.objects.all()
    assert (request.cn, request.why) == ("1014", "rotation")


def test_plain_text_of_a_device_that_encrypts_is_stored_and_gets_no_line(plant: Plant) -> None:
    asking.set_key(plant.device, KEY, at=NOW)

    async def talk(gate: Gateway, dial: Dial) -> None:
        peer, stranger = await dial(), await dial()
        await peer.say(encrypted(plant.device, NOON, Key(KEY)))
        await peer.hear()
        await stranger.say(reading_frame(plant.device.mn, NOON + timedelta(minutes=1)))
        await stranger.hear()
        await line_is_of(plant.device, gate)
        await asked(plant.device, "clock")
        (question,) = await peer.hear()
        assert question.cn == "1011"
        assert await stranger.hears_nothing(0.05)

    run(plant, talk)
    assert stored(plant.device) == [2011, 2011]
    assert odd() == ["plain"]


def test_a_request_looks_as_the_standard_prints_it() -> None:
    said = command("1011", st="32", mn="010000A8900016F000169DC0", pw="123456", qn="20240601085857223", version="2025")
    assert encode(said).endswith(b"Flag=9;CP=&&&&2200\r\n")  # HJ 212-2025 A.1
