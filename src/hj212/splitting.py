"""Long messages: cut into parts that stand for themselves, and put together again in any order, bounded in number and time.

A part is never needed to understand another one; the reassembler only says what belongs together. It reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from hj212.codes import CP_LIMIT, SEGMENT_LIMIT, FlagBit
from hj212.cp import split_unquoted
from hj212.encoding import Message, Order, encode_segment, next_qn
from hj212.errors import ItemTooLong, TooManyParts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hj212.frame import Frame

PARTS_LIMIT: Final = 9999
"""Four digits of PNUM in 2005 and 2017; 2025 has one."""

REASSEMBLY_TIMEOUT: Final = 30.0
"""Seconds: ten for an answer, three tries (HJ 212-2017 6.4)."""


def split(
    message: Message,
    *,
    order: Order = "2017",
    limit: int = SEGMENT_LIMIT,
    cp_limit: int = CP_LIMIT,
    parts_limit: int = PARTS_LIMIT,
) -> list[Message]:
    """`message` alone if it fits; otherwise parts of whole items, each with the DataTime repeated, PNO from 1.

    Each part has a QN of its own, a millisecond after the one before: by it, it is acknowledged (HJ 212-2017 C.50).
    """
    if len(encode_segment(message, order)) <= limit and len(message.cp.encode()) <= cp_limit:
        return [message]
    numbered = None if message.flag is None else str(message.flag_bits | FlagBit.NUMBERED)
    widest = replace(message, flag=numbered, pnum=str(parts_limit), pno=str(parts_limit), cp="")
    room = min(cp_limit, limit - len(encode_segment(widest, order)))
    cps = _pack(split_unquoted(message.cp, ";"), room)
    if len(cps) > parts_limit:
        raise TooManyParts(len(cps), parts_limit)
    parts = []
    qn = message.qn
    for number, cp in enumerate(cps, start=1):
        parts.append(replace(message, qn=qn, flag=numbered, pnum=str(len(cps)), pno=str(number), cp=cp))
        qn = None if qn is None else next_qn(qn)
    return parts


def _pack(items: Iterable[str], room: int) -> list[str]:
    """Items joined by `;` into as few texts of at most `room` bytes as their order allows, DataTime leading each."""
    rest = list(items)
    times = [item for item in rest if item.startswith("DataTime=")][:1]
    packed: list[list[str]] = []
    used = room + 1
    for item in (item for item in rest if item not in times):
        size = len(item.encode()) + 1
        if used + size > room + 1:
            packed.append(list(times))
            used = sum(len(time) + 1 for time in times)
        if used + size > room + 1:
            raise ItemTooLong(item, room)
        packed[-1].append(item)
        used += size
    return [";".join(part) for part in packed]


@dataclass(frozen=True, slots=True)
class Reassembled:
    """The parts of one message that came, by number; a message that was never split is its own only part."""

    frames: tuple[Frame, ...]
    total: int

    @property
    def complete(self) -> bool:
        return len(self.frames) == self.total

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that did not come."""
        came = {frame.part[0] for frame in self.frames if frame.part}
        return tuple(number for number in range(1, self.total + 1) if number not in came) if came else ()

    def items(self) -> dict[str, str]:
        """{name: value} of all parts; the first of a name counts, as within a frame."""
        return dict(chain.from_iterable(frame.items().items() for frame in reversed(self.frames)))

    def factors(self) -> dict[str, dict[str, str]]:
        """{code: {suffix: value}} of all parts; the last of a suffix counts, as within a frame."""
        merged: dict[str, dict[str, str]] = {}
        for frame in self.frames:
            for code, values in frame.factors().items():
                merged.setdefault(code, {}).update(values)
        return merged


_Key = tuple[str | None, str | None, str | None, str | None, int]


@dataclass(slots=True)
class _Gathering:
    since: float
    total: int
    parts: dict[int, Frame]

    def finished(self) -> Reassembled:
        return Reassembled(tuple(self.parts[number] for number in sorted(self.parts)), self.total)


class Reassembler:
    """Puts the parts of one connection's messages together.

    The key is (MN, ST, CN, DataTime, PNUM) and never the QN, which differs from part to part (HJ 212-2017 C.50). Parts come in
    any order; a number that is there already is a retry and is dropped. What is not whole after `timeout` seconds, or has to
    give way because `limit` parts are held, is handed out incomplete: every part can be read without the others.
    """

    def __init__(self, *, timeout: float = REASSEMBLY_TIMEOUT, limit: int = 256) -> None:
        self.timeout = timeout
        self.limit = limit
        self._gatherings: dict[_Key, _Gathering] = {}

    @property
    def held(self) -> int:
        """Parts waiting for others."""
        return sum(len(gathering.parts) for gathering in self._gatherings.values())

    def add(self, frame: Frame, now: float) -> list[Reassembled]:
        """What this frame completes, and what had to give way; `now` in seconds of any steady clock."""
        done = self.expire(now)
        part = frame.part
        if part is None or part[1] == 1:
            return [*done, Reassembled((frame,), 1)]
        number, total = part
        key = (frame.mn, frame.st, frame.cn, frame.items().get("DataTime"), total)
        gathering = self._gatherings.setdefault(key, _Gathering(now, total, {}))
        gathering.parts.setdefault(number, frame)
        if len(gathering.parts) == total:
            done.append(self._gatherings.pop(key).finished())
        while self.held > self.limit:
            done.append(self._gatherings.pop(next(iter(self._gatherings))).finished())
        return done

    def expire(self, now: float) -> list[Reassembled]:
        """What has waited too long, incomplete."""
        late = [key for key, gathering in self._gatherings.items() if now - gathering.since >= self.timeout]
        return [self._gatherings.pop(key).finished() for key in late]

    def next_expiry(self) -> float | None:
        """When `expire` will next have something to hand out."""
        first = next(iter(self._gatherings.values()), None)
        return None if first is None else first.since + self.timeout
