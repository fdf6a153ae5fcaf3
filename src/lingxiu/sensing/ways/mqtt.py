"""`lingxiu mqtt`: readings from any MQTT broker. A message is acknowledged (QoS 1) after its readings are committed, never before.

The session is kept by the broker under a fixed name, so what is published while nobody listens, and what was not acknowledged when
this process died, comes again; the same again is stored once. While the database is away nothing is acknowledged, and soon nothing
read. What cannot be read is kept as odd and acknowledged: it would not be better the second time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import uuid4

import aiomqtt
import psycopg
import structlog
from django.db import Error as DjangoError
from django.db import connection, transaction
from django.utils import timezone

from lingxiu.config.environment import environment
from lingxiu.policy.queries import NoPolicy, in_force
from lingxiu.sensing.hearing import NOTE_DEAF, listener_says
from lingxiu.sensing.models import Process, Way
from lingxiu.sensing.other_readings import Odd, keep_odd
from lingxiu.sensing.store import Store, conninfo
from lingxiu.sensing.ways.broker import Broker, Client
from lingxiu.sensing.ways.mapping import Json
from lingxiu.sensing.ways.receiving import Message, Outcome, Reception, topics

log = structlog.get_logger(__name__)
Done = TypeVar("Done")

MOST_AT_ONCE: Final = 500
"""Messages of one transaction; a broker's window of unacknowledged ones is usually smaller."""
LONGEST_PAYLOAD: Final = 256 * 1024
BACK_OFF_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
TOPICS_EVERY_S: Final = 30.0
BEAT_EVERY_S: Final = 10.0


# ── what is done with a batch ────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Counts:
    """What this process has counted since it began."""

    messages: int = 0
    readings: int = 0
    refused: int = 0
    unknown: int = 0
    batches: int = 0


