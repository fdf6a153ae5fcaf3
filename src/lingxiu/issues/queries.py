"""What pages and programs ask of the list. Reads only; who may see what is `Issue.objects.visible_to`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, Count, F, FloatField, IntegerField, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Abs, Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.utils import timezone

from lingxiu.accounts.models import Unit, User
from lingxiu.china.pinyin import fold
from lingxiu.issues import cooperating, resting
from lingxiu.issues.lifecycle import Level, Mark, Move, Pictures, State, Step
from lingxiu.issues.models import (
    PEOPLE,
    WAITING_STATES,
    Assignment,
    FlowChoice,
    Issue,
    IssueQuerySet,
    MoveRow,
    Report,
    Source,
)
from lingxiu.issues.relations import Held
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.roles import Sight

METRES_A_DEGREE = 111_320 * 0.86
"""Of longitude at the county's 31° north; a degree of latitude is a seventh more, which no nose can tell."""


# ── one issue ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Situation:
    """All that moves depend on beside the issue's state and level: who stands in which relation to it, and its marks."""

    held: Held
    marks: frozenset[Mark]


_HELD = """SELECT unit_id, person_id, part, ended_at, outcome, answer, answer_due_at, on_duty,
    (SELECT count(*) FROM issues_report WHERE issues_report.issue_id = issues_assignment.issue_id)
FROM issues_assignment WHERE issue_id = %s ORDER BY id"""
"""Read at every move and every look at an issue: said to the database as it is, not put together anew each time."""


class _HeldRow(NamedTuple):
    """A row of `_HELD`."""

    unit_id: int
    person_id: int | None
    part: str
    ended_at: datetime | None
    outcome: str
    answer: str
    answer_due_at: datetime | None
    on_duty: bool
    reports: int


def situation(issue: Issue) -> Situation:
    """How the issue stands."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [issue.pk])
        rows = [_HeldRow(*row) for row in cursor.fetchall()]
    parts = [row for row in rows if row.part == Assignment.Part.COOPERATING]
    open_parts = {row.unit_id: row.person_id for row in parts if row.ended_at is None}
    reports = rows[0].reports if rows else 0  # an issue is held by somebody from its first moment
    limits, lead = edition(issue.edition).catalogues.deadlines, issue.lead_unit_id
    marks = {
        Mark.SUSPENDED: issue.suspended_until is not None,
        Mark.EXTENSION_ASKED: issue.extension_asked_days is not None,
        Mark.EXTENDED: issue.extensions >= limits.extending.times,
        Mark.SUPERVISED: issue.supervised_at is not None,
        Mark.PARTS_OPEN: bool(open_parts),
        Mark.OBJECTED: any(row.outcome == Assignment.Outcome.OBJECTED for row in parts),
        Mark.UNANSWERED: bool(cooperating.to_reply(parts, lead)),
        Mark.CONTRIBUTED: bool(cooperating.to_hand_back(parts, lead, issue.clock_from, limits.sent_back_times)),
        Mark.MAY_DECLINE: _may_decline(issue),
        Mark.REPORTED: reports > 0,
        Mark.OF_DEVICE: issue.source == Source.ALARM,
        # One alone can be split off as well, if the issue is a device's or an officer's own besides.
        Mark.SEVERAL_REPORTS: reports > (0 if issue.source not in PEOPLE else 1),
    }
    held = Held(
        level=Level(issue.level),
        town=issue.town,
        lead_unit_id=issue.lead_unit_id,
        lead_person_id=issue.lead_person_id,
        found_by_id=issue.found_by_id,
        handled_by=_handled_by(issue) if issue.state == State.RECHECK else frozenset(),
        parts=open_parts,
        taken_part=frozenset(row.unit_id for row in rows if row.part != Assignment.Part.CHECKING),
        merchant_id=issue.merchant_id,
        on_duty=any(row.on_duty and row.ended_at is None for row in rows),
    )
    return Situation(held, frozenset(mark for mark, holds in marks.items() if holds))


_GIVES = (Move.DISPATCH, Move.TRANSFER, Move.RETURN, Move.ESCALATE, Move.REWORK)


def _may_decline(issue: Issue) -> bool:
    """It came to its holder by transfer, and nobody has declined it since it was last opened."""
    if issue.state != State.DISPATCHED:
        return False
    made = [move for move, *_ in _made_in_this_round(issue) if move in (*_GIVES, Move.DECLINE)]
    return bool(made) and made[0] == Move.TRANSFER and Move.DECLINE not in made


@dataclass(frozen=True, slots=True)
class Ball:
    """Who must act now: the unit, the person if one was named, whom that person stands in for (代), whether by the duty roster."""

    unit: Unit
    person: User | None
    deputy_for: User | None
    on_duty: bool = False


def ball(issue: Issue) -> Ball | None:
    """With whom an issue is; None once it has ended. Of an open one the database holds that there is exactly one."""
    lead = issue.assignments.filter(part=Assignment.Part.LEAD, ended_at=None)
    row = lead.select_related("unit", "person", "deputy_for").first()
    return Ball(row.unit, row.person, row.deputy_for, row.on_duty) if row else None


def parts(issue: Issue) -> list[Assignment]:
    """The co-operating units' parts, open and done, in the order in which they were given."""
    rows = issue.assignments.filter(part=Assignment.Part.COOPERATING).select_related("unit", "person", "answered_by")
    return list(rows.order_by("given_at", "id"))


