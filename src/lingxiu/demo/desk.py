"""An issue as the verbs of the list would have left it, made in memory: rows by the thousand, without a query each.

Follows `issues.actions` effect by effect; a test plays the same courses by both and compares every row. Decides nothing:
who does what when is `courses`' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import reduce
from uuid import UUID, uuid5

from lingxiu.accounts.models import Unit, User
from lingxiu.china.calendar import END_OF_DAY, Due, WorkingCalendar
from lingxiu.connectors.acts import simulated
from lingxiu.demo.staff import OFFICE, Staff
from lingxiu.issues import cooperating, deadlines
from lingxiu.issues.actions.opening import A_DAY, ALARMS, EARLIER
from lingxiu.issues.holding import LEVEL_OF
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.lifecycle import FOUND_TRUE, MOVES, Level, Move, Result, State, level_after
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.models import Assignment, Inspection, Issue, MoveRow, Report, Source
from lingxiu.issues.routing import Facts, Routed, route
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import InForce
from lingxiu.policy.schema.violations import Violation
from lingxiu.privacy.cipher import blind_index
from lingxiu.sensing.foretelling import submission_of

INSPECTIONS = UUID("0c5c1f52-9f0e-4b9a-9a5e-2f7a3b7f9d10")
"""Name space of the submissions of the demo's inspections."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """What somebody who reported said of themselves, and what they were given."""

    token: str
    words: str
    name: str = ""
    phone: str = ""
    own_number: str = ""
    recorded_by: User | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """How an issue came in. `forecast`: what predicted it, when nobody has seen it yet. `really`: the shop it turns out to be."""

    source: Source
    violation: str
    summary: str
    at: datetime
    act_at: datetime
    merchant: Merchant | None
    town: str
    grid: str
    lng: float | None = None
    lat: float | None = None
    place: str = ""
    found_by: User | None = None
    alarm: tuple[int, str] | None = None  # id, MN of the device
    photos: tuple[str, ...] = ()
    reporter: Reporter | None = None
    forecast: tuple[int, str] | None = None  # id, MN of the device
    really: Merchant | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A move somebody makes; the system's own have no actor."""

    what: Move
    at: datetime
    actor: User | None = None
    words: str = ""
    unit: Unit | None = None
    person: User | None = None
    result: Result | None = None
    photos: tuple[str, ...] = ()
    answer: str = ""
    inspection: Inspecting | None = None
    behalf: User | None = None
    merchant: Merchant | None = None
    alarm: tuple[int, str] | None = None
    units: tuple[Unit, ...] = ()
    days: int | None = None
    part_due: date | None = None
    upheld: bool = False
    until: date | None = None
    reason: str = ""
    told: Mapping[str, str | float] = field(default_factory=dict)
    measured: str = ""


@dataclass
class Record:
    """The rows of one issue, and what was done to it that the rows cannot say yet: ids are given later."""

    begin: Begin
    steps: list[Step]
    issue: Issue
    assignments: list[Assignment] = field(default_factory=list)
    moves: list[MoveRow] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    answering: list[MoveRow] = field(default_factory=list)
    inspections: list[Inspection] = field(default_factory=list)
    levels: set[str] = field(default_factory=set)  # it has reached
    cooperating: tuple[str, ...] = ()  # whom the catalogue names
    inspected_for: str = ""  # what of a shop is checked when it is inspected

    @property
    def is_open(self) -> bool:
        return self.issue.closed_at is None

    @property
    def lead(self) -> Assignment:
        """The assignment that holds it now."""
        return next(one for one in reversed(self.assignments) if one.part == Assignment.Part.LEAD)

    @property
    def open_parts(self) -> list[Assignment]:
        """Co-operating units that have not done theirs."""
        return [one for one in self.assignments if one.part == Assignment.Part.COOPERATING and one.ended_at is None]

    def parts_that(self, outcome: Assignment.Outcome) -> list[Assignment]:
        """Those of which this came."""
        return [one for one in self.assignments if one.outcome == outcome]


