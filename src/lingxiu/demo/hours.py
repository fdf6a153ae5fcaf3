"""When people of the demo do things: hours of a day in which a kind of people is at it. Never knows a holiday."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Shift:
    """From what hour to what hour, and whether on Saturdays and Sundays too."""

    begins: int
    ends: int
    weekends: bool = True

    def after(self, moment: datetime, minutes: float) -> datetime:
        """The moment so many minutes of the shift later."""
        left = timedelta(minutes=minutes)
        now = max(moment, _at(moment, self.begins))
        while True:
            end = _at(now, self.ends)
            if self._works(now.date()) and now < end:
                if now + left < end:
                    return now + left
                left -= end - now
            now = _at(now + timedelta(days=1), self.begins)

    def _works(self, day: date) -> bool:
        return self.weekends or day.weekday() < SATURDAY


GRID = Shift(8, 20)
TEAM = Shift(8, 20)
ROOM = Shift(8, 22)  # a town's dispatchers
OFFICE = Shift(9, 17, weekends=False)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How likely each hour is, and how a Saturday or Sunday compares with a working day."""

    hours: Sequence[tuple[int, int]]  # (hour, weight)
    weekend: float

    def moment(self, random: Random, day: date, like: datetime) -> datetime:
        """Some moment of this day."""
        hour = random.choices([hour for hour, _ in self.hours], [weight for _, weight in self.hours])[0]
        return datetime.combine(day, time(hour, random.randrange(60), random.randrange(60)), like.tzinfo)

    def weight(self, day: date) -> float:
        """How many things happen on this day."""
        return self.weekend if day.weekday() >= SATURDAY else 1.0


ROUNDS = Rhythm([(8, 3), (9, 7), (10, 6), (11, 2), (13, 2), (14, 6), (15, 7), (16, 5), (17, 2)], 0.45)
MEALS = Rhythm([(8, 1), (10, 1), (11, 5), (12, 7), (13, 3), (17, 4), (18, 7), (19, 7), (20, 5), (21, 4), (22, 3)], 1.3)
PHONES = Rhythm([(8, 2), (9, 5), (10, 5), (11, 4), (13, 2), (14, 4), (15, 4), (16, 3), (19, 2), (20, 2)], 0.6)
INSPECTIONS = Rhythm([(9, 4), (10, 6), (14, 6), (15, 5), (16, 2), (18, 1), (19, 1)], 0.15)
EVENINGS = Rhythm([(9, 3), (14, 5), (15, 5), (20, 2), (21, 4)], 0.9)


def _at(moment: datetime, hour: int) -> datetime:
    return moment.replace(hour=hour, minute=0, second=0, microsecond=0)
