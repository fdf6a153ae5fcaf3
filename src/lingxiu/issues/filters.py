"""The list's filter: what an address asks for. Knows no rows: `matching` finds those that fit, `paging` one page of them.

A filter is its query string: pages, counts, the export and the API read the same one. What is no filter of ours is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from urllib.parse import urlencode

from django.utils import timezone

from lingxiu.issues import bodies
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import FlowChoice, LevelChoice, ResultChoice, Source, StateChoice

VIEWS = ("mine", "unit", "all")
SORTS = ("new", "due")
WAITS = ("extension", "objection", "reply", "supervised", "decision", "reporter", "merchant", "unit")
"""For whom an issue waits: for more time to be given or refused, for an objection to be settled (`reply`: by the lead, who says
something to it first), for a leader to be answered (`decision`: any of these); for a reporter who was asked; for the shop, while
it rests for the shop's sake or a notice to put it right runs; for another unit, while one works along or it rests until another
body has spoken."""
RATED: dict[str, tuple[int, int]] = {
    # how a reporter rated the answer, both ends included
    "1": (1, 5),
    "1-2": (1, 2),
    "3": (3, 3),
    "4-5": (4, 5),
}
EVENTS = ("came_in", "ended", "reopened")
"""What happened to it since a moment; `reopened`: by whoever reported it."""
REACHED: dict[str, tuple[State, ...]] = {
    # the way of an issue: what stands here now, or further on
    "dispatched": (State.DISPATCHED, State.HANDLING, State.RECHECK, State.CLOSED),
    "handling": (State.HANDLING, State.RECHECK, State.CLOSED),
    "recheck": (State.RECHECK, State.CLOSED),
    "closed": (State.CLOSED,),
}
AGES: dict[str, tuple[int, int | None]] = {
    # days since the day it was reported, both included
    "0-1": (0, 1),
    "2-3": (2, 3),
    "4-7": (4, 7),
    "8-15": (8, 15),
    "16-": (16, None),
}
GRASSROOTS = (LevelChoice.GRID, LevelChoice.TOWN)
"""Grid and town together: what the county's report calls grassroots (domain-2026, practice 9)."""
NO_TOWN = "none"
REPEATS, REPEAT_DAYS = 2, 90
"""A repeat place: the same merchant and the same violation more often than this within so many days."""
_CHOICES: dict[str, frozenset[str]] = {
    "state": frozenset({*StateChoice.values, "open", "ended", "valid", "waiting"}),
    "level": frozenset({*LevelChoice.values, "grassroots"}),
    "flow": frozenset(FlowChoice.values),
    "source": frozenset({*Source.values, "people", "found"}),
    "reached": frozenset(REACHED),
    "result": frozenset(ResultChoice.values),
    "true": frozenset({"yes", "no"}),
    "in_time": frozenset({"yes", "no"}),
    "answers": frozenset({"any", "in_time", "late", "waiting"}),
    "rated": frozenset(RATED),
    "age": frozenset(AGES),
    "listed": frozenset({"red", "black"}),
    "waits": frozenset(WAITS),
    "event": frozenset(EVENTS),
    "deed": frozenset(bodies.DEEDS),
}


