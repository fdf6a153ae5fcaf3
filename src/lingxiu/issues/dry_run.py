"""What changed rules of routing would have done with the last issues: nothing is moved, everything is compared.

An issue is routed again by the facts that were found when it came in, which it keeps; not by what is known today. So a rule about
history (the third in 90 days, three towns at once, near a key place) sees the same past as the rules of then did. What it is
compared with is where the rule of then sent it, of the edition it came in under; not where people have taken it since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from django.utils import timezone

from lingxiu.issues.models import Issue
from lingxiu.issues.routing import Facts, route
from lingxiu.policy.queries import edition
from lingxiu.policy.schema.routing import Routing

_NAMES = frozenset(field.name for field in fields(Facts))


@dataclass(frozen=True, slots=True)
class Way:
    """Where a rule sends an issue: its id, then all that is decided by it. `flow`: joint also where the violation wants that."""

    rule: str
    level: str = ""
    flow: str = ""
    to: str = ""
    dispatch: str = ""

    @classmethod
    def by(cls, rule: Routing, violation_flow: str) -> Way:
        """Where this rule sends an issue of a violation of this flow."""
        flow = "joint" if "joint" in (rule.flow, violation_flow) else "quick"
        return cls(rule.id, rule.level, flow, rule.to, rule.dispatch)

    @property
    def goes(self) -> tuple[str, ...]:
        """Where to, whatever rule says so."""
        return (self.level, self.flow, self.to, self.dispatch)


@dataclass(frozen=True, slots=True)
class Difference:
    """An issue that another rule would have taken, or that the same rule would have sent elsewhere."""

    number: str
    was: Way
    would_be: Way

    @property
    def elsewhere(self) -> bool:
        """Whether it would have gone another way, and not the same way by another rule."""
        return self.was.goes != self.would_be.goes


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of it. `without_facts`: issues that keep none, because they came in before facts were kept.

    `by_rule`: how many each rule would take; `took`: how many each took. `quick_share`: of all that could be routed, handled
    quickly at grid and town; `was_quick_share`: as they were routed.
    """

    routed: int
    without_facts: int
    differences: tuple[Difference, ...]
    by_rule: dict[str, int]
    took: dict[str, int]
    quick_share: float
    was_quick_share: float

    @property
    def elsewhere(self) -> tuple[Difference, ...]:
        """Those that would have gone another way."""
        return tuple(one for one in self.differences if one.elsewhere)


@dataclass(frozen=True, slots=True)
class _Kept:
    """An issue as it came in."""

    number: str
    act_at: datetime
    rule: str
    edition: int
    facts: dict[str, object] | None


def dry_run(rules: Sequence[Routing], last: int) -> DryRun:
    """Route the last so many issues by these rules.

    Raises: NoRouteFits where none of them fits an issue; a catalogue is refused without a rule that always does.
    """
    then = _Then()
    differences: list[Difference] = []
    taken, took, bare, quick, was_quick = Counter[str](), Counter[str](), 0, 0, 0
    for kept in _last(last):
        if kept.facts is None:
            bare += 1
            continue
        facts, was = _facts(kept.facts), then.way(kept)
        rule = route(rules, facts, timezone.localtime(kept.act_at).date()).rule
        would_be = Way.by(rule, then.flow(kept.edition, facts.violation))
        taken[rule.id] += 1
        took[was.rule] += 1
        quick += _quick(would_be)
        was_quick += _quick(was)
        if was != would_be:
            differences.append(Difference(kept.number, was, would_be))
    routed = sum(taken.values())
    shares = (quick / routed, was_quick / routed) if routed else (0.0, 0.0)
    return DryRun(routed, bare, tuple(differences), dict(taken.most_common()), dict(took.most_common()), *shares)


def _last(count: int) -> Iterator[_Kept]:
    """The newest issues, without the trace of every rule that was tried."""
    rows = Issue.objects.order_by("-reported_at", "-id")
    kept = rows.values_list("number", "act_at", "routing_rule", "edition", "routing_why__facts")[:count]
    yield from (_Kept(*row) for row in kept.iterator(chunk_size=2_000))


class _Then:
    """The rules and violations of the editions that issues came in under, each looked up once."""

    def __init__(self) -> None:
        self._rules: dict[int, Mapping[str, Routing]] = {}
        self._flows: dict[int, Mapping[str, str]] = {}

    def way(self, kept: _Kept) -> Way:
        """Where the rule of then sent it. A rule its edition does not have sent it nowhere that is known."""
        self._read(kept.edition)
        rule = self._rules[kept.edition].get(kept.rule)
        violation = str((kept.facts or {}).get("violation", ""))
        return Way.by(rule, self.flow(kept.edition, violation)) if rule else Way(kept.rule)

    def flow(self, edition_id: int, violation: str) -> str:
        """The flow that violation itself wanted."""
        self._read(edition_id)
        return self._flows[edition_id].get(violation, "quick")

    def _read(self, edition_id: int) -> None:
        if edition_id not in self._rules:
            catalogues = edition(edition_id).catalogues
            self._rules[edition_id] = {rule.id: rule for rule in catalogues.routing}
            self._flows[edition_id] = {row.id: row.flow for row in catalogues.violations}


def _quick(way: Way) -> bool:
    return way.flow == "quick" and way.level in ("grid", "town")


def _facts(kept: dict[str, object]) -> Facts:
    """Facts as an issue keeps them; what later versions ask besides has its default."""
    return Facts(**{name: value for name, value in kept.items() if name in _NAMES})  # type: ignore[arg-type]  # written by asdict
