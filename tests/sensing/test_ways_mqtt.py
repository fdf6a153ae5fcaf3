"""Readings by MQTT: acknowledged when they are committed, and not before, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from lingxiu.sensing.models import Device, UnknownDevice
from lingxiu.sensing.ways.broker import AddressWrong, Broker
from lingxiu.sensing.ways.mqtt import Bridge, Counts, Receiver
from tests.cast import make_cast
from tests.sensing.broker import mosquitto, publish
from tests.sensing.cluster import Programs, ask, cluster, free_port, mn_of, now
from tests.sensing.conftest import forget_readings, make_device
from tests.waiting import eventually

GAS, FUME, EACH = 10, 10, 150
TABLES = ("reading_gas", "reading_fume")


def make_half_of_them_gas_alarms(programs: Programs) -> None:
    ask(
        programs,
        f"UPDATE sensing_device SET kind = 'gas_alarm', profile = 'json-gas' WHERE mn < '{mn_of(GAS)}' RETURNING 1",
    )


def stream(first: int) -> Iterator[tuple[str, Any]]:
    """A part of every device's readings, a second apart."""
    begin = now() - timedelta(hours=1)
    for n in range(first, first + EACH):
        at = (begin + timedelta(seconds=n)).isoformat()
        for number in range(GAS + FUME):
            if number < GAS:
                yield f"lingxiu/gas/{mn_of(number)}", {"at": at, "lel_pct": n % 10}
            else:
                yield f"lingxiu/fume/{mn_of(number)}", {"at": at, "fume_mg_m3": 0.5, "fan_on": True}


class Publishing(threading.Thread):
    """Publishes on a thread of its own; `done`: how many the broker has."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__()
        self.port, self.first, self.done = port, first, 0

    def run(self) -> None:
        def counted() -> Iterator[tuple[str, Any]]:
            for message in stream(self.first):
                yield message
                self.done += 1

        asyncio.run(publish(self.port, counted()))


def stored(programs: Programs) -> int:
    return sum(ask(programs, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)


def what_the_broker_still_has(port: int, name: str) -> list[str]:
    """What it sends to our name when we come again; nothing, if all was acknowledged."""

    async def listen() -> list[str]:
        async with Broker.at(f"mqtt://127.0.0.1:{port}", name).client() as client:
            held: list[str] = []
            messages = client.messages
            while True:
                try:
                    held.append(str((await asyncio.wait_for(anext(messages), 1.0)).topic))
                except TimeoutError:
                    return held

    return asyncio.run(listen())


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_killed_again_and_again_it_loses_nothing_and_stores_nothing_twice() -> None:
    with mosquitto() as broker, cluster(GAS + FUME, env=env_of(broker.url)) as programs:
        make_half_of_them_gas_alarms(programs)
        programs.start("mqtt")
        eventually(lambda: it_listens(programs), within_s=60)
        published = 0
        for name in ("mqtt", "postgres", "mqtt", "mqtt"):
            before = stored(programs)
            publishing = Publishing(broker.port, published)
            publishing.start()
            eventually(lambda before=before: stored(programs) > before + 300, within_s=60)
            programs.kill(name)
            publishing.join(60)
            programs.revive()
            published += EACH
            assert publishing.done == EACH * (GAS + FUME)
        eventually(lambda: stored(programs) == published * (GAS + FUME), within_s=90)
        assert ask(programs, "SELECT DISTINCT why FROM odd_frame") == []
        bridge = programs.children["mqtt"]
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(20) == 0
        assert what_the_broker_still_has(broker.port, "lingxiu") == []


def env_of(url: str) -> dict[str, str]:
    return {"MQTT_URL": url, "LINGXIU_LOG_LEVEL": "INFO"}


def it_listens(programs: Programs) -> bool:
    """Whether the bridge has subscribed: what is published before it ever did is nobody's."""
    return "mqtt.subscribed" in programs.log_of("mqtt").read_text(encoding="utf-8")


