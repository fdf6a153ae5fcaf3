"""The shape of every catalogue. A county's folder is read into `Catalogues` or refused with the field, the value and the mend.

Every rule has an id, a label in both languages, its bases, and the days from and to which it holds.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Literal, get_args

from pydantic import Field, model_validator

from lingxiu.policy.alarm_rules import Alarms, Hearer
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.foresight import Foresight
from lingxiu.policy.json_mappings import COLUMNS, JsonMapping
from lingxiu.policy.rows import Basis, Confidence, Label, Row, Rule, within

Level = Literal["grid", "town", "county"]
Flow = Literal["quick", "joint"]
ReportSource = Literal["public", "phone", "12345", "other_system"]
IssueSource = Literal[
    "alarm", "forecast", "officer", "grid_member", "public", "phone", "12345", "other_system", "self_check",
    "joint_inspection", "instruction", "campaign",
]  # fmt: skip


PhrasedMove = Literal["visit", "handle", "feed_back", "rework", "return", "escalate", "transfer", "note"]


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Sight(StrEnum):
    """How far a role sees among the issues, merchants and devices of the county."""

    COUNTY = "county"
    TOWN = "town"
    UNIT = "unit"  # what its own unit was given or answers for
    GRID = "grid"
    OWN = "own"  # the merchants the person is bound to
    NONE = "none"


UnitKind = Literal["county_office", "department", "town", "town_team", "grid", "company"]


class Role(Row):
    """What a person in this role may do and see. Verbs are named `<room>.<verb>`; a test holds that each is known.

    `held_at`: the kinds of unit a post of this role can be held at.
    """

    id: str
    label: Label
    front_door: str = Field(pattern=r"^/")
    issues: Sight = Sight.NONE
    merchants: Sight = Sight.NONE
    held_at: tuple[UnitKind, ...] = Field(min_length=1)
    may: tuple[str, ...] = ()
    officer: bool = True
    certified: bool = False


# ── tasks, departments, kinds ────────────────────────────────────────────────────────────────────────────────────


class Task(Row):
    """One of the seventeen tasks of the V-model."""

    id: str
    label: Label
    stage: Literal["before", "during", "after", "evaluation"]
    owners: tuple[str, ...]
    confidence: Confidence = "P"


class Department(Row):
    """A department of the county: its code is its unit's code."""

    id: str
    label: Label
    short: Label
    duty: Label


class Kind(Row):
    """A kind of merchant, facility or licence."""

    id: str
    label: Label


class CleaningCycle(Rule):
    """How often the purifier of a merchant of this scale must be cleaned."""

    scale: Literal["large", "medium", "small"]
    days: int = Field(gt=0)


class Kinds(Row):
    """What merchants, facilities and licences there are."""

    merchants: tuple[Kind, ...]
    facilities: tuple[Kind, ...]
    licences: tuple[Kind, ...]
    cleaning_cycles: tuple[CleaningCycle, ...]


# ── issues ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Evidence(Row):
    """What must be there before an issue of this kind may be fed back. `reading`: a measured value, of the shop's fume monitor
    too if `by_monitor`; `form`: the answers to all its questions."""

    photo_before: bool = False
    photo_after: bool = False
    reading: bool = False
    by_monitor: bool = True
    form: bool = False


class Penalty(Row):
    """One variant of what may follow, for acts of its days: CNY from `least` to `most`, and in words what is beside the money.

    Whether a sole trader is a person or a unit changes a fine a hundredfold: all variants are shown, a person decides.
    `may`: the law leaves it open (可以). Only a guide: how much within a range is not ours to say.
    """

    who: Literal["anyone", "person", "unit"] = "anyone"
    when: Literal["at_once", "uncorrected", "grave", "uncorrected_or_grave"] = "at_once"
    least: int | None = Field(None, gt=0)
    most: int | None = Field(None, gt=0)
    may: bool = False
    text: Label | None = None
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Penalty:
        if self.most is None and (self.least is not None or self.text is None):
            raise ValueError("give most (and least, if there is one), or a text")
        if self.most is not None and self.least is not None and self.least > self.most:
            raise ValueError(f"least {self.least} lies above most {self.most}")
        return self


