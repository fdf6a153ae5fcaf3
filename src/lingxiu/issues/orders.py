"""What comes from above as one piece of work for many: a leader's written instruction (批示) or a campaign (专项行动).

Split over units, each item with a date; answered by its unit, crossed off (销号) by somebody else, changed or withdrawn with a
reason by who may cross off. An item may become an issue of the list, which then walks the same road as any other; the item
waits for its end. Who is told of what, `notices` decides; of what is due, the journal is told by `order_today`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from lingxiu.accounts.models import Unit, User
from lingxiu.files.models import StoredFile
from lingxiu.issues import writing
from lingxiu.issues.actions import opening
from lingxiu.issues.actions.opening import Found
from lingxiu.issues.models import Issue, Source
from lingxiu.issues.order_models import Order, OrderItem, OrderKind
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force

MOST_ITEMS = 500
"""A campaign over more shops than this is several campaigns, by town."""
UNDER_WAY = (OrderItem.State.OPEN.value, OrderItem.State.ANSWERED.value)
SOURCES = {OrderKind.INSTRUCTION: Source.INSTRUCTION, OrderKind.CAMPAIGN: Source.CAMPAIGN}


class OrderRefused(Exception):
    """What cannot be done with an order. `field` names where.

    `why`: number_known | no_items | too_many | state | person | issue_open | words | photos | shop_known | nothing.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item before it is written."""

    unit: Unit
    task: str
    due_on: date
    merchant: Merchant | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """An order before it is written. `number` "": a leader's own, which no slip has numbered; it gets one of its day."""

    kind: OrderKind
    number: str
    title: str
    issued_by: str
    issued_on: date
    violation: str
    words: str = ""
    scan: StoredFile | None = None
    leader: User | None = None
    about_issue: Issue | None = None
    about_shop: Merchant | None = None
    synthetic: bool = False


def give(given: Given, items: Sequence[Wanted], *, by: User, at: datetime, submission: UUID) -> Order:
    """Write an order down and split it over units.

    Raises: OrderRefused; KeyError for a violation no catalogue has.
    """
    in_force().catalogues.violation(given.violation)
    if not items:
        raise OrderRefused("items", "no_items")
    if len(items) > MOST_ITEMS:
        raise OrderRefused("items", "too_many")
    with transaction.atomic():
        if (known := Order.objects.filter(submission=submission).first()) is not None:
            return known
        order, made = Order.objects.get_or_create(
            kind=given.kind, number=given.number.strip() or _next_number(given.kind, at),
            defaults={
                "title": given.title, "words": given.words, "issued_by": given.issued_by, "issued_on": given.issued_on,
                "violation": given.violation, "scan": given.scan, "leader": given.leader, "made_by": by, "made_at": at,
                "about_issue": given.about_issue, "about_shop": given.about_shop,
                "submission": submission, "synthetic": given.synthetic,
            },
        )  # fmt: skip
        if not made:
            raise OrderRefused("number", "number_known")
        _add(order, items, by, at)
    return order