def own_parts(issues: Iterable[Issue], user: User) -> dict[int, Assignment]:
    """Issue id → the open part of it this person may work on, the one due first. One query, none where no issue is joint."""
    joint = [issue.pk for issue in issues if issue.flow == FlowChoice.JOINT and issue.closed_at is None]
    units = [post.unit_id for post in user.authority.posts_that_may("issues.handle")] if joint else []
    if not units:
        return {}
    rows = Assignment.objects.filter(
        Q(person=None) | Q(person=user.pk),
        issue__in=joint,
        unit__in=units,
        part=Assignment.Part.COOPERATING,
        ended_at=None,
    )
    return {row.issue_id: row for row in rows.order_by("-due_at")}


def this_round(issue: Issue) -> QuerySet[MoveRow]:
    """The moves since the issue was last opened."""
    reopened = issue.moves.filter(move=Move.REOPEN).order_by("-version").values("version")[:1]
    return issue.moves.filter(version__gt=Coalesce(Subquery(reopened), -1))


def _handled_by(issue: Issue) -> frozenset[int]:
    """Who handled it in this round, and who entered that for them: none of these may close it."""
    made = [people for move, *people in _made_in_this_round(issue) if move in (Move.HANDLE, Move.FEED_BACK)]
    return frozenset(person for people in made for person in people if person is not None)


_ROUND = """SELECT move, actor_id, on_behalf_of_id FROM issues_move
WHERE issue_id = %(issue)s AND version > coalesce(
    (SELECT max(version) FROM issues_move WHERE issue_id = %(issue)s AND move = 'reopen'), -1
) ORDER BY version DESC"""


def _made_in_this_round(issue: Issue) -> list[tuple[str, int | None, int | None]]:
    """Move, actor, and in whose name, of the moves since the issue was last opened, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_ROUND, {"issue": issue.pk})
        return [(move, actor, doer) for move, actor, doer in cursor.fetchall()]


def pictures(issue: Issue, *, fed_back: int = 0, before: int = 0) -> Pictures:
    """How many pictures there are of the matter in this round; `fed_back` come with the feedback being made, and, taken at
    that visit before anything was done, `before`."""
    visit, after = before, fed_back
    for what, photos, data in this_round(issue).values_list("move", "photos", "data"):
        found = len(data.get("before", ())) if what == Move.FEED_BACK else len(photos) if what == Move.HANDLE else 0
        visit += found
        after += len(photos) - found if what == Move.FEED_BACK else 0
    reported = sum(len(photos) for photos in issue.reports.values_list("photos", flat=True))
    first = len(issue.moves.filter(move=Move.REPORT).values_list("photos", flat=True).first() or [])
    return Pictures(
        before=reported + first,
        visit=visit,
        after=after,
    )


def step_of(row: MoveRow) -> Step:
    """A move's row as `lifecycle.replay` reads it."""
    return Step(
        move=Move(row.move),
        version=row.version,
        level=Level(row.to_level),
        holder=(row.to_unit_id, row.to_person_id),
        begins_in=State(row.to_state),
        suspended=row.data.get("suspended"),
    )