class ToTown(Row):
    """Whether the county gave an item to its towns (赋权), and for which days."""

    given: bool = False
    since: date | None = None
    until: date | None = None
    confidence: Literal["S", "G", "P"] = "P"


class Power(Row):
    """The item of the province's list of powers (权力事项) a finding is handled under. An unknown code stays empty."""

    code: str = ""
    level: Literal["county", "town"] = "county"
    confidence: Confidence = "U"
    to_town: ToTown = ToTown()


class Choice(Row):
    """One of the answers of a question."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label


class Question(Row):
    """What is asked beside the usual when this is found. `unit`: of a number, as it is written."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label
    kind: Literal["choice", "number", "text", "date"]
    choices: tuple[Choice, ...] = ()
    unit: str = ""

    @model_validator(mode="after")
    def _choices_where_chosen(self) -> Question:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("give choices to a question of kind choice, and to no other")
        _refuse_doubles([choice.id for choice in self.choices])
        return self


class Violation(Rule):
    """What may be wrong. A `lead` is all that a sensor or a forecast may open; a `finding` is what a person established.

    `public`: offered to people who complain. `everyday`: what grid members meet daily, offered to officers first.
    `licences`: kinds of licence (kinds.yaml) it is about, any when empty. `penalty`: in one sentence, as editions had it before
    `penalties` gave the amounts. `power`: none where nothing is punished.
    """

    kind: Literal["lead", "finding"]
    task: str
    responsible: str
    cooperating: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    severity: Literal[1, 2, 3] = 2
    flow: Flow = "quick"
    evidence: Evidence = Evidence()
    questions: tuple[Question, ...] = ()
    first_step: Label | None = None
    penalty: Label | None = None
    penalties: tuple[Penalty, ...] = ()
    power: Power | None = None
    advice: Label | None = None
    public: bool = False
    everyday: bool = False

    def printable_basis(self, day: date) -> tuple[Basis, ...]:
        """What a notice about an act of this day may name; nothing printable, no notice."""
        return tuple(basis for basis in self.bases if basis.printable(day))

    def variants_on(self, day: date) -> tuple[Penalty, ...]:
        """What may follow an act of this day, every variant."""
        return tuple(one for one in self.penalties if within(day, one.since, one.until))

    def given_to_town(self, day: date) -> bool:
        """Whether the towns were given it on this day."""
        to_town = self.power.to_town if self.power else ToTown()
        return to_town.given and within(day, to_town.since, to_town.until)

    @model_validator(mode="after")
    def _asks_each_once(self) -> Violation:
        _refuse_doubles([question.id for question in self.questions])
        return self


class Hours(Row):
    """From an hour of the county's day to another, past midnight if `until` is not later: 21 to 6 is the night."""

    since: int = Field(ge=0, le=23)
    until: int = Field(ge=0, le=24)

    def hold(self, hour: int) -> bool:
        """Whether this hour (0–23) lies between them."""
        if self.since < self.until:
            return self.since <= hour < self.until
        return hour >= self.since or hour < self.until


class RoutingCondition(Row):
    """All that are given must hold. `towns_at_once_at_least`: of an issue's violation, reported in so many towns within a day.
    `near_key_place`: in the circle of a school, the old town, a care home or a hospital of the county's list.
    """

    source: tuple[IssueSource, ...] = ()
    violation: tuple[str, ...] = ()
    violation_kind: Literal["lead", "finding"] | None = None
    severity_at_least: int | None = None
    merchant_known: bool | None = None
    town_known: bool | None = None
    grid_known: bool | None = None
    earlier_in_90_days_at_least: int | None = None
    towns_at_once_at_least: int | None = None
    towns: tuple[str, ...] = ()
    merchant_kinds: tuple[str, ...] = ()
    near_key_place: bool | None = None
    hours: Hours | None = None