@dataclass(frozen=True)
class Filter:
    """What is asked for. Days are of the county, both included: `since` and `until` of the report, `ended_*` of its end,
    `due_*` of the day by which the whole issue fell due (never after now); `step_*` of the day by which the present step is
    due, of what is open; `after` the moment since which an `event` counts.

    `state`: one, or open, waiting (with nobody yet), ended, valid (anything but dismissed). `level` grassroots: grid or town.
    `source` people: somebody reported it; found: nobody had to. `reached`: stands there now, or further on. `town`: `NO_TOWN`
    for those in none. `in_time`: closed by the issue's own clock. `answers`: of the reports on it, all in time, any late,
    or any waiting for one. `rated`: by a reporter, and how. `repeat`: at a repeat place in the `REPEAT_DAYS` up to `until`, or
    today. `near`: a key place. `listed`: the merchant stands on the red or the black list. `responsible`: code of the department;
    `unit` and `person`: who has it now; `kind`: of the merchant. `body`: a department or a town (its code) that did `deed`
    (`bodies.DEEDS`) with it in the days of `deed_since` to `deed_until`.
    """

    view: str = "all"
    q: str = ""
    state: str = ""
    level: str = ""
    flow: str = ""
    source: str = ""
    violation: str = ""
    town: str = ""
    merchant: int | None = None
    late: bool = False
    due_today: bool = False
    since: date | None = None
    until: date | None = None
    waits: str = ""
    event: str = ""
    after: datetime | None = None
    ended_since: date | None = None
    ended_until: date | None = None
    due_since: date | None = None
    due_until: date | None = None
    step_since: date | None = None
    step_until: date | None = None
    grid: str = ""
    reached: str = ""
    result: str = ""
    true: str = ""
    in_time: str = ""
    answers: str = ""
    age: str = ""
    listed: str = ""
    reopened: bool = False
    rated: str = ""
    repeat: bool = False
    near: bool = False
    severity: int | None = None
    responsible: str = ""
    unit: int | None = None
    person: int | None = None
    kind: str = ""
    body: str = ""
    deed: str = ""
    deed_since: date | None = None
    deed_until: date | None = None
    sort: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str], default_view: str = "all") -> Filter:
        """The filter of an address."""

        def one_of(name: str) -> str:
            return query.get(name, "") if query.get(name) in _CHOICES[name] else ""

        view, sort = query.get("view", ""), query.get("sort", "")
        after = _moment(query.get("at", ""))
        return cls(
            view=view if view in VIEWS else default_view,
            q=" ".join(query.get("q", "").replace("\0", "").split())[:60],
            state=one_of("state"),
            level=one_of("level"),
            flow=one_of("flow"),
            source=one_of("source"),
            violation=_code(query.get("violation", "")),
            town=_code(query.get("town", "")),
            merchant=_number(query.get("merchant", "")),
            late=query.get("late") == "1",
            due_today=query.get("due") == "today",
            since=_day(query.get("from", "")),
            until=_day(query.get("to", "")),
            waits=one_of("waits"),
            event=one_of("event") if after else "",
            after=after,
            ended_since=_day(query.get("ended_from", "")),
            ended_until=_day(query.get("ended_to", "")),
            due_since=_day(query.get("due_from", "")),
            due_until=_day(query.get("due_to", "")),
            step_since=_day(query.get("step_from", "")),
            step_until=_day(query.get("step_to", "")),
            grid=_code(query.get("grid", "")),
            reached=one_of("reached"),
            result=one_of("result"),
            true=one_of("true"),
            in_time=one_of("in_time"),
            answers=one_of("answers"),
            age=one_of("age"),
            listed=one_of("listed"),
            reopened=query.get("reopened") == "1",
            rated=one_of("rated"),
            repeat=query.get("repeat") == "1",
            near=query.get("near") == "1",
            severity=_number(query.get("severity", "")[:1]),
            responsible=_code(query.get("responsible", "")),
            unit=_number(query.get("unit", "")),
            person=_number(query.get("person", "")),
            kind=_code(query.get("kind", "")),
            body=_code(query.get("body", "")),
            deed=one_of("deed"),
            deed_since=_day(query.get("deed_from", "")),
            deed_until=_day(query.get("deed_to", "")),
            sort=sort if sort in SORTS else "",
        )

    @property
    def by_due(self) -> bool:
        """Work lists stand by what is due first, the whole list by what came last."""
        return (self.sort or ("new" if self.view == "all" else "due")) == "due"

    @cached_property
    def query(self) -> dict[str, str]:
        """The filter as the query of an address."""
        values = {
            "view": self.view,
            "q": self.q,
            "state": self.state,
            "level": self.level,
            "flow": self.flow,
            "source": self.source,
            "violation": self.violation,
            "town": self.town,
            "merchant": str(self.merchant or ""),
            "late": "1" if self.late else "",
            "due": "today" if self.due_today else "",
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "waits": self.waits,
            "event": self.event,
            "at": f"{timezone.localtime(self.after):%Y-%m-%dT%H:%M}" if self.event and self.after else "",
            "ended_from": self.ended_since.isoformat() if self.ended_since else "",
            "ended_to": self.ended_until.isoformat() if self.ended_until else "",
            "due_from": self.due_since.isoformat() if self.due_since else "",
            "due_to": self.due_until.isoformat() if self.due_until else "",
            "step_from": self.step_since.isoformat() if self.step_since else "",
            "step_to": self.step_until.isoformat() if self.step_until else "",
            "grid": self.grid,
            "reached": self.reached,
            "result": self.result,
            "true": self.true,
            "in_time": self.in_time,
            "answers": self.answers,
            "age": self.age,
            "listed": self.listed,
            "reopened": "1" if self.reopened else "",
            "rated": self.rated,
            "repeat": "1" if self.repeat else "",
            "near": "1" if self.near else "",
            "severity": str(self.severity or ""),
            "responsible": self.responsible,
            "unit": str(self.unit or ""),
            "person": str(self.person or ""),
            "kind": self.kind,
            "body": self.body,
            "deed": self.deed,
            "deed_from": self.deed_since.isoformat() if self.deed_since else "",
            "deed_to": self.deed_until.isoformat() if self.deed_until else "",
            "sort": self.sort,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def active(self) -> int:
        """How many conditions there are beside the view."""
        return len([name for name in self.query if name not in ("view", "sort", "at")])

    def but(self, **changes: object) -> str:
        """The query string of this filter with some things changed; back on its first page."""
        return urlencode(replace(self, **changes).query)  # type: ignore[arg-type]  # our own fields, by name


def _code(text: str) -> str:
    return text if len(text) <= 30 and text.replace("-", "").replace("_", "").isalnum() and text.isascii() else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _day(text: str) -> date | None:
    """A day whose beginning and end can be told in every zone; the first and the last year have days that cannot."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date.min.year < day.year < date.max.year else None


def _moment(text: str) -> datetime | None:
    """A minute of the county, `2026-03-05T17:00`."""
    day, _t, clock = text.partition("T")
    try:
        at = time.fromisoformat(clock)
    except ValueError:
        return None
    found = _day(day)
    return datetime.combine(found, at.replace(tzinfo=None), timezone.get_current_timezone()) if found else None
