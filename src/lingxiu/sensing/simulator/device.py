"""A device on a socket: it dials, says what it measured, waits for the answer, keeps what was not acknowledged and says it again.

Speaks to any HJ 212 gateway. What it measures comes from a `Source`; when it is comes from a clock that is passed in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import Final

from hj212 import Decoder, GivenUp, Message, Progressed, Session, Side, make_qn, next_qn
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.sensing.registry import ACK_STYLES
from lingxiu.sensing.simulator.dialect import say
from lingxiu.sensing.simulator.kitchen import Source

KEEPS: Final = 2 * 1440
"""Minutes a device keeps while nobody takes them; then the oldest go."""
DIAL_AGAIN: Final = (1.0, 60.0)
"""Seconds between two attempts to dial: the first, the longest."""


@dataclass(slots=True)
class SimulatedDevice:
    """One monitor. `kept`: minutes it brings along, measured while nobody took them. `drift`: how far its clock is ahead.

    `acked` counts what was acknowledged; `taken` is called with each such moment.
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
    _qn: str = ""

    def __post_init__(self) -> None:
        self.unsent.extend(self.kept)

    def measure(self, at: datetime) -> None:
        """Note a moment to be told of, if there is anything to tell."""
        if self.source(at) is not None:
            self.unsent.append(at)

    def message(self, at: datetime, now: datetime) -> Message:
        """What it says of a moment. A QN is the time of saying, and never used twice."""
        qn = make_qn(self._local(now))
        self._qn = qn if qn > self._qn else next_qn(self._qn)
        values = self.source(at)
        assert values is not None
        return say(self.profile, values, mn=self.mn, at=self._local(at), qn=self._qn, cn=self.cn)

    def _local(self, at: datetime) -> datetime:
        return (at + self.drift).astimezone(self.zone).replace(tzinfo=None)


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
        await asyncio.sleep(every)


async def _talk(device: SimulatedDevice, host: str, port: int, clock: Callable[[], datetime]) -> None:
    """One connection: one message at a time, the freshest first, again if no answer comes, until the gateway is lost."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(host, port)
    line = _Line(reader, writer, device)
    try:
        while True:
            while not device.unsent:
                await line.listen(1.0)
            at = device.unsent[-1]
            if not await line.tell(at, clock()):
                return
            device.unsent.remove(at)
            device.acked += 1
            if device.taken is not None:
                device.taken(at)
    finally:
        writer.close()


class _Line:
    """The conversation on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, device: SimulatedDevice) -> None:
        self._reader, self._writer, self._device = reader, writer, device
        self._decoder = Decoder()
        self._session = Session(Side.DEVICE, style=ACK_STYLES[device.profile.ack_style])
        self._loop = asyncio.get_running_loop()

    async def tell(self, at: datetime, now: datetime) -> bool:
        """Say a moment and wait until it is acknowledged. Returns: whether it was, after all repetitions."""
        self._writer.write(self._session.open(self._device.message(at, now), self._loop.time()))
        while True:
            due = self._session.next_due()
            if due is None:
                return True
            if await self.listen(max(0.0, due - self._loop.time())):
                continue
            for event in self._session.tick(self._loop.time()):
                if isinstance(event, GivenUp):
                    return False
                self._writer.write(event.data)

    async def listen(self, seconds: float) -> bool:
        """Hear what comes within so many seconds. Returns: whether an answer of ours came. Raises ConnectionError."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._reader.read(4096)
        except TimeoutError:
            return False
        if not data:
            raise ConnectionResetError
        frames = self._decoder.feed(data)
        return any(isinstance(self._session.receive(frame, self._loop.time()), Progressed) for frame in frames)


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