class Routing(Rule):
    """An ordered rule: the first that fits decides who gets an issue, on which level, by which flow."""

    when: RoutingCondition = RoutingCondition()
    level: Level
    flow: Flow = "quick"
    to: Literal["grid", "town", "town_team", "responsible_department", "county_office"]
    dispatch: Literal["at_once", "by_dispatcher"] = "by_dispatcher"


class Period(Row):
    """How long a step may take: working days of the real calendar, or plain hours."""

    working_days: int | None = Field(None, gt=0)
    hours: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_of_both(self) -> Period:
        if (self.working_days is None) == (self.hours is None):
            raise ValueError("give either working_days or hours")
        return self


class ByLevel(Row):
    """A period for each level."""

    grid: Period
    town: Period
    county: Period

    def of(self, level: str) -> Period:
        """The period of this level (`grid`, `town`, `county`)."""
        return {"grid": self.grid, "town": self.town, "county": self.county}[level]


class Extending(Row):
    """How often an issue's time may be extended, and by how many working days at once (舟山: 20 in all)."""

    times: int = Field(ge=0)
    working_days: int = Field(gt=0)


class SuspendReason(Rule):
    """Why an issue may rest. `pauses`: whether its clocks stand still meanwhile. `longest_days`: of the calendar."""

    pauses: bool
    longest_days: int = Field(gt=0)


class Deadlines(Row):
    """Two clocks. `whole` runs from receipt to closing; the others are the steps'. `answers`: to each reporter, by source.

    `cooperate`: a co-operating unit's part. `supervise`: what a leader asked about. `reopen_days`: how long a reporter may
    say that it is not so (days of the calendar).
    """

    whole: ByLevel
    dispatch: ByLevel
    handle: ByLevel
    recheck: ByLevel
    answers: dict[ReportSource, Period]
    cooperate: Period = Period(working_days=5)
    supervise: Period = Period(working_days=2)
    reopen_days: int = Field(15, gt=0)
    extending: Extending = Extending(times=1, working_days=3)
    suspending: tuple[SuspendReason, ...] = ()
    confidence: Confidence = "P"

    def answer_within(self, source: ReportSource) -> Period:
        """How long until a reporter is answered; who wrote by another system is answered as callers are, unless said."""
        return self.answers.get(source) or self.answers["phone"]

    def suspend_reason(self, reason_id: str) -> SuspendReason:
        """Raises KeyError."""
        return {row.id: row for row in self.suspending}[reason_id]

    @model_validator(mode="after")
    def _answers_every_source(self) -> Deadlines:
        missing = sorted(set(get_args(ReportSource)) - {"other_system"} - set(self.answers))
        if missing:
            raise ValueError(f"answers has no period for {', '.join(missing)}; every reporter is answered by a date")
        return self


class Escalation(Rule):
    """What happens when a share of a clock's time is over. `clock`: the step's, the whole issue's, a co-operating part's, a
    leader's question's, a reporter's answer's. `states`: any, if none is named. `tell`: who hears of it. `raise_level`:
    whether the next level gains the issue.
    """

    clock: Literal["step", "whole", "part", "supervision", "answer"]
    share: float = Field(gt=0)
    levels: tuple[Level, ...] = ("grid", "town", "county")
    states: tuple[Literal["predicted", "received", "dispatched", "handling", "recheck"], ...] = ()
    tell: tuple[Literal["holder", "dispatcher", "county", "leader", "lead"], ...] = ()
    raise_level: bool = False


class InspectionCap(Rule):
    """How often a shop of these fume levels (any, if none is named) may be inspected in a calendar year: by all bodies
    together, and by one of them."""

    levels: tuple[Literal[1, 2, 3], ...] = ()
    of_shop: int = Field(ge=0)
    of_department: int = Field(ge=0)


