"""Which units hold an issue at each level, and to which it may be given. Never decides whether somebody may give it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.duty import turns
from lingxiu.accounts.models import DutyTurn, Unit, UnitKind, User
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


def on_duty(unit: Unit, at: datetime) -> User | None:
    """Who of those on duty takes what would be this unit's: of its own roster, else of its town's, the first who is there and
    may handle it; somebody of the unit itself before anybody else.

    Nobody of a grid takes what is a team's: it may be dangerous, or need a certificate.
    """
    for there in (_on_roster(unit, at), _on_roster(_room_of(unit), at)):
        able = [user for user in there if _stands_for(user, unit)]
        if able:
            return min(able, key=lambda user: not handles_at(user, unit))
    return None


def units_on_duty(at: datetime) -> QuerySet[Unit]:
    """The units for which somebody may be on duty now: those with a roster, and all of a town that has one."""
    there = Unit.objects.filter(pk__in=DutyTurn.objects.filter(since__lte=at, until__gt=at).values("unit"))
    return Unit.objects.filter(Q(pk__in=there.values("pk")) | Q(town__in=there.exclude(town="").values("town")))


def is_on_duty(user: User, unit: Unit, at: datetime) -> bool:
    """Whether this person is still one of those."""
    return any(user in _on_roster(there, at) for there in (unit, _room_of(unit)))


def dispatchers_on_duty(unit: Unit, at: datetime) -> list[User]:
    """Of the town this unit is in, who is on duty and may dispatch there."""
    room = _room_of(unit)
    return [
        user
        for user in _on_roster(room, at)
        if room and any(post.unit_id == room.pk for post in user.authority.posts_that_may("issues.dispatch"))
    ]


def _room_of(unit: Unit) -> Unit | None:
    """The town's own unit."""
    rooms = Unit.objects.filter(active=True, kind=UnitKind.TOWN, town=unit.town).exclude(town="")
    return unit if unit.kind == UnitKind.TOWN else rooms.order_by("id").first()


def _on_roster(unit: Unit | None, at: datetime) -> list[User]:
    """Who is on duty there now and not away, in the order of the roster."""
    people = [turn.person for turn in turns(unit, at)] if unit else []
    away = deputies([user.pk for user in people], at)
    return [user for user in people if user.is_active and user.pk not in away]


def _stands_for(user: User, unit: Unit) -> bool:
    """Whether this person may handle what is this unit's: of the unit, or of its town, by a post that is no less."""
    return handles_at(user, unit) or any(
        unit.town and post.town == unit.town and (unit.kind == UnitKind.GRID or post.unit_kind != UnitKind.GRID)
        for post in user.authority.posts_that_may("issues.handle")
    )