def _answer(
    parts: Sequence[Assignment], step: Step, outcome: Assignment.Outcome = Assignment.Outcome.OBJECTED
) -> list[int]:
    """What the lead says to these parts. Returns their units."""
    for part in parts:
        part.answer, part.answered_at, part.answered_by, part.outcome = step.words, step.at, step.actor, outcome
    return [part.unit.pk for part in parts]


class Desk:
    """Numbers, routes, clocks and units, for all issues in the order they came in."""

    def __init__(
        self, staff: Staff, policy: InForce, calendar: WorkingCalendar, key_places: Sequence[KeyPlace]
    ) -> None:
        self.staff, self.policy, self.calendar, self.key_places = staff, policy, calendar, key_places
        self.limits = policy.catalogues.deadlines
        self.unit_of = {user.pk: staff.units[unit] for (_, unit), users in staff.people.items() for user in users}
        self.numbers: dict[str, int] = {}
        self.earlier: dict[tuple[int | None, str], list[Issue]] = {}
        self.lately: dict[str, list[Issue]] = {}

    # ── coming in ────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, begin: Begin) -> Record:
        """Number, route, clocks, first move; sent on at once where the rule says so."""
        routed = self._routed(begin)
        violation = self.policy.catalogues.violation(begin.violation)
        issue = Issue(
            number=self._number(begin.at),
            version=0,
            state=State.PREDICTED if begin.forecast else State.RECEIVED,
            flow="joint" if "joint" in (routed.rule.flow, violation.flow) else "quick",
            level=routed.rule.level,
            source=begin.source,
            violation=violation.id,
            violation_kind=violation.kind,
            severity=violation.severity,
            responsible=violation.responsible,
            merchant=begin.merchant,
            town=begin.town,
            grid=begin.grid,
            lng=begin.merchant.lng if begin.merchant else begin.lng,
            lat=begin.merchant.lat if begin.merchant else begin.lat,
            place=begin.place or (begin.merchant.address if begin.merchant else ""),
            summary=begin.summary[:200],
            act_at=begin.act_at,
            reported_at=begin.at,
            found_by=begin.found_by,
            alarm_id=begin.alarm[0] if begin.alarm else None,
            clock_from=begin.at,
            edition=self.policy.id,
            routing_rule=routed.rule.id,
            routing_why={"tried": list(routed.tried), "facts": asdict(routed.facts)},
            moved_at=begin.at,
            synthetic=True,
        )
        record = Record(begin, [], issue, cooperating=violation.cooperating, inspected_for=_item(violation))
        self._hand_over(record, State(issue.state), self.dispatchers_unit(issue), None, begin.at)
        data = {**_alarm_data(begin.alarm), **_forecast_data(begin.forecast), "rule": routed.rule.id}
        self._write(
            record, Step(Move.REPORT, begin.at, begin.found_by, begin.summary, photos=_first_photos(begin)), None, data
        )
        record.moves[-1].lng, record.moves[-1].lat = begin.lng, begin.lat
        if begin.reporter:
            record.reports.append(self._report(record, begin.reporter))
        elif routed.rule.dispatch == "at_once" and not begin.forecast:
            self._at_once(record, routed)
        self.earlier.setdefault((_pk(begin.merchant), begin.violation), []).append(issue)
        self.lately.setdefault(begin.violation, []).append(issue)
        return record

    def dispatchers_unit(self, issue: Issue) -> Unit:
        """Whose dispatcher holds it at its level."""
        return self.staff.units[OFFICE if issue.level == Level.COUNTY else issue.town]

    def _number(self, at: datetime) -> str:
        day = f"{at.astimezone(self.calendar.zone):%Y%m%d}"
        self.numbers[day] = self.numbers.get(day, 0) + 1
        return f"{day}{self.numbers[day]:05}"

    def _routed(self, begin: Begin) -> Routed:
        violation = self.policy.catalogues.violation(begin.violation)
        same = self.earlier.get((_pk(begin.merchant), begin.violation), []) if begin.merchant else []
        act_at = begin.act_at.astimezone(self.calendar.zone)
        facts = Facts(
            source=begin.source,
            violation=violation.id,
            violation_kind=violation.kind,
            severity=violation.severity,
            merchant_known=begin.merchant is not None,
            town_known=bool(begin.town),
            grid_known=bool(begin.grid),
            earlier_in_90_days=sum(
                issue.reported_at >= begin.at - EARLIER and not _dismissed_by(issue, begin.at) for issue in same
            ),
            towns_at_once=self._towns_at_once(begin),
            town=begin.town,
            merchant_kind=begin.merchant.kind if begin.merchant else "",
            hour=act_at.hour,
            near_key_place=self._near_key_place(begin),
        )
        return route(self.policy.catalogues.routing, facts, act_at.date())

    def _near_key_place(self, begin: Begin) -> bool:
        lng, lat = (begin.merchant.lng, begin.merchant.lat) if begin.merchant else (begin.lng, begin.lat)
        return lng is not None and lat is not None and any(place.holds(lng, lat) for place in self.key_places)

    def _towns_at_once(self, begin: Begin) -> int:
        within = [one for one in self.lately.get(begin.violation, []) if one.reported_at > begin.at - A_DAY]
        self.lately[begin.violation] = within
        return len({one.town for one in within if one.town} | ({begin.town} if begin.town else set())) or 1

    def _at_once(self, record: Record, routed: Routed) -> None:
        """The system's own move: whoever found it in their own unit is given it."""
        issue, to = record.issue, routed.rule.to
        unit = {"grid": issue.grid, "town_team": f"{issue.town}-team", "responsible_department": issue.responsible}[to]
        given, finder = self.staff.units[unit], issue.found_by
        before = State(issue.state), Level(issue.level)
        issue.version, issue.moved_at = issue.version + 1, record.begin.at
        person = finder if finder and self.unit_of.get(finder.pk) == given else None
        self._let_go(record, done=True, at=record.begin.at)
        self._hand_over(record, State.DISPATCHED, given, person, record.begin.at, accepted=False)
        self._write(record, Step(Move.DISPATCH, record.begin.at), before, {"rule": routed.rule.id})

    def _report(self, record: Record, reporter: Reporter) -> Report:
        begin = record.begin
        due = deadlines.answer_due(self.calendar, self.limits, begin.source.value, begin.at)  # type: ignore[arg-type]  # of a report
        return Report(
            token=reporter.token,
            issue=record.issue,
            source=begin.source,
            own_number=reporter.own_number,
            merchant=begin.merchant,
            words=reporter.words,
            place=begin.place,
            lng=begin.lng,
            lat=begin.lat,
            seen_at=begin.act_at,
            reported_at=begin.at,
            reporter_name=reporter.name,
            reporter_phone=reporter.phone,
            phone_index=blind_index(reporter.phone),
            photos=list(begin.photos),
            due_at=due.at,
            due_provisional=due.provisional,
            recorded_by=reporter.recorded_by,
            synthetic=True,
        )

    # ── moving on ────────────────────────────────────────────────────────────────────────────────────────────────

    def move(self, record: Record, step: Step, other: Record | None = None) -> None:
        """Make a move; `other`: the issue it is joined to."""
        issue = record.issue
        before = State(issue.state), Level(issue.level)
        to = MOVES[step.what].to or before[0]
        issue.version, issue.moved_at = issue.version + 1, step.at
        if step.merchant and issue.merchant is None:
            _know(issue, step.merchant)
        data = self._effect(record, step, to, other)
        issue.state = to
        self._write(record, step, before, data | _alarm_data(step.alarm))
        record.steps.append(step)

    def _effect(self, record: Record, step: Step, to: State, other: Record | None) -> dict[str, object]:
        issue, at = record.issue, step.at
        match step.what:
            case Move.CONFIRM:
                self._to_dispatcher(record, to, at, done=True)
            case Move.ESCALATE | Move.RETURN:
                issue.level = level_after(step.what, State(issue.state), Level(issue.level))
                self._to_dispatcher(record, to, at, done=False)
            case Move.DISPATCH | Move.TRANSFER:
                assert step.unit is not None
                self._let_go(record, done=issue.state == State.RECEIVED, at=at)
                issue.level = LEVEL_OF[step.unit.kind]
                self._hand_over(record, to, step.unit, step.person, at, accepted=False)
            case Move.ACCEPT:
                record.lead.state, record.lead.step = Assignment.State.ACCEPTED, to
                record.lead.person = issue.lead_person = step.behalf or step.actor
            case Move.HANDLE:
                return {"act": "inspection" if step.inspection else "visit"}
            case Move.FEED_BACK:
                assert step.result is not None
                issue.result, issue.found_true = step.result, FOUND_TRUE[step.result]
                self._to_dispatcher(record, to, at, done=True)
                shown = {"form": dict(step.told), "measured": step.measured}
                return {"found_true": issue.found_true, **{name: value for name, value in shown.items() if value}}
            case Move.REWORK:
                last = next(row for row in reversed(record.assignments) if row.step == State.HANDLING)
                self._let_go(record, done=True, at=at)
                self._hand_over(record, to, last.unit, last.person, at)
            case Move.CLOSE | Move.DISMISS:
                self._end(record, to, at)
                self._answer(record, step)
            case Move.INVOLVE:
                return self._involve(record, step)
            case Move.CONTRIBUTE:
                return self._end_own(record, step, Assignment.Outcome.CONTRIBUTED)
            case Move.OBJECT:
                reply = deadlines.due(self.calendar, at, self.limits.reply)
                return self._end_own(record, step, Assignment.Outcome.OBJECTED, reply.at)
            case Move.REPLY:
                return {"units": _answer(record.parts_that(Assignment.Outcome.OBJECTED), step)}
            case Move.SETTLE:
                return self._settle(record, step)
            case Move.HAND_BACK:
                done = record.parts_that(Assignment.Outcome.CONTRIBUTED)
                _answer([part for part in done if part.unit in step.units], step, Assignment.Outcome.SENT_BACK)
                return {**self._give(record, step), "outcome": Assignment.Outcome.SENT_BACK.value}
            case Move.SUSPEND:
                assert step.until is not None
                issue.suspended_at, issue.suspended_for = at, step.reason
                issue.suspended_until = datetime.combine(step.until, END_OF_DAY, self.calendar.zone)
                return {"until": step.until.isoformat(), "reason": step.reason, "suspended": True}
            case Move.EXTEND:
                issue.extension_asked_days = step.days
                return {"days": step.days}
            case Move.SUPERVISE:
                due = deadlines.due(self.calendar, at, self.limits.supervise)
                issue.supervised_at, issue.supervised_due_at, issue.supervised_by = at, due.at, step.actor
                return {"due": due.at.isoformat()}
            case Move.JOIN:
                assert other is not None
                return self._join(record, other, step, to)
            case _:
                pass
        return {}

    def _involve(self, record: Record, step: Step) -> dict[str, object]:
        """Each unit's part, with its own due time."""
        given = self._give(record, step)
        record.issue.flow = "joint"
        return given

    def _give(self, record: Record, step: Step) -> dict[str, object]:
        issue, whole = record.issue, Due(record.issue.due_at, record.issue.due_provisional)
        due = cooperating.part_due(self.calendar, self.limits, step.at, whole, step.part_due)
        for unit in step.units:
            part = _assignment(issue, unit, None, State(issue.state), due, step.at, accepted=False)
            part.part = Assignment.Part.COOPERATING
            record.assignments.append(part)
        return {"units": [unit.pk for unit in step.units], "due": due.at.isoformat()}

    def _end_own(
        self, record: Record, step: Step, outcome: Assignment.Outcome, reply: datetime | None = None
    ) -> dict[str, object]:
        assert step.actor is not None
        own = self.unit_of[step.actor.pk]
        for part in record.open_parts:
            if part.unit == own:
                part.state, part.ended_at, part.person = Assignment.State.DONE, step.at, step.actor
                part.outcome, part.words, part.answer_due_at = outcome, step.words, reply
        return {"units": [own.pk], "outcome": outcome.value}

    def _settle(self, record: Record, step: Step) -> dict[str, object]:
        """Whoever objected is released, or has its part again."""
        outcome = Assignment.Outcome.UPHELD if step.upheld else Assignment.Outcome.RELEASED
        objected = record.parts_that(Assignment.Outcome.OBJECTED)
        for part in objected:
            part.outcome = outcome
        units = tuple(part.unit for part in objected)
        settled: dict[str, object] = {"units": [unit.pk for unit in units], "outcome": outcome.value}
        if step.upheld:
            given = self._give(record, replace(step, units=units))
            settled |= {"given": given["units"], "due": given["due"]}
        return settled

    def _join(self, record: Record, other: Record, step: Step, to: State) -> dict[str, object]:
        """The reports go over to the other issue; which ones they are is written down when they have ids (`number_reports`)."""
        for report in record.reports:
            report.issue = other.issue
        other.issue.version, other.issue.moved_at = other.issue.version + 1, step.at
        state = State(other.issue.state), Level(other.issue.level)
        told = Step(Move.NOTE, step.at, step.actor)
        self._write(other, told, state, {"joined": record.issue.number, "reports": record.reports})
        other.reports += record.reports
        record.issue.joined_into, record.issue.result = other.issue, Result.JOINED
        self._end(record, to, step.at)
        return {"into": other.issue.number, "reports": record.reports}

    def _answer(self, record: Record, step: Step) -> None:
        for report in record.reports:
            report.answer, report.answered_at = step.answer, step.at

    def _to_dispatcher(self, record: Record, to: State, at: datetime, *, done: bool) -> None:
        self._let_go(record, done=done, at=at)
        self._hand_over(record, to, self.dispatchers_unit(record.issue), None, at)

    def _hand_over(
        self, record: Record, to: State, unit: Unit, person: User | None, at: datetime, *, accepted: bool = True
    ) -> None:
        issue = record.issue
        issue.state, issue.lead_unit, issue.lead_person, issue.extension_asked_days = to, unit, person, None
        record.levels.add(issue.level)
        ends = [
            deadlines.whole_due(self.calendar, self.limits, Level(level), issue.clock_from)
            for level in sorted(record.levels)
        ]
        whole = reduce(deadlines.later_of, ends)
        plain, level = issue.violation in self.limits.at_any_hour, Level(issue.level)
        step = deadlines.step_due(self.calendar, self.limits, to, level, at, plain=plain)
        issue.due_at, issue.step_due_at = whole.at, min(step.at, whole.at)
        issue.due_provisional = whole.provisional or step.provisional
        lead = _assignment(issue, unit, person, to, step, at, accepted)
        lead.in_working_hours = not plain and deadlines.is_of_working_hours(self.limits, to, level)
        record.assignments.append(lead)

    def _let_go(self, record: Record, *, done: bool, at: datetime) -> None:
        record.lead.state = Assignment.State.DONE if done else Assignment.State.GIVEN_UP
        record.lead.ended_at = at

    def _end(self, record: Record, to: State, at: datetime) -> None:
        self._let_go(record, done=to is State.CLOSED, at=at)
        for part in record.open_parts:
            part.state, part.ended_at = Assignment.State.GIVEN_UP, at
        record.issue.suspended_at, record.issue.suspended_until, record.issue.suspended_for = None, None, ""
        record.issue.supervised_at, record.issue.supervised_due_at, record.issue.supervised_by = None, None, None
        record.issue.closed_at, record.issue.lead_unit, record.issue.lead_person = at, None, None

    def _write(
        self, record: Record, step: Step, before: tuple[State, Level] | None, data: Mapping[str, object]
    ) -> None:
        issue, actor = record.issue, step.actor
        begin = record.begin if step.what is Move.REPORT else None
        row = MoveRow(
            issue=issue,
            version=issue.version,
            move=step.what,
            actor=actor,
            actor_unit=self.unit_of.get(actor.pk) if actor else None,
            on_behalf_of=step.behalf,
            from_state=before[0] if before else "",
            to_state=issue.state,
            from_level=before[1] if before else "",
            to_level=issue.level,
            to_unit=issue.lead_unit,
            to_person=issue.lead_person,
            words=step.words,
            result=step.result or "",
            photos=list(step.photos),
            at=step.at,
            submission=_submission(step, begin),
            data=dict(data),
        )
        record.moves.append(row)
        if step.inspection is not None:
            record.inspections.append(self._inspected(record, step, step.inspection))
        if step.what in (Move.CLOSE, Move.DISMISS) and record.reports:
            record.answering.append(row)

    def _inspected(self, record: Record, step: Step, said: Inspecting) -> Inspection:
        """The record of two officers, with a code nobody gave."""
        issue, officer = record.issue, step.behalf or step.actor
        assert issue.merchant is not None and officer is not None and step.actor is not None and said.second is not None
        submission = uuid5(INSPECTIONS, f"{issue.number}.{issue.version}")
        made = Inspection(
            merchant=issue.merchant, issue=issue, move_version=issue.version, unit=self.unit_of[officer.pk],
            officer=officer, second_officer_id=said.second, items=list(said.items), started_at=said.started_at,
            ended_at=said.ended_at, why=said.why, why_number=said.number, outcome=said.outcome, words=step.words,
            photos=list(step.photos), recorded_at=step.at, recorded_by=step.actor, act_code=simulated(str(submission), step.at),
            act_simulated=True, act_asked_at=step.at, edition=self.policy.id, submission=submission, synthetic=True,
            written_at=step.at, signed_at=step.at,
        )  # fmt: skip
        made.text_sha256 = made.digest()
        return made