class Inspections(Row):
    """Administrative inspections (国办发〔2024〕54号): how often, how long another body's check is respected, how late one may be
    written down. The first cap that fits counts; without any there is none."""

    caps: tuple[InspectionCap, ...] = ()
    respected_days: int = Field(90, ge=0)
    written_within_days: int = Field(3, ge=0)

    @model_validator(mode="after")
    def _is_whole(self) -> Inspections:
        _refuse_doubles([cap.id for cap in self.caps])
        if self.caps and not any(not cap.levels and cap.enabled and not cap.until for cap in self.caps):
            raise ValueError("caps has none without levels and without an end; add one, last, for all the rest")
        return self

    def cap(self, level: int | None, day: date) -> InspectionCap | None:
        """The cap of a shop of this fume level on a day."""
        fitting = (cap for cap in self.caps if cap.holds(day) and (not cap.levels or level in cap.levels))
        return next(fitting, None)


class Year(Row):
    """The official working calendar of a year the library does not know yet."""

    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...] = ()
    basis: str = Field(min_length=1)


# ── the fume level ───────────────────────────────────────────────────────────────────────────────────────────────


DimensionId = Literal["concentration", "linkage", "cleaning", "drains", "waste", "complaints", "self_check"]


class Dimension(Row):
    """A part of the score. `id` names the function of `rating/scoring.py` that fills it."""

    id: DimensionId
    label: Label
    weight: float = Field(gt=0)


SchemeId = Literal["with_device", "without_device"]


class Scheme(Row):
    """How merchants with (or without) a device are scored: weights sum to 100."""

    id: SchemeId
    label: Label
    dimensions: tuple[Dimension, ...]

    @model_validator(mode="after")
    def _sums_to_hundred(self) -> Scheme:
        total = sum(dimension.weight for dimension in self.dimensions)
        if abs(total - 100) > 1e-9:
            raise ValueError(f"weights of {self.id} sum to {total}, must be 100")
        return self


class GoneDark(Rule):
    """A day is heard with `heard_minutes_a_day` of readings. A silent device keeps its last points `hold_days`, then counts 0;
    days under a maintenance note (or while the shop pauses) do not count, but for `excused_days` at most."""

    hold_days: int = Field(ge=0)
    excused_days: int = Field(ge=0)
    heard_minutes_a_day: int = Field(gt=0, le=1440)


class MeasuredShare(Rule):
    """A share of the time the fan ran: full points at `full_points_at`, none at `no_points_at`, a straight line between.
    Not known below `least_fan_minutes` in the window."""

    full_points_at: float = Field(ge=0, le=1)
    no_points_at: float = Field(ge=0, le=1)
    least_fan_minutes: int = Field(gt=0)

    @model_validator(mode="after")
    def _two_ends(self) -> MeasuredShare:
        if self.full_points_at == self.no_points_at:
            raise ValueError("full_points_at and no_points_at must differ")
        return self


class CareInTime(Rule):
    """Full points until a cycle is over, none when it is late by `no_points_late_cycles` of it; each true finding of `task`
    in the window takes `per_finding` away. Without `cycle_days` the cycle is that of the merchant's scale (kinds.yaml)."""

    cycle_days: int | None = Field(None, gt=0)
    no_points_late_cycles: float = Field(gt=0)
    task: str
    per_finding: float = Field(ge=0, le=100)


class HandedOver(Rule):
    """Points are the share of hand-overs made of those expected in the window, one each `every_days`; findings as above."""

    every_days: int = Field(gt=0)
    task: str
    per_finding: float = Field(ge=0, le=100)


class TrueComplaints(Rule):
    """Each complaint found true takes `per_complaint` away, each after the first `per_repeat` more. `sources`: whose word is one."""

    within_days: int = Field(gt=0)
    per_complaint: float = Field(ge=0, le=100)
    per_repeat: float = Field(ge=0, le=100)
    sources: tuple[str, ...]


class Declared(Rule):
    """Full points while the last declaration is `full_points_months` old at most, `per_month_late` less for each month more."""

    full_points_months: int = Field(ge=0)
    per_month_late: float = Field(ge=0, le=100)


