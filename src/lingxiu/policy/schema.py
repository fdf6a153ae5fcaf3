"""The shape of every catalogue. A county's folder is read into `Catalogues` or refused with the field, the value and the mend.

Every rule has an id, a label in both languages, its bases, and the days from and to which it holds. Confidence is that of
the research behind it: S seen in a source, S- in a weak one, V recomputed, G general knowledge, P our proposal, U unverified.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Confidence = Literal["S", "S-", "V", "G", "P", "U"]
Level = Literal["grid", "town", "county"]
Flow = Literal["quick", "joint"]


class Row(BaseModel):
    """Base of all catalogue rows: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(Row):
    """A text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def text(self, language: str) -> str:
        """The text in this language (`zh-hans`, `en` …)."""
        return self.zh if language.startswith("zh") else self.en


class Basis(Row):
    """Law, article and the days it is in force. Without an article or outside its days it may guide, never be printed."""

    law: Label
    article: str = ""
    since: date | None = None
    until: date | None = None
    confidence: Confidence = "G"

    def in_force(self, day: date) -> bool:
        """Whether this basis may be named for an act of this day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Rule(Row):
    """What every rule carries."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    label: Label
    bases: tuple[Basis, ...] = ()
    since: date | None = None
    until: date | None = None
    enabled: bool = True
    confidence: Confidence = "P"

    def holds(self, day: date) -> bool:
        """Whether this rule is switched on for an act of this day."""
        return self.enabled and (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def bases_on(self, day: date) -> tuple[Basis, ...]:
        """The bases in force on the day of the act."""
        return tuple(basis for basis in self.bases if basis.in_force(day))


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Sight(StrEnum):
    """How far a role sees among the issues, merchants and devices of the county."""

    COUNTY = "county"
    TOWN = "town"
    UNIT = "unit"  # what its own unit was given or answers for
    GRID = "grid"
    OWN = "own"  # the merchants the person is bound to
    NONE = "none"


class Role(Row):
    """What a person in this role may do and see. Verbs are named `<room>.<verb>`; a test holds that each is known."""

    id: str
    label: Label
    front_door: str = Field(pattern=r"^/")
    issues: Sight = Sight.NONE
    merchants: Sight = Sight.NONE
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
    """What must be there before an issue of this kind may be fed back."""

    photo_before: bool = False
    photo_after: bool = False


class Violation(Rule):
    """What may be wrong. A `lead` is all that a sensor may open; a `finding` is what a person established."""

    kind: Literal["lead", "finding"]
    task: str
    responsible: str
    cooperating: tuple[str, ...] = ()
    severity: Literal[1, 2, 3] = 2
    flow: Flow = "quick"
    evidence: Evidence = Evidence()
    first_step: Label | None = None
    penalty: Label | None = None
    advice: Label | None = None
    public: bool = False


class RoutingCondition(Row):
    """All that are given must hold."""

    source: tuple[str, ...] = ()
    violation: tuple[str, ...] = ()
    violation_kind: Literal["lead", "finding"] | None = None
    severity_at_least: int | None = None
    merchant_known: bool | None = None
    grid_known: bool | None = None
    earlier_in_90_days_at_least: int | None = None


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


class Deadlines(Row):
    """Two clocks. `whole` runs from receipt to closing; the others are the steps'. `answers`: to each reporter, by source."""

    whole: dict[Level, Period]
    dispatch: dict[Level, Period]
    handle: dict[Level, Period]
    recheck: dict[Level, Period]
    answers: dict[str, Period]
    confidence: Confidence = "P"


class Year(Row):
    """The official working calendar of a year the library does not know yet."""

    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...] = ()
    basis: str = Field(min_length=1)


# ── sensing ──────────────────────────────────────────────────────────────────────────────────────────────────────


class AlarmRule(Rule):
    """What all alarm rules share. `violation`: the lead an alarm opens, none when it only tells."""

    severity: Literal["blue", "yellow", "orange", "red"]
    task: str
    violation: str | None = None
    only_in_built_up: bool = False


class SustainedValue(AlarmRule):
    """Raised when `windows` ten-minute means in a row lie above `limit`, or one above `single_limit`; cleared after
    `clear_windows` at or below `limit`. Only windows with at least `fan_on_minutes` of fan count."""

    type: Literal["sustained_value"]
    factor: Literal["fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3"]
    limit: float
    windows: int = Field(ge=1)
    single_limit: float
    clear_windows: int = Field(ge=1)
    fan_on_minutes: int = Field(ge=0, le=10)


class FanWithoutPurifier(AlarmRule):
    """Raised at `minutes` of fan without purifier over `windows` adjacent windows; cleared by a window without any."""

    type: Literal["fan_without_purifier"]
    minutes: int = Field(ge=1)
    windows: int = Field(ge=1)


class Silence(AlarmRule):
    """Raised when nothing came for `minutes`; opens its issue at `issue_after_minutes`; cleared when data are back."""

    type: Literal["silence"]
    minutes: int = Field(ge=1)
    issue_after_minutes: int = Field(ge=1)


