"""A device on a socket: it dials, says what it measured, waits for the answer, keeps what was not acknowledged and says it again.

Speaks to any HJ 212 gateway, in any of the three versions, and does what the platform asks of it. What it measures comes from a
`Source`; when it is comes from a clock that is passed in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import Final

from hj212 import (
    CP_LIMIT,
    Blocks,
    Decoder,
    Frame,
    GivenUp,
    Message,
    NoticeReceived,
    RequestReceived,
    Session,
    Side,
    Version,
    decrypt,
    encode,
    is_encrypted,
    make_flag,
    make_qn,
    next_qn,
    split,
)
from hj212.codes import DEVICE_NOTICES
from hj212.splitting import PARTS_LIMIT
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.sensing.keys import Key
from lingxiu.sensing.registry import ACK_STYLES
from lingxiu.sensing.simulator.dialect import PASSWORD, say
from lingxiu.sensing.simulator.habits import STUCK_TOGETHER, Habit, spoil, spoil_values
from lingxiu.sensing.simulator.kitchen import Source
from lingxiu.sensing.simulator.obeying import obey, refusal

KEEPS: Final = 2 * 1440
"""Minutes a device keeps while nobody takes them; then the oldest go."""
DIAL_AGAIN: Final = (1.0, 60.0)
"""Seconds between two attempts to dial: the first, the longest."""
PAUSE: Final = 0.2
"""Seconds between two pieces of a message, for whom that is a habit."""
LOOKS_AGAIN: Final = 5.0
PARTS_2025: Final = 9
"""PNUM of 2025 has one digit."""
PART_OVERHEAD: Final = 40
"""Bytes of a part that are not its items, at least; fewer cannot be asked for."""


@dataclass(slots=True)
class SimulatedDevice:
    """One monitor. `kept`: minutes it brings along, measured while nobody took them. `drift`: how far its clock is ahead.

    `acked` counts what was acknowledged; `taken` is called with each such moment. `version` None: that of its profile. With a
    `key` it encrypts. `part_bytes`: the most its data area holds before it is split. `hello`: what it says when it has dialled
    (9021, 1013, 9015). `every`: seconds between two readings, if the platform has set them.
    """

    mn: str
    profile: DeviceProfile
    source: Source
    zone: tzinfo
    kept: tuple[datetime, ...] = ()
    drift: timedelta = timedelta()
    cn: str = "2011"
    taken: Callable[[datetime], None] | None = None
    acked: int = 0
    unsent: deque[datetime] = field(default_factory=lambda: deque(maxlen=KEEPS))
    said_version: Version | None = None
    key: Key | None = None
    part_bytes: int = CP_LIMIT
    habits: frozenset[Habit] = frozenset()
    hello: tuple[str, ...] = ()
    timeout: float = 10.0
    every: float | None = None
    minutes: int = 1
    started: datetime | None = None
    refused: int = 0
    obeyed: int = 0
    measured: asyncio.Event = field(default_factory=asyncio.Event)
    _qn: str = ""
    _said: int = 0

    def __post_init__(self) -> None:
        self.unsent.extend(self.kept)

    @property
    def version(self) -> Version:
        """Which of the texts it follows."""
        return self.said_version or _VERSIONS.get(self.profile.ack_style, "2017")

    @property
    def encrypt(self) -> Blocks | None:
        """The cipher it speaks under, if it has a key."""
        return None if self.key is None else self.key.encrypt

    def measure(self, at: datetime) -> None:
        """Note a moment to be told of, if there is anything to tell."""
        if self.source(at) is not None:
            self.unsent.append(at)
            self.measured.set()

    def message(self, at: datetime, now: datetime, *, again: bool = False) -> Message:
        """What it says of a moment. A QN is the time of saying, and never used twice. `again`: after a broken line."""
        values = self.source(at)
        assert values is not None
        said = say(self.profile, values, mn=self.mn, at=self.local(at), qn=self.next_qn(now), cn=self.cn)
        return replace(
            said,
            flag=make_flag(self.version, ack=True),
            rf="1" if again and self.version == "2025" else None,
            cp=spoil_values(self.habits, said.cp, self._said),
        )

    def messages(self, at: datetime, now: datetime, *, again: bool = False) -> list[Message]:
        """The same, in the parts it is said in."""
        parts = self.parts(self.message(at, now, again=again))
        self._qn = parts[-1].qn or self._qn
        return parts

    def parts(self, message: Message, flag: str | None = None) -> list[Message]:
        """A message cut as this device cuts; `flag` if another than its own."""
        order = ACK_STYLES[self.profile.ack_style].order
        whole = message if flag is None else replace(message, flag=flag)
        most = PARTS_2025 if self.version == "2025" else PARTS_LIMIT
        return split(whole, order=order, cp_limit=max(self.part_bytes, PART_OVERHEAD), parts_limit=most)

    def next_qn(self, now: datetime) -> str:
        """A QN of its own clock that it has not used."""
        qn = make_qn(self.local(now))
        self._qn = qn if qn > self._qn else next_qn(self._qn)
        return self._qn

    def next_count(self) -> int:
        """How many messages it has said, this one included."""
        self._said += 1
        return self._said

    def local(self, at: datetime) -> datetime:
        """What its clock shows."""
        return (at + self.drift).astimezone(self.zone).replace(tzinfo=None)

    def moment(self, local: datetime) -> datetime:
        """When its clock shows this."""
        return local.replace(tzinfo=self.zone) - self.drift


_VERSIONS: Final[dict[str, Version]] = {"2005": "2005", "2025": "2025"}


async def run_device(
    device: SimulatedDevice,
    host: str,
    port: int,
    *,
    clock: Callable[[], datetime],
    every: float = 60.0,
    dial_again: tuple[float, float] = DIAL_AGAIN,
) -> None:
    """Measure every so many seconds and tell the gateway, for ever. Cancelled, it hangs up."""
    device.started = device.started or clock()
    measuring = asyncio.create_task(_measure(device, clock, every))
    wait = dial_again[0]
    try:
        while True:
            before = device.acked
            with suppress(OSError, TimeoutError):
                await _talk(device, host, port, clock)
            wait = dial_again[0] if device.acked > before else min(wait * 2, dial_again[1])
            await asyncio.sleep(wait * _share(device.mn))
    finally:
        measuring.cancel()


async def _measure(device: SimulatedDevice, clock: Callable[[], datetime], every: float) -> None:
    """Each device at its own second, so that a thousand of them do not speak at once."""
    await asyncio.sleep(every * (_share(device.mn) - 0.5))
    while True:
        device.measure(clock().replace(microsecond=0))
        await asyncio.sleep(device.every or every)


async def _talk(device: SimulatedDevice, host: str, port: int, clock: Callable[[], datetime]) -> None:
    """One connection: until the gateway is lost, or does not answer."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(host, port)
    line = _Line(reader, writer, device, clock)
    tasks = [asyncio.create_task(work()) for work in (line.listen, line.tell_all)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


class _Line:
    """The conversations on one connection: ours, freshest first, again if no answer comes; and the platform's."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        device: SimulatedDevice,
        clock: Callable[[], datetime],
    ) -> None:
        self._reader, self._writer, self._device, self._clock = reader, writer, device, clock
        self._began = clock()
        self._decoder = Decoder()
        self._style = ACK_STYLES[device.profile.ack_style]
        self._session = Session(Side.DEVICE, style=self._style, timeout=device.timeout, encrypt=device.encrypt)
        self._heard = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    # ---- what it says ----

    async def tell_all(self) -> None:
        """Everything there is to tell, as it comes. Ends when nobody answers."""
        await self._greet()
        device = self._device
        while True:
            while not device.unsent:
                device.measured.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(device.measured.wait(), LOOKS_AGAIN)
            count = STUCK_TOGETHER if Habit.STICKY in device.habits else 1
            moments = [device.unsent[-1 - n] for n in range(min(count, len(device.unsent)))]
            if not await self._tell(moments):
                return
            for at in moments:
                device.unsent.remove(at)
                device.acked += 1
                if device.taken is not None:
                    device.taken(at)

    async def _greet(self) -> None:
        device = self._device
        for cn in device.hello:
            said = Message(
                cn, "31", device.mn, PASSWORD, device.next_qn(self._clock()), make_flag(device.version, ack=True)
            )
            # 9021 stands in no text: whatever comes back, nothing waits for it.
            known = cn in DEVICE_NOTICES
            await self._write(
                self._session.open(said, self._loop.time()) if known else encode(said, order=self._style.order)
            )

    async def _tell(self, moments: list[datetime]) -> bool:
        """Say moments and wait until each is acknowledged. Returns: whether all were, after all repetitions."""
        device, data = self._device, b""
        for at in moments:
            for message in device.messages(at, self._clock(), again=at < self._began):
                data += self._session.open(message, self._loop.time())
        spoiled = spoil(device.habits, data, device.next_count())
        for number, piece in enumerate(spoiled.pieces):
            if number:
                await asyncio.sleep(PAUSE)
            await self._write(piece)
        if spoiled.broken_off:
            return False
        return await self._wait()

    async def _wait(self) -> bool:
        """Until nothing of ours is open any more."""
        while (due := self._session.next_due()) is not None:
            self._heard.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), max(0.0, due - self._loop.time()))
            for event in self._session.tick(self._loop.time()):
                if isinstance(event, GivenUp):
                    return False
                await self._write(event.data)
        return True

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    # ---- what it hears ----

    async def listen(self) -> None:
        """Hear answers and requests. Raises ConnectionError when the platform hangs up."""
        while True:
            data = await self._reader.read(4096)
            if not data:
                raise ConnectionResetError
            for frame in self._decoder.feed(data):
                await self._hear(self._opened(frame))
            self._heard.set()

    def _opened(self, frame: Frame) -> Frame:
        key = self._device.key
        return decrypt(frame, key.decrypt) if key is not None and is_encrypted(frame) else frame

    async def _hear(self, frame: Frame) -> None:
        event = self._session.receive(frame, self._loop.time())
        if isinstance(event, RequestReceived):
            await (self._write(event.resend) if event.repeated else self._obey(event.frame))
        elif isinstance(event, NoticeReceived) and frame.wants_ack:
            await self._write(self._session.acknowledge(frame))

    async def _obey(self, question: Frame) -> None:
        """The three steps: taken on or why not, the data, the result."""
        device, session, qn = self._device, self._session, question.qn or ""
        answer = refusal(device, question)
        await self._write(session.answer(qn, answer))
        if answer != 1:
            device.refused += 1
            return
        obeyed = obey(device, question, self._clock())
        for message in obeyed.messages:
            await self._write(session.send_data(qn, message))
        await self._write(session.report(qn, obeyed.result, self._loop.time()))
        device.obeyed += 1
        if obeyed.after is not None:
            obeyed.after()
            session.encrypt = device.encrypt


async def run_fleet(
    devices: Iterable[SimulatedDevice],
    host: str,
    port: int,
    *,
    clock: Callable[[], datetime],
    every: float = 60.0,
    dial_again: tuple[float, float] = DIAL_AGAIN,
) -> None:
    """All of them, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(run_device(device, host, port, clock=clock, every=every, dial_again=dial_again))


def _share(mn: str) -> float:
    """0.5 to 1.5, the same for a device always."""
    return 0.5 + int.from_bytes(blake2b(mn.encode(), digest_size=4).digest(), "big") / 2**32