@pytest.fixture
def trap(transactional_db: None) -> Iterator[Device]:
    cast = make_cast()
    yield make_device(cast.merchant.pk, "GT1", "trap-cloud", kind="grease_trap")
    forget_readings()


def run_while(port: int, scene: Callable[[Bridge], Awaitable[None]]) -> Counts:
    """A bridge in this process, and what happens meanwhile."""

    async def both() -> Counts:
        receiver = Receiver()
        bridge = Bridge(Broker.at(f"mqtt://127.0.0.1:{port}", "here"), receiver)
        running = asyncio.create_task(bridge.run())
        await scene(bridge)
        bridge.stop()
        await asyncio.wait_for(running, 20)
        return receiver.counts

    return asyncio.run(both())


async def soon(look: Callable[[], bool]) -> None:
    """Until it is so, looked at from a thread that may ask the database."""

    def looking() -> None:
        try:
            eventually(look)
        finally:
            connection.close()

    await asyncio.to_thread(looking)


def grease() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT level_pct FROM reading_grease ORDER BY at")
        return cursor.fetchall()


def cloud(minutes_ago: int, level: int) -> dict[str, Any]:
    at = int((now() - timedelta(minutes=minutes_ago)).timestamp() * 1000)
    return {"device": {"sn": "GT1"}, "payload": {"frames": [{"ts": at, "sensors": [{"code": "LVL", "value": level}]}]}}


def test_a_makers_topic_is_read_and_nonsense_is_kept_and_acknowledged(trap: Device) -> None:
    with mosquitto() as broker:

        async def scene(bridge: Bridge) -> None:
            await bridge.listening.wait()
            await publish(
                broker.port,
                [
                    ("trapcloud/z/GT1/up", b"{no json"),
                    ("trapcloud/z/GT1/up", [1, 2, 3]),
                    ("trapcloud/z/STRANGER/up", cloud(3, 100)),
                    ("trapcloud/z/GT1/up", b"9" * 300_000),
                    ("trapcloud/z/GT1/up", cloud(2, 825)),
                    ("trapcloud/z/GT1/up", cloud(1, 9999)),
                    ("nobody/asked/for/this", {}),
                ],
            )
            await soon(lambda: bridge._receiver.counts.messages == 6)

        counts = run_while(broker.port, scene)
        assert grease() == [(82.5,)]
        assert (counts.readings, counts.unknown) == (1, 1)
        assert UnknownDevice.objects.get().mn == "STRANGER"
        with connection.cursor() as cursor:
            cursor.execute("SELECT why FROM odd_frame ORDER BY why")
            whys = [why for (why,) in cursor.fetchall()]
        assert whys == ["json", "json", "range:sensors[code=LVL].value"]
        assert what_the_broker_still_has(broker.port, "here") == []


def test_it_waits_for_a_broker_that_is_away_and_for_the_database(trap: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    failures = iter([OperationalError("away"), OperationalError("still away")])
    take = Receiver._take

    def unwilling(self: Receiver, messages: Any) -> None:
        for failure in failures:
            raise failure
        take(self, messages)

    monkeypatch.setattr(Receiver, "_take", unwilling)

    async def scene(bridge: Bridge) -> None:
        with mosquitto(port):
            await bridge.listening.wait()
            await publish(port, [("trapcloud/z/GT1/up", cloud(1, 500))])
            await soon(lambda: bridge._receiver.counts.messages == 1)

    run_while(port, scene)
    assert grease() == [(50.0,)]


def test_an_address_is_read() -> None:
    broker = Broker.at("mqtts://county:p%40ss@mqtt.example:9883", "here")
    assert (broker.host, broker.port, broker.user, broker.password, broker.encrypted) == (
        "mqtt.example", 9883, "county", "p@ss", True
    )  # fmt: skip
    assert Broker.at("mqtt://10.0.0.1", "here").port == 1883
    for wrong in ("", "10.0.0.1:1883", "http://10.0.0.1", "mqtt://"):
        with pytest.raises(AddressWrong, match="mqtt://"):
            Broker.at(wrong, "here")