def timeline(issue: Issue, reader: User) -> list[MoveRow]:
    """All moves, the newest first, with the people and units they name.

    What was asked of a reporter, and what they said when they had it opened again, might tell who they are: who may not
    read reports finds the move without its words.
    """
    rows = issue.moves.select_related("actor", "actor_unit", "on_behalf_of", "to_unit", "to_person")
    found = list(rows.order_by("-version"))
    between = [row for row in found if row.move == Move.ASK or row.data.get("by") == "reporter"]
    if between and not Report.objects.visible_to(reader).filter(issue=issue).exists():
        for row in between:
            row.words = ""
    return found


@dataclass(frozen=True, slots=True)
class About:
    """What was reported, as far as an issue may be about the same. `at`: when it is asked; `place`: in the reporter's words."""

    violation: str
    merchant_id: int | None
    town: str
    place: str
    at: datetime
    lng: float | None = None
    lat: float | None = None


def suggestions(issue: Issue, user: User, limit: int = 5) -> list[Issue]:
    """Other open issues this one may be about as well."""
    about = About(
        issue.violation, issue.merchant_id, issue.town, issue.place, issue.reported_at, issue.lng, issue.lat
    )  # fmt: skip
    return alike(about, user, limit, besides=issue.pk)


def alike(about: About, user: User | None, limit: int = 5, *, besides: int = 0) -> list[Issue]:
    """Open issues that may be about the same, the likeliest first: of the same merchant, those of the same kind before;
    then of the same kind nearby or at a place described alike; then others nearby. Within policy's metres and days
    (`working.yaml`), but for the merchant's, which are of any age. Of those the user sees; None: of all.
    """
    same_shop = Q(merchant=about.merchant_id) if about.merchant_id else Q(pk__in=[])
    recent = Q(reported_at__gte=about.at - timedelta(days=in_force().catalogues.working.alike.days))
    seen = Issue.objects.all() if user is None else Issue.objects.visible_to(user)
    others = seen.open().exclude(pk=besides)
    likeness = Case(
        When(same_shop & Q(violation=about.violation), then=Value(0)),
        When(same_shop, then=Value(1)),
        When(violation=about.violation, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    found = others.filter(same_shop | (recent & (_nearby(about) | _described_alike(about))))
    return list(
        found.annotate(likeness=likeness).select_related("merchant").order_by("likeness", "-reported_at")[:limit]
    )


def _nearby(about: About) -> Q:
    if about.lng is None or about.lat is None:
        return Q(pk__in=[])
    near = _near()
    return Q(lng__range=(about.lng - near, about.lng + near), lat__range=(about.lat - near, about.lat + near))


def _near() -> float:
    """Degrees within which something is nearby, by policy."""
    return in_force().catalogues.working.alike.metres / METRES_A_DEGREE


WORDS_ALIKE = 2
"""Pairs of characters two descriptions of a place must share."""


def _described_alike(about: About) -> Q:
    """Who calls has no position: of the same kind in the same town (or in none), at a place in much the same words."""
    if about.lng is not None or not about.place:
        return Q(pk__in=[])
    shared = RawSQL(
        "SELECT count(*) FROM unnest(issues_bigrams(issues_issue.place)) AS pair WHERE pair = ANY (issues_bigrams(%s))",
        [about.place],
        output_field=IntegerField(),
    )
    return Q(violation=about.violation, town=about.town) & Q(GreaterThanOrEqual(shared, WORDS_ALIKE))


def shops_nearby(issue: Issue, user: User, limit: int = 8) -> list[Merchant]:
    """The merchants an issue without a shop may be about, the likeliest first: the nearest to its position, or, where it has
    none, those of its town whose name and address have most in common with how the place was described."""
    shops = Merchant.objects.visible_to(user).exclude(status="closed").select_related("standing")
    if issue.lng is not None and issue.lat is not None:
        distance = _near()
        away = Abs(Value(issue.lng, FloatField()) - F("lng")) + Abs(Value(issue.lat, FloatField()) - F("lat"))
        near = shops.filter(
            lng__range=(issue.lng - distance, issue.lng + distance),
            lat__range=(issue.lat - distance, issue.lat + distance),
        )
        return list(near.annotate(away=away).order_by("away", "pk")[:limit])
    alike = RawSQL(
        "SELECT count(*) FROM unnest(issues_bigrams(merchants_merchant.name || ' ' || merchants_merchant.address)) AS pair"
        " WHERE pair = ANY (issues_bigrams(%s))",
        [issue.place],
        output_field=IntegerField(),
    )
    named = shops.filter(town=issue.town).annotate(alike=alike).filter(alike__gte=2)
    return list(named.order_by("-alike", "pk")[:limit]) if issue.place and issue.town else []


def shops_called(asked: str, user: User, limit: int = 12) -> list[Merchant]:
    """Merchants found by any part of their name, its pinyin or initials, or their numbers."""
    key = fold(asked)
    if not key:
        return []
    found = Merchant.objects.visible_to(user).exclude(status="closed").filter(search__contains=key)
    return list(found.select_related("standing").order_by("name", "pk")[:limit])


# ── whose issues ─────────────────────────────────────────────────────────────────────────────────────────────────


def mine(user: User) -> IssueQuerySet:
    """Where the ball is with this person: given to them, or to nobody in particular of a unit where they may act; a part of it; or
    a look they were sent for."""
    acting = [
        post.unit_id for post in user.authority.posts if {"issues.handle", "issues.dispatch"} & set(post.role.may)
    ]
    given = Q(lead_person=user.pk)
    parts = Assignment.objects.filter(part=Assignment.Part.COOPERATING, ended_at=None, unit_id__in=acting)
    cooperating = Q(pk__in=parts.filter(Q(person=None) | Q(person=user.pk)).values("issue_id"))
    looks = Assignment.objects.filter(part=Assignment.Part.CHECKING, ended_at=None, person=user.pk)
    held = given | Q(lead_person=None, lead_unit_id__in=acting) | Q(pk__in=looks.values("issue_id"))
    return Issue.objects.of_others(user.authority).open().filter(held | cooperating)


def unit_work(user: User) -> IssueQuerySet:
    """What the person's units have to see to: what is open in a town for its room, at the county for its office, else what
    the unit itself holds."""
    work = Q(pk__in=[])
    for post in user.authority.posts:
        if post.unit_kind == "town":
            work |= Q(town=post.town, level__in=[Level.GRID, Level.TOWN]) | Q(lead_unit_id=post.unit_id)
        elif post.unit_kind == "county_office":
            work |= Q(level=Level.COUNTY)
        elif post.role.officer:
            work |= Q(lead_unit_id=post.unit_id) | _parts_of(post.unit_id)
    return Issue.objects.visible_to(user).open().filter(work)


def _parts_of(unit_id: int) -> Q:
    parts = Assignment.objects.filter(part=Assignment.Part.COOPERATING, ended_at=None, unit_id=unit_id)
    return Q(pk__in=parts.values("issue_id"))


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a list, each of which opens: `due_today` and `late` are of the present step."""

    open: int
    received: int
    dispatched: int
    handling: int
    recheck: int
    due_today: int
    late: int


def counts(user: User, now: datetime, issues: IssueQuerySet | None = None) -> Counts:
    """How many of these open issues (all the person sees, if none are given) stand where, in one query."""
    end_of_day = timezone.localtime(now).replace(hour=23, minute=59, second=59, microsecond=999_999)
    seen = Issue.objects.visible_to(user) if issues is None else issues
    running = resting.running()
    found = (
        seen.filter(closed_at=None)
        .order_by()
        .aggregate(
            open=Count("id"),
            received=Count("id", filter=Q(state__in=WAITING_STATES)),
            dispatched=Count("id", filter=Q(state=State.DISPATCHED)),
            handling=Count("id", filter=Q(state=State.HANDLING)),
            recheck=Count("id", filter=Q(state=State.RECHECK)),
            due_today=Count("id", filter=Q(step_due_at__gte=now, step_due_at__lte=end_of_day) & running),
            late=Count("id", filter=Q(step_due_at__lt=now) & running),
        )
    )
    return Counts(**found)


# ── of a merchant ────────────────────────────────────────────────────────────────────────────────────────────────


def of_merchant(merchant: Merchant, user: User) -> IssueQuerySet:
    """The issues of a merchant that an officer may see, the newest first. Owners: `for_owner`."""
    if not user.authority.is_officer:
        return Issue.objects.none()
    return (
        Issue.objects.visible_to(user)
        .filter(merchant=merchant)
        .select_related("lead_unit")
        .order_by("-reported_at", "-id")
    )


@dataclass(frozen=True, slots=True)
class ForOwner:
    """An issue as the shop's owner is told: what, since when, what to do by when. No reporter, no officer.

    `is_reminder`: a device's lead, of which pages say 提醒, never 超标.
    """

    number: str
    what: Label
    is_reminder: bool
    advice: Label | None
    since: datetime
    due_at: datetime
    state: str
    is_open: bool
    result: str


def for_owner(merchant: Merchant, user: User, *, open_only: bool = False, limit: int = 50) -> list[ForOwner]:
    """The issues of an own shop in plain values, open ones first. A lead is a reminder (提醒), never a finding.

    What was joined or dismissed is not told: nothing was found; nor what people said before a dispatcher has judged it.
    Nothing for people who are not bound to the shop.
    """
    if merchant.pk not in user.authority.merchant_ids or not _sees_own(user):
        return []
    rows = _told_to_shop().filter(merchant=merchant)
    if open_only:
        rows = rows.open()
    return [
        in_owner_words(row)
        for row in rows.order_by(F("closed_at").desc(nulls_first=True), "-reported_at", "-id")[:limit]
    ]


def told_to_owner(number: str, user: User) -> Issue | None:
    """This issue, if it is of a shop the person is bound to and the shop is told of it."""
    if not _sees_own(user):
        return None
    return _told_to_shop().filter(number=number, merchant_id__in=user.authority.merchant_ids).first()


def _told_to_shop() -> IssueQuerySet:
    return Issue.objects.told_to_shop().exclude(state__in=[State.DISMISSED, State.PREDICTED])


def _sees_own(user: User) -> bool:
    return any(sight is Sight.OWN for sight, _ in user.authority.sight("issues"))


def in_owner_words(issue: Issue) -> ForOwner:
    """What of an issue its shop is told."""
    violation = edition(issue.edition).catalogues.violation(issue.violation)
    return ForOwner(
        number=issue.number,
        what=violation.label,
        is_reminder=violation.kind == "lead",
        advice=violation.advice,
        since=issue.act_at,
        due_at=issue.due_at,
        state=issue.state,
        is_open=issue.is_open,
        result=issue.result,
    )


def complaints_found_true(since: datetime, until: datetime) -> dict[int, int]:
    """Merchant id → number of people's reports in the time that were found true (属实): only these count against it."""
    reports = Report.objects.filter(
        reported_at__gte=since, reported_at__lt=until, issue__found_true=True, issue__state=State.CLOSED
    )
    return dict(reports.exclude(issue__merchant=None).values_list("issue__merchant").annotate(Count("id")).order_by())
