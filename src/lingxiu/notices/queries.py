"""What a person was told and has not read; what could not be sent."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, QuerySet

from lingxiu.accounts.models import User
from lingxiu.notices.models import Delivery, Notice, Untold

PAGE = 30


def unread(user: User) -> int:
    """How many notices this person has not read."""
    return Notice.objects.visible_to(user).filter(read_at=None).count()


def page_of(user: User, *, only_unread: bool, before: int | None = None) -> tuple[Sequence[Notice], int | None]:
    """A page of somebody's notices, newest first. Returns: they, and after which the next page begins, if there is one."""
    rows = Notice.objects.visible_to(user).order_by("-id")
    if only_unread:
        rows = rows.filter(read_at=None)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def in_trouble() -> QuerySet[Delivery]:
    """What could not be sent: given up, or to be tried again."""
    rows = Delivery.objects.select_related("notice", "person").exclude(error="")
    return rows.filter(state__in=[Delivery.State.FAILED, Delivery.State.WAITING, Delivery.State.SENDING]).order_by(
        "state", "-next_at", "-pk"
    )


def counts() -> dict[str, int]:
    """Deliveries by state."""
    return dict(Delivery.objects.values_list("state").annotate(Count("id")).order_by())


def untold() -> QuerySet[Untold]:
    """Entries of the journal that could not be told, newest first."""
    return Untold.objects.order_by("-at", "-pk")
