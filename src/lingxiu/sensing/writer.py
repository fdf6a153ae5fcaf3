"""A writer: takes packed batches from the stream, stores them, and only then lets the stream forget them.

Any number of writers may run. A partition hands out one message at a time, to whoever asks; if that one dies it is handed to
another, who finds in the database what was stored already. Judges no reading, and answers no device.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from typing import Final

import psycopg
import structlog
from django.utils import timezone
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame
from nats.js import JetStreamContext

from lingxiu.config.environment import environment
from lingxiu.sensing import reached
from lingxiu.sensing.packing import PARTITIONS, NotABatch, UnknownVersion, unpack
from lingxiu.sensing.profiles import microseconds, moment
from lingxiu.sensing.store import Batch, OddFrame, Store, conninfo
from lingxiu.sensing.stream import (
    ACK_WAIT_SECONDS,
    STREAM,
    StreamTrouble,
    connect,
    consumer_of,
    ensure_consumer,
    ensure_stream,
)

log = structlog.get_logger(__name__)

ASK_SECONDS: Final = 2.0
"""How long one question for a message waits at the stream; also how long a writer takes to stop."""
NOTE_SECONDS: Final = 5.0
TRY_AGAIN_SECONDS: Final = 1.0
NEWER_SECONDS: Final = 5.0
"""What a newer gateway packed is asked for again after so long."""


class Writer:
    """One process: a task and a database connection a partition."""

    def __init__(self, url: str, database: str, clock: Callable[[], datetime] = timezone.now) -> None:
        """`url` as NATS_URL, `database` as libpq takes it."""
        self._url, self._database, self._clock = url, database, clock
        self._stopped = asyncio.Event()
        self._stored: dict[int, datetime] = {}

    def stop(self) -> None:
        """Store the batches at hand, then end."""
        self._stopped.set()

    async def run(self) -> None:
        """Write until stopped; wait for a stream or a database that is away."""
        client = await self._connected()
        if client is None:
            return
        log.info("writer.started", partitions=PARTITIONS)
        try:
            async with asyncio.TaskGroup() as group:
                for partition in range(PARTITIONS):
                    group.create_task(self._empty(client, partition))
                group.create_task(self._note_forever(client))
        finally:
            await client.close()
        log.info("writer.stopped")

    async def _connected(self) -> Client | None:
        while not self._stopped.is_set():
            try:
                return await connect(self._url)
            except StreamTrouble as error:
                await self._wait("stream", error)
        return None

    async def _wait(self, what: str, error: BaseException, seconds: float = TRY_AGAIN_SECONDS) -> None:
        log.warning("writer.waits", what=what, error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    # ---- one partition ----

    async def _empty(self, client: Client, partition: int) -> None:
        """Take the messages of a partition one by one; after any trouble, look whether the stream is as it should be."""
        stream = client.jetstream()
        with closing(Store(self._database)) as store:
            while not self._stopped.is_set():
                try:
                    await ensure_stream(stream)
                    await ensure_consumer(stream, partition)
                    await self._ask(stream, store, partition)
                except StreamTrouble as error:
                    await self._wait("stream", error)

    async def _ask(self, stream: JetStreamContext, store: Store, partition: int) -> None:
        asked = await stream.pull_subscribe_bind(consumer_of(partition), STREAM)
        try:
            while not self._stopped.is_set():
                with suppress(NothingCame):
                    (message,) = await asked.fetch(1, timeout=ASK_SECONDS)
                    await self._take(store, partition, message)
        finally:
            with suppress(*StreamTrouble):
                await asked.unsubscribe()

    async def _take(self, store: Store, partition: int, message: Msg) -> None:
        """Store one message and let the stream forget it; not stored when we are stopped, another writer gets it."""
        try:
            batch = unpack(message.data)
        except UnknownVersion as error:
            log.error("writer.too_old", version=error.version)
            await message.nak(NEWER_SECONDS)
            return
        except NotABatch:
            log.error("writer.not_a_batch", partition=partition, size=len(message.data))
            now = microseconds(self._clock())
            batch = Batch(now, odd=[OddFrame(None, now, "not-a-batch", message.data)])
        holding = asyncio.create_task(_hold(message))
        try:
            stored = await self._store_until_done(store, batch)
        finally:
            holding.cancel()
        if stored:
            await message.ack()
            self._stored[partition] = moment(batch.at)

    async def _store_until_done(self, store: Store, batch: Batch) -> bool:
        while True:
            try:
                await asyncio.to_thread(store.write, batch)
            except psycopg.Error as error:
                await self._wait("database", error)
                if self._stopped.is_set():
                    return False
            else:
                return True

    # ---- beside them ----

    async def _note_forever(self, client: Client) -> None:
        """Note now and then up to when everything is stored."""
        while not self._stopped.is_set():
            try:
                now = self._clock()
                empty = await self._empty_ones(client)
                await asyncio.to_thread(self._note, empty, now)
            except (psycopg.Error, *StreamTrouble) as error:
                await self._wait("note", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), NOTE_SECONDS)

    async def _empty_ones(self, client: Client) -> set[int]:
        """Partitions of which nothing waits, and nothing is being stored."""
        stream, empty = client.jetstream(), set()
        for partition in range(PARTITIONS):
            consumer = await stream.consumer_info(STREAM, consumer_of(partition))
            if not consumer.num_pending and not consumer.num_ack_pending:
                empty.add(partition)
        return empty

    def _note(self, empty: set[int], now: datetime) -> None:
        with psycopg.connect(self._database, autocommit=True) as database:
            reached.note(database, dict(self._stored), empty, now, socket.gethostname()[:60], os.getpid())


async def _hold(message: Msg) -> None:
    """Tell the stream that we are still at it."""
    while True:
        await asyncio.sleep(ACK_WAIT_SECONDS / 3)
        with suppress(*StreamTrouble):
            await message.in_progress()


async def _run(url: str, database: str) -> None:
    writer = Writer(url, database)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, writer.stop)
    await writer.run()


def main() -> None:
    """`lingxiu writer`: until told to stop."""
    url = environment().nats_url
    if not url:
        raise SystemExit(
            "writers empty a stream: name it with NATS_URL=nats://…; without one, gateways store themselves"
        )
    asyncio.run(_run(url, conninfo()))
