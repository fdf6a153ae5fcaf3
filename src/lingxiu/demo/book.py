"""The demo's issues as they come in and move on, one event after the other, up to the scene's time.

Alarms join the open issue of their shop, people's reports may be joined to another's; all else is each issue's own course.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TypeAlias

from lingxiu.demo.courses import Course, Scene
from lingxiu.demo.desk import Begin, Desk, Record, Step
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Source
from lingxiu.merchants.models import Merchant


@dataclass(frozen=True, slots=True)
class AlarmTold:
    """An alarm as the list is told of it, when it wants an issue."""

    id: int
    mn: str
    merchant: Merchant
    violation: str
    raised_at: datetime
    told_at: datetime
    summary: str


@dataclass(frozen=True, slots=True)
class _Next:
    """A step somebody is about to make, on its course."""

    course: Course
    step: Step
    rest: Iterator[Step]


_Event: TypeAlias = Begin | AlarmTold | _Next


class Book:
    """All issues of the demo, as they come in and move on, one event after the other."""

    def __init__(self, scene: Scene, desk: Desk) -> None:
        # A book is filled on trial to count alarms: what was inspected in one is not in the next.
        self.scene, self.desk = replace(scene, inspected={}), desk
        self.records: list[Record] = []
        self.of_alarm: dict[int, Record] = {}
        self._latest: dict[tuple[int | None, str, bool], Record] = {}
        self._waiting: list[tuple[datetime, int, _Event]] = []
        self._turn = count()

    def fill(self, begins: Iterable[Begin], alarms: Iterable[AlarmTold]) -> None:
        """Let everything happen up to the scene's time."""
        for begin in begins:
            self._push(begin.at, begin)
        for alarm in alarms:
            self._push(alarm.told_at, alarm)
        while self._waiting and self._waiting[0][0] < self.scene.at:
            _, _, event = heapq.heappop(self._waiting)
            match event:
                case Begin():
                    self._open(event)
                case AlarmTold():
                    self._tell(event)
                case _Next():
                    self._make(event)

    def _push(self, at: datetime, event: _Event) -> None:
        heapq.heappush(self._waiting, (at, next(self._turn), event))

    def _open(self, begin: Begin) -> Record:
        record = self.desk.open(begin)
        self.records.append(record)
        course = Course(self.scene, record, into=self._likely(begin))
        self._latest[_key(begin)] = record
        self._ask(course, course.steps())
        return record

    def _likely(self, begin: Begin) -> Record | None:
        """What a report may be joined to: what others reported of the same shop, while it is open."""
        latest = self._latest.get(_key(begin)) if begin.reporter and begin.merchant else None
        return latest if latest and latest.is_open else None

    def _tell(self, alarm: AlarmTold) -> None:
        """An alarm joins the open issue of its shop and violation, or opens one."""
        latest = self._latest.get((alarm.merchant.pk, alarm.violation, False))
        if latest and latest.is_open:
            self.desk.move(latest, Step(Move.NOTE, alarm.told_at, words=alarm.summary, alarm=(alarm.id, alarm.mn)))
            self.of_alarm[alarm.id] = latest
        else:
            self.of_alarm[alarm.id] = self._open(_of_alarm(alarm))

    def _make(self, event: _Next) -> None:
        """Make the step, unless it would join what has ended meanwhile."""
        into = event.course.into
        if event.step.what is not Move.JOIN or (into and into.is_open):
            self.desk.move(event.course.record, event.step, into)
        self._ask(event.course, event.rest)

    def _ask(self, course: Course, steps: Iterator[Step]) -> None:
        step = next(steps, None)
        if step is not None:
            self._push(step.at, _Next(course, step, steps))


def _key(begin: Begin) -> tuple[int | None, str, bool]:
    """What belongs together: the same shop and violation, told by people or not."""
    return begin.merchant.pk if begin.merchant else None, begin.violation, begin.reporter is not None


def _of_alarm(alarm: AlarmTold) -> Begin:
    shop = alarm.merchant
    return Begin(
        Source.ALARM, alarm.violation, alarm.summary, alarm.told_at, alarm.raised_at, shop, shop.town, shop.grid,
        alarm=(alarm.id, alarm.mn),
    )  # fmt: skip
