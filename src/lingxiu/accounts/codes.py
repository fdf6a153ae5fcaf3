"""Six digits by text message: how they are made, how long and how often they are good, how often they may be asked for.

Plain functions over plain values: no ORM, no clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DIGITS = 6
GOOD_FOR = timedelta(minutes=5)
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many within so long."""

    count: int
    within: timedelta


# A phone gets no more than its owner could want; a network address may be a whole market hall's, or a training room's.
PER_PHONE = (Limit(1, timedelta(minutes=1)), Limit(5, timedelta(hours=1)), Limit(10, timedelta(days=1)))
PER_ADDRESS = (Limit(30, timedelta(minutes=10)), Limit(90, timedelta(hours=1)))
LONGEST = timedelta(days=1)


def make_digits() -> str:
    """A code nobody can foresee."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def free_from(sent: Sequence[datetime], limits: Iterable[Limit], now: datetime) -> datetime | None:
    """From when another may be asked for, or None if at once. `sent`: when the earlier ones were, in any order."""
    times = sorted(sent)
    waits = [
        times[-limit.count] + limit.within
        for limit in limits
        if len(times) >= limit.count and times[-limit.count] + limit.within > now
    ]
    return max(waits, default=None)
