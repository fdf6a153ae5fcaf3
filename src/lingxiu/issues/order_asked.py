"""What a leader asked and what came back: the items of their instructions, the issues they supervise. Reads only.

Each is in one of four states: late, under way, back (answered, and still open to look at), done (crossed off, or the issue has
ended). Figures and rows go by the same conditions, so that a number is the length of its list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import BigIntegerField, Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from lingxiu.accounts.authority import Authority
from lingxiu.accounts.models import Post, Unit, UnitKind, User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, IssueQuerySet, MoveRow
from lingxiu.issues.order_models import Order, OrderItem
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.ui import addresses

BACK, LATE, UNDER_WAY, DONE = STATES = ("back", "late", "under_way", "done")
DONE_DAYS = 90
"""What has been done for longer than this is no news to a leader."""
MOST_SHOWN = 100
"""Of each state, so many of either kind; the figure says how many there are."""
MOST_ABOUT = 10
ASKED_UNIT = "asked_unit"

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing a leader asked of one unit. `due`: a day or a time. `answer`: what came back, in its unit's own words.

    `item`: of an order; else it is an issue under supervision. `issue`: what it is, became or is about, if this leader may see it.
    """

    state: str
    unit: Unit | None
    title: str
    url: str
    asked_at: date | datetime
    due: date | datetime | None
    answer: str
    answered_by: User | None
    answered_at: datetime | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    item: OrderItem | None = None
    issue: Issue | None = None

    @property
    def shop(self) -> Merchant | None:
        """The shop it is about."""
        if self.item is None:
            return self.issue.merchant if self.issue else None
        return self.item.merchant or self.item.order.about_shop

    @property
    def has_day(self) -> bool:
        """Whether it is due with a day; a supervised issue is with a minute."""
        return self.item is not None


