"""What of co-operating parts may be sent back, replied to and settled, and by when one can be due. Plain values, no ORM.

Never decides who may: that is the table's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol, TypeVar

from lingxiu.china.calendar import END_OF_DAY, Due, WorkingCalendar
from lingxiu.issues import deadlines
from lingxiu.policy.schema.deadlines import Deadlines

OBJECTED, CONTRIBUTED, SENT_BACK = "objected", "contributed", "sent_back"


class Part(Protocol):
    """A co-operating unit's part, as its assignment keeps it."""

    @property
    def unit_id(self) -> int: ...
    @property
    def outcome(self) -> str: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def answer(self) -> str: ...
    @property
    def answer_due_at(self) -> datetime | None: ...


P = TypeVar("P", bound=Part)


def to_reply(parts: Iterable[P], lead: int | None) -> list[P]:
    """Objections the lead has not replied to; to its own unit's, made before it was given the lead, nobody replies."""
    return [one for one in parts if one.outcome == OBJECTED and not one.answer and one.unit_id != lead]


def to_settle(parts: Iterable[P], lead: int | None, at: datetime, *, is_given: bool) -> list[P]:
    """Objections the county may settle: the lead has replied, or the time for that is over, or nobody leads (`is_given`)."""
    objected = [one for one in parts if one.outcome == OBJECTED]
    awaited = to_reply(objected, lead) if is_given else []
    return [one for one in objected if one not in awaited or one.answer_due_at is None or one.answer_due_at <= at]


def to_hand_back(parts: Iterable[P], lead: int | None, since: datetime, most: int) -> list[P]:
    """What units did last since the issue was opened, unless they are at it again, lead it now, or were sent theirs back
    as often as may be. `parts` in the order in which they were given."""
    of_unit: dict[int, list[P]] = {}
    for part in parts:
        if part.ended_at is None or part.ended_at >= since:
            of_unit.setdefault(part.unit_id, []).append(part)
    return [
        rows[-1]
        for unit, rows in of_unit.items()
        if unit != lead
        and rows[-1].outcome == CONTRIBUTED
        and rows[-1].ended_at is not None
        and sum(row.outcome == SENT_BACK for row in rows) < most
    ]


class DayRefused(Exception):
    """No part can be due on this day. `why`: past, or later than the whole issue (`whole`)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def part_due(calendar: WorkingCalendar, limits: Deadlines, start: datetime, whole: Due, day: date | None = None) -> Due:
    """When a part is due that is given at `start`: at the end of this day, else by policy; with the whole issue at the
    latest, unless that is late already. Raises DayRefused."""
    usual = deadlines.due(calendar, start, limits.cooperate)
    last = whole if whole.at > start else usual
    if day is None:
        return usual if usual.at <= last.at else last
    if day < start.astimezone(calendar.zone).date():
        raise DayRefused("past")
    if day > last.at.astimezone(calendar.zone).date():
        raise DayRefused("whole")
    return Due(min(datetime.combine(day, END_OF_DAY, calendar.zone), last.at), provisional=False)