class FumeLevel(Rule):
    """The special index: level 1 from `level_1_from` points, level 2 from `level_2_from`, below that 3; none below
    `lowest_coverage`; 3 while an issue of `veto_violations` is unfixed. One rule a dimension; measured over `window_days`."""

    schemes: tuple[Scheme, ...]
    level_1_from: float = Field(ge=0, le=100)
    level_2_from: float = Field(ge=0, le=100)
    lowest_coverage: float = Field(ge=0, le=1)
    window_days: int = Field(gt=0)
    veto_violations: tuple[str, ...] = ()
    dark: GoneDark
    concentration: MeasuredShare
    linkage: MeasuredShare
    cleaning: CareInTime
    drains: CareInTime
    waste: HandedOver
    complaints: TrueComplaints
    self_check: Declared

    def scheme(self, scheme_id: SchemeId) -> Scheme:
        """The scheme of this id; both are always there."""
        return {scheme.id: scheme for scheme in self.schemes}[scheme_id]

    def rule_of(self, dimension: DimensionId) -> Rule:
        """The rule that gives this dimension its points: it stands in the field of that name."""
        rule: Rule = getattr(self, dimension)
        return rule

    @model_validator(mode="after")
    def _is_whole(self) -> FumeLevel:
        if self.level_1_from <= self.level_2_from:
            raise ValueError("level_1_from must lie above level_2_from")
        if sorted(scheme.id for scheme in self.schemes) != ["with_device", "without_device"]:
            raise ValueError("give the schemes with_device and without_device, once each")
        if self.drains.cycle_days is None:
            raise ValueError("drains: cycle_days is missing; only cleaning has cycles by scale")
        return self


# ── self-check ───────────────────────────────────────────────────────────────────────────────────────────────────


class SelfCheckItem(Rule):
    """One thing an owner looks at; `remedy`: what to do when it is not in order."""

    medium: Literal["exhaust", "drains", "waste"]
    help: Label | None = None
    remedy: Label


class OwnerWords(Row):
    """An issue as an owner is told of it: what is wrong and what to do, in words of a kitchen. A device's value is a reminder."""

    violation: str
    says: Label
    do: Label


class SelfCheckList(Rule):
    """What an owner goes through once a month, and how open issues are put to them."""

    items: tuple[SelfCheckItem, ...]
    issues: tuple[OwnerWords, ...] = ()


# ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────

NoticeWay = Literal["zhezhengding", "sms", "email", "robot"]
Audience = Literal[
    "holder",
    "cooperating",
    "dispatcher",
    "county",
    "leader",
    "finder",
    "recorder",
    "handler",
    "owner",
    "grid",
    "maintainer",
    "company",
    "crew",
    "as_said",
]


class NoticeTopic(Row):
    """What people choose by: a heading of their settings."""

    id: str = Field(pattern=r"^[a-z_]+$")
    label: Label
    help: Label


class TellingCondition(Row):
    """All that are given must hold of the issue; an entry about anything else meets none of them. `tells`: of an alarm or a
    storm, whose rule must name this one among those who hear of it."""

    level: tuple[Level, ...] = ()
    flow: Flow | None = None
    severity_at_least: int | None = None
    violation: tuple[str, ...] = ()
    tells: Hearer | None = None


class Telling(Rule):
    """Of which entries of the journal who is told. A person is told of an entry once, by the first rule that names them.

    `tell`: holder, whoever has it now · cooperating, whose part is open · dispatcher of the place, of a round those of its
    bodies · county office · leader who supervises · finder · recorder, who wrote a report down · handler, who last fed back ·
    owner of the shop, if the shop is told · grid members of the place · maintainer, who looks after devices at the county ·
    company that looks after the device, if it has an account · crew, who goes along on a joint round · as_said: the people,
    units and audiences the entry itself or its rule of escalation names.
    `ways`: beside the page in the program, for whoever has not chosen. `todo`: it stands on their list until the ball moves on.
    `uncounted`: of what is urgent, what no bound of the hour holds back: where gas leaks, six messages were not too many.
    """

    kinds: tuple[str, ...] = Field(min_length=1)
    when: TellingCondition = TellingCondition()
    tell: tuple[Audience, ...] = Field(min_length=1)
    topic: str
    ways: tuple[NoticeWay, ...] = ()
    urgent: bool = False
    uncounted: bool = False
    todo: bool = False


