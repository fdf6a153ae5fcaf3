"""Who is away, and who stands in for them: leave, illness, duty elsewhere, days off by the roster. Moves no work: rooms do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from lingxiu.accounts.models import Absence, Post, User
from lingxiu.journal.actions import Scope, record

REFUSALS = {
    ("until", "order"): gettext_lazy("The last day lies before the first."),
    ("until", "past"): gettext_lazy("That is over already."),
    ("since", "overlaps"): gettext_lazy("They are away at that time already: see below."),
    ("deputy", "self"): gettext_lazy("Nobody stands in for themselves."),
    ("deputy", "away"): gettext_lazy(
        "The deputy is away at that time too. Choose somebody else, or leave it to the unit."
    ),
}
"""Why an absence cannot be, by `field` and `why`."""


class AbsenceRefused(Exception):
    """An absence that cannot be. `field`: since | until | deputy; `why`: past | order | overlaps | self | away."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


def declare(
    user: User, since: datetime, until: datetime, *, reason: str, deputy: User | None, at: datetime, by: int
) -> Absence:
    """Somebody will be away. Without a deputy the unit sees to what is theirs.

    Raises: AbsenceRefused.
    """
    if until <= since:
        raise AbsenceRefused("until", "order")
    if until <= at:
        raise AbsenceRefused("until", "past")
    if deputy is not None and deputy.pk == user.pk:
        raise AbsenceRefused("deputy", "self")
    with transaction.atomic():
        # In one order, so that two who stand in for each other do not wait for each other for ever.
        list(User.objects.select_for_update().filter(pk__in=[user.pk, deputy.pk if deputy else user.pk]).order_by("pk"))
        during = Absence.objects.filter(since__lt=until, until__gt=since)
        if during.filter(user=user).exists():
            raise AbsenceRefused("since", "overlaps")
        if deputy is not None and (not deputy.is_active or during.filter(user=deputy).exists()):
            raise AbsenceRefused("deputy", "away")
        absence = Absence.objects.create(
            user=user, since=since, until=until, deputy=deputy, reason=reason, declared_at=at, declared_by=by
        )
        record(
            "absence.declared", "user", user.pk, at=at, actor_id=by, scope=Scope(), reference={"absence": absence.pk}
        )
    return absence


def replace_deputy(absence: Absence, deputy: User, *, at: datetime, by: int) -> None:
    """Somebody else stands in for who is away, or will be. Raises: AbsenceRefused."""
    if deputy.pk == absence.user_id:
        raise AbsenceRefused("deputy", "self")
    with transaction.atomic():
        list(User.objects.select_for_update().filter(pk__in=[absence.user_id, deputy.pk]).order_by("pk"))
        during = Absence.objects.filter(since__lt=absence.until, until__gt=absence.since)
        if not deputy.is_active or during.filter(user=deputy).exists():
            raise AbsenceRefused("deputy", "away")
        Absence.objects.filter(pk=absence.pk).update(deputy=deputy)
        said = {"absence": absence.pk, "deputy": deputy.pk}
        record("absence.deputy_changed", "user", absence.user_id, at=at, actor_id=by, scope=Scope(), reference=said)


def end(absence: Absence, *, at: datetime, by: int) -> None:
    """They are back, or never went. What was given to the deputy stays with the deputy."""
    with transaction.atomic():
        row = Absence.objects.select_for_update().get(pk=absence.pk)
        if row.since >= at:
            row.delete()
        elif row.until > at:
            row.until = at
            row.save(update_fields=["until"])
        record("absence.ended", "user", absence.user_id, at=at, actor_id=by, scope=Scope())


def deputies(user_ids: Iterable[int | None], at: datetime) -> dict[int, int | None]:
    """Of these people, those who are away: id → their deputy's id. A deputy who is away as well is none."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    if not wanted:
        return {}
    away = dict(Absence.objects.filter(Absence.at(at), user__in=wanted).values_list("user_id", "deputy_id"))
    named = {deputy for deputy in away.values() if deputy is not None}
    gone = (
        set(Absence.objects.filter(Absence.at(at), user__in=named).values_list("user_id", flat=True))
        if named
        else set()
    )
    return {user: None if deputy in gone else deputy for user, deputy in away.items()}


def whose_absences(user: User, now: datetime) -> QuerySet[User]:
    """Whose absences somebody may write down: their own; a dispatcher's, of the town's people; the county office's own."""
    own = Q(pk=user.pk)
    for post in user.authority.posts_that_may("issues.dispatch"):
        where = Q(unit__town=post.town) if post.unit_kind == "town" else Q(unit=post.unit_id)
        own |= Q(pk__in=Post.objects.filter(Post.held_at(now), where).values("user"))
    return User.objects.filter(own, is_active=True).order_by("name", "pk")


def who_may_stand_in(user: User, now: datetime) -> QuerySet[User]:
    """Who may stand in: people of the units whose absences this person may write down."""
    units = Post.objects.filter(Post.held_at(now), user__in=whose_absences(user, now)).values("unit")
    there = Post.objects.filter(Post.held_at(now), unit__in=units).values("user")
    return User.objects.filter(pk__in=there, is_active=True).order_by("name", "pk")