def _next_number(kind: OrderKind, at: datetime) -> str:
    """The next of its day, `20260305-01`. Who else wants one of that day waits until this transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('issues.order_number'))")
    day = f"{timezone.localtime(at):%Y%m%d}-"
    taken = Order.objects.filter(kind=kind, number__startswith=day).values_list("number", flat=True)
    numbers = [int(number.removeprefix(day)) for number in taken if number.removeprefix(day).isdecimal()]
    return f"{day}{max(numbers, default=0) + 1:02d}"


def add(order: Order, items: Sequence[Wanted], *, by: User, at: datetime) -> None:
    """Give more units an item, or the list more shops; an order that had ended goes on. Raises OrderRefused."""
    if not items:
        raise OrderRefused("items", "no_items")
    with transaction.atomic():
        row = Order.objects.select_for_update().get(pk=order.pk)
        if not may_change(row, by):
            raise OrderRefused("person", "person")
        if row.items.count() + len(items) > MOST_ITEMS:
            raise OrderRefused("items", "too_many")
        shops = [one.merchant for one in items if one.merchant]
        if row.items.filter(merchant__in=shops, withdrawn_at=None).exists():
            raise OrderRefused("items", "shop_known")
        _add(row, items, by, at)
        Order.objects.filter(pk=row.pk).update(closed_at=None)


def _add(order: Order, items: Iterable[Wanted], by: User, at: datetime) -> None:
    made = OrderItem.objects.bulk_create(
        OrderItem(order=order, unit=one.unit, merchant=one.merchant, task=one.task, due_on=one.due_on) for one in items
    )
    for unit in {item.unit_id: item.unit for item in made}.values():
        tell("order.given", order.pk, unit, at, by)


def change(item: OrderItem, *, task: str, due_on: date, why: str, by: User, at: datetime) -> None:
    """Another task or date for what is still to be done; what it was before stays with it, and why. Raises OrderRefused."""
    task, why = task.strip(), why.strip()
    if not task or not why:
        raise OrderRefused("words", "words")
    with transaction.atomic():
        row = _changeable(item, by, OrderItem.State.OPEN)
        if (task, due_on) == (row.task, row.due_on):
            raise OrderRefused("task", "nothing")
        row.changes = [*row.changes, _kept(row, why, by, at)]
        if due_on != row.due_on:
            row.due_told_at = row.late_told_at = None
        row.task, row.due_on = task, due_on
        row.save()
        tell("order.changed", row.order_id, row.unit, at, by, item=row.pk)


def withdraw(item: OrderItem, why: str, *, by: User, at: datetime) -> None:
    """This unit, or this shop, need not any more: struck, with the reason. Raises OrderRefused."""
    if not why.strip():
        raise OrderRefused("words", "words")
    with transaction.atomic():
        row = _changeable(item, by, OrderItem.State.OPEN, OrderItem.State.ANSWERED)
        row.changes = [*row.changes, _kept(row, why.strip(), by, at)]
        row.state, row.withdrawn_by, row.withdrawn_at = OrderItem.State.WITHDRAWN, by, at
        row.save()
        tell("order.withdrawn", row.order_id, row.unit, at, by, item=row.pk)
        _end_if_done(row.order, at)


def _changeable(item: OrderItem, by: User, *states: str) -> OrderItem:
    row = _locked(item)
    if row.state not in states:
        raise OrderRefused("state", "state")
    if not may_change(row.order, by):
        raise OrderRefused("person", "person")
    return row


def _kept(item: OrderItem, why: str, by: User, at: datetime) -> dict[str, object]:
    return {"at": at.isoformat(), "by": by.pk, "why": why, "task": item.task, "due_on": item.due_on.isoformat()}


def answer(
    item: OrderItem, words: str, *, by: User, at: datetime, before: tuple[str, ...] = (), after: tuple[str, ...] = ()
) -> None:
    """The unit says what it did, with pictures of before and after; of a campaign's shop, never without. May be said again
    until it is crossed off.

    Raises: OrderRefused.
    """
    if not words.strip():
        raise OrderRefused("words", "words")
    with transaction.atomic():
        row = _locked(item)
        if row.state not in UNDER_WAY:
            raise OrderRefused("state", "state")
        if not may_answer(row, by):
            raise OrderRefused("person", "person")
        row.photos_before, row.photos_after = [*row.photos_before, *before], [*row.photos_after, *after]
        if wants_photos(row.order, row) and not (row.photos_before and row.photos_after):
            raise OrderRefused("photos", "photos")
        row.state, row.answer, row.answered_by, row.answered_at = OrderItem.State.ANSWERED, words.strip(), by, at
        row.save()
        writing.use_photos((*before, *after), "order", row.order_id)
        rest = row.order.items.filter(unit=row.unit_id, state=OrderItem.State.OPEN).exists()
        tell("order.answered_in_part" if rest else "order.answered", row.order_id, row.unit, at, by, item=row.pk)


def wants_photos(order: Order, item: OrderItem) -> bool:
    """A campaign's answer about a shop shows it before and after; the demo county's were never taken."""
    return order.kind == OrderKind.CAMPAIGN and item.merchant_id is not None and not order.synthetic


def make_issue(item: OrderItem, words: str, *, by: User, at: datetime, photos: tuple[str, ...] = ()) -> Issue:
    """What was found there becomes an issue of the list; the item waits for its end. Raises OrderRefused."""
    with transaction.atomic():
        row = _locked(item)
        if row.issue is not None:
            return row.issue
        if row.state not in UNDER_WAY:
            raise OrderRefused("state", "state")
        if not may_answer(row, by):
            raise OrderRefused("person", "person")
        order = row.order
        row.issue = opening.report(
            Found(
                SOURCES[OrderKind(order.kind)], order.violation, words.strip() or row.task, at, row.merchant,
                area=row.unit.grid or row.unit.town, found_by=by, photos=photos, data={"order": order.number},
                synthetic=order.synthetic,
            ),
            at=at,
        )  # fmt: skip
        row.save(update_fields=["issue"])
    return row.issue


def cross_off(item: OrderItem, *, by: User, at: datetime) -> None:
    """销号: somebody other than who answered finds it done; with the last item the order ends. Raises OrderRefused."""
    with transaction.atomic():
        row = _locked(item)
        if row.state != OrderItem.State.ANSWERED:
            raise OrderRefused("state", "state")
        if not may_cross_off(row, by):
            raise OrderRefused("person", "person")
        if row.issue is not None and row.issue.is_open:
            raise OrderRefused("issue", "issue_open")
        row.state, row.crossed_off_by, row.crossed_off_at = OrderItem.State.CROSSED_OFF, by, at
        row.save(update_fields=["state", "crossed_off_by", "crossed_off_at"])
        tell("order.crossed_off", row.order_id, row.unit, at, by, item=row.pk)
        _end_if_done(row.order, at)


def _end_if_done(order: Order, at: datetime) -> None:
    # Of two who cross off the last two items at once the second waits here, and then sees that it is the last.
    Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if not order.items.filter(state__in=UNDER_WAY).exists():
        Order.objects.filter(pk=order.pk).update(closed_at=at)


def send_back(item: OrderItem, words: str, *, by: User, at: datetime) -> None:
    """Not done yet: back to its unit, with the reason. Raises OrderRefused."""
    if not words.strip():
        raise OrderRefused("words", "words")
    with transaction.atomic():
        row = _locked(item)
        if row.state != OrderItem.State.ANSWERED:
            raise OrderRefused("state", "state")
        if not may_cross_off(row, by):
            raise OrderRefused("person", "person")
        row.state, row.answered_by, row.answered_at = OrderItem.State.OPEN, None, None
        row.answer = f"{row.answer}\n({timezone.localtime(at):%m-%d %H:%M}: {words.strip()})"[:2000]
        row.save()
        tell("order.sent_back", row.order_id, row.unit, at, by, item=row.pk)


def may_answer(item: OrderItem, user: User) -> bool:
    """Officers of its unit; for a town's dispatchers what lies with a unit of their town (代办)."""
    authority = user.authority
    if any(post.unit_id == item.unit_id and post.role.officer for post in authority.posts):
        return True
    return any(post.town and post.town == item.unit.town for post in authority.posts_that_may("issues.dispatch"))


def may_cross_off(item: OrderItem, user: User) -> bool:
    """Who may change the order; never who answered."""
    return user.pk != item.answered_by_id and may_change(item.order, user)


def may_change(order: Order, user: User) -> bool:
    """The county's office, who gave the order, and whose it is."""
    return is_county(user) or user.pk in (order.made_by_id, order.leader_id)


def is_county(user: User) -> bool:
    """Whether they are of the county's office, which sees to everybody's orders."""
    return any(post.unit_kind == "county_office" for post in user.authority.posts_that_may("issues.dispatch"))


def _locked(item: OrderItem) -> OrderItem:
    rows = OrderItem.objects.select_for_update(of=("self",)).select_related("order", "unit", "issue", "merchant")
    return rows.get(pk=item.pk)


def tell(kind: str, order_id: int, unit: Unit, at: datetime, by: User | None, **reference: object) -> None:
    """Write into the journal what became of a unit's items: its people, and whose order it is, are told from there."""
    scope = Scope(town=unit.town, grid=unit.grid, unit_id=unit.pk)
    record(kind, "order", order_id, at=at, actor_id=by.pk if by else None, scope=scope, reference=reference)
