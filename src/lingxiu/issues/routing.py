"""Where an issue goes: the first rule of `policy/routing.yaml` that fits, and why each before it did not. No ORM, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import TypedDict

from lingxiu.policy.schema.routing import Hours, Routing, RoutingCondition


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask about.

    `earlier_in_90_days`: issues of the same merchant and violation, reported in the 90 days before. `towns_at_once`: towns in
    which the violation was reported within a day, this one included. `hour`: of the act, in the county. `near_key_place`: in the
    circle of a key place; not so where the position is unknown.
    """

    source: str
    violation: str
    violation_kind: str
    severity: int
    merchant_known: bool
    grid_known: bool
    earlier_in_90_days: int = 0
    town_known: bool = False
    towns_at_once: int = 1
    town: str = ""
    merchant_kind: str = ""
    hour: int = 12
    near_key_place: bool = False


class Tried(TypedDict):
    """A rule that was tried. `failed`: the condition that did not hold, empty for the rule that fits."""

    rule: str
    failed: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class Routed:
    """The rule that fits, and all that were tried, itself last."""

    rule: Routing
    tried: tuple[Tried, ...]
    facts: Facts


class NoRouteFits(Exception):
    """No rule fits these facts on this day. A catalogue is refused without a rule that always fits."""

    def __init__(self, facts: Facts, day: date) -> None:
        super().__init__(f"no rule of routing fits {asdict(facts)} on {day}")
        self.facts, self.day = facts, day


_FITS: Tried = {"rule": "", "failed": "", "wanted": "", "found": ""}


def route(rules: Iterable[Routing], facts: Facts, day: date) -> Routed:
    """The first rule in force on `day` all of whose conditions hold.

    Raises: NoRouteFits.
    """
    tried: list[Tried] = []
    for rule in rules:
        if not rule.holds(day):
            continue
        failed = first_failed(rule.when, facts)
        tried.append({**(failed or _FITS), "rule": rule.id})
        if failed is None:
            return Routed(rule, tuple(tried), facts)
    raise NoRouteFits(facts, day)


def first_failed(when: RoutingCondition, facts: Facts) -> Tried | None:
    """The first condition that does not hold; None if all do. A condition that is not given always holds."""
    for name, holds, wanted, found in _conditions(when, facts):
        if not holds:
            return {"rule": "", "failed": name, "wanted": _text(wanted), "found": _text(found)}
    return None


def _conditions(when: RoutingCondition, facts: Facts) -> Iterator[tuple[str, bool, object, object]]:
    """(name in the catalogue, whether it holds, what it wants, what was found)"""
    yield "source", not when.source or facts.source in when.source, when.source, facts.source
    yield "violation", not when.violation or facts.violation in when.violation, when.violation, facts.violation
    yield "violation_kind", *_same(when.violation_kind, facts.violation_kind)
    yield "severity_at_least", *_at_least(when.severity_at_least, facts.severity)
    yield "merchant_known", *_same(when.merchant_known, facts.merchant_known)
    yield "town_known", *_same(when.town_known, facts.town_known)
    yield "grid_known", *_same(when.grid_known, facts.grid_known)
    yield "earlier_in_90_days_at_least", *_at_least(when.earlier_in_90_days_at_least, facts.earlier_in_90_days)
    yield "towns_at_once_at_least", *_at_least(when.towns_at_once_at_least, facts.towns_at_once)
    yield "towns", not when.towns or facts.town in when.towns, when.towns, facts.town
    kinds = when.merchant_kinds
    yield "merchant_kinds", not kinds or facts.merchant_kind in kinds, kinds, facts.merchant_kind
    yield "near_key_place", *_same(when.near_key_place, facts.near_key_place)
    yield "hours", when.hours is None or when.hours.hold(facts.hour), _span(when.hours), str(facts.hour)


def _same(wanted: object, found: object) -> tuple[bool, object, object]:
    return wanted is None or wanted == found, wanted, found


def _at_least(wanted: int | None, found: int) -> tuple[bool, object, object]:
    return wanted is None or found >= wanted, wanted, found


def _span(hours: Hours | None) -> str:
    return f"{hours.since}–{hours.until}" if hours else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