AnyAlarm = Annotated[SustainedValue | FanWithoutPurifier | Silence, Field(discriminator="type")]


class Alarms(Row):
    """`observe_days`: how long a new device only observes. `settle_seconds`: a window is complete so long after its end."""

    observe_days: int = Field(ge=0)
    settle_seconds: int = Field(ge=0)
    rules: tuple[AnyAlarm, ...]


class Factor(Row):
    """Where a column of ours stands in a device's packet, and how its number becomes ours: value × scale, in range."""

    column: str
    code: str
    suffixes: tuple[str, ...] = ("Rtd", "Avg")
    scale: float = 1.0
    lowest: float | None = None
    highest: float | None = None


class Switch(Row):
    """Whether the fan or the purifier runs: by a state code, or by a current above a threshold."""

    column: Literal["fan_on", "purifier_on"]
    code: str
    suffixes: tuple[str, ...] = ("RS", "Rtd")
    on_values: tuple[str, ...] = ()
    off_values: tuple[str, ...] = ()
    on_above: float | None = None


class DeviceProfile(Rule):
    """A dialect: which factor is what, its unit and range, how states are written, how strict its CRC, how it is answered."""

    device_kind: Literal["fume_monitor", "grease_trap", "gas_alarm", "camera"]
    factors: tuple[Factor, ...]
    switches: tuple[Switch, ...] = ()
    invalid_flags: tuple[str, ...] = ("D", "B", "M", "C", "F", "T")
    statistics_cn: Literal["2011", "2051"] = "2011"
    accepted_crc: tuple[Literal["standard", "modbus", "constant", "missing"], ...] = ("standard",)
    ack_style: Literal["2017", "2005", "st21"] = "2017"
    sends_every_seconds: int = Field(60, gt=0)
    period_named_by: Literal["start", "end"] = "start"
    offline_after_minutes: int | None = None


# ── the fume level ───────────────────────────────────────────────────────────────────────────────────────────────


class Dimension(Row):
    """A part of the score. `id` names the function of `rating/scoring.py` that fills it."""

    id: str
    label: Label
    weight: float = Field(gt=0)


class Scheme(Row):
    """How merchants with (or without) a device are scored: weights sum to 100."""

    id: Literal["with_device", "without_device"]
    label: Label
    dimensions: tuple[Dimension, ...]

    @model_validator(mode="after")
    def _sums_to_hundred(self) -> Scheme:
        total = sum(dimension.weight for dimension in self.dimensions)
        if abs(total - 100) > 1e-9:
            raise ValueError(f"weights of {self.id} sum to {total}, must be 100")
        return self


class FumeLevel(Rule):
    """The special index: level 1 from `level_1_from` points, level 2 from `level_2_from`, below that 3; none below
    `lowest_coverage`. A device gone dark keeps its score `dark_hold_days`, then counts 0; the level never improves meanwhile."""

    schemes: tuple[Scheme, ...]
    level_1_from: float
    level_2_from: float
    lowest_coverage: float = Field(ge=0, le=1)
    dark_hold_days: int = Field(ge=0)
    veto_violations: tuple[str, ...] = ()
    window_days: int = Field(gt=0)


class Catalogues(Row):
    """All of a county's policy, cross-checked."""

    roles: tuple[Role, ...]
    departments: tuple[Department, ...]
    tasks: tuple[Task, ...]
    kinds: Kinds
    violations: tuple[Violation, ...]
    routing: tuple[Routing, ...]
    deadlines: Deadlines
    calendar: dict[int, Year]
    alarms: Alarms
    indicators: FumeLevel
    devices: tuple[DeviceProfile, ...]

    @model_validator(mode="after")
    def _points_to_what_exists(self) -> Catalogues:
        departments = {row.id for row in self.departments}
        tasks = {row.id for row in self.tasks}
        violations = {row.id: row for row in self.violations}
        for group in (self.roles, self.departments, self.tasks, self.violations, self.routing, self.devices):
            _refuse_doubles([row.id for row in group])
        for task in self.tasks:
            _refuse_unknown(f"tasks {task.id}: owners", task.owners, departments)
        for violation in self.violations:
            _refuse_unknown(f"violations {violation.id}: task", [violation.task], tasks)
            bodies = [violation.responsible, *violation.cooperating]
            _refuse_unknown(f"violations {violation.id}: responsible, cooperating", bodies, departments)
        for rule in self.routing:
            _refuse_unknown(f"routing {rule.id}: when.violation", rule.when.violation, set(violations))
        for alarm in self.alarms.rules:
            opened = [alarm.violation] if alarm.violation else []
            _refuse_unknown(
                f"alarms {alarm.id}: violation", opened, {k for k, v in violations.items() if v.kind == "lead"}
            )
        _refuse_unknown("indicators: veto_violations", self.indicators.veto_violations, set(violations))
        return self

    def violation(self, violation_id: str) -> Violation:
        """Raises KeyError."""
        return {row.id: row for row in self.violations}[violation_id]

    def profile(self, profile_id: str) -> DeviceProfile:
        """Raises KeyError."""
        return {row.id: row for row in self.devices}[profile_id]

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
