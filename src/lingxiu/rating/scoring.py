"""一指数, the fume level of a merchant: domain.md §8.2 in the two schemes of domain-2026 §12, as plain functions.

Reads downward like the rule: what is known (`Facts`), one function a dimension, the score rescaled over what is known, what
holds the level down. Every figure is policy's (`indicators.yaml`). Never reads the database or the clock, never guesses what
nobody told: a dimension without facts has no points (None) and lowers the coverage, not the score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.indicators import CareInTime, Dimension, DimensionId, FumeLevel, MeasuredShare, SchemeId

BEST, WORST = 1, 3
FULL = 100.0
Inputs: TypeAlias = dict[str, Any]


# ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Heard:
    """What one fume monitor told in the `window_days` complete days that end with the last day it was heard. Minutes.

    `measured`: the fan ran and there is a mean; `high`: of these, with a mean above the limit. `fan`: the fan ran and the
    purifier's state is known; `linked`: of these, with the purifier running. `silent_days`: complete days without word since;
    `unexplained_days`: of these, those that no maintenance note or pause explains.
    """

    mn: str
    measured: float = 0
    high: float = 0
    fan: float = 0
    linked: float = 0
    silent_days: int = 0
    unexplained_days: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a merchant at the end of `day`. Issues by number, so that each can be opened.

    `findings`: what officers and grid members established in the window, by task. `complaints`: those found true.
    `previous_level`: that of the newest score of this day or before.
    """

    day: date
    scale: str
    devices: tuple[Heard, ...] = ()
    cleaned_on: date | None = None
    emptied_on: date | None = None
    first_handover_on: date | None = None
    handovers: int = 0
    findings: Mapping[str, tuple[str, ...]] | None = None
    complaints: tuple[str, ...] = ()
    self_checked: date | None = None
    vetoes: tuple[str, ...] = ()
    previous_level: int | None = None

    def findings_of(self, task: str) -> tuple[str, ...]:
        """The numbers of the issues found under this task."""
        return (self.findings or {}).get(task, ())


@dataclass(frozen=True, slots=True)
class Rules:
    """The figures of an edition that hold on a day. `cycles`: days between cleanings of the purifier, by scale."""

    index: FumeLevel
    cycles: Mapping[str, int]


def rules_on(day: date, catalogues: Catalogues) -> Rules:
    """The rules of these catalogues that hold on this day."""
    return Rules(
        catalogues.indicators,
        {str(cycle.scale): cycle.days for cycle in catalogues.kinds.cleaning_cycles if cycle.holds(day)},
    )


# ── one function a dimension ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Points:
    """0 to 100, or None where nothing is known; `why` is a word pages explain, `inputs` what it was reckoned from."""

    points: float | None
    why: str
    inputs: Inputs


def concentration(facts: Facts, rules: Rules) -> Points:
    """在线浓度: the share of the fan's time with a mean above the limit. The worst of the shop's monitors counts."""
    rule = rules.index.concentration
    return _worst([_measured(heard, heard.high, heard.measured, rule, rules) for heard in facts.devices])


def linkage(facts: Facts, rules: Rules) -> Points:
    """净化器联动率: minutes with fan and purifier ÷ minutes with fan (domain.md §3.2). The worst monitor counts."""
    rule = rules.index.linkage
    return _worst([_measured(heard, heard.linked, heard.fan, rule, rules) for heard in facts.devices])


def cleaning(facts: Facts, rules: Rules) -> Points:
    """清洗及时: the purifier within the cycle of its scale (浙环发〔2015〕8号 §15)."""
    return _care(facts, facts.cleaned_on, rules.cycles.get(facts.scale), rules.index.cleaning, rules)


def drains(facts: Facts, rules: Rules) -> Points:
    """隔油与排水: the grease trap emptied within its cycle."""
    return _care(facts, facts.emptied_on, rules.index.drains.cycle_days, rules.index.drains, rules)


