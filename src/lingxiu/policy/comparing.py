"""What differs between two editions, rule by rule, and which rules rest on no law of today. Plain values, no ORM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, TypeGuard

from lingxiu.policy.rows import Rule
from lingxiu.policy.schema.catalogues import Catalogues

LONGEST_VALUE = 80


def compare(older: Any, newer: Any, where: str = "") -> Iterator[str]:
    """One line a difference: `+ violations V-X`, `- routing R3`, `violations L-FUME severity: 2 → 3`."""
    if older == newer:
        return
    if _is_rules(older) and _is_rules(newer):
        before, after = {row["id"]: row for row in older}, {row["id"]: row for row in newer}
        yield from _compare_keys(before, after, where)
        if list(before) != list(after) and sorted(before) == sorted(after):
            yield f"{where}: order {', '.join(before)} → {', '.join(after)}"
    elif isinstance(older, dict) and isinstance(newer, dict):
        yield from _compare_keys(older, newer, where)
    else:
        yield f"{where}: {_short(older)} → {_short(newer)}"


def without_basis(catalogues: Catalogues, day: date) -> list[str]:
    """The rules that name bases, none of which is in force on this day: they may guide, and stand on no notice."""
    return [rule.id for rule in _with_bases(catalogues, day) if not rule.bases_on(day)]


def without_article(catalogues: Catalogues, day: date) -> list[str]:
    """The rules whose law of this day is known and its article is not, or not for certain: they stand on no notice either."""
    rules = [rule for rule in _with_bases(catalogues, day) if rule.bases_on(day)]
    return [rule.id for rule in rules if not any(basis.printable(day) for basis in rule.bases)]


def _with_bases(catalogues: Catalogues, day: date) -> list[Rule]:
    """The rules that hold on this day and name a law."""
    rules: list[Rule] = [*catalogues.violations, *catalogues.routing, *catalogues.alarms.rules]
    rules += catalogues.kinds.cleaning_cycles
    return [rule for rule in rules if rule.holds(day) and rule.bases]


def _compare_keys(older: dict[str, Any], newer: dict[str, Any], where: str) -> Iterator[str]:
    for key in [*older, *(key for key in newer if key not in older)]:
        path = f"{where} {key}".strip()
        if key not in newer:
            yield f"- {path}"
        elif key not in older:
            yield f"+ {path}"
        else:
            yield from compare(older[key], newer[key], path)


def _is_rules(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) and "id" in row for row in value)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