def _item(violation: Violation) -> str:
    """What is checked where this is found, or, of a lead, the task it belongs to."""
    return violation.id if violation.kind == "finding" else violation.task


def alarm_submission(alarm_id: int) -> UUID:
    """The UUID under which an alarm was told."""
    return uuid5(ALARMS, str(alarm_id))


def _submission(step: Step, begin: Begin | None) -> UUID | None:
    """Of what is told by the program itself, which may tell it again."""
    if alarm := step.alarm or (begin and begin.alarm):
        return alarm_submission(alarm[0])
    return submission_of(begin.forecast[0]) if begin and begin.forecast else None


def number_reports(records: Iterable[Record]) -> None:
    """Say by id in the moves which reports were answered and joined, now that they have ids."""
    for record in records:
        for row in record.answering:
            row.data["answers"] = {str(report.pk): report.answer for report in record.reports}
        for row in record.moves:
            joined: Sequence[Report] = row.data.get("reports", ())
            if joined:
                row.data["reports"] = [report.pk for report in joined]


def _assignment(
    issue: Issue, unit: Unit, person: User | None, to: State, due: Due, at: datetime, accepted: bool
) -> Assignment:
    return Assignment(
        issue=issue,
        unit=unit,
        person=person,
        state=Assignment.State.ACCEPTED if accepted else Assignment.State.OFFERED,
        step=to,
        given_at=at,
        due_at=due.at,
        due_provisional=due.provisional,
    )


def _know(issue: Issue, shop: Merchant) -> None:
    issue.merchant, issue.town, issue.grid, issue.lng, issue.lat = shop, shop.town, shop.grid, shop.lng, shop.lat


def _first_photos(begin: Begin) -> tuple[str, ...]:
    """A report keeps its own pictures; what officers and grid members found stands with the first move."""
    return () if begin.reporter else begin.photos


def _alarm_data(alarm: tuple[int, str] | None) -> dict[str, object]:
    return {"alarm": alarm[0], "device": alarm[1]} if alarm else {}


def _forecast_data(forecast: tuple[int, str] | None) -> dict[str, object]:
    return {"forecast": forecast[0], "device": forecast[1]} if forecast else {}


def _dismissed_by(issue: Issue, at: datetime) -> bool:
    """Whether it had been dismissed when another came in."""
    return issue.state == State.DISMISSED and issue.closed_at is not None and issue.closed_at <= at


def _pk(merchant: Merchant | None) -> int | None:
    return merchant.pk if merchant else None
