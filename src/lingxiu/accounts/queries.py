"""Who holds which post, and who answers for which shop. Reads only; times are passed in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from lingxiu.accounts.models import Bond, Post, Unit, UnitKind, User


def people_in(role: str, unit: Unit, at: datetime) -> list[User]:
    """Who holds this role at this unit: those whose first post it is before stand-ins, the longest there first."""
    posts = _posts(at).filter(role=role, unit=unit)
    return [post.user for post in posts]


def members(unit: Unit, at: datetime) -> list[User]:
    """Everybody who holds a post at this unit, each once."""
    people = {post.user_id: post.user for post in _posts(at).filter(unit=unit)}
    return list(people.values())


def holder_of(grid_code: str, at: datetime) -> User | None:
    """The grid member to whom what happens in this grid goes: the first of `people_in`."""
    unit = Unit.objects.filter(kind=UnitKind.GRID, grid=grid_code, active=True).first() if grid_code else None
    return next(iter(people_in("grid_member", unit, at)), None) if unit else None


def names(user_ids: Iterable[int | None]) -> dict[int, str]:
    """Id → name, in one query."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def bonds_of(merchant_id: int) -> QuerySet[Bond]:
    """Who answers for this shop or serves it now, the longest first."""
    return Bond.objects.filter(merchant_id=merchant_id, ended_at=None).select_related("user").order_by("made_at", "id")


def _posts(at: datetime) -> QuerySet[Post]:
    held = Post.objects.filter(Post.held_at(at), user__is_active=True).select_related("user")
    return held.order_by("-primary", "since", "id")
