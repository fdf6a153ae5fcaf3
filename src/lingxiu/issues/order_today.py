"""What of orders from above is due: the journal is told once that a unit's items are due soon, and once that they are late.

And a person's own: how many items wait for an answer of their units. Who is told of it, `notices` decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Min, Q
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues import orders
from lingxiu.issues.order_models import OrderItem
from lingxiu.policy.queries import in_force


def tell_of_orders(at: datetime) -> int:
    """Write of each order and unit that what it was to do is due soon, or late: once for each date, from policy's hour of the
    morning on. May run twice, and after any standstill says what holds then. Returns how many entries were written."""
    policy, local = in_force().catalogues.notices, timezone.localtime(at)
    if local.time() < policy.rounds_at:
        return 0
    today = local.date()
    late = Q(due_on__lt=today, late_told_at=None)
    soon = Q(due_on__gte=today, due_on__lte=today + timedelta(days=policy.orders_days_before), due_told_at=None)
    with transaction.atomic():
        return _tell("order.overdue", late, "late_told_at", at) + _tell("order.due_soon", soon, "due_told_at", at)


def _tell(kind: str, due: Q, told_at: str, at: datetime) -> int:
    # Whoever holds one of the rows (another worker, an officer who answers) is waited for and none is passed over: the entry
    # of a unit is of all its items, and of two workers the second finds them told.
    rows = OrderItem.objects.filter(due, state=OrderItem.State.OPEN).select_related("unit")
    items = list(rows.select_for_update(of=("self",)).order_by("order", "unit", "pk"))
    for (order, _unit), own in _by_unit(items).items():
        orders.tell(kind, order, own[0].unit, at, None, items=len(own))
    OrderItem.objects.filter(pk__in=[item.pk for item in items]).update(**{told_at: at})
    return len(_by_unit(items))


def _by_unit(items: Iterable[OrderItem]) -> dict[tuple[int, int], list[OrderItem]]:
    found: dict[tuple[int, int], list[OrderItem]] = {}
    for item in items:
        found.setdefault((item.order_id, item.unit_id), []).append(item)
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """Items of orders that a person's units have to answer: how many, how many of them late, and the nearest date."""

    items: int
    late: int
    next_on: date | None


def waiting(user: User, today: date) -> Waiting:
    """In one query."""
    units = [post.unit_id for post in user.authority.posts if post.role.officer]
    found = OrderItem.objects.filter(unit__in=units, state=OrderItem.State.OPEN).aggregate(
        items=Count("pk"),
        late=Count("pk", filter=Q(due_on__lt=today)),
        next_on=Min("due_on", filter=Q(due_on__gte=today)),
    )
    return Waiting(**found)
