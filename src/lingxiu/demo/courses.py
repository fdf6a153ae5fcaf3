"""What became of each of the demo's issues: who moved it on, when, with which words. Yields steps; `desk` makes rows of them.

Most are seen to within a day or three by grid and town, some are slow, some sent back, handed on or dismissed; near the end of
the time some stand still, so that every list has something in it. Nothing here is read from the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.demo import hours
from lingxiu.demo.chance import pick, stream
from lingxiu.demo.desk import Record, Step
from lingxiu.demo.hours import Shift
from lingxiu.demo.pictures import When
from lingxiu.demo.staff import OFFICE, Staff
from lingxiu.demo.words import OfViolation, say, words
from lingxiu.issues.evidence import unanswered, violation_of, wants_reading
from lingxiu.issues.inspection_rules import Inspecting, Outcome, Why
from lingxiu.issues.lifecycle import Level, Move, Result, State
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.violations import Violation

# How much longer than in a quiet week everything takes, and how often.
PACES = {0.7: 32, 2.1: 62, 5.0: 6}

# Staffed minutes from one step to the next, in a quiet week.
TO_CONFIRM, TO_JUDGE, TO_ACCEPT = (30, 300), (4, 110), (4, 190)
TO_VISIT, TO_FEED_BACK, TO_AGAIN, TO_CLOSE = (30, 500), (3, 300), (60, 400), (30, 620)

INSPECTED = 0.5  # of the visits that could be
DISMISSED, TRANSFERRED, ESCALATED, RETURNED, REWORKED = 0.035, 0.02, 0.012, 0.014, 0.04
NOTED, ENTERED, SECOND_VISIT = 0.07, 0.03, 0.12
SUPERVISED, RESTED, ASKED_FOR_TIME = 0.06, 0.08, 0.1  # of those that stand still
DATED, OBJECTED, UPHELD, SENT_BACK = 0.5, 0.3, 0.5, 0.3  # of joint issues, their parts, objections
PART_DAYS = timedelta(days=6)
NOT_TRUE = {"lead": 0.09, "public": 0.2, "finding": 0.0}

STANDSTILL_DAYS = 5  # an issue of the last so many days may stand still
LOOKED_AT_AFTER_DAYS = 1.5  # a forecast
NOT_BELIEVED = 0.15  # of the forecasts: the dispatcher asks the shop and hears that it was just seen to
STANDSTILL = 1.7  # how likely, on the day it came in; less and less before

INSPECTED_FOR = timedelta(minutes=40)
OUTCOMES = {Result.NOT_FOUND: Outcome.IN_ORDER, Result.DEVICE_FAULT: Outcome.IN_ORDER, Result.ORDERED: Outcome.ORDERED}

RESULTS = {Result.FIXED: 44, Result.REMINDED: 42, Result.ORDERED: 30, Result.DEVICE_FAULT: 5}


@dataclass(frozen=True)
class Scene:
    """What courses need to know of the county."""

    staff: Staff
    pictures: dict[str, dict[When, str]]
    at: datetime
    inspected: dict[int, list[tuple[int, int | None]]] = field(default_factory=dict)
    """Merchant → the unit, and, if it counts against the cap, the year of each of its inspections."""

    def picture(self, violation: str, when: When) -> tuple[str, ...]:
        return (self.pictures[words().violations[violation].picture][when],)


class Course:
    """One issue on its way."""

    def __init__(self, scene: Scene, record: Record, into: Record | None = None) -> None:
        """`into`: what it may be joined to."""
        self.scene, self.record, self.into = scene, record, into
        self.shop = record.begin.really
        self.issue = record.issue
        self.random: Random = stream("course", self.issue.violation, self.issue.reported_at.isoformat())
        self.pace = pick(self.random, PACES)
        self.now = self.issue.reported_at.astimezone(scene.at.tzinfo)
        self.said: OfViolation = words().violations[self.issue.violation]
        self.stops_after = self._stops_after()
        self.entered_by: User | None = None

    def steps(self) -> Iterator[Step]:
        """One step after the other; each looks at what the issue is by then, so make it, or leave it, before asking on."""
        for count, step in enumerate(self._all()):
            if count == self.stops_after:
                yield from self._standstill()
                return
            if step.at >= self.scene.at:
                return
            yield step

    def _standstill(self) -> Iterator[Step]:
        """Why some that stand still do: a leader has asked, more time is asked for, the shop is being rebuilt."""
        step = self._pause()
        if step is not None and step.at < self.scene.at:
            yield step

    def _pause(self) -> Step | None:
        with_somebody = self.issue.state in (State.DISPATCHED, State.HANDLING)
        if not with_somebody:
            return None
        if self._happens(SUPERVISED):
            leader = self.random.choice(self.scene.staff.of("leader", OFFICE))
            return self._by(leader, Move.SUPERVISE, hours.OFFICE, TO_JUDGE, self._words("supervise"))
        if self._happens(ASKED_FOR_TIME):
            return replace(
                self._by(self._holder(), Move.EXTEND, self._shift(), TO_ACCEPT, self._words("extend")), days=2
            )
        if self._happens(RESTED):
            rest = self._by(self._dispatcher(), Move.SUSPEND, self._room, TO_ACCEPT, self._words("suspend"))
            return replace(rest, until=(self.scene.at + timedelta(days=6)).date(), reason="SHOP-CLOSED")
        return None

    def _stops_after(self) -> int | None:
        """After how many steps it stands still; None if it does not."""
        age = (self.scene.at - self.issue.reported_at) / timedelta(days=1)
        if self.record.begin.forecast and age < LOOKED_AT_AFTER_DAYS:
            return 0
        chance = STANDSTILL * (1 - age / STANDSTILL_DAYS)
        return self.random.choice([0, 0, 0, 1, 1, 2, 2, 2, 3]) if self.random.random() < chance else None

    # ── the way of an issue ──────────────────────────────────────────────────────────────────────────────────────

    def _all(self) -> Iterator[Step]:
        if self.issue.state == State.PREDICTED:
            if self._happens(NOT_BELIEVED):
                yield self._by(self._dispatcher(), Move.DISMISS, hours.ROOM, TO_CONFIRM, self._words("not_believed"))
                return
            yield self._confirm()
        if self.into is not None:
            yield self._by(self._dispatcher(), Move.JOIN, hours.ROOM, TO_JUDGE)
        if self.issue.state == State.DISMISSED:
            return
        if self.issue.state == State.RECEIVED:
            if self._happens(DISMISSED) and self.issue.level != Level.COUNTY:
                yield self._dismiss()
                return
            yield self._dispatch()
        yield from self._detour()
        if self.issue.flow == "joint":
            yield self._involve()
        yield self._accept()
        yield from self._contribute()
        yield from self._see_to_it()
        if self._happens(REWORKED):
            yield self._rework()
            yield from self._see_to_it(again=True)
        yield self._close()

    def _detour(self) -> Iterator[Step]:
        """Handed on, sent up or sent back before it is taken."""
        given = self.record.lead.unit
        if given.kind != UnitKind.GRID:
            return
        if self._happens(RETURNED):
            yield self._by(self._holder(), Move.RETURN, hours.GRID, TO_ACCEPT, self._words("return"))
            yield self._dispatch()
        elif self._happens(ESCALATED):
            yield self._by(self._holder(), Move.ESCALATE, hours.GRID, TO_ACCEPT, self._words("escalate"))
            yield self._dispatch(to_team=True)
        elif self._happens(TRANSFERRED):
            team = self.scene.staff.units[f"{self.issue.town}-team"]
            yield self._by(self._holder(), Move.TRANSFER, hours.GRID, TO_ACCEPT, self._words("transfer"), unit=team)

    def _confirm(self) -> Step:
        return self._by(self._dispatcher(), Move.CONFIRM, hours.ROOM, TO_CONFIRM)

    def _dispatch(self, to_team: bool = False) -> Step:
        issue, staff = self.issue, self.scene.staff
        if issue.level == Level.COUNTY:
            unit, shift, said = staff.units[issue.responsible], hours.OFFICE, "dispatch"
        elif to_team or issue.level == Level.TOWN:
            unit, shift, said = staff.units[f"{issue.town}-team"], hours.ROOM, "team"
        else:
            unit, shift, said = staff.units[issue.grid], hours.ROOM, "dispatch"
        return self._by(self._dispatcher(), Move.DISPATCH, shift, TO_JUDGE, self._words(said), unit=unit)

    def _involve(self) -> Step:
        """The county names who works along: whom the catalogue does."""
        named = self.record.cooperating
        units = tuple(
            self.scene.staff.units[code] for code in named if self.scene.staff.units[code] != self.record.lead.unit
        )
        step = self._by(self._dispatcher(), Move.INVOLVE, hours.OFFICE, TO_JUDGE, self._words("involve"))
        day = min(step.at + PART_DAYS, self.issue.due_at.astimezone(step.at.tzinfo)).date()
        return replace(step, units=units, part_due=day if self._happens(DATED) else None)

    def _contribute(self) -> Iterator[Step]:
        """Each unit does its part; one or the other objects first, or has it sent back once."""
        for unit in [part.unit for part in self.record.open_parts]:
            if self._happens(OBJECTED):
                yield from self._object(unit)
            if unit not in [part.unit for part in self.record.open_parts]:
                continue
            yield self._of_part(unit, Move.CONTRIBUTE, "contribute")
            if self._happens(SENT_BACK):
                back = self._by(self._holder(), Move.HAND_BACK, hours.OFFICE, TO_JUDGE, self._words("hand_back"))
                yield replace(back, units=(unit,))
                yield self._of_part(unit, Move.CONTRIBUTE, "contribute")

    def _object(self, unit: Unit) -> Iterator[Step]:
        """It says that it is not theirs, the lead replies, the county settles."""
        yield self._of_part(unit, Move.OBJECT, "object")
        yield self._by(self._holder(), Move.REPLY, hours.OFFICE, TO_JUDGE, self._words("reply"))
        upheld = self._happens(UPHELD)
        said = self._words("settle_upheld" if upheld else "settle_released")
        yield replace(self._by(self._dispatcher(), Move.SETTLE, hours.OFFICE, TO_JUDGE, said), upheld=upheld)

    def _of_part(self, unit: Unit, what: Move, said: str) -> Step:
        somebody = self.random.choice(self._members(unit))
        return self._by(somebody, what, hours.OFFICE, TO_VISIT, self._words(said))

    def _accept(self) -> Step:
        return self._by(self._holder(), Move.ACCEPT, self._shift(), TO_ACCEPT)

    def _see_to_it(self, again: bool = False) -> Iterator[Step]:
        """A visit or two, and what came of it; now and then the town's room writes down what was phoned in."""
        holder, violation = self._holder(), self.issue.violation
        why = self._why_inspect()
        writes = self._dispatcher() if self._happens(ENTERED) and self.issue.level != Level.COUNTY else holder
        behalf = holder if writes != holder else None
        self.entered_by = writes if behalf else self.entered_by
        result = self._result(may_order=why is not None or bool(self.record.inspections))
        before = self.scene.picture(violation, "after" if result == Result.NOT_FOUND else "before")
        seen = words().moves["nothing_seen"] if result == Result.NOT_FOUND else self.said.visit
        if self._happens(NOTED):
            yield self._by(holder, Move.NOTE, self._shift(), TO_AGAIN, self._words("note"))
        for visit in range(2 if self._happens(SECOND_VISIT) else 1):
            wait = TO_AGAIN if visit or again else TO_VISIT
            made = self._by(
                writes, Move.HANDLE, self._shift(), wait, say(self.random, seen, self._merchant), behalf=behalf,
                photos=before, merchant=self.shop if self.issue.merchant is None else None,
            )  # fmt: skip
            wanted = result == Result.ORDERED or self._happens(INSPECTED)
            inspection = self._inspection(why, made, holder, result) if why and wanted and not visit else None
            yield replace(made, inspection=inspection)
        fed_back = self._by(
            writes, Move.FEED_BACK, self._shift(), TO_FEED_BACK,
            say(self.random, self.said.fed_back[result], self._merchant),
            behalf=behalf, result=result, photos=self.scene.picture(violation, "after"),
        )  # fmt: skip
        wanted_of = violation_of(self.issue)
        told = filled_in(wanted_of, fed_back, self.issue.number)
        measured = MEASURED if wants_reading(wanted_of, result) else ""
        yield replace(fed_back, told=told, measured=measured)

    def _rework(self) -> Step:
        return self._by(self._dispatcher(), Move.REWORK, self._room, TO_CLOSE, self._words("rework"))

    def _close(self) -> Step:
        said = "close_report" if self.record.reports else "close"
        if self.issue.violation_kind == "lead":
            said = "close_lead"
        answer = say(self.random, words().answers[self.issue.result or Result.FIXED])
        return self._by(self._dispatcher(), Move.CLOSE, self._room, TO_CLOSE, self._words(said), answer=answer)

    def _dismiss(self) -> Step:
        answer = say(self.random, words().answers["dismissed"])
        return self._by(
            self._dispatcher(), Move.DISMISS, hours.ROOM, TO_JUDGE, self._words("dismiss"), answer=answer
        )  # fmt: skip

    # ── who, when, what ──────────────────────────────────────────────────────────────────────────────────────────

    def _by(
        self, actor: User, what: Move, shift: Shift, minutes: tuple[int, int], said: str = "",
        *, unit: Unit | None = None, result: Result | None = None, photos: tuple[str, ...] = (), answer: str = "",
        behalf: User | None = None, merchant: Merchant | None = None,
    ) -> Step:  # fmt: skip
        self.now = shift.after(self.now, self.random.uniform(*minutes) * self.pace)
        return Step(
            what, self.now, actor, said, unit=unit, result=result, photos=photos, answer=answer, behalf=behalf, merchant=merchant,
        )  # fmt: skip

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def _words(self, about: str) -> str:
        return say(self.random, words().moves[about], self._merchant)

    @property
    def _merchant(self) -> Merchant | None:
        return self.issue.merchant or self.shop

    def _holder(self) -> User:
        """Whose the ball is: whom it was given to, else somebody of the unit."""
        lead = self.record.lead
        return lead.person or self.random.choice(self._members(lead.unit))

    def _members(self, unit: Unit) -> Sequence[User]:
        role = {UnitKind.GRID: "grid_member", UnitKind.TOWN_TEAM: "town_officer"}.get(
            UnitKind(unit.kind), "department_officer"
        )
        return self.scene.staff.of(role, unit.code)

    def _dispatcher(self) -> User:
        """Somebody of the room that holds it, and who did not write down what others did: they may not close it."""
        county = self.issue.level == Level.COUNTY
        role, unit = ("county_officer", OFFICE) if county else ("town_dispatcher", self.issue.town)
        return self.random.choice([one for one in self.scene.staff.of(role, unit) if one != self.entered_by])

    @property
    def _room(self) -> Shift:
        return hours.OFFICE if self.issue.level == Level.COUNTY else hours.ROOM

    def _shift(self) -> Shift:
        kind = self.record.lead.unit.kind
        return {UnitKind.GRID: hours.GRID, UnitKind.TOWN_TEAM: hours.TEAM}.get(UnitKind(kind), hours.OFFICE)

    def _why_inspect(self) -> tuple[Why, str] | None:
        """Why certified officers could inspect this shop now, and the number of that; None: they only visit.

        Of one shop, only one body's: so nothing is checked twice. Without a complaint, once a year.
        """
        shop, unit, reporter = self._merchant, self.record.lead.unit, self.record.begin.reporter
        if shop is None or unit.kind == UnitKind.GRID or len(self._members(unit)) < 2:
            return None
        earlier = self.scene.inspected.get(shop.pk, [])
        if any(other != unit.pk for other, _ in earlier):
            return None
        if reporter is not None:
            return Why.COMPLAINT, reporter.own_number or self.issue.number
        planned = {year for _, year in earlier if year is not None}
        return None if planned & {self.now.year, self.now.year + 1} else (Why.PLAN, "")

    def _inspection(self, why: tuple[Why, str], made: Step, holder: User, result: Result) -> Inspecting:
        shop, unit = self._merchant, self.record.lead.unit
        assert shop is not None  # `_why_inspect`
        planned = made.at.year if why[0] is Why.PLAN else None
        self.scene.inspected.setdefault(shop.pk, []).append((unit.pk, planned))
        second = next(one for one in self._members(unit) if one != holder)
        return Inspecting(
            second.pk, (self.record.inspected_for,), made.at - INSPECTED_FOR, made.at, *why,
            OUTCOMES.get(result, Outcome.PUT_RIGHT),
        )  # fmt: skip

    def _result(self, *, may_order: bool) -> Result:
        """What came of it, out of what can be said of this kind of issue by whoever holds it."""
        kind = "public" if self.record.reports else self.issue.violation_kind
        possible = self.said.fed_back
        if Result.NOT_FOUND in possible and self.random.random() < NOT_TRUE[kind]:
            return Result.NOT_FOUND
        weights = {one: weight for one, weight in RESULTS.items() if one in possible}
        if not may_order:
            weights.pop(Result.ORDERED, None)
        return pick(self.random, weights)


MEASURED, SAID = "手持仪现场测得 2.6 mg/m³", "见现场笔录"


def filled_in(violation: Violation, step: Step, number: str) -> dict[str, str | float]:
    """Some answer to every question the feedback must bring, by chance of its own: nothing else comes out otherwise for it."""
    random = stream("form", number, step.at)
    wanted = unanswered(violation, {}, step.result or Result.FIXED)
    days_ago = (step.at - timedelta(days=random.randint(1, 40))).date().isoformat()
    plain: dict[str, str | float] = {"number": float(random.randint(2, 6)), "date": days_ago, "text": SAID}
    return {one.id: random.choice(one.choices).id if one.choices else plain[one.kind] for one in wanted}
