"""One gateway's lines: which device is on which connection, and the conversations of what is asked of them.

Takes what waits for a connected device, says it, says it again, and writes down how it went. Beside the batches, never in their
way: a database that is away delays answers to people, not readings. Sends only what `asking` keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import psycopg
import structlog
from django.db import Error as DjangoError
from django.utils import timezone

from hj212 import (
    Conversation,
    Deviation,
    ExeRtn,
    Frame,
    GivenUp,
    LocalProtocolError,
    Message,
    Progressed,
    Session,
    Side,
    State,
    Step,
    command,
    make_data_time,
    make_qn,
    next_qn,
    version_of,
)
from hj212.codes import ACK_COMMANDS, SYSTEM_INTERACTION
from lingxiu.sensing import asking
from lingxiu.sensing.asking import CLOCK_SET, GAPS_AT_ONCE, ITEMS_KEPT, KEY_SET, LENGTH_KEPT, Asked, LineNote, Outcome
from lingxiu.sensing.models import DeviceRequest
from lingxiu.sensing.profiles import moment
from lingxiu.sensing.registry import KnownDevice, Registry

log = structlog.get_logger(__name__)

TOGETHER_SECONDS: Final = 0.05
"""What comes within this is done together."""
AGAIN_SECONDS: Final = 2.0
FALLBACK_SYSTEM: Final = "31"
PASSWORD: Final = "123456"  # noqa: S105 (what devices are shipped with; a field of the protocol, in plain text on the wire)


class Peer(Protocol):
    """The connection, as far as a line needs it."""

    peer: str
    dialled: float
    devices: set[int]

    def send(self, data: bytes) -> None: ...


@dataclass(slots=True, eq=False)
class Talk:
    """One request being asked, and what has come of it."""

    asked: Asked
    qn: str
    session: Session
    conversation: Conversation | None = None
    answer: dict[str, str] = field(default_factory=dict)
    frames: int = 0


class Line:
    """A device on a connection."""

    __slots__ = ("connected", "contested", "device", "frame", "host", "talk")

    def __init__(self, device: KnownDevice, connected: Peer, frame: Frame) -> None:
        self.device = device
        self.connected = connected
        self.frame = frame  # its first here: how it writes ST, PW and Flag
        self.host = host_of(connected.peer)
        self.contested = float("-inf")
        self.talk: Talk | None = None


@dataclass(slots=True)
class Notes:
    """What is to be written down, and looked for, at the next turn."""

    lines: dict[int, LineNote] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)
    clocks: set[int] = field(default_factory=set)
    new_keys: set[int] = field(default_factory=set)
    look: set[int] = field(default_factory=set)

    def back(self, other: Notes) -> None:
        """These could not be written: put them before what has come since."""
        self.lines = other.lines | self.lines
        self.gone |= other.gone - self.lines.keys()
        self.outcomes = other.outcomes + self.outcomes
        self.clocks |= other.clocks
        self.new_keys |= other.new_keys
        self.look |= other.look


class Desk:
    """The lines by device. All methods but `work` are called from the gateway's loop and never wait."""

    def __init__(
        self,
        run: UUID,
        clock: Callable[[], int],
        in_thread: Callable[[Callable[[], None]], Awaitable[None]],
        *,
        timeout: float,
        retries: int,
        result_timeout: float,
    ) -> None:
        """`run`: this gateway's; `clock`: µs since 2000; `in_thread` runs blocking work; the rest as `Session` has it."""
        self.lines: dict[int, Line] = {}
        self._run = run
        self._clock = clock
        self._in_thread = in_thread
        self._timeout, self._retries, self._result_timeout = timeout, retries, result_timeout
        self._loop = asyncio.get_running_loop()
        self._notes = Notes()
        self._wake = asyncio.Event()
        self._talking: set[Line] = set()
        self._gaps_wait = False  # whether more wait to be filled than may be at once
        self._qn = ""

    # ---- who is there ----

    def came(self, device: KnownDevice, connected: Peer, frame: Frame) -> None:
        """A known device has spoken, rightly, on a connection that is not its line: it is now, unless its line is newer.

        Two connections that both go on speaking as one device, from different addresses, contest it.
        """
        old = self.lines.get(device.id)
        if old is not None and old.connected.dialled > connected.dialled:
            self._contest(old, connected)
            return
        if old is not None:
            self._drop(old)
        line = self.lines[device.id] = Line(device, connected, frame)
        connected.devices.add(device.id)
        self._notes.gone.discard(device.id)
        self._notes.lines[device.id] = self._note(line)
        self.look_for((device.id,))

    def left(self, connected: Peer) -> None:
        """A connection has ended; what was being asked on it waits for the next."""
        for device_id in connected.devices:
            line = self.lines.get(device_id)
            if line is not None and line.connected is connected:
                self._hang_up(line)
        connected.devices.clear()

    def _hang_up(self, line: Line) -> None:
        self._drop(line)
        del self.lines[line.device.id]
        self._notes.lines.pop(line.device.id, None)
        self._notes.gone.add(line.device.id)
        self._wake.set()

    def wants_clock(self, device_id: int) -> None:
        """A device has asked for the time."""
        self._notes.clocks.add(device_id)
        self._wake.set()

    def uses_new_key(self, device_id: int) -> None:
        """A device has spoken under its new key."""
        self._notes.new_keys.add(device_id)
        self._wake.set()

    def look_for(self, device_ids: Iterable[int]) -> None:
        """Something may wait for these devices."""
        found = [device_id for device_id in device_ids if device_id in self.lines]
        if found:
            self._notes.look.update(found)
            self._wake.set()

    def meet(self, registry: Registry) -> None:
        """The registry was read again: a changed device keeps its line, one that is known no longer loses it.

        Something may have been put for any of them while nobody told us.
        """
        for line in list(self.lines.values()):
            device = registry.get(line.device.mn)
            if device is None or device.id != line.device.id or device.profile is None:
                self._hang_up(line)
            else:
                line.device = device
        self.look_for(list(self.lines))

    def _contest(self, line: Line, other: Peer) -> None:
        now, host = self._loop.time(), host_of(other.peer)
        if host == line.host or now - line.contested < 60:
            return
        line.contested = now
        log.warning("line.contested", device=line.device.id, peer=line.connected.peer, by=other.peer)
        self._notes.lines[line.device.id] = self._note(line, host)
        self._wake.set()

    def _note(self, line: Line, contested_by: str = "") -> LineNote:
        version = "2025" if line.device.encrypts else version_of(line.frame)
        since = moment(self._clock())
        return LineNote(line.device.id, line.connected.peer, since, version, line.device.encrypts, contested_by)

    def _drop(self, line: Line) -> None:
        talk, line.talk = line.talk, None
        self._talking.discard(line)
        if talk is not None:
            self._goes(talk, DeviceRequest.State.WAITING)

    # ---- what is asked ----

    def hear(self, line: Line, frame: Frame) -> bool:
        """A frame on a line on which something is being asked. Returns: whether it belongs to that."""
        talk = line.talk
        if talk is None:
            return False
        if frame.cn not in ACK_COMMANDS:
            return self._hear_data(talk, frame)
        event = talk.session.receive(frame, self._loop.time())
        if isinstance(event, Progressed):
            talk.conversation = event.conversation
            self._progress(line, talk, event)
        return True

    def _hear_data(self, talk: Talk, frame: Frame) -> bool:
        """Under the request's QN, or of its command and its time: parts that want answers of their own have QNs of their own."""
        by_qn = frame.qn == talk.qn
        if frame.cn != talk.asked.cn or not (by_qn or _is_within(frame, talk.asked.parameters)):
            return False
        talk.session.receive(frame, self._loop.time())
        conversation = talk.conversation
        if conversation is not None and conversation.state is State.AWAITING_RESULT:
            conversation.due = self._loop.time() + talk.session.result_timeout
        talk.frames += 1
        _keep_answer(talk, frame)
        return True

    def _progress(self, line: Line, talk: Talk, event: Progressed) -> None:
        if event.step is Step.ACCEPT:
            self._goes(talk, DeviceRequest.State.ACCEPTED, qn_rtn=event.code)
        elif event.step is Step.REFUSE:
            self._end(line, talk, DeviceRequest.State.REFUSED, qn_rtn=event.code)
        elif event.step in (Step.RESULT, Step.RESULT_TO_ACK):
            if event.step is Step.RESULT_TO_ACK:
                line.connected.send(talk.session.acknowledge(event.frame))
            done = event.code in (ExeRtn.DONE, None)
            self._end(line, talk, DeviceRequest.State.DONE if done else DeviceRequest.State.FAILED, exe_rtn=event.code)

    def tick(self) -> None:
        """Once a second: say again what was not answered, give up what never is."""
        for line in list(self._talking):
            if line.talk is not None:
                self._remind(line, line.talk)

    def _remind(self, line: Line, talk: Talk) -> None:
        for event in talk.session.tick(self._loop.time()):
            if not isinstance(event, GivenUp):
                line.connected.send(event.data)
                continue
            # Some send what was asked for and never say that they are done.
            self._end(line, talk, DeviceRequest.State.DONE if talk.frames else DeviceRequest.State.EXPIRED)

    def _say(self, asked: Asked) -> None:
        line = self.lines.get(asked.device_id)
        # A new key that is in the database and not yet here: it is looked for again when the registry has been read (`meet`).
        if line is None or line.talk is not None or (asked.cn == KEY_SET and len(line.device.keys) < 2):
            self._notes.outcomes.append(Outcome(asked.id, DeviceRequest.State.WAITING))
            self._wake.set()
            return
        device = line.device
        key = device.key_in_use if device.encrypts or asked.cn == KEY_SET else None
        encrypt = None if key is None else key.encrypt
        session = Session(
            Side.PLATFORM,
            style=device.style,
            timeout=self._timeout,
            retries=self._retries,
            result_timeout=self._result_timeout,
            encrypt=encrypt,
        )
        try:
            message = self._message(line, asked)
            data = session.open(message, self._loop.time())
        except LocalProtocolError as error:
            log.error("request.unsayable", request=asked.id, error=type(error).__name__)
            self._notes.outcomes.append(Outcome(asked.id, DeviceRequest.State.FAILED))
            return
        line.talk = Talk(asked, message.qn or "", session)
        self._talking.add(line)
        line.connected.send(data)
        self._goes(line.talk, DeviceRequest.State.SENT)

    def _message(self, line: Line, asked: Asked) -> Message:
        local = timezone.localtime(moment(self._clock())).replace(tzinfo=None)
        qn = make_qn(local)
        self._qn = qn if qn > self._qn else next_qn(self._qn)
        items = dict(asked.parameters)
        if asked.cn == CLOCK_SET:
            items["SystemTime"] = make_data_time(local)
        elif asked.cn == KEY_SET:
            items |= {"NewSK": line.device.keys[0].hex, "SKCreateTime": make_data_time(local)}
        system, password = line.device.says or (line.frame.st, line.frame.pw)
        return command(
            asked.cn,
            items,
            st=FALLBACK_SYSTEM if system in (None, SYSTEM_INTERACTION) else system,
            mn=line.device.mn,
            pw=password or PASSWORD,
            qn=self._qn,
            version="2025" if line.device.encrypts else version_of(line.frame),
        )

    def _goes(self, talk: Talk, state: DeviceRequest.State, qn_rtn: int | None = None) -> None:
        self._notes.outcomes.append(Outcome(talk.asked.id, state, talk.qn, qn_rtn))
        self._wake.set()

    def _end(
        self,
        line: Line,
        talk: Talk,
        state: DeviceRequest.State,
        *,
        qn_rtn: int | None = None,
        exe_rtn: int | None = None,
    ) -> None:
        line.talk = None
        self._talking.discard(line)
        answer = talk.answer | ({"frames": str(talk.frames)} if talk.frames else {})
        self._notes.outcomes.append(Outcome(talk.asked.id, state, talk.qn, qn_rtn, exe_rtn, answer))
        if self._gaps_wait and talk.asked.fills_gap:
            self._gaps_wait = False
            self.look_for(list(self.lines))
        else:
            self.look_for((line.device.id,))

    # ---- beside the loop ----

    async def work(self) -> None:
        """For ever: write down what there is to be, take what waits, say it."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            self._wake.clear()
            try:
                await self._turn()
            except (psycopg.Error, DjangoError) as error:
                log.warning("lines.wait", error=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                self._wake.set()

    async def _turn(self) -> None:
        notes, self._notes = self._notes, Notes()
        busy = {line.device.id for line in self._talking}
        gaps = max(0, GAPS_AT_ONCE - sum(line.talk is not None and line.talk.asked.fills_gap for line in self._talking))
        claimed: list[Asked] = []

        def do() -> None:
            at = moment(self._clock())
            _write(self._run, notes, at)
            claimed.extend(asking.claim(self._run, notes.look - busy, at, gaps))

        try:
            await self._in_thread(do)
        except (psycopg.Error, DjangoError):
            self._notes.back(notes)
            raise
        # Those that were not taken are looked at again when one has ended.
        self._gaps_wait = self._gaps_wait or sum(asked.fills_gap for asked in claimed) >= gaps
        for asked in claimed:
            self._say(asked)

    async def close(self) -> None:
        """Give back what is being asked, hang up every line. Raises psycopg.Error, django.db.Error."""
        for line in list(self.lines.values()):
            self._drop(line)
        notes, self._notes = self._notes, Notes()
        notes.gone.update(self.lines)
        notes.lines.clear()
        self.lines.clear()
        await self._in_thread(lambda: _write(self._run, notes, moment(self._clock())))


def _write(run: UUID, notes: Notes, at: datetime) -> None:
    """Each part of its own: what is written twice, after one could not be, stays as it is."""
    if notes.lines or notes.gone:
        asking.note_lines(run, notes.lines.values(), notes.gone, at)
    asking.write_down(notes.outcomes, at)
    if notes.clocks:
        asking.give_clocks(notes.clocks, at)
    if notes.new_keys:
        asking.note_new_keys(notes.new_keys, at)


def _is_within(frame: Frame, parameters: dict[str, str]) -> bool:
    """Whether what this frame tells of lies in the time that was asked for."""
    begin, end = parameters.get("BeginTime"), parameters.get("EndTime")
    if begin is None or end is None:
        return False
    return begin <= frame.items().get("DataTime", "")[:14] <= end


def _keep_answer(talk: Talk, frame: Frame) -> None:
    """What came, as it was sent; of data sent again only from when to when, for the data themselves are stored."""
    items = frame.items()
    if "BeginTime" in talk.asked.parameters:
        time = items.get("DataTime", "")[:14]
        talk.answer["first"] = min(talk.answer.get("first", time), time)
        talk.answer["last"] = max(talk.answer.get("last", time), time)
        return
    if Deviation.TEXT_UNREADABLE in frame.deviations:
        talk.answer["unreadable"] = frame.cp[:LENGTH_KEPT]
        return
    said = dict(items)
    for code, values in frame.factors().items():
        said.update((f"{code}-{suffix}", value) for suffix, value in values.items())
    for name, value in said.items():
        if name in talk.answer or len(talk.answer) < ITEMS_KEPT:
            talk.answer[name[:LENGTH_KEPT]] = value[:LENGTH_KEPT].replace("\0", "\ufffd")


def host_of(peer: str) -> str:
    """The address without its port."""
    return peer.rpartition(":")[0]
