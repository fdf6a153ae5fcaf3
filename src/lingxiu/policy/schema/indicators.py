"""The fume level: how points are given, and from how many which level is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lingxiu.policy.rows import Label, Row, Rule

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
