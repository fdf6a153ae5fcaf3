"""The gateway: devices dial it, their frames become rows, and what is committed, and only that, is acknowledged.

Bounded everywhere: when the database is slow or away it stops reading sockets; it never drops a frame it took, and never grows.
Any number of gateways may run at once. It judges no reading: windows, alarms and issues are the watch's.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import psycopg
import structlog
from django.db import Error as DjangoError
from django.db import connection

from hj212 import (
    Frame,
    Message,
    QnRtn,
    acknowledge_notice,
    answer_request,
    encode,
    encrypts,
    is_encrypted,
)
from hj212.codes import ACK_COMMANDS, DEVICE_NOTICES
from hj212.encryption import BLOCK
from lingxiu.config.environment import environment
from lingxiu.policy.queries import NoPolicy
from lingxiu.sensing import asking, health
from lingxiu.sensing.connection import Connection
from lingxiu.sensing.health import CannotListen, Health
from lingxiu.sensing.lines import Desk
from lingxiu.sensing.logbook import Counts, Logbook
from lingxiu.sensing.parts import Parts, Placed
from lingxiu.sensing.profiles import NotAReading, Reading, from_jsonb, moment, to_jsonb
from lingxiu.sensing.registry import KnownDevice, Registry
from lingxiu.sensing.sink import Sink, SinkAway, StoreSink
from lingxiu.sensing.store import Batch, OddFrame, conninfo
from lingxiu.sensing.strangers import Strangers
from lingxiu.sensing.stream import sink_of

log = structlog.get_logger(__name__)

LOGIN: Final = "9021"
LOGIN_ANSWER: Final = "9022"
WANTS_CLOCK: Final = "1013"
DATA_CLASS: Final = "2"
"""2000 to 2999 are data (HJ 212-2017 table 8)."""
REQUESTED_DATA: Final = frozenset({"3015", "3017", "3018", "3019", "3020"})
"""What a device uploads besides, if it is asked for."""
CHANGED: Final = "sensing_device"
ASKED: Final = "sensing_request"
"""Channels of PostgreSQL; the payload of the second is a device's id."""
EXPIRE_SECONDS: Final = 10.0
KEPT_COST: Final = 256
"""Bytes that keeping a frame or an answer takes besides its text, about."""
STREAM_BATCH_SECONDS: Final = 0.25
"""Longer than for the database: a batch becomes a message a partition, and many gateways' messages are stored one by one."""
OWN_FILES: Final = 64
"""Files and sockets a gateway needs besides those of devices: a database that comes back must find one free."""
_POSTGRES_EPOCH_NS: Final = 946_684_800 * 1_000_000_000


