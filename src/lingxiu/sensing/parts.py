"""The split messages of one connection that are not whole: parts that do not repeat the time wait for the one that tells it.

Every part is a row's worth by itself once its time is known; what they belong to is put together by the store, which fills nulls.
Bounded in number, bytes and time; reads no clock, stores nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hj212 import Frame
from hj212.splitting import REASSEMBLY_TIMEOUT

SPLITS_KEPT: Final = 8
"""Messages of one connection whose parts are still coming; then the oldest is given up."""
HELD: Final = 16
"""Parts that wait for their time, of all of them."""
LONGEST_KEY: Final = 96
_Key: TypeAlias = tuple[str | None, str | None, str | None, str | None]
Placed: TypeAlias = tuple[Frame, str | None]
"""A part, and the time that another part told it; None: it has its own, or nobody ever said."""


@dataclass(slots=True)
class _Split:
    since: float
    time: str = ""
    came: set[int] = field(default_factory=set)
    held: list[Frame] = field(default_factory=list)


class Parts:
    """By MN, ST, CN and PNUM, never by QN, which differs from part to part (HJ 212-2017 C.50)."""

    def __init__(self) -> None:
        self._splits: dict[_Key, _Split] = {}

    def __len__(self) -> int:
        return len(self._splits)

    @property
    def held(self) -> int:
        """Parts that wait for their time."""
        return sum(len(split.held) for split in self._splits.values())

    def add(self, frame: Frame, now: float) -> list[Placed]:
        """What can be placed now that this part has come. `now` in seconds of any steady clock."""
        part = frame.part
        own = frame.items().get("DataTime", "")
        key = (frame.mn, frame.st, frame.cn, frame.pnum)
        if part is None or len(own) > 17 or sum(len(text or "") for text in key) > LONGEST_KEY:
            return [(frame, None)]
        placed = self.late(now)
        split = self._splits.get(key)
        if split is None or (own and split.time and own != split.time):
            placed += self._give_up(key)
            if len(self._splits) >= SPLITS_KEPT:
                placed += self._give_up(next(iter(self._splits)))
            split = self._splits[key] = _Split(now)
        number, total = part
        split.came.add(number)
        if own:
            split.time = own
            placed.append((frame, None))
            placed += [(one, own) for one in split.held]
            split.held.clear()
        elif split.time:
            placed.append((frame, split.time))
        else:
            split.held.append(frame)
        if len(split.came) == total:
            placed += self._give_up(key)
        while self.held > HELD:
            placed += self._give_up(next(iter(self._splits)))
        return placed

    def late(self, now: float) -> list[Placed]:
        """Those whose time did not come in time."""
        over = [key for key, split in self._splits.items() if now - split.since >= REASSEMBLY_TIMEOUT]
        return [one for key in over for one in self._give_up(key)]

    def rest(self) -> list[Placed]:
        """Everything: the connection has ended."""
        return [one for key in list(self._splits) for one in self._give_up(key)]

    def _give_up(self, key: _Key) -> list[Placed]:
        split = self._splits.pop(key, None)
        return [] if split is None else [(frame, None) for frame in split.held]
