"""All catalogues of a county together, each held against the others."""

from __future__ import annotations

from pydantic import Field, model_validator

from lingxiu.policy.alarm_rules import Alarms
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.foresight import Foresight
from lingxiu.policy.json_mappings import COLUMNS, JsonMapping
from lingxiu.policy.rows import Row
from lingxiu.policy.schema.bodies import Department, Task
from lingxiu.policy.schema.checking import refuse_doubles, refuse_unknown
from lingxiu.policy.schema.deadlines import Deadlines, Escalation, Year
from lingxiu.policy.schema.indicators import FumeLevel
from lingxiu.policy.schema.inspections import Inspections
from lingxiu.policy.schema.kinds import Kinds
from lingxiu.policy.schema.notices import Notices
from lingxiu.policy.schema.phrases import Phrase
from lingxiu.policy.schema.roles import Role
from lingxiu.policy.schema.routing import Routing
from lingxiu.policy.schema.selfcheck import SelfCheckList
from lingxiu.policy.schema.systems import OtherSystem
from lingxiu.policy.schema.violations import OwnPower, Violation
from lingxiu.policy.schema.working import Working


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
    working: Working = Field(default_factory=Working)
    foresight: Foresight | None = None
    powers: tuple[OwnPower, ...] = ()

    @model_validator(mode="after")
    def _points_to_what_exists(self) -> Catalogues:
        departments = {row.id for row in self.departments}
        tasks = {row.id for row in self.tasks}
        licences = {row.id for row in self.kinds.licences}
        kinds = {row.id for row in self.kinds.merchants}
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
            refuse_doubles([row.id for row in group])
        for task in self.tasks:
            refuse_unknown(f"tasks {task.id}: owners", task.owners, departments)
        for violation in self.violations:
            refuse_unknown(f"violations {violation.id}: task", [violation.task], tasks)
            bodies = [violation.responsible, *violation.cooperating]
            refuse_unknown(f"violations {violation.id}: responsible, cooperating", bodies, departments)
            refuse_unknown(f"violations {violation.id}: licences", violation.licences, licences)
        for rule in self.routing:
            refuse_unknown(f"routing {rule.id}: when.violation", rule.when.violation, set(violations))
            refuse_unknown(f"routing {rule.id}: when.merchant_kinds", rule.when.merchant_kinds, kinds)
        if not any(rule.takes_all for rule in self.routing):
            raise ValueError(
                "routing has no rule without conditions, beginning and end; add one, last, for all the rest"
            )
        refuse_unknown("deadlines: at_any_hour", self.deadlines.at_any_hour, set(violations))
        for alarm in self.alarms.rules:
            opened = [alarm.violation] if alarm.violation else []
            refuse_unknown(
                f"alarms {alarm.id}: violation", opened, {k for k, v in violations.items() if v.kind == "lead"}
            )
        if self.foresight:
            leads = {key for key, row in violations.items() if row.kind == "lead"}
            values = {row.id for row in self.alarms.rules if row.type == "sustained_value"}
            for expected in self.foresight.rules:
                refuse_unknown(f"foresight {expected.id}: violation", [expected.violation], leads)
            refuse_unknown("foresight fouling: alarm", [self.foresight.fouling.alarm], values)
        standard = [row.device_kind for row in self.json_mappings if row.standard]
        if self.json_mappings and sorted(standard) != sorted(COLUMNS):
            raise ValueError(
                f"json: standard is needed once for each of {', '.join(sorted(COLUMNS))}; found {standard}"
            )
        refuse_unknown("indicators: veto_violations", self.indicators.veto_violations, set(violations))
        for care in (self.indicators.cleaning, self.indicators.drains, self.indicators.waste):
            refuse_unknown(f"indicators {care.id}: task", [care.task], tasks)
        refuse_doubles([item.id for item in self.selfcheck.items])
        told = [words.violation for words in self.selfcheck.issues]
        refuse_doubles(told)
        refuse_unknown("selfcheck: issues", told, set(violations))
        named = [item.violation for item in self.selfcheck.items if item.violation]
        refuse_unknown("selfcheck: items", named, set(violations))
        for telling in self.notices.rules:
            refuse_unknown(f"notices {telling.id}: when.violation", telling.when.violation, set(violations))
        refuse_doubles([row.id for row in self.powers])
        powers = {row.id for row in self.violations if row.kind == "finding" and row.power is not None}
        for item in self.powers:
            refuse_unknown(f"powers {item.id}: id", [item.id], powers)
        refuse_doubles([row.id for row in self.phrases])
        refuse_doubles([row.id for row in self.systems])
        for phrase in self.phrases:
            refuse_unknown(f"phrases {phrase.id}: violations", phrase.violations, set(violations))
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