def wall_clock() -> int:
    """Now, in µs since 2000-01-01 UTC."""
    return (time.time_ns() - _POSTGRES_EPOCH_NS) // 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway takes from one device, from all, and how long it waits; seconds, bytes, rows.

    Nothing more is read while `queue_rows`, `queue_bytes` or `owed_acks` wait for the database. `unread_bytes` wait for one peer
    that does not listen, `stranger_unread_bytes` for one nobody knows; the decoder keeps one longest segment (4 KiB) a
    connection, and `parts` at most HELD parts of split messages.
    """

    batch_rows: int = 1_000
    batch_seconds: float = 0.05
    queue_rows: int = 20_000
    queue_bytes: int = 32 * 1024 * 1024
    owed_acks: int = 40_000
    connections: int = 20_000
    stranger_seconds: float = 75.0
    """From dialling in to the first word of a known device: a device that speaks every minute has a quarter to spare."""
    stranger_connections: int = 200
    stranger_bytes: int = 2 * 1024 * 1024
    """Of one address in a minute, on connections no known device has spoken on."""
    stranger_names: int = 60
    """MNs nobody registered that are noted of one address in a minute."""
    stranger_unread_bytes: int = 4 * 1024
    spare_loopback: bool = True
    idle_seconds: float = 1_800.0
    quiet_seconds: float = 2.0
    stall_seconds: float = 60.0
    garbage_bytes: int = 256 * 1024
    unread_bytes: int = 128 * 1024
    flood_frames: int = 2_000
    flood_seconds: int = 10
    shutdown_seconds: float = 10.0
    registry_seconds: float = 60.0
    logbook_seconds: float = 2.0
    answer_seconds: float = 10.0
    answer_retries: int = 3
    """How long a device is waited for, and how often it is asked again (HJ 212-2017 6.4, mobile networks)."""
    result_seconds: float = 120.0
    """From its answer to its result, counted anew with everything it sends of what was asked."""


@dataclass(slots=True)
class Pending:
    """A batch on its way, and who waits for it."""

    batch: Batch
    acks: list[tuple[Connection, bytes]] = field(default_factory=list)
    since: float = 0.0
    size: int = 0  # bytes of text it holds, and what holding it takes

    def owe(self, connected: Connection, data: bytes) -> None:
        self.acks.append((connected, data))
        self.size += len(data) + KEPT_COST


class Gateway:
    """All connections of one process, one queue, one writer."""

    def __init__(
        self,
        database: str,
        limits: Limits = Limits(),
        clock: Callable[[], int] = wall_clock,
        sink: Sink | None = None,
    ) -> None:
        """`database` as libpq takes it; `clock` gives µs since 2000; `sink`: where batches go, if not into the database."""
        self.limits = limits
        self.clock = clock
        self.counts = Counts()
        self.registry = Registry(database)
        self.logbook = Logbook(database, self.counts, clock)
        self.strangers = Strangers(limits.stranger_connections, limits.stranger_bytes, limits.stranger_names)
        self.cuts: Counter[str] = Counter()  # of connections no known device has spoken on, since the last sweep
        self.loop = asyncio.get_running_loop()
        self.desk = Desk(
            self.logbook.run,
            clock,
            _in_thread,
            timeout=limits.answer_seconds,
            retries=limits.answer_retries,
            result_timeout=limits.result_seconds,
        )
        self._database = database
        self._sink = sink or StoreSink(database)
        self._connections: set[Connection] = set()
        self._pending = Pending(Batch(0))
        self._in_flight = Pending(Batch(0))
        self._wake = asyncio.Event()
        self._paused = False
        self._closing = False
        self._why_not = {"gateway": "it starts"}  # who cannot work now, and why
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.Task[None] | None = None

    # ---- its life ----

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen, as soon as the devices are known. Returns: the port."""
        await self._until_done("registry", self.registry.load)
        await self._until_done("logbook", self.logbook.open)
        try:
            self._server = await self.loop.create_server(
                lambda: Connection(self), host, port, backlog=1024, reuse_port=reuse_port or None
            )
        except OSError as error:
            await asyncio.to_thread(self.logbook.close)
            raise CannotListen(host, port, error.strerror or "", "HJ212_PORT") from error
        self._writer = self.loop.create_task(self._write_forever())
        beside = (self._sweep, self._listen, self._keep_logbook, self.desk.work)
        self._tasks = [self.loop.create_task(work()) for work in beside]
        self.port = self._server.sockets[0].getsockname()[1]
        del self._why_not["gateway"]
        log.info("gateway.listening", host=host, port=self.port, devices=len(self.registry))
        return self.port

    async def stop(self) -> None:
        """Take no more, store and acknowledge what was taken, say good-bye. Gives up on a database that stays away."""
        self._closing = True
        self._why_not["gateway"] = "it stops"
        if self._server is not None:
            self._server.close()
        self._pause()
        self._wake.set()
        if self._writer is not None:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._writer, self.limits.shutdown_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connected in list(self._connections):
            connected.close()
        await asyncio.sleep(0)
        with suppress(psycopg.Error, DjangoError, asyncio.TimeoutError):
            await asyncio.wait_for(self.desk.close(), self.limits.shutdown_seconds)
        with suppress(psycopg.Error):
            await asyncio.to_thread(self.logbook.close)
        await self._sink.close()
        log.info("gateway.stopped", unstored=self._queued())

    def health(self) -> Health:
        """Whether devices are read and answered now. A database that is away is no reason not to be, as long as a stream takes
        the readings; the logbook tells of it where nothing is being stored."""
        why = dict(self._why_not)
        if not isinstance(self._sink, StoreSink):
            why.pop("logbook", None)
        return Health(not why, "; ".join(f"{who}: {what}" for who, what in sorted(why.items())), self.counts)

    async def _until_done(self, what: str, work: Callable[[], None]) -> None:
        """Do blocking work in a thread, again until the database lets us."""
        wait = 0.1
        while True:
            try:
                return await asyncio.to_thread(_and_let_go, work)
            except (psycopg.Error, DjangoError, NoPolicy) as error:
                log.warning("gateway.waits", what=what, error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    # ---- connections ----

    def admit(self, connected: Connection) -> bool:
        """Whether there is room for another."""
        if self._closing or len(self._connections) >= self.limits.connections:
            return False
        if not self.strangers.came(connected.origin):
            self.cuts["too-many"] += 1
            return False
        self._connections.add(connected)
        self.counts.connections = len(self._connections)
        if self._paused:
            connected.pause()
        return True

    def forget(self, connected: Connection) -> None:
        if connected not in self._connections:
            return
        self._connections.discard(connected)
        if connected.parts:
            self.take_parts(connected, connected.parts.rest())
        if connected.devices and not self._closing:
            self.desk.left(connected)
        if not connected.known:
            self.strangers.left(connected.origin)
        self.counts.connections = len(self._connections)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            for connected in self._connections:
                connected.pause()

    def _resume(self) -> None:
        if self._paused and not self._closing:
            self._paused = False
            now = self.loop.time()
            for connected in self._connections:
                connected.heard = connected.unfinished_since = connected.dialled = now  # it was we who did not listen
                connected.resume()

    # ---- frames ----

    def take(self, connected: Connection, frames: list[Frame]) -> None:
        """Sort a socket's frames: readings into the batch, conversation answered, the rest counted."""
        now = self.clock()
        self.counts.frames += len(frames)
        for frame in frames:
            device = self.registry.get(frame.mn or "")
            if device is None:
                self._take_unknown(connected, frame, now)
            elif device.profile is None:
                self.counts.refused += 1
            elif device.keys:
                self._take_keyed(connected, device, frame, now)
            elif not frame.crc_ok and (why := device.profile.reader.refuses(frame)):
                self._refuse(device, frame, now, "encrypted" if is_encrypted(frame) else why)
            else:
                self._take_known(connected, device, frame, now)
        if self._is_full():
            self._pause()

    def _take_keyed(self, connected: Connection, device: KnownDevice, sent: Frame, now: int) -> None:
        """A frame of a device that has a key: judged after decryption. In the clear it is stored too, but who speaks so once the
        device has used its key may be anybody: it gets no line."""
        assert device.profile is not None
        frame = device.opened(sent)
        why = "encrypted" if is_encrypted(frame) else device.profile.reader.refuses(frame)
        if why:
            self._refuse(device, frame, now, why)
            return
        if device.uses_new_key:
            self.desk.uses_new_key(device.id)
        in_the_clear = frame is sent and device.encrypts and encrypts(frame.cn) and len(frame.cp) >= BLOCK
        if in_the_clear:
            self._keep_odd(device, frame, now, "plain")
        self._take_known(connected, device, frame, now, trusted=not in_the_clear)

    def _refuse(self, device: KnownDevice, frame: Frame, now: int, why: str) -> None:
        self.counts.refused += 1
        self._keep_odd(device, frame, now, why)

    def _take_known(
        self, connected: Connection, device: KnownDevice, frame: Frame, now: int, *, trusted: bool = True
    ) -> None:
        if not connected.known:
            connected.known = True
            self.strangers.left(connected.origin)
        line = self.desk.lines.get(device.id)
        asked_for = False
        if line is not None and line.connected is connected:
            asked_for = line.talk is not None and self.desk.hear(line, frame)
        elif trusted:
            self.desk.came(device, connected, frame)
        cn = frame.cn or ""
        if cn.startswith(DATA_CLASS):
            self._take_data(connected, device, frame, now)
        elif cn == LOGIN:
            connected.send(_answer_login(frame))
        elif cn in DEVICE_NOTICES:
            if frame.wants_ack:
                connected.send(acknowledge_notice(frame, device.style))
            if cn == WANTS_CLOCK:
                self.desk.wants_clock(device.id)
        elif cn in REQUESTED_DATA:
            self._keep_odd(device, frame, now, f"cn:{cn}")
            self._owe(connected, device, frame)
        elif cn not in ACK_COMMANDS and frame.wants_ack:
            connected.send(device.acknowledge(frame) if asked_for else answer_request(frame, QnRtn.CN_WRONG))
        self._recall(device, frame, now)

    def _take_data(self, connected: Connection, device: KnownDevice, frame: Frame, now: int) -> None:
        if frame.pnum is None:
            self._place(connected, device, frame, now, None)
            return
        if connected.parts is None:
            connected.parts = Parts()
        self.take_parts(connected, connected.parts.add(frame, self.loop.time()))

    def take_parts(self, connected: Connection, placed: list[Placed]) -> None:
        """Parts of split messages whose time has been told, or never will be."""
        for frame, time_told in placed:
            device = self.registry.get(frame.mn or "")
            if device is not None and device.profile is not None:
                self._place(connected, device, frame, self.clock(), time_told)

    def _place(self, connected: Connection, device: KnownDevice, frame: Frame, now: int, time_told: str | None) -> None:
        """Into the batch with it; it is acknowledged when that has been committed."""
        assert device.profile is not None
        try:
            understood = device.profile.reader.read(frame, device.id, now, time_told)
        except NotAReading as error:
            if is_encrypted(frame):  # its CRC, of the plain text, looks right once in 256 times
                self._refuse(device, frame, now, "encrypted")
                return
            self._keep_odd(device, frame, now, error.why)
        else:
            batch = self._began(now)
            batch.add(understood.reading if frame.rf is None else sent_again(understood.reading, frame.rf), frame.raw)
            for other in understood.more:
                batch.add(other, frame.raw)
            self._pending.size += len(frame.raw) + KEPT_COST
            if understood.odd:
                self._keep_odd(device, frame, now, understood.odd)
        self._owe(connected, device, frame)

    def _take_unknown(self, connected: Connection, frame: Frame, now: int) -> None:
        """An upload is left with its sender, who will keep it; a request is told that we do not know it."""
        self.counts.unknown += 1
        if not (frame.crc_ok or is_encrypted(frame)):
            return
        if self.logbook.knows(frame.mn or "") or self.strangers.may_name(connected.origin, self.loop.time()):
            self.logbook.note_unknown(frame, connected.peer, now)
        cn = frame.cn or ""
        upload = cn.startswith(DATA_CLASS) or cn in REQUESTED_DATA or cn in ACK_COMMANDS
        if not upload and (frame.wants_ack or cn == LOGIN):
            connected.send(answer_request(frame, QnRtn.MN_WRONG))

    def _keep_odd(self, device: KnownDevice, frame: Frame, now: int, why: str) -> None:
        self.counts.odd += 1
        self._began(now).odd.append(OddFrame(device.id, now, why, frame.raw))
        self._pending.size += len(frame.raw) + KEPT_COST

    def _owe(self, connected: Connection, device: KnownDevice, frame: Frame) -> None:
        """What is to be said when the batch this frame is part of has been committed."""
        if frame.wants_ack:
            self._pending.owe(connected, device.acknowledge(frame))

    def _recall(self, device: KnownDevice, frame: Frame, now: int) -> None:
        self.logbook.note_frame(device.id, frame.raw, now)

    # ---- the queue ----

    def _queued(self) -> int:
        return len(self._pending.batch.rows) + len(self._in_flight.batch.rows)

    def _is_full(self, share: float = 1.0) -> bool:
        """Whether this share of what may wait for the database does."""
        limits, filling, flying = self.limits, self._pending, self._in_flight
        return (
            len(filling.batch.rows) + len(flying.batch.rows) >= limits.queue_rows * share
            or filling.size + flying.size >= limits.queue_bytes * share
            or len(filling.acks) + len(flying.acks) >= limits.owed_acks * share
        )

    def _began(self, now: int) -> Batch:
        """The batch that is being filled; the first to put something into it sets its clock."""
        pending = self._pending
        batch = pending.batch
        if not batch.rows and not batch.odd:
            pending.since = self.loop.time()
            batch.at = now
            self.loop.call_later(self.limits.batch_seconds, self._wake.set)
        elif len(batch.rows) >= self.limits.batch_rows:
            self._wake.set()
        return batch

    async def _write_forever(self) -> None:
        """One batch at a time; while it is being stored the next one fills."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._is_due():
                await self._write(self._pending)
            if self._closing:
                return

    def _is_due(self) -> bool:
        batch = self._pending.batch
        if not batch.rows and not batch.odd:
            return False
        waited = self.loop.time() - self._pending.since
        return self._closing or len(batch.rows) >= self.limits.batch_rows or waited >= self.limits.batch_seconds * 0.9

    async def _write(self, pending: Pending) -> None:
        self._pending = Pending(Batch(0))
        self._in_flight = pending
        try:
            await self._store_until_done(pending.batch)
        finally:
            self._in_flight = Pending(Batch(0))
        _acknowledge(pending.acks)
        if not self._is_full(0.5):
            self._resume()

    async def _store_until_done(self, batch: Batch) -> None:
        wait = 0.1
        while True:
            try:
                stored = await self._sink.write(batch)
            except SinkAway as error:
                self._pause()
                self._why_not["store"] = error.why
                log.warning("store.waits", error=error.why, rows=len(batch.rows))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
                continue
            self._why_not.pop("store", None)
            self.counts.batches += 1
            self.counts.readings += stored.changed
            self.counts.values += stored.values
            return

    # ---- beside the queue ----

    async def _sweep(self) -> None:
        last = self.loop.time()
        while True:
            await asyncio.sleep(1.0)
            now = self.loop.time()
            if not self._paused:  # who is not read can neither stall nor answer
                for connected in list(self._connections):
                    connected.sweep(now, now - last)
                self.desk.tick()
            self.counts.queued = self._queued()
            self.strangers.forget(now)
            if self.cuts:
                log.info("connections.cut", **self.cuts)
                self.cuts.clear()
            last = now

    async def _keep_logbook(self) -> None:
        expired = self.loop.time()
        while True:
            await asyncio.sleep(self.limits.logbook_seconds)
            try:
                await asyncio.to_thread(self.logbook.write)
                if self.loop.time() - expired > EXPIRE_SECONDS:
                    expired = self.loop.time()
                    await _in_thread(self._expire_requests)
                self._why_not.pop("logbook", None)
            except (psycopg.Error, DjangoError) as error:
                self._why_not["logbook"] = type(error).__name__
                log.warning("logbook.waits", error=type(error).__name__)

    def _expire_requests(self) -> None:
        asking.expire(moment(self.clock()))

    async def _listen(self) -> None:
        """Hear at once of changed devices and of what is to be asked of them.

        Look for all of it, and for changed profiles, now and then, and after every break of the line.
        """
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._database, autocommit=True) as database:
                    for channel in (CHANGED, ASKED):
                        await database.execute(f"LISTEN {channel}".encode())
                    heard: list[psycopg.Notify] = []
                    while True:
                        if not heard or any(one.channel == CHANGED for one in heard):
                            await _in_thread(self.registry.load)
                            self.desk.meet(self.registry)
                        self.desk.look_for(int(one.payload) for one in heard if one.channel == ASKED)
                        waiting = database.notifies(timeout=self.limits.registry_seconds, stop_after=1)
                        heard = [one async for one in waiting]
            except (psycopg.Error, DjangoError, NoPolicy, OSError) as error:
                log.warning("registry.waits", error=type(error).__name__)
                await asyncio.sleep(1.0)


def sent_again(reading: Reading, mark: str) -> Reading:
    """The reading, known as one that comes after a broken line (RF, HJ 212-2025)."""
    return reading._replace(extra=to_jsonb(from_jsonb(reading.extra) | {"RF": mark}))


def _acknowledge(acks: list[tuple[Connection, bytes]]) -> None:
    owed: defaultdict[Connection, list[bytes]] = defaultdict(list)
    for connected, data in acks:
        owed[connected].append(data)
    for connected, parts in owed.items():
        connected.send(b"".join(parts))


def _answer_login(frame: Frame) -> bytes:
    """9021 stands in no version; its senders expect 9022 (hj212.md §8)."""
    return encode(Message(LOGIN_ANSWER, "91", frame.mn, frame.pw, frame.qn, "4"))


def _and_let_go(work: Callable[[], None]) -> None:
    """Django keeps a connection a thread, broken ones too; these threads need one too rarely for that."""
    try:
        work()
    finally:
        connection.close()


async def _in_thread(work: Callable[[], None]) -> None:
    await asyncio.to_thread(_and_let_go, work)


def _spare_the_collector() -> None:
    """What is here at the start stays, and batches are no cycles: look for garbage rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def serve(
    host: str,
    port: int,
    database: str,
    *,
    limits: Limits = Limits(),
    sink: Sink | None = None,
    health_port: int = 0,
    ready: Callable[[int], None] | None = None,
    until: Callable[[], Awaitable[None]],
) -> None:
    """Run a gateway until `until` returns; `ready` hears the port. `health_port`: where it says how it is, 0 for nowhere."""
    gateway = Gateway(database, limits, sink=sink)
    async with health.answering(gateway.health, host, health_port):
        bound = await gateway.start(host, port)
        _spare_the_collector()
        if ready is not None:
            ready(bound)
        await until()
        await gateway.stop()


async def _until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def within(limits: Limits, files: int) -> Limits:
    """The limits of a process that may have so many files open: devices must not take the last ones.

    Lines that devices gave up while we did not read stay open until we read again; a gateway that had no file left for its
    database would never read again.
    """
    return limits if files < 0 else replace(limits, connections=min(limits.connections, max(1, files - OWN_FILES)))


def main() -> None:
    """`lingxiu gateway`: listen where the environment says until told to stop."""
    settings = environment()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        database = conninfo()
        sink = sink_of(settings.nats_url, database)
        limits = within(Limits(batch_seconds=STREAM_BATCH_SECONDS) if settings.nats_url else Limits(), most)
        asyncio.run(
            serve(
                settings.bind,
                settings.hj212_port,
                database,
                limits=limits,
                sink=sink,
                health_port=settings.hj212_health_port,
                until=_until_told,
            )
        )
    except CannotListen as error:
        sys.exit(str(error))
