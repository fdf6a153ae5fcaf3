"""What is to be done in a shop and by when, the most pressing first: the sentence an owner's phone shows. Plain values.

Decides the order and the dates, never how good a shop is. Cycles: 浙环发〔2015〕8号 §15 for the purifier, policy's for the rest.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lingxiu.policy.schema.catalogues import Catalogues


class What(StrEnum):
    """Something to do. Its value stands in addresses."""

    REMINDER = "reminder"
    CLEANING = "cleaning"
    TRAP = "trap"
    WASTE = "waste"
    SELF_CHECK = "check"


CARE = (What.CLEANING, What.TRAP, What.WASTE)
AHEAD_DAYS = {What.CLEANING: 7, What.TRAP: 7, What.WASTE: 1}
"""How long before its date something becomes today's business. Reminders and self-checks are from the first day."""


@dataclass(frozen=True, slots=True)
class Open:
    """An issue that waits for the shop."""

    number: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Shop:
    """What is known of a shop. `last`: when it was last cared for; `has`: what of it there is to care for."""

    last: Mapping[What, date]
    has: frozenset[What]
    declared_for: date | None = None
    reminders: tuple[Open, ...] = ()


@dataclass(frozen=True, slots=True)
class Todo:
    """Something to do. `by` None: it should be done and nobody knows when it last was. `number`: of the issue."""

    what: What
    by: date | None
    late_days: int = 0
    pressing: bool = False
    number: str = ""


def cycles(catalogues: Catalogues, scale: str, day: date) -> dict[What, int]:
    """Days between two times of caring, for a shop of this scale on this day."""
    found = {What.WASTE: catalogues.indicators.waste.every_days}
    if catalogues.indicators.drains.cycle_days:
        found[What.TRAP] = catalogues.indicators.drains.cycle_days
    for cycle in catalogues.kinds.cleaning_cycles:
        if cycle.scale == scale and cycle.holds(day):
            found[What.CLEANING] = cycle.days
    return found


def agenda(day: date, shop: Shop, days_between: Mapping[What, int], may: Collection[What]) -> list[Todo]:
    """What is to be done, the most pressing first: late before the rest, then reminders, then by date, undated last.

    Args:
        may: what the reader may do; the rest is not their business.
    """
    todos = [_reminder(day, open_issue) for open_issue in shop.reminders]
    todos += [_care(day, what, shop, days_between[what]) for what in CARE if what in shop.has and what in days_between]
    if shop.declared_for is None or shop.declared_for < day.replace(day=1):
        todos.append(Todo(What.SELF_CHECK, end_of_month(day), pressing=True))
    return sorted((todo for todo in todos if todo.what in may), key=_order)


def end_of_month(day: date) -> date:
    """The last day of this month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def _reminder(day: date, open_issue: Open) -> Todo:
    late_days = max(0, (day - open_issue.due_on).days)
    return Todo(What.REMINDER, open_issue.due_on, late_days, pressing=True, number=open_issue.number)


def _care(day: date, what: What, shop: Shop, cycle_days: int) -> Todo:
    last = shop.last.get(what)
    if last is None:
        return Todo(what, None)
    by = last + timedelta(days=cycle_days)
    pressing = by <= day + timedelta(days=AHEAD_DAYS[what])
    return Todo(what, by, max(0, (day - by).days), pressing)


def _order(todo: Todo) -> tuple[bool, bool, bool, date, str]:
    return not todo.late_days, not todo.pressing, todo.what is not What.REMINDER, todo.by or date.max, todo.number
