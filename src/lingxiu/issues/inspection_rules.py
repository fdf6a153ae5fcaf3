"""Administrative inspections (行政检查): who may make one, how many a shop bears in a year, what is not checked twice.

国办发〔2024〕54号 and 浙政办发〔2025〕5号: two certified officers of one enforcing body, a cap a year, another body's check
respected; beyond both only for a complaint or an order with its number. Plain values, no ORM, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

ENFORCING = frozenset({"department", "town_team"})
"""The kinds of unit that can be an enforcing body. A grid, a town's room, the county's office never are."""


class Why(StrEnum):
    """Why a shop is inspected."""

    PLAN = "plan"
    COMPLAINT = "complaint"
    ORDER = "order"
    CAMPAIGN = "campaign"


BEYOND_THE_CAP = frozenset({Why.COMPLAINT, Why.ORDER})
"""These are let through beyond the cap and another body's check, and do not count against the cap."""
NUMBERED = frozenset({Why.COMPLAINT, Why.ORDER, Why.CAMPAIGN})
"""These are nothing without their number: the complaint's, the order's, the campaign's approval."""


class Outcome(StrEnum):
    """What an inspection ended with."""

    IN_ORDER = "in_order"
    PUT_RIGHT = "put_right"
    ORDERED = "ordered"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Inspecting:
    """What officers say of an inspection, beside its words and pictures. `second`: the other officer's id.

    `items`: tasks and violations (ids of the catalogues) that were checked. `number`: the complaint's, order's or campaign's.
    """

    second: int | None
    items: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    why: Why = Why.PLAN
    number: str = ""
    outcome: Outcome = Outcome.IN_ORDER


@dataclass(frozen=True, slots=True)
class Earlier:
    """An inspection that was made: by which unit, of what, on which day of the county, and why.

    `joint`: of which joint inspection; several bodies at once are one inspection for the shop (综合查一次: 进一次门、查多项事).
    `planned`: not made yet; it holds a place of the cap until it is made, left out or withdrawn, or its day has passed.
    """

    unit: int
    items: tuple[str, ...]
    day: date
    why: Why
    joint: int | None = None
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """The cap of a shop in a year and what is used of it, by all bodies and by this one. None: policy has no cap.

    `planned`: how many of those used are planned only. `along`: the shop bears this joint inspection already, by another body.
    """

    of_shop: int | None
    of_department: int | None
    used: int
    used_by_department: int
    planned: int = 0
    along: bool = False

    @property
    def left(self) -> int | None:
        """How many more this body may make; never less than none."""
        if self.of_shop is None or self.of_department is None:
            return None
        free = self.of_shop - self.used + self.along
        return max(0, min(free, self.of_department - self.used_by_department))


@dataclass(frozen=True, slots=True)
class Limits:
    """What policy says for this shop. `task_of`: violation → the task it belongs to."""

    of_shop: int | None
    of_department: int | None
    respected_days: int
    written_within_days: int
    task_of: Mapping[str, str]


class InspectionRefused(Exception):
    """An inspection that may not be recorded. `why`: a key of `words.REFUSALS`; `item`: the item it is about, if it is about one."""

    def __init__(self, why: str, item: str = "") -> None:
        super().__init__(f"{why} {item}".strip())
        self.why, self.item = why, item


def times(made: Iterable[Earlier]) -> int:
    """How often the shop was inspected: what several bodies did at once was once."""
    rows = list(made)
    return sum(one.joint is None for one in rows) + len({one.joint for one in rows if one.joint is not None})


def allowance(limits: Limits, earlier: Iterable[Earlier], unit: int, year: int, joint: int | None = None) -> Allowance:
    """What is left of the cap of a year for this unit, within a joint inspection if one is named. Complaints and orders do
    not count."""
    counting = [one for one in earlier if one.day.year == year and one.why not in BEYOND_THE_CAP]
    own = sum(one.unit == unit for one in counting)
    planned = times(one for one in counting if one.planned)
    along = joint is not None and any(one.joint == joint for one in counting)
    return Allowance(limits.of_shop, limits.of_department, times(counting), own, planned, along)


def checked_already(
    items: Iterable[str], earlier: Iterable[Earlier], unit: int, day: date, limits: Limits, joint: int | None = None
) -> dict[str, Earlier]:
    """Item → the newest valid check of it by another unit, within the days it is respected. A check of a task is one of all
    that belongs to it; a check of one violation is not one of the whole task. Who checks it together with this unit, in the
    same joint inspection, has not checked it before."""
    since = day - timedelta(days=limits.respected_days)
    before = [one for one in earlier if joint is None or one.joint != joint]
    others = [one for one in before if one.unit != unit and since <= one.day <= day]
    found: dict[str, Earlier] = {}
    for one in sorted(others, key=lambda one: one.day):
        for item in items:
            if item in one.items or limits.task_of.get(item) in one.items:
                found[item] = one
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """All a decision rests on. `certified`: ids of who holds a certificate at `unit` today; `known`: whether the number is one
    of ours for this shop."""

    inspecting: Inspecting
    officer: int
    unit: int
    certified: frozenset[int]
    words: str
    known: bool
    items: frozenset[str]
    earlier: tuple[Earlier, ...]
    limits: Limits
    at: datetime
    day: date
    today: date
    joint: int | None = None


def refuse(asked: Asked) -> None:
    """Raises InspectionRefused naming the first thing that is missing or in the way, in the order of `OBSTACLES`."""
    for why, stands in OBSTACLES.items():
        if found := stands(asked):
            raise InspectionRefused(why, found if isinstance(found, str) else "")


def _second_is_none(asked: Asked) -> bool:
    second = asked.inspecting.second
    return second is None or second == asked.officer or second not in asked.certified


def _late(asked: Asked) -> bool:
    said = asked.inspecting
    earliest = asked.today - timedelta(days=asked.limits.written_within_days)
    return not said.started_at <= said.ended_at <= asked.at or asked.day < earliest


def _over(asked: Asked) -> bool:
    left = allowance(asked.limits, asked.earlier, asked.unit, asked.day.year, asked.joint).left
    return asked.inspecting.why not in BEYOND_THE_CAP and left == 0


def _checked(asked: Asked) -> str:
    if asked.inspecting.why in BEYOND_THE_CAP:
        return ""
    found = checked_already(asked.inspecting.items, asked.earlier, asked.unit, asked.day, asked.limits, asked.joint)
    return next(iter(found), "")


OBSTACLES: dict[str, Callable[[Asked], bool | str]] = {
    "certificate": lambda asked: asked.officer not in asked.certified,
    "second": _second_is_none,
    "items": lambda asked: not asked.inspecting.items or not asked.items.issuperset(asked.inspecting.items),
    "inspection_words": lambda asked: not asked.words.strip(),
    "times": _late,
    "number": lambda asked: asked.inspecting.why in NUMBERED and not asked.inspecting.number.strip(),
    "unknown_number": lambda asked: asked.inspecting.why in NUMBERED and not asked.known,
    "cap": _over,
    "checked": _checked,
}
