"""The stream between gateways and writers: JetStream, one subject a partition of the devices, each message kept until it is stored.

A gateway's sink when NATS_URL is set: a batch is durable when a majority of the stream's replicas has acknowledged every
message of it. A message handed over twice within two minutes is kept once. Never drops: a full stream refuses, and the
gateway then stops reading its sockets.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import blake2b
from typing import Final, NamedTuple

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    Header,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from lingxiu.sensing.packing import messages
from lingxiu.sensing.sink import Sink, SinkAway, StoreSink
from lingxiu.sensing.store import Batch, Stored, values_of

log = structlog.get_logger(__name__)

STREAM: Final = "LINGXIU_READINGS"
SUBJECTS: Final = "lingxiu.readings"
REPLICAS: Final = 3
SAME_WITHIN_SECONDS: Final = 120.0
"""A message with the identity of another is the same one for so long."""
ACK_WAIT_SECONDS: Final = 10.0
"""A writer that is not heard of for so long has died; its message goes to another."""
ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0
_NOT_CLUSTERED: Final = 10074  # of the server's error codes: replicas > 1 not supported in non-clustered mode

StreamTrouble: Final = (nats.errors.Error, OSError, asyncio.TimeoutError)
"""Whatever a stream that is away, or not whole, does to its clients."""


def sink_of(nats_url: str, database: str) -> Sink:
    """The sink an installation is configured for."""
    return StreamSink(nats_url) if nats_url else StoreSink(database)


def subject_of(partition: int) -> str:
    return f"{SUBJECTS}.{partition}"


def consumer_of(partition: int) -> str:
    return f"writer-{partition}"


def servers_of(url: str) -> list[str]:
    """The servers NATS_URL names, by comma."""
    return [one.strip() for one in url.split(",") if one.strip()]


async def connect(url: str) -> Client:
    """A connection that mends itself. Raises: StreamTrouble."""
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect(
                servers_of(url),
                name="lingxiu",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.5,  # type: ignore[arg-type]  # seconds; fractions are taken
                error_cb=_tell,
            )
    except BaseException:
        with suppress(*StreamTrouble):
            await client.close()
        raise
    return client


async def _tell(error: Exception) -> None:
    log.warning("stream.trouble", error=type(error).__name__)


async def ensure_stream(stream: JetStreamContext) -> None:
    """Make the stream if it is not there: on three servers of a cluster, on the one there is otherwise. Raises: StreamTrouble."""
    try:
        await stream.stream_info(STREAM)
    except NotFoundError:
        try:
            await stream.add_stream(_config(REPLICAS))
        except APIError as error:
            if error.err_code != _NOT_CLUSTERED:
                raise
            await stream.add_stream(_config(1))


def _config(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        description="readings on their way from gateways to writers",
        subjects=[f"{SUBJECTS}.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        duplicate_window=SAME_WITHIN_SECONDS,
        num_replicas=replicas,
    )


async def ensure_consumer(stream: JetStreamContext, partition: int) -> None:
    """The durable consumer of a partition. It hands out one message at a time, so that the partition's order is kept however
    many writers ask, and goes on with the same one when a writer dies. Raises: StreamTrouble."""
    await stream.add_consumer(
        STREAM,
        ConsumerConfig(
            durable_name=consumer_of(partition),
            filter_subject=subject_of(partition),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_ack_pending=1,
            max_deliver=-1,
        ),
    )


class Look(NamedTuple):
    """A stream seen from outside: copies it should have, copies that are up to date, messages that are not stored yet."""

    copies: int
    present: int
    waiting: int


async def look(url: str) -> Look:
    """How the stream is; one that nobody has made yet has no copies. Raises: StreamTrouble."""
    client = await connect(url)
    try:
        found = await client.jetstream().stream_info(STREAM)
    except NotFoundError:
        return Look(0, 0, 0)
    finally:
        await client.close()
    others = (found.cluster.replicas if found.cluster else None) or []
    present = 1 + sum(bool(one.current) and not one.offline for one in others)
    return Look(found.config.num_replicas or 1, present, found.state.messages)


class StreamSink:
    """The stream as a gateway's sink."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._is_made = False  # whether the stream was there when we last looked, and nothing went wrong since

    async def write(self, batch: Batch) -> Stored:
        try:
            await self._publish_all(batch)
        except StreamTrouble as error:
            self._is_made = False
            raise SinkAway(type(error).__name__) from error
        return Stored(len(batch.rows), sum(map(values_of, batch.rows.values())), len(batch.odd))

    async def close(self) -> None:
        if self._client is not None:
            with suppress(*StreamTrouble):
                await self._client.close()
            self._client = None

    async def _publish_all(self, batch: Batch) -> None:
        """Waits for all partitions, whatever becomes of one: nothing is said behind our back when we say it again."""
        stream = await self._connected()
        said = await asyncio.gather(
            *(_publish(stream, partition, parts) for partition, parts in messages(batch).items()),
            return_exceptions=True,
        )
        for trouble in said:
            if trouble is not None:
                raise trouble

    async def _connected(self) -> JetStreamContext:
        if self._client is None or self._client.is_closed:
            self._client = await connect(self._url)
            self._is_made = False
        stream = self._client.jetstream(timeout=ANSWER_SECONDS)
        if not self._is_made:
            await ensure_stream(stream)
            self._is_made = True
        return stream


async def _publish(stream: JetStreamContext, partition: int, parts: list[bytes]) -> None:
    """One after the other: the second may not be there without the first."""
    for data in parts:
        identity = blake2b(data, digest_size=16).hexdigest()
        await stream.publish(subject_of(partition), data, stream=STREAM, headers={Header.MSG_ID: identity})