class Notices(Row):
    """Who is told what. Times of the day are the county's; `most_an_hour` counts what one way brings one person.

    `kept_for_urgent`: so many of those wait for what is urgent. `stale_hours`: what is older is told to nobody any more.
    `retry_minutes`: after which time what could not be sent is tried again; after the last it is an administrator's.
    `link_hours`: how long a link signs anybody in. `keep_days`: how long a notice stands on its page.
    `rounds_at`: from when on the day of a joint round those who go along are told of it; the morning's digest holds it.
    """

    topics: tuple[NoticeTopic, ...] = ()
    rules: tuple[Telling, ...] = ()
    quiet_from: time = time(21)
    quiet_until: time = time(7, 30)
    digest_at: time = time(7, 45)
    rounds_at: time = time(6, 30)
    most_an_hour: int = Field(6, gt=0)
    kept_for_urgent: int = Field(2, ge=0)
    stale_hours: int = Field(72, gt=0)
    retry_minutes: tuple[int, ...] = Field((1, 5, 15, 60, 240, 720), min_length=1)
    link_hours: int = Field(12, gt=0)
    keep_days: int = Field(400, gt=0)

    @model_validator(mode="after")
    def _is_whole(self) -> Notices:
        _refuse_doubles([topic.id for topic in self.topics])
        _refuse_doubles([rule.id for rule in self.rules])
        for rule in self.rules:
            _refuse_unknown(f"notices {rule.id}: topic", [rule.topic], {topic.id for topic in self.topics})
        if self.kept_for_urgent >= self.most_an_hour:
            raise ValueError("kept_for_urgent must lie below most_an_hour, or nothing else is ever sent")
        if self.rounds_at > self.digest_at:
            raise ValueError("rounds_at must not lie after digest_at, or a day's round is told on the day after")
        return self

    def rule(self, rule_id: str) -> Telling:
        """Raises KeyError."""
        return {rule.id: rule for rule in self.rules}[rule_id]


class Phrase(Row):
    """Words people write again and again, offered as a tap. `moves`: in which forms; `visit` is a visit without an issue.
    `violations`: only where it is about these; any when empty.
    """

    id: str
    moves: tuple[PhrasedMove, ...] = Field(min_length=1)
    violations: tuple[str, ...] = ()
    text: Label


class OtherSystem(Row):
    """A system beside ours where the same matter may stand under a number of its own."""

    id: str = Field(max_length=30)
    label: Label


