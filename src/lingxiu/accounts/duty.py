"""The duty roster (值班表): who is on duty when, for the county, a town, or one of its teams, grids and departments.

Keeps turns and says who may write them down. Whom an alarm calls, and who gets work meanwhile, the rooms above decide.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from lingxiu.accounts.models import DutyTurn, Post, Unit, UnitKind, User
from lingxiu.journal.actions import Scope, record
from lingxiu.policy.queries import in_force

DISPATCHES: Final = "issues.dispatch"
ROOMS: Final = (UnitKind.COUNTY_OFFICE, UnitKind.TOWN)
"""Whose rosters gas alarms call; the others' are for work alone."""
REFUSALS: Final[dict[str, str | Promise]] = {
    "order": gettext_lazy("It ends before it begins."),
    "past": gettext_lazy("That is over already."),
    "unknown": gettext_lazy("They hold no post by which they could be called."),
    "twice": gettext_lazy("They are on duty there at that time already."),
}


class TurnRefused(Exception):
    """A turn that cannot be. `field`: unit | person | until; `why`: a key of `REFUSALS`."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


def turns(unit: Unit, at: datetime) -> list[DutyTurn]:
    """Who is on duty there now, first to last."""
    now = DutyTurn.objects.filter(unit=unit, since__lte=at, until__gt=at)
    return list(now.select_related("person").order_by("rank", "id"))


def rosters(user: User, kinds: tuple[UnitKind, ...] = ROOMS) -> list[Unit]:
    """The units whose roster this person may write: who dispatches for the county all of them, who does for a town that
    town's, its team's and its grids'."""
    units = Unit.objects.filter(active=True, kind__in=kinds).order_by("kind", "code")
    posts = user.authority.posts_that_may(DISPATCHES)
    if any(post.unit_kind == UnitKind.COUNTY_OFFICE for post in posts):
        return list(units)
    own = Q(pk__in=[post.unit_id for post in posts])
    return list(units.filter(own | Q(town__in=[post.town for post in posts if post.town])))


def callable_people(at: datetime) -> QuerySet[User]:
    """Officers with a post that is not a grid's."""
    return User.objects.filter(is_active=True, pk__in=_posts(at).exclude(unit__kind=UnitKind.GRID).values("user_id"))


def may_stand(unit: Unit, at: datetime) -> QuerySet[User]:
    """Who may stand on this roster: for a grid's anybody of its town; for any other, nobody who has a grid's post alone."""
    if unit.kind != UnitKind.GRID:
        return callable_people(at)
    return User.objects.filter(is_active=True, pk__in=_posts(at).filter(unit__town=unit.town).values("user_id"))


def _posts(at: datetime) -> QuerySet[Post]:
    roles = [role.id for role in in_force().catalogues.roles if role.officer]
    return Post.objects.filter(Post.held_at(at), role__in=roles)


def enter(
    unit: Unit, person: User, since: datetime, until: datetime, *, rank: int, at: datetime, by: int | None
) -> DutyTurn:
    """Somebody is on duty from one time to another. Raises TurnRefused."""
    if until <= since:
        raise TurnRefused("until", "order")
    if until <= at:
        raise TurnRefused("until", "past")
    if not may_stand(unit, at).filter(pk=person.pk).exists():
        raise TurnRefused("person", "unknown")
    with transaction.atomic():
        during = DutyTurn.objects.select_for_update().filter(unit=unit, person=person, since__lt=until, until__gt=since)
        if during.exists():
            raise TurnRefused("person", "twice")
        turn = DutyTurn.objects.create(unit=unit, person=person, since=since, until=until, rank=rank, entered_by=by)
        record("duty.entered", "unit", unit.pk, at=at, actor_id=by, scope=Scope(town=unit.town, unit_id=unit.pk),
               reference={"turn": turn.pk, "person": person.pk})  # fmt: skip
    return turn


def pass_on(turn: DutyTurn, person: User, *, at: datetime, by: int) -> None:
    """Somebody else is on duty in their place, or from now on for the rest of the turn. Raises TurnRefused."""
    with transaction.atomic():
        enter(turn.unit, person, max(turn.since, at), turn.until, rank=turn.rank, at=at, by=by)
        strike(turn, at=at, by=by)


def strike(turn: DutyTurn, *, at: datetime, by: int) -> None:
    """They are not on duty after all, or from now on no more."""
    with transaction.atomic():
        unit, pk, person = turn.unit, turn.pk, turn.person_id
        if turn.since < at < turn.until:
            DutyTurn.objects.filter(pk=pk).update(until=at)
        else:
            turn.delete()
        record("duty.struck", "unit", unit.pk, at=at, actor_id=by, scope=Scope(town=unit.town, unit_id=unit.pk),
               reference={"turn": pk, "person": person})  # fmt: skip