@dataclass(frozen=True, slots=True)
class UnitRow:
    """How many things one unit was asked, by state; a town with its team and grids."""

    unit: Unit
    counts: Counts

    @property
    def all(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """Figures by state, the same by unit, and rows by state: of the states asked for."""

    counts: Counts
    units: list[UnitRow]
    rows: Mapping[str, list[Ask]] = field(default_factory=dict)


# ── whose ────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_leader(authority: Authority) -> bool:
    """Who may supervise and handles or dispatches nothing: what they want they ask others for."""
    others = ("issues.handle", "issues.dispatch")
    return authority.may("issues.supervise") and not any(authority.may(verb) for verb in others)


def leaders() -> list[User]:
    """Leaders in office, of the county and of departments."""
    roles = [
        role.id for role in in_force().catalogues.roles
        if "issues.supervise" in role.may and not {"issues.handle", "issues.dispatch"} & set(role.may)
    ]  # fmt: skip
    held = Post.objects.filter(Post.held_at(timezone.now()), role__in=roles)
    return list(User.objects.filter(pk__in=held.values("user"), is_active=True).order_by("name", "pk"))


def units_of(leader: User) -> list[Unit]:
    """Whom this leader may ask: of the county, every town and department; of a department, that department."""
    posts = leader.authority.posts_that_may("issues.supervise")
    units = Unit.objects.filter(active=True)
    if any(post.unit_kind == UnitKind.COUNTY_OFFICE for post in posts):
        found = units.filter(kind__in=[UnitKind.TOWN, UnitKind.DEPARTMENT])
    else:
        found = units.filter(pk__in=[post.unit_id for post in posts])
    return list(found.order_by("kind", "code"))


def address(leader: User | None = None, *, state: str = "", unit: int | None = None) -> str:
    """Where it stands; of another leader, for the county's office."""
    asked_for = {"of": leader.pk if leader else "", "show": state, "unit": unit or ""}
    query = urlencode({name: value for name, value in asked_for.items() if value})
    return "/issues/asked/" + (f"?{query}" if query else "")


# ── which ────────────────────────────────────────────────────────────────────────────────────────────────────────


def items_of(leader: User) -> QuerySet[OrderItem]:
    """The items of what this leader ordered, but those that were withdrawn."""
    return OrderItem.objects.filter(order__leader=leader, withdrawn_at=None)


def supervised_by(leader: User) -> IssueQuerySet:
    """The issues this leader asked about, each with `ASKED_UNIT`: who has it, or had it then."""
    asked = MoveRow.objects.filter(issue=OuterRef("pk"), move=Move.SUPERVISE, actor=leader)
    last = Subquery(asked.order_by("-version").values("to_unit")[:1])
    found = Issue.objects.visible_to(leader).filter(Exists(asked))
    return found.annotate(**{ASKED_UNIT: Coalesce("lead_unit_id", last, output_field=BigIntegerField())})


def item_conditions(now: datetime) -> dict[str, Q]:
    """State → which items."""
    today, state = timezone.localdate(now), OrderItem.State
    return {
        BACK: Q(state=state.ANSWERED),
        LATE: Q(state=state.OPEN, due_on__lt=today),
        UNDER_WAY: Q(state=state.OPEN, due_on__gte=today),
        DONE: Q(state=state.CROSSED_OFF, crossed_off_at__gte=now - timedelta(days=DONE_DAYS)),
    }


def issue_conditions(leader: User, now: datetime) -> dict[str, Q]:
    """State → which issues: those whose question is answered are back until they end."""
    waits = Q(supervised_by=leader, closed_at=None)
    return {
        BACK: Q(closed_at=None) & ~Q(supervised_by=leader),
        LATE: waits & Q(supervised_due_at__lt=now),
        UNDER_WAY: waits & Q(supervised_due_at__gte=now),
        DONE: Q(closed_at__gte=now - timedelta(days=DONE_DAYS)),
    }


# ── how many, and what ───────────────────────────────────────────────────────────────────────────────────────────


def asked(leader: User, now: datetime, *, states: Iterable[str] = STATES, unit: Unit | None = None) -> Asked:
    """What this leader asked: figures, and the rows of these states; of one unit, or of all. In a fixed number of queries."""
    counted: dict[int, Counts] = {}
    groups: list[tuple[QuerySet[Any], str, dict[str, Q]]] = [
        (items_of(leader), "unit", item_conditions(now)),
        (supervised_by(leader), ASKED_UNIT, issue_conditions(leader, now)),
    ]
    for found, column, conditions in groups:
        counts = {state: Count("pk", filter=condition) for state, condition in conditions.items()}
        for row in found.order_by().values(column).annotate(**counts):
            _sum(counted.setdefault(row[column], dict.fromkeys(STATES, 0)), row)
    units = Unit.objects.in_bulk(counted)
    by_town = {one.town: one for one in Unit.objects.filter(kind=UnitKind.TOWN)}
    rows: dict[int, UnitRow] = {}
    for pk, counts_of_unit in counted.items():
        head = by_town.get(units[pk].town, units[pk])  # a town, for its team and grids
        _sum(rows.setdefault(head.pk, UnitRow(head, dict.fromkeys(STATES, 0))).counts, counts_of_unit)
    shown = [row for row in rows.values() if unit is None or row.unit.pk == unit.pk]
    totals = {state: sum(row.counts[state] for row in shown) for state in STATES}
    ordered = sorted(
        (row for row in rows.values() if row.all),
        key=lambda row: (-row.counts[LATE], -row.counts[UNDER_WAY], row.unit.kind, row.unit.code),
    )
    return Asked(totals, ordered, {state: _rows(leader, state, unit, now, units) for state in states})


def _sum(sums: Counts, more: Mapping[str, int]) -> None:
    for state in STATES:
        sums[state] += more[state]


def _rows(leader: User, state: str, unit: Unit | None, now: datetime, units: Mapping[int, Unit]) -> list[Ask]:
    """Of one state, what is due first, first; of what is done, what was done last."""
    items = items_of(leader).filter(item_conditions(now)[state])
    issues = supervised_by(leader).filter(issue_conditions(leader, now)[state])
    if unit is not None:
        own = [
            pk for pk, one in units.items() if pk == unit.pk or (unit.kind == UnitKind.TOWN and one.town == unit.town)
        ]
        items, issues = items.filter(unit__in=own), issues.filter(Q(**{f"{ASKED_UNIT}__in": own}))
    items = items.select_related(
        "order", "order__about_issue", "unit", "merchant", "order__about_shop", "issue", "answered_by"
    )
    done = state == DONE
    found = list(items.order_by("-crossed_off_at" if done else "due_on", "pk")[:MOST_SHOWN])
    watched = list(
        issues.select_related("merchant").order_by("-closed_at" if done else "step_due_at", "pk")[:MOST_SHOWN]
    )
    about = [item.issue_id or item.order.about_issue_id for item in found]
    told = _told_of([*(issue.pk for issue in watched), *(pk for pk in about if pk)])
    return [
        *(_of_item(item, state, told) for item in found),
        *(_of_issue(issue, state, told.get(issue.pk, _NOTHING), leader, units) for issue in watched),
    ]


@dataclass(slots=True)
class _Told:
    """What the moves of an issue say of it, the last of each kind."""

    asked: dict[int | None, MoveRow] = field(default_factory=dict)
    reply: MoveRow | None = None
    feedback: MoveRow | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


_NOTHING = _Told()
_TELLING = (Move.REPORT, Move.HANDLE, Move.FEED_BACK, Move.SUPERVISE, Move.REPORT_UP)


def _told_of(pks: list[int]) -> dict[int, _Told]:
    told: dict[int, _Told] = {}
    moves = (
        MoveRow.objects.filter(issue__in=pks, move__in=_TELLING).select_related("actor").order_by("issue", "version")
    )
    for row in moves if pks else ():
        one = told.setdefault(row.issue_id, _Told())
        match Move(row.move):
            case Move.SUPERVISE:
                one.asked[row.actor_id] = row
            case Move.REPORT_UP:
                one.reply = row
            case Move.FEED_BACK:
                one.feedback, one.after = row, tuple(row.photos) or one.after
            case _:
                one.before = one.before or tuple(row.photos)
    return told


def _of_item(item: OrderItem, state: str, told: Mapping[int, _Told]) -> Ask:
    issue = item.issue or item.order.about_issue
    seen = told.get(issue.pk, _NOTHING) if issue else _NOTHING
    return Ask(
        state, item.unit, item.task, f"{addresses.order(item.order_id)}#item-{item.pk}", item.order.issued_on, item.due_on,
        item.answer, item.answered_by, item.answered_at,
        tuple(item.photos_before) or seen.before, tuple(item.photos_after) or seen.after, item, issue,
    )  # fmt: skip


def _of_issue(issue: Issue, state: str, told: _Told, leader: User, units: Mapping[int, Unit]) -> Ask:
    question = told.asked.get(leader.pk)
    since = question.version if question else 0
    reply = told.reply if told.reply and told.reply.version > since else None
    said = reply or (told.feedback if state == DONE else None)
    return Ask(
        state, units.get(getattr(issue, ASKED_UNIT) or 0), question.words if question else issue.summary,
        addresses.issue(issue.number), question.at if question else issue.reported_at,
        issue.supervised_due_at if state in (LATE, UNDER_WAY) else None,
        said.words if said else "", said.actor if said else None, said.at if said else None,
        told.before, told.after, None, issue,
    )  # fmt: skip


def orders_about(user: User, *, issue: int | None = None, shop: int | None = None) -> list[Order]:
    """Instructions written of this issue, or of this shop, as far as somebody may see them; the newest first."""
    wanted = Q(about_shop=shop) if issue is None else Q(about_issue=issue)
    return list(Order.objects.visible_to(user).filter(wanted)[:MOST_ABOUT])
