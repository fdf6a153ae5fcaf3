"""Which units hold an issue at each level, and to which it may be given. Never decides whether somebody may give it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues.lifecycle import Level

LEVEL_OF: dict[str, Level] = {
    UnitKind.GRID: Level.GRID,
    UnitKind.TOWN_TEAM: Level.TOWN,
    UnitKind.DEPARTMENT: Level.COUNTY,
}
"""The level of an issue that a unit of this kind was given."""


class NobodyToHold(Exception):
    """The county has no office yet, so that an issue without a town would be held by nobody. `lingxiu init` makes one."""


def dispatchers_unit(level: Level, town: str) -> Unit:
    """Whose dispatcher holds what is received: the town's for grid and town, the county office's for the county.

    A place in no town, or in one without a unit, is the county office's. Raises: NobodyToHold.
    """
    units = Unit.objects.filter(active=True).order_by("id")
    office = units.filter(kind=UnitKind.COUNTY_OFFICE)
    room = units.filter(kind=UnitKind.TOWN, town=town) if town and level is not Level.COUNTY else office
    found = room.first() or office.first()
    if found is None:
        raise NobodyToHold
    return found


def units_to_give(level: Level, town: str) -> QuerySet[Unit]:
    """Whom an issue of this level may be given to: grids and team of its town; at the county, departments and that team."""
    units = Unit.objects.filter(active=True)
    below = units.filter(town=town).exclude(town="")
    if level is Level.COUNTY:
        return units.filter(kind=UnitKind.DEPARTMENT) | below.filter(kind=UnitKind.TOWN_TEAM)
    return below.filter(kind__in=[UnitKind.GRID, UnitKind.TOWN_TEAM])


def routed_unit(to: str, *, town: str, grid: str, responsible: str) -> Unit | None:
    """The unit a rule of routing sends to (`to`), if there is one that works. A dispatcher's own unit is none: it has it already."""
    units = Unit.objects.filter(active=True).order_by("id")
    match to:
        case "grid":
            return units.filter(kind=UnitKind.GRID, grid=grid).exclude(grid="").first()
        case "town_team":
            return units.filter(kind=UnitKind.TOWN_TEAM, town=town).exclude(town="").first()
        case "responsible_department":
            return units.filter(kind=UnitKind.DEPARTMENT, code=responsible).first()
        case _:
            return None


def handles_at(user: User, unit: Unit) -> bool:
    """Whether this person may handle issues in that unit."""
    return any(post.unit_id == unit.pk for post in user.authority.posts_that_may("issues.handle"))


def stand_in(person: User | None, unit: Unit, at: datetime) -> tuple[User | None, User | None]:
    """Who takes what would be this person's, and whom they stand in for: the deputy of who is away, else the unit.

    Returns: (person or None for the unit, who is away or None).
    """
    if person is None:
        return None, None
    away = deputies([person.pk], at)
    if person.pk not in away:
        return person, None
    deputy = User.objects.filter(pk=away[person.pk] or 0, is_active=True).first()
    return (deputy if deputy and handles_at(deputy, unit) else None), person
