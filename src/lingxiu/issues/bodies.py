"""What a department or a town was given and did in some days, as conditions on its parts of issues. Reads nothing itself.

A body is a department, or a town with its team and grids. Its work is what it led while it was to be handled, and what it was
asked to work along with; that a dispatcher judged or re-checked an issue is none of it. Persons are never compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When

from lingxiu.accounts.models import Unit, UnitKind
from lingxiu.issues.lifecycle import Move, State
from lingxiu.issues.models import Assignment, MoveRow, Report

WORK = Q(part=Assignment.Part.COOPERATING) | Q(
    part=Assignment.Part.LEAD, step__in=[State.DISPATCHED.value, State.HANDLING.value]
)
IN_TOWN = (UnitKind.TOWN.value, UnitKind.TOWN_TEAM.value, UnitKind.GRID.value)
OBJECTED = (Assignment.Outcome.OBJECTED.value, Assignment.Outcome.UPHELD.value, Assignment.Outcome.RELEASED.value)
DEEDS = ("given", "handled", "in_time", "late", "unfinished", "rated", "refused", "objected")
"""`given` to it; `handled` by it, of that `in_time` with every part, or `late` with any, or `rated` by who reported it;
`unfinished`: past its time within the days, and not done yet; `refused`: transferred to it, and not taken; `objected`: asked to
work along, and said not to be its duty, whoever was found right."""


@dataclass(frozen=True, slots=True)
class Days:
    """From the first moment to the last. `now`: nothing falls due after it."""

    since: datetime
    until: datetime
    now: datetime


def part_conditions(days: Days) -> Mapping[str, Q]:
    """Deed → which parts; `in_time` is what was handled and not late."""
    ended = Q(ended_at__gte=days.since, ended_at__lte=days.until)
    handled = ended & Q(state=Assignment.State.DONE) & ~Q(outcome__in=OBJECTED)
    declined = MoveRow.objects.filter(issue=OuterRef("issue"), move=Move.DECLINE, at=OuterRef("ended_at"))
    rated = Report.objects.filter(issue=OuterRef("issue"), stars__isnull=False)
    return {
        "given": Q(given_at__gte=days.since, given_at__lte=days.until),
        "handled": handled,
        "late": handled & Q(ended_at__gt=F("due_at")),
        "unfinished": Q(ended_at=None, due_at__gte=days.since, due_at__lte=min(days.until, days.now)),
        "rated": handled & Q(Exists(rated)),
        "refused": ended & Q(state=Assignment.State.GIVEN_UP, step=State.DISPATCHED) & Q(Exists(declined)),
        "objected": ended & Q(state=Assignment.State.DONE, outcome__in=OBJECTED),
    }


def body_of(unit: str) -> Case:
    """The code of the body a unit belongs to; "" of none that is compared. `unit`: the path to it."""
    return Case(
        When(**{f"{unit}__kind": UnitKind.DEPARTMENT}, then=F(f"{unit}__code")),
        When(**{f"{unit}__kind__in": IN_TOWN}, then=F(f"{unit}__town")),
        default=Value(""),
        output_field=CharField(),
    )


def issues_where(body: str, deed: str, days: Days) -> Q:
    """The issues this body did this with in these days."""
    units = Unit.objects.filter(Q(kind=UnitKind.DEPARTMENT, code=body) | Q(kind__in=IN_TOWN, town=body))
    parts = Assignment.objects.filter(WORK, unit__in=units.values("pk"))
    conditions = part_conditions(days)

    def did(condition: Q) -> Q:
        return Q(pk__in=parts.filter(condition).values("issue"))

    return did(conditions["handled"]) & ~did(conditions["late"]) if deed == "in_time" else did(conditions[deed])
