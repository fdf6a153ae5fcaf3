"""Between gateways and writers: what is packed is unpacked, what the stream has is acknowledged, what is stored leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.js import JetStreamContext

from lingxiu.config.environment import Environment, environment
from lingxiu.doctor import Finding, examine
from lingxiu.installation import _children
from lingxiu.sensing import reached
from lingxiu.sensing.models import Deafness
from lingxiu.sensing.packing import (
    BYTES_A_MESSAGE,
    PARTITIONS,
    ROWS_A_MESSAGE,
    NotABatch,
    UnknownVersion,
    messages,
    pack,
    partition_of,
    unpack,
)
from lingxiu.sensing.profiles import Reading, microseconds, moment, to_jsonb
from lingxiu.sensing.sink import SinkAway
from lingxiu.sensing.store import Batch, OddFrame, Store
from lingxiu.sensing.stream import STREAM, StreamSink, connect, consumer_of, ensure_stream, subject_of
from lingxiu.sensing.writer import Writer
from tests.sensing.conftest import MN, Plant
from tests.sensing.frames import minutes, reading_frame
from tests.sensing.nats_cluster import Nodes, nodes
from tests.sensing.peers import gateway

AT = datetime(2026, 11, 3, 4, 0, tzinfo=UTC)

numbers = st.none() | st.floats(allow_nan=False)
states = st.none() | st.booleans()
readings = st.tuples(
    *(st.integers(1, 40), st.integers(0, 2**52), st.sampled_from([2011, 2051]), st.integers(0, 3)),
    *[numbers] * 7,
    *[states] * 2,
    *[st.none() | st.just(to_jsonb({"a34041-Rtd": "有"}))] * 2,
).map(Reading._make)
odd_frames = st.builds(
    OddFrame, st.none() | st.integers(1, 40), st.integers(0, 2**52), st.text(max_size=20), st.binary(max_size=4000)
)


def batch_of(rows: list[Reading], odd: list[OddFrame], frame: bytes = b"##") -> Batch:
    batch = Batch(microseconds(AT))
    for row in rows:
        batch.add(row, frame)
    batch.odd = odd
    return batch


# ---- packing ----


@settings(max_examples=50)
@given(st.lists(readings, max_size=20), st.lists(odd_frames, max_size=5), st.binary(max_size=300))
def test_the_messages_of_a_batch_together_are_the_batch(rows: list[Reading], odd: list[OddFrame], frame: bytes) -> None:
    batch = batch_of(rows, odd, frame)
    parts = [(number, unpack(data)) for number, all_data in messages(batch).items() for data in all_data]
    assert {key: row for _, part in parts for key, row in part.rows.items()} == batch.rows
    assert {key: kept for _, part in parts for key, kept in part.frames.items()} == batch.frames
    assert sorted((one for _, part in parts for one in part.odd), key=repr) == sorted(batch.odd, key=repr)
    assert {part.at for _, part in parts} <= {batch.at}
    devices = [(row.device_id, number) for number, part in parts for row in part.rows.values()]
    assert all(number == partition_of(device_id) for device_id, number in devices)


def test_a_message_stays_far_below_what_a_server_takes_and_keeps_the_order_of_a_device() -> None:
    rows = [Reading(PARTITIONS, n, 2011, 0) for n in range(2 * ROWS_A_MESSAGE + 1)]
    (small,) = messages(batch_of(rows, [])).values()
    assert [len(unpack(data).rows) for data in small] == [ROWS_A_MESSAGE, ROWS_A_MESSAGE, 1]
    assert [row for data in small for row in unpack(data).rows.values()] == rows
    (large,) = messages(batch_of(rows, [], b"x" * 8_000)).values()
    assert max(map(len, large)) < BYTES_A_MESSAGE + 10_000


def test_what_another_version_packed_is_told_from_what_nobody_packed() -> None:
    packed = pack(batch_of([Reading(1, 2, 2011, 0)], []))
    with pytest.raises(UnknownVersion, match="version 2, we read 1"):
        unpack(b"\x02" + packed[1:])
    for wrong in (b"", packed[:-1], packed + b"\x00", b"\x01\xc1", pack(Batch(0))[:2]):
        with pytest.raises(NotABatch):
            unpack(wrong)


# ---- through the stream ----


@pytest.fixture(scope="module")
def server() -> Iterator[Nodes]:
    with nodes(1) as running:
        yield running


@pytest.fixture
def stream(server: Nodes) -> Nodes:
    """One server with an empty stream."""

    async def empty(context: JetStreamContext) -> None:
        await ensure_stream(context)
        for consumer in await context.consumers_info(STREAM):
            await context.delete_consumer(STREAM, consumer.name)
        await context.delete_stream(STREAM)
        await ensure_stream(context)

    server.ask_patiently(empty)
    return server


@asynccontextmanager
async def writing(url: str, database: str) -> AsyncIterator[Writer]:
    """A writer at work."""
    writer = Writer(url, database)
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        writer.stop()
        await running


async def until(look, within: float = 20.0):  # type: ignore[no-untyped-def]  # any question, any answer
    async with asyncio.timeout(within):
        while not (seen := await asyncio.to_thread(look)):
            await asyncio.sleep(0.02)
    return seen


async def waiting_in(url: str) -> int:
    client = await connect(url)
    try:
        return (await client.jetstream().stream_info(STREAM)).state.messages
    finally:
        await client.close()


def asked(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
    connection.close()
    return rows


def test_a_device_is_acknowledged_when_the_stream_has_it_and_a_writer_stores_it(plant: Plant, stream: Nodes) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    came = datetime.now(UTC) - timedelta(minutes=3)

    async def scene() -> None:
        sink = StreamSink(stream.url)
        async with gateway(plant.database, clock=lambda: microseconds(came), sink=sink) as (_, dial):
            peer = await dial()
            await peer.say(*(reading_frame(MN, one) for one in minutes(at, 3)), reading_frame(MN, at, fume="77.7"))
            assert [frame.cn for frame in await peer.hear(4)] == ["9014"] * 4
            assert await asyncio.to_thread(asked, "SELECT at FROM reading_fume") == []
            assert await waiting_in(stream.url) >= 1
            async with writing(stream.url, plant.database):
                await until(lambda: len(asked("SELECT at FROM reading_fume")) == 3)
        assert await waiting_in(stream.url) == 0

    asyncio.run(scene())
    assert asked("SELECT DISTINCT received_at FROM reading_fume") == [(moment(microseconds(came)),)]
    assert len(asked("SELECT * FROM odd_frame")) >= 1
    assert [len(windows) for (windows,) in asked("SELECT windows FROM ingest_batch")] != []


def test_while_the_stream_is_away_nobody_is_acknowledged_and_nobody_is_read(plant: Plant, stream: Nodes) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)

    async def scene() -> None:
        async with gateway(plant.database, sink=StreamSink(stream.url)) as (running, dial):
            peer = await dial()
            await peer.say(reading_frame(MN, at))
            await peer.hear()
            stream.kill(0)
            await peer.say(reading_frame(MN, at + timedelta(minutes=1)))
            await until(lambda: running._paused)
            assert await peer.hears_nothing()
            stream.start(0)
            assert (await peer.hear(within=30.0))[0].cn == "9014"
            await until(lambda: not running._paused)
            async with writing(stream.url, plant.database):
                await until(lambda: len(asked("SELECT at FROM reading_fume")) == 2)

    asyncio.run(scene())


async def handed_over(url: str, *batches: Batch) -> int:
    """Hand these over. Returns: how many messages wait."""
    sink = StreamSink(url)
    try:
        for batch in batches:
            assert (await sink.write(batch)).changed == len(batch.rows)
        return await waiting_in(url)
    finally:
        await sink.close()


def test_a_batch_handed_over_again_is_in_the_stream_once(stream: Nodes) -> None:
    batch = batch_of([Reading(n, 1, 2011, 0) for n in range(PARTITIONS)], [])
    assert asyncio.run(handed_over(stream.url, batch, batch)) == PARTITIONS


def test_a_stream_nobody_finds_is_away() -> None:
    with pytest.raises(SinkAway):
        asyncio.run(handed_over("nats://127.0.0.1:1", batch_of([Reading(1, 1, 2011, 0)], [])))


def test_what_is_no_batch_is_kept_as_odd_and_holds_nothing_up(plant: Plant, stream: Nodes) -> None:
    good = pack(batch_of([Reading(plant.device.pk, microseconds(AT), 2011, 0, 0.5)], []))

    async def scene() -> None:
        client = await connect(stream.url)
        try:
            for data in (b"\x01rubbish", good):
                await client.jetstream().publish(subject_of(partition_of(plant.device.pk)), data)
            async with writing(stream.url, plant.database):
                await until(lambda: len(asked("SELECT at FROM reading_fume")) == 1)
        finally:
            await client.close()

    asyncio.run(scene())
    ((why, frame),) = asked("SELECT why, frame FROM odd_frame")
    assert (why, bytes(frame)) == ("not-a-batch", b"\x01rubbish")  # type: ignore[call-overload]  # bytea


def test_what_a_newer_gateway_packed_waits_for_a_newer_writer(plant: Plant, stream: Nodes) -> None:
    partition = partition_of(plant.device.pk)

    async def scene() -> int:
        client = await connect(stream.url)
        try:
            await client.jetstream().publish(subject_of(partition), b"\x63newer")
            async with writing(stream.url, plant.database):
                async with asyncio.timeout(60):
                    while not await _was_handed_out(client.jetstream(), partition):
                        await asyncio.sleep(0.02)
            return await waiting_in(stream.url)
        finally:
            await client.close()

    assert asyncio.run(scene()) == 1
    assert asked("SELECT 1 FROM odd_frame") == []


async def _was_handed_out(stream: JetStreamContext, partition: int) -> bool:
    try:
        consumer = await stream.consumer_info(STREAM, consumer_of(partition))
    except Exception:  # the writer has not made it yet
        return False
    return consumer.delivered is not None and consumer.delivered.consumer_seq >= 1


def test_a_stream_that_is_lost_is_made_again(plant: Plant, stream: Nodes) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)

    async def lose() -> None:
        client = await connect(stream.url)
        await client.jetstream().delete_stream(STREAM)
        await client.close()

    async def scene() -> None:
        async with (
            gateway(plant.database, sink=StreamSink(stream.url)) as (_, dial),
            writing(stream.url, plant.database),
        ):
            peer = await dial()
            for number, one in enumerate(minutes(at, 2), start=1):
                await peer.say(reading_frame(MN, one))
                await peer.hear(within=30.0)
                await until(lambda number=number: len(asked("SELECT at FROM reading_fume")) == number)
                await lose()

    asyncio.run(scene())


def test_a_batch_that_comes_twice_is_stored_once_its_odd_frames_too(plant: Plant) -> None:
    device = plant.device.pk
    batch = batch_of([Reading(device, microseconds(AT), 2011, 0, 0.5)], [OddFrame(device, 5, "crc", b"##odd")])
    store = Store(plant.database)
    for _ in range(2):
        store.write(unpack(pack(batch)))
    store.close()
    assert asked("SELECT count(*) FROM reading_fume") == asked("SELECT count(*) FROM odd_frame") == [(1,)]
    assert asked("SELECT count(*) FROM ingest_batch") == [(1,)]


# ---- up to when ----


def note(stored: dict[int, datetime], empty: set[int], now: datetime, database: str) -> None:
    import psycopg

    with psycopg.connect(database, autocommit=True) as line:
        reached.note(line, stored, empty, now, "here", 1)


def test_nobody_is_called_silent_while_readings_wait(plant: Plant) -> None:
    everywhere = set(range(PARTITIONS))
    assert not reached.keeps_up(AT)
    note({}, everywhere, AT, plant.database)
    assert reached.keeps_up(AT + timedelta(seconds=59))
    note({3: AT + timedelta(seconds=5)}, everywhere - {3}, AT + timedelta(seconds=50), plant.database)
    assert reached.keeps_up(AT + timedelta(seconds=65))
    assert not reached.keeps_up(AT + timedelta(seconds=66))


def test_when_the_stream_was_away_nobody_could_be_heard(plant: Plant) -> None:
    everywhere = set(range(PARTITIONS))
    note({}, everywhere, AT, plant.database)
    note({}, everywhere, AT + timedelta(minutes=40), plant.database)
    (deaf,) = Deafness.objects.all()
    assert (deaf.since, deaf.until) == (AT, AT + timedelta(minutes=40))


def test_when_only_the_writers_were_away_everybody_was_heard(plant: Plant) -> None:
    everywhere = set(range(PARTITIONS))
    note({}, everywhere, AT, plant.database)
    caught_up = AT + timedelta(minutes=39, seconds=50)
    note(dict.fromkeys(everywhere, caught_up), set(), AT + timedelta(minutes=40), plant.database)
    note({}, everywhere, AT + timedelta(minutes=40, seconds=5), plant.database)
    assert not Deafness.objects.exists()


# ---- what the operator is told ----


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], dict[str, Finding]]]:
    """What doctor finds of the stream at an address."""

    def findings(url: str) -> dict[str, Finding]:
        monkeypatch.setenv("NATS_URL", url)
        environment.cache_clear()
        return {one.subject: one for one in examine()}

    yield findings
    environment.cache_clear()


def test_doctor_names_a_stream_that_is_away(told: Callable[[str], dict[str, Finding]]) -> None:
    found = told("nats://127.0.0.1:1")["Stream"]
    assert found.wrong
    assert "NATS_URL" in found.mend


def test_doctor_says_that_one_copy_is_few_and_that_nobody_writes(
    stream: Nodes, told: Callable[[str], dict[str, Finding]]
) -> None:
    asyncio.run(handed_over(stream.url, batch_of([Reading(1, 1, 2011, 0)], [])))
    found = told(stream.url)
    assert found["Stream"].found == "1 of 1 copies, 1 messages wait to be stored"
    assert "three servers" in found["Stream"].mend


def test_doctor_says_when_nobody_stores_what_waits(
    plant: Plant, stream: Nodes, told: Callable[[str], dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", plant.database)
    assert told(stream.url)["Writers"].found == "have never stored anything"
    note({}, set(range(PARTITIONS)), datetime.now(UTC) - timedelta(minutes=10), plant.database)
    assert "lingxiu writer" in told(stream.url)["Writers"].mend
    note({}, set(range(PARTITIONS)), datetime.now(UTC), plant.database)
    assert not told(stream.url)["Writers"].wrong


def test_an_installation_has_a_writer_where_there_is_a_stream() -> None:
    def names(url: str) -> list[str]:
        return [child.name for child in _children(Environment(NATS_URL=url), None, {})]

    assert "writer" not in names("")
    assert names("nats://127.0.0.1:4222")[1:5] == ["web", "gateway", "writer", "watch"]
