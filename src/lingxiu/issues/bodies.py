"""What a department or a town was given and did in some days, as conditions on issues, parts and moves. Reads nothing itself.

A body is a department, or a town with its team and grids. Its work is what it led while it was to be handled, and what it was
asked to work along with; that a dispatcher judged or re-checked an issue is none of it. Persons are never compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When

from lingxiu.accounts.models import UnitKind
from lingxiu.issues.lifecycle import Move, State
from lingxiu.issues.models import Assignment, MoveRow, Report

WORK = Q(part=Assignment.Part.COOPERATING) | Q(
    part=Assignment.Part.LEAD, step__in=[State.DISPATCHED.value, State.HANDLING.value]
)
SAID = {"refused": Move.DECLINE, "objected": Move.OBJECT}
DEEDS = ("given", "handled", "in_time", "late", "unfinished", "rated", *SAID)
"""`given` to it; `handled` by it, of that `in_time` with every part, or `late` with any, or `rated` by who reported it;
`unfinished`: past its time within the days, and not done yet; `refused`: transferred to it, and not taken; `objected`: asked to
work along, and said not to be its duty."""


@dataclass(frozen=True, slots=True)
class Days:
    """From the first moment to the last. `now`: nothing falls due after it."""

    since: datetime
    until: datetime
    now: datetime


def part_conditions(days: Days) -> Mapping[str, Q]:
    """Deed → which parts."""
    handled = Q(state=Assignment.State.DONE, ended_at__gte=days.since, ended_at__lte=days.until)
    due_by = min(days.until, days.now)
    return {
        "given": Q(given_at__gte=days.since, given_at__lte=days.until),
        "handled": handled,
        "late": handled & Q(ended_at__gt=F("due_at")),
        "unfinished": Q(ended_at=None, due_at__gte=days.since, due_at__lte=due_by),
    }


def said_within(days: Days) -> Q:
    """Which moves are of these days and say that something is not this body's."""
    return Q(move__in=[move.value for move in SAID.values()], at__gte=days.since, at__lte=days.until)


def of_body(unit: str) -> Case:
    """The code of the body a unit belongs to; "" of none that is compared. `unit`: the path to it."""
    return Case(
        When(**{f"{unit}__kind": UnitKind.DEPARTMENT}, then=F(f"{unit}__code")),
        When(**{f"{unit}__kind__in": [UnitKind.TOWN, UnitKind.TOWN_TEAM, UnitKind.GRID]}, then=F(f"{unit}__town")),
        default=Value(""),
        output_field=CharField(),
    )


def issues_where(body: str, deed: str, days: Days) -> Q:
    """The issues this body did this with in these days."""
    if deed in SAID:
        said = MoveRow.objects.filter(said_within(days), issue=OuterRef("pk"), move=SAID[deed])
        return Q(Exists(said.annotate(body=of_body("actor_unit")).filter(body=body)))
    parts = Assignment.objects.filter(WORK, issue=OuterRef("pk")).annotate(body=of_body("unit")).filter(body=body)
    conditions = part_conditions(days)
    match deed:
        case "in_time":
            return Q(Exists(parts.filter(conditions["handled"]))) & ~Q(Exists(parts.filter(conditions["late"])))
        case "rated":
            rated = Report.objects.filter(issue=OuterRef("pk"), stars__isnull=False)
            return Q(Exists(parts.filter(conditions["handled"]))) & Q(Exists(rated))
        case _:
            return Q(Exists(parts.filter(conditions[deed])))
