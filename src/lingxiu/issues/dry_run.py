"""What changed rules of routing would have done with the last issues: nothing is moved, everything is compared.

An issue is routed again by the facts that were found when it came in, which it keeps; not by what is known today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from django.utils import timezone

from lingxiu.issues.models import Issue
from lingxiu.issues.routing import Facts, route
from lingxiu.policy.schema.routing import Routing

_NAMES = frozenset(field.name for field in fields(Facts))


@dataclass(frozen=True, slots=True)
class Difference:
    """An issue that would have gone another way. `was` and `would_be`: rule, level, flow."""

    number: str
    was: tuple[str, str, str]
    would_be: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of it. `without_facts`: issues that keep none, because they came in before facts were kept.

    `by_rule`: how many each rule would take. `quick_share`: of all that could be routed, handled quickly at grid and town.
    """

    routed: int
    without_facts: int
    differences: tuple[Difference, ...]
    by_rule: dict[str, int]
    quick_share: float


def dry_run(rules: Sequence[Routing], last: int) -> DryRun:
    """Route the last so many issues by these rules.

    Raises: NoRouteFits where none of them fits an issue; a catalogue is refused without a rule that always does.
    """
    columns = ("number", "act_at", "routing_rule", "level", "flow", "routing_why")
    rows = Issue.objects.order_by("-reported_at", "-id").values_list(*columns)[:last]
    differences, taken, bare, quick = [], Counter[str](), 0, 0
    for number, act_at, rule_id, level, flow, why in rows.iterator(chunk_size=2_000):
        facts = why.get("facts")
        if facts is None:
            bare += 1
            continue
        rule = route(rules, _facts(facts), timezone.localtime(act_at).date()).rule
        taken[rule.id] += 1
        quick += rule.flow == "quick" and rule.level != "county"
        if rule.id != rule_id:
            differences.append(Difference(number, (rule_id, level, flow), (rule.id, rule.level, rule.flow)))
    routed = sum(taken.values())
    return DryRun(routed, bare, tuple(differences), dict(taken.most_common()), quick / routed if routed else 0.0)


def _facts(kept: dict[str, object]) -> Facts:
    """Facts as an issue keeps them; what later versions ask besides has its default."""
    return Facts(**{name: value for name, value in kept.items() if name in _NAMES})  # type: ignore[arg-type]  # written by asdict