def waste(facts: Facts, rules: Rules) -> Points:
    """餐厨交付: days with a hand-over ÷ those expected, counted from the first one if that lies inside the window."""
    rule = rules.index.waste
    findings = facts.findings_of(rule.task)
    if facts.first_handover_on is None:
        return _without_record(findings)
    days = min(rules.index.window_days, (facts.day - facts.first_handover_on).days + 1)
    expected = max(1, days // rule.every_days)
    share = min(1.0, facts.handovers / expected)
    points = _less(FULL * share, len(findings) * rule.per_finding)
    inputs = {"handovers": facts.handovers, "expected": expected, "days": days, "findings": findings}
    return Points(points, "handed_over" if share == 1 else "too_seldom", inputs)


def complaints(facts: Facts, rules: Rules) -> Points:
    """属实投诉与重复. That none was found true is known, for the list is whole; so this dimension always has points."""
    rule = rules.index.complaints
    repeats = max(0, len(facts.complaints) - 1)
    points = _less(FULL, len(facts.complaints) * rule.per_complaint + repeats * rule.per_repeat)
    inputs = {"complaints": facts.complaints, "repeats": repeats, "days": rule.within_days}
    return Points(points, "found_true" if facts.complaints else "none_true", inputs)


def self_check(facts: Facts, rules: Rules) -> Points:
    """自查: declared for this month or the last. What was declared not in order costs nothing: honesty must not."""
    rule = rules.index.self_check
    if facts.self_checked is None:
        return _without_record(())
    months = (facts.day.year - facts.self_checked.year) * 12 + facts.day.month - facts.self_checked.month
    late = max(0, months - rule.full_points_months)
    inputs = {"month": facts.self_checked, "months_late": late}
    return Points(_less(FULL, late * rule.per_month_late), "late" if late else "in_time", inputs)


DIMENSIONS: dict[DimensionId, Callable[[Facts, Rules], Points]] = {
    "concentration": concentration,
    "linkage": linkage,
    "cleaning": cleaning,
    "drains": drains,
    "waste": waste,
    "complaints": complaints,
    "self_check": self_check,
}


def is_mute(heard: Heard, rules: Rules) -> bool:
    """Whether a monitor tells nothing now: it was silent yesterday, or it never saw the fan run."""
    return heard.silent_days > 0 or not _saw_the_fan(heard, rules)


def _saw_the_fan(heard: Heard, rules: Rules) -> bool:
    index = rules.index
    return heard.measured >= index.concentration.least_fan_minutes and heard.fan >= index.linkage.least_fan_minutes


def _measured(heard: Heard, part: float, whole: float, rule: MeasuredShare, rules: Rules) -> Points:
    inputs: Inputs = {"mn": heard.mn, "silent_days": heard.silent_days, "minutes": whole}
    if heard.unexplained_days > rules.index.dark.hold_days:
        return Points(0.0, "dark", inputs)
    if whole < rule.least_fan_minutes:
        return Points(None, "fan_not_seen", inputs)
    share = part / whole
    points = _between(share, rule.no_points_at, rule.full_points_at)
    return Points(points, "kept" if heard.silent_days else "measured", {**inputs, "share": round(share, 4)})


def _care(facts: Facts, last_on: date | None, cycle_days: int | None, rule: CareInTime, rules: Rules) -> Points:
    findings = facts.findings_of(rule.task)
    if last_on is None or cycle_days is None:
        return _without_record(findings)
    late = max(0, (facts.day - last_on).days - cycle_days)
    in_time = FULL * (1 - late / (cycle_days * rule.no_points_late_cycles))
    inputs = {"on": last_on, "cycle_days": cycle_days, "late_days": late, "findings": findings}
    return Points(_less(in_time, len(findings) * rule.per_finding), "late" if late else "in_time", inputs)


def _without_record(findings: tuple[str, ...]) -> Points:
    """Nobody recorded anything: not known. But a finding alone is known, and speaks against the shop."""
    if findings:
        return Points(0.0, "findings_only", {"findings": findings})
    return Points(None, "no_record", {})


def _worst(points: list[Points]) -> Points:
    """The lowest that is known."""
    known = [one for one in points if one.points is not None]
    return min(known, key=lambda one: one.points or 0.0) if known else points[0]


def _between(share: float, nothing: float, full: float) -> float:
    """On the straight line from 0 points at `nothing` to 100 at `full`, whichever of the two is greater."""
    return _less(FULL * (share - nothing) / (full - nothing), 0)


def _less(points: float, lost: float) -> float:
    """Points after a loss, within 0 and 100, to one decimal: what a page shows is what is reckoned with."""
    return round(min(FULL, max(0.0, points - lost)), 1)


# ── the level ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Part:
    """A dimension as it was scored; `rule`: the id of the rule that gave the points."""

    id: DimensionId
    rule: str
    weight: float
    points: float | None
    why: str
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds the level down. `by`: `veto` (unfixed grave findings) or `silence` (a monitor tells nothing)."""

    by: str
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Rating:
    """A merchant's score and level with all they follow from. `coverage`: the share of the scheme's weight that is known."""

    scheme: SchemeId
    score: float | None
    level: int | None
    coverage: float
    parts: tuple[Part, ...]
    held_by: tuple[Hold, ...]


def rate(facts: Facts, rules: Rules) -> Rating:
    """The fume level of a merchant on a day.

    An unfixed grave finding is level 3 whatever else is known. While a monitor tells nothing, the level is at best the one
    before, and does not turn into "not rated".
    """
    scheme = rules.index.scheme("with_device" if facts.devices else "without_device")
    parts = tuple(_part(dimension, facts, rules) for dimension in scheme.dimensions)
    score, coverage = _rescaled(parts, rules.index.lowest_coverage)
    level = _level(score, rules.index)
    holds: list[Hold] = []
    if facts.vetoes:
        level = WORST
        holds.append(Hold("veto", {"issues": facts.vetoes}))
    mute = [heard.mn for heard in facts.devices if is_mute(heard, rules)]
    if mute and facts.previous_level is not None and facts.previous_level > (level or 0):
        level = facts.previous_level
        holds.append(Hold("silence", {"devices": tuple(mute), "level": level}))
    return Rating(scheme.id, score, level, coverage, parts, tuple(holds))


def _part(dimension: Dimension, facts: Facts, rules: Rules) -> Part:
    scored = DIMENSIONS[dimension.id](facts, rules)
    rule = rules.index.rule_of(dimension.id)
    return Part(dimension.id, rule.id, dimension.weight, scored.points, scored.why, scored.inputs)


def _rescaled(parts: tuple[Part, ...], lowest_coverage: float) -> tuple[float | None, float]:
    """(score, coverage): the mean of the known points by weight, one decimal; no score where too little is known."""
    whole = sum(part.weight for part in parts)
    known = sum(part.weight for part in parts if part.points is not None)
    coverage = round(known / whole, 4)
    if coverage < lowest_coverage or not known:
        return None, coverage
    return round(sum(part.weight * (part.points or 0.0) for part in parts) / known, 1), coverage


def _level(score: float | None, index: FumeLevel) -> int | None:
    if score is None:
        return None
    if score >= index.level_1_from:
        return BEST
    return 2 if score >= index.level_2_from else WORST