class Catalogues(Row):
    """All of a county's policy, cross-checked."""

    roles: tuple[Role, ...]
    departments: tuple[Department, ...]
    tasks: tuple[Task, ...]
    kinds: Kinds
    violations: tuple[Violation, ...]
    routing: tuple[Routing, ...]
    deadlines: Deadlines
    escalation: tuple[Escalation, ...] = ()
    inspections: Inspections = Field(default_factory=Inspections)
    calendar: dict[int, Year]
    alarms: Alarms
    indicators: FumeLevel
    selfcheck: SelfCheckList
    notices: Notices = Field(default_factory=Notices)
    devices: tuple[DeviceProfile, ...]
    json_mappings: tuple[JsonMapping, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    systems: tuple[OtherSystem, ...] = ()
    foresight: Foresight | None = None

    @model_validator(mode="after")
    def _points_to_what_exists(self) -> Catalogues:
        departments = {row.id for row in self.departments}
        tasks = {row.id for row in self.tasks}
        licences = {row.id for row in self.kinds.licences}
        violations = {row.id: row for row in self.violations}
        for group in (
            self.roles,
            self.departments,
            self.tasks,
            self.violations,
            self.routing,
            self.escalation,
            (*self.devices, *self.json_mappings),
        ):
            _refuse_doubles([row.id for row in group])
        for task in self.tasks:
            _refuse_unknown(f"tasks {task.id}: owners", task.owners, departments)
        for violation in self.violations:
            _refuse_unknown(f"violations {violation.id}: task", [violation.task], tasks)
            bodies = [violation.responsible, *violation.cooperating]
            _refuse_unknown(f"violations {violation.id}: responsible, cooperating", bodies, departments)
            _refuse_unknown(f"violations {violation.id}: licences", violation.licences, licences)
        for rule in self.routing:
            _refuse_unknown(f"routing {rule.id}: when.violation", rule.when.violation, set(violations))
        if not any(rule.when == RoutingCondition() and rule.enabled and not rule.until for rule in self.routing):
            raise ValueError(
                "routing has no rule without conditions and without an end; add one, last, for all the rest"
            )
        for alarm in self.alarms.rules:
            opened = [alarm.violation] if alarm.violation else []
            _refuse_unknown(
                f"alarms {alarm.id}: violation", opened, {k for k, v in violations.items() if v.kind == "lead"}
            )
        if self.foresight:
            leads = {key for key, row in violations.items() if row.kind == "lead"}
            values = {row.id for row in self.alarms.rules if row.type == "sustained_value"}
            for expected in self.foresight.rules:
                _refuse_unknown(f"foresight {expected.id}: violation", [expected.violation], leads)
            _refuse_unknown("foresight fouling: alarm", [self.foresight.fouling.alarm], values)
        standard = [row.device_kind for row in self.json_mappings if row.standard]
        if self.json_mappings and sorted(standard) != sorted(COLUMNS):
            raise ValueError(
                f"json: standard is needed once for each of {', '.join(sorted(COLUMNS))}; found {standard}"
            )
        _refuse_unknown("indicators: veto_violations", self.indicators.veto_violations, set(violations))
        for care in (self.indicators.cleaning, self.indicators.drains, self.indicators.waste):
            _refuse_unknown(f"indicators {care.id}: task", [care.task], tasks)
        _refuse_doubles([item.id for item in self.selfcheck.items])
        told = [words.violation for words in self.selfcheck.issues]
        _refuse_doubles(told)
        _refuse_unknown("selfcheck: issues", told, set(violations))
        for telling in self.notices.rules:
            _refuse_unknown(f"notices {telling.id}: when.violation", telling.when.violation, set(violations))
        _refuse_doubles([row.id for row in self.phrases])
        _refuse_doubles([row.id for row in self.systems])
        for phrase in self.phrases:
            _refuse_unknown(f"phrases {phrase.id}: violations", phrase.violations, set(violations))
        return self

    def violation(self, violation_id: str) -> Violation:
        """Raises KeyError."""
        return {row.id: row for row in self.violations}[violation_id]

    def profile(self, profile_id: str) -> DeviceProfile:
        """Raises KeyError."""
        return {row.id: row for row in self.devices}[profile_id]

    @property
    def dialects(self) -> tuple[DeviceProfile | JsonMapping, ...]:
        """All that says how a device is understood: the profiles of HJ 212, then the mappings of JSON."""
        return (*self.devices, *self.json_mappings)

    def dialect(self, profile_id: str) -> DeviceProfile | JsonMapping:
        """Raises KeyError."""
        return {row.id: row for row in self.dialects}[profile_id]

    def role(self, role_id: str) -> Role:
        """Raises KeyError."""
        return {row.id: row for row in self.roles}[role_id]


def _refuse_doubles(ids: list[str]) -> None:
    doubles = sorted({one for one in ids if ids.count(one) > 1})
    if doubles:
        raise ValueError(f"ids given twice: {', '.join(doubles)}; give each rule its own")


def _refuse_unknown(where: str, named: tuple[str, ...] | list[str], known: set[str]) -> None:
    unknown = sorted(set(named) - known)
    if unknown:
        raise ValueError(
            f"{where} names {', '.join(unknown)}, which no catalogue has; known: {', '.join(sorted(known))}"
        )