class Receiver:
    """Stores messages, one batch after another; blocking, so it has a thread of its own."""

    def __init__(self, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._store = Store(conninfo())
        self._run = uuid4()
        self._started_at = clock()
        self.counts = Counts()

    def take(self, messages: Sequence[aiomqtt.Message]) -> None:
        """Store and commit these. Raises django.db.Error, psycopg.Error: not stored; to be tried again."""
        try:
            self._take(messages)
        except (DjangoError, psycopg.Error):
            self.let_go()
            raise
        except Exception as error:  # one that nobody foresaw must not stop all that come after it
            if len(messages) > 1:
                for message in messages:
                    self.take([message])
                return
            log.error("mqtt.not_read", topic=str(messages[0].topic), error=type(error).__name__, exc_info=error)
            keep_odd([Odd(None, f"mqtt:{type(error).__name__}", _payload(messages[0]))], self._clock())

    def _take(self, messages: Sequence[aiomqtt.Message]) -> None:
        at = self._clock()
        readable = [(message, document) for message in messages if (document := _document(message)) is not None]
        reception = Reception(at, write_fume=self._store.write, way=Way.MQTT)
        outcomes = reception.receive([Message(sent, "mqtt", topic=str(one.topic)) for one, sent in readable])
        read = {id(message) for message, _ in readable}
        if odd := [Odd(None, "json", _payload(one)) for one in messages if id(one) not in read]:
            keep_odd(odd, at)
        self._count(messages, [one for of_one in outcomes for one in of_one])

    def _count(self, messages: Sequence[aiomqtt.Message], outcomes: Sequence[Outcome]) -> None:
        counts = self.counts
        counts.batches += 1
        counts.messages += len(messages)
        counts.readings += sum(one.result in ("accepted", "same") for one in outcomes)
        counts.refused += sum(one.result == "refused" for one in outcomes)
        counts.unknown += sum(fault.why == "unknown" for one in outcomes for fault in one.faults)

    def wanted(self) -> list[str]:
        """The topics of all mappings in force. Raises django.db.Error, NoPolicy."""
        return list(topics(in_force().catalogues.json_mappings))

    def beat(self) -> None:
        """Say that this process listens to its broker, and what it has counted. Raises django.db.Error."""
        counts, now = self.counts, self._clock()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(NOTE_DEAF, listener_says(Way.MQTT, now))
            self._note(counts, now)

    def _note(self, counts: Counts, now: datetime) -> None:
        Process.objects.update_or_create(
            run=self._run,
            defaults={
                "kind": "mqtt", "host": socket.gethostname()[:60], "pid": os.getpid(),
                "started_at": self._started_at, "seen_at": now, "frames": counts.messages,
                "readings": counts.readings, "batches": counts.batches, "refused": counts.refused,
                "unknown": counts.unknown,
            },
        )  # fmt: skip

    def let_go(self) -> None:
        """Close both connections; the next use opens others."""
        connection.close()
        self._store.close()


def _document(message: aiomqtt.Message) -> Json:
    """None for what is no JSON."""
    payload = _payload(message)
    if len(payload) > LONGEST_PAYLOAD:
        return None
    try:
        found: Json = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found


def _payload(message: aiomqtt.Message) -> bytes:
    return bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else str(message.payload).encode()


# ── its life ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Bridge:
    """Listens until told to stop; after any loss of broker or database it goes on by itself."""

    def __init__(self, broker: Broker, receiver: Receiver) -> None:
        self._broker = broker
        self._receiver = receiver
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mqtt-store")
        self._stopped = asyncio.Event()
        self.listening = asyncio.Event()

    def stop(self) -> None:
        """Finish the batch at hand, then end."""
        self._stopped.set()

    async def run(self) -> None:
        """Until stopped."""
        tries = 0
        while not self._stopped.is_set():
            try:
                async with self._broker.client() as client:
                    log.info("mqtt.connected", host=self._broker.host, port=self._broker.port)
                    tries = 0
                    await self._listen(client)
            except (aiomqtt.MqttError, OSError) as error:
                log.warning("mqtt.waits_for_broker", error=type(error).__name__)
                await self._pause(tries)
                tries += 1
        await self._blocking(self._receiver.let_go)
        self._thread.shutdown()

    async def _listen(self, client: Client) -> None:
        """Raises aiomqtt.MqttError when the connection is lost."""
        messages = client.messages
        stopped = asyncio.create_task(self._stopped.wait())
        subscribed = asyncio.create_task(
            self._subscribe(client)
        )  # beside: what waits for us may come before the answer does
        beating = asyncio.create_task(self._beat())
        following = asyncio.ensure_future(anext(messages))
        try:
            while not self._stopped.is_set():
                await asyncio.wait({following, stopped, subscribed}, return_when=asyncio.FIRST_COMPLETED)
                if subscribed.done():
                    subscribed.result()
                if not following.done():
                    continue
                batch = [following.result()]
                while len(messages) and len(batch) < MOST_AT_ONCE:
                    batch.append(await anext(messages))
                await self._store(batch)
                for message in batch:
                    client.acknowledge(message)
                client.read_on()
                following = asyncio.ensure_future(anext(messages))
        finally:
            self.listening.clear()
            for task in (following, stopped, subscribed, beating):
                task.cancel()
            await asyncio.gather(following, stopped, subscribed, beating, return_exceptions=True)

    async def _subscribe(self, client: Client) -> None:
        """Ask for the topics of the policy in force, which may change while we run. Raises aiomqtt.MqttError."""
        known: set[str] = set()
        while True:
            try:
                wanted = set(await self._blocking(self._receiver.wanted))
            except (DjangoError, NoPolicy) as error:
                log.warning("mqtt.waits_for_policy", error=type(error).__name__)
                await self._blocking(self._receiver.let_go)
                await self._pause(1)
                continue
            for topic in sorted(wanted - known):
                await client.subscribe(topic, qos=1)
            for topic in sorted(known - wanted):
                await client.unsubscribe(topic)
            if wanted != known:
                log.info("mqtt.subscribed", topics=len(wanted))
            known = wanted
            self.listening.set()
            await asyncio.sleep(TOPICS_EVERY_S)

    async def _store(self, batch: Sequence[aiomqtt.Message]) -> None:
        """Until it is stored. Nothing is acknowledged meanwhile, so the broker holds the rest."""
        tries = 0
        while True:
            try:
                await self._blocking(lambda: self._receiver.take(batch))
                return
            except (DjangoError, psycopg.Error, NoPolicy) as error:
                if self._stopped.is_set():
                    raise aiomqtt.MqttError("stopped with messages that are not acknowledged") from error
                log.warning("mqtt.waits_for_database", error=type(error).__name__)
                await self._pause(tries)
                tries += 1

    async def _beat(self) -> None:
        """Signs of life while we are subscribed, and only then: without them nobody who comes by MQTT is called silent."""
        await self.listening.wait()
        while True:
            try:
                await self._blocking(self._receiver.beat)
            except DjangoError:
                await self._blocking(self._receiver.let_go)
            await asyncio.sleep(BEAT_EVERY_S)

    async def _pause(self, tries: int) -> None:
        """Longer after each try; ended at once by `stop`."""
        try:
            await asyncio.wait_for(self._stopped.wait(), BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
        except TimeoutError:
            return

    async def _blocking(self, do: Callable[[], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)


async def _run(broker: Broker) -> None:
    bridge = Bridge(broker, Receiver())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bridge.stop)
    await bridge.run()


def main() -> None:
    """`lingxiu mqtt`: until told to stop. Raises AddressWrong."""
    settings = environment()
    broker = Broker.at(settings.mqtt_url, settings.mqtt_name)
    log.info("mqtt.started", host=broker.host, port=broker.port)
    asyncio.run(_run(broker))
    log.info("mqtt.stopped")
