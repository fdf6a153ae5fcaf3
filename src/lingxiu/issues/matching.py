"""The issues a filter asks for, and the conditions of each of its parts. Reads only; in what order, and how many, `paging` says."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues import bodies, queries, resting
from lingxiu.issues.filters import AGES, GRASSROOTS, NO_TOWN, RATED, REACHED, REPEAT_DAYS, REPEATS, Filter
from lingxiu.issues.lifecycle import MOVES, Move, State
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.models import PEOPLE, WAITING_STATES, Assignment, Issue, IssueQuerySet, MoveRow, Report
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.word_search import searched
from lingxiu.policy.queries import in_force


def within(view: str, user: User) -> IssueQuerySet:
    """The issues of a view: where the ball is with me, what my units see to, all that I see."""
    if view == "mine":
        return queries.mine(user)
    if view == "unit":
        return queries.unit_work(user)
    return Issue.objects.visible_to(user)


def matching(wanted: Filter, user: User, now: datetime) -> IssueQuerySet:
    """The issues the filter asks for, as far as this person sees them, in no order. One query more if words are searched."""
    return within(wanted.view, user).filter(conditions(wanted, now))


def conditions(wanted: Filter, now: datetime) -> Q:
    """What an issue must fulfil, whoever looks; figures count by the same."""
    found = conditions_but_words(wanted, now)
    return found & searched(wanted.q).found if wanted.q else found


def conditions_but_words(wanted: Filter, now: datetime) -> Q:
    found = _states(wanted) & _levels(wanted) & _sources(wanted) & _places(wanted, now) & _times(wanted, now)
    equal = {
        "flow": wanted.flow,
        "violation": wanted.violation,
        "grid": wanted.grid,
        "merchant_id": wanted.merchant,
        "result": wanted.result,
        "severity": wanted.severity,
        "responsible": wanted.responsible,
        "lead_unit_id": wanted.unit,
        "lead_person_id": wanted.person,
        "merchant__kind": wanted.kind,
    }
    found &= Q(**{name: value for name, value in equal.items() if value})
    if wanted.true:
        found &= Q(found_true=wanted.true == "yes")
    if wanted.reopened:
        found &= Q(clock_from__gt=F("reported_at"))
    found &= _reports(wanted, now) & _waits(wanted.waits, now) & _happened(wanted)
    if wanted.body and wanted.deed and wanted.deed_since and wanted.deed_until:
        days = bodies.Days(start_of(wanted.deed_since), end_of(wanted.deed_until), now)
        found &= bodies.issues_where(wanted.body, wanted.deed, days)
    if wanted.repeat:
        found &= _repeated(end_of(wanted.until or timezone.localdate(now)))
    return found


def _states(wanted: Filter) -> Q:
    reached = Q(state__in=REACHED[wanted.reached]) if wanted.reached else Q()
    match wanted.state:
        case "":
            return reached
        case "open":
            return reached & Q(closed_at=None)
        case "waiting":
            return reached & Q(state__in=WAITING_STATES)
        case "ended":
            return reached & Q(closed_at__isnull=False)
        case "valid":
            return reached & ~Q(state=State.DISMISSED)
        case state:
            return reached & Q(state=state)


def _levels(wanted: Filter) -> Q:
    if wanted.level == "grassroots":
        return Q(level__in=GRASSROOTS)
    return Q(level=wanted.level) if wanted.level else Q()


def _sources(wanted: Filter) -> Q:
    match wanted.source:
        case "":
            return Q()
        case "people":
            return Q(source__in=PEOPLE)
        case "found":
            return ~Q(source__in=PEOPLE)
        case source:
            return Q(source=source)


def _places(wanted: Filter, now: datetime) -> Q:
    places = Q(town="" if wanted.town == NO_TOWN else wanted.town) if wanted.town else Q()
    if wanted.near:
        places &= Q(KeyPlace.objects.any_holds("lng", "lat"))
    if wanted.listed:
        listed = Listing.objects.in_force(timezone.localdate(now)).filter(colour=wanted.listed)
        places &= Q(merchant_id__in=listed.values("merchant_id"))
    return places


def _times(wanted: Filter, now: datetime) -> Q:
    today = timezone.localdate(now)
    found = Q()
    if wanted.late:
        found &= Q(closed_at=None, step_due_at__lt=now) & resting.running()
    if wanted.due_today:
        found &= Q(closed_at=None, step_due_at__gte=now, step_due_at__lte=end_of(today)) & resting.running()
    if wanted.step_since or wanted.step_until:
        found &= Q(closed_at=None)
    if wanted.due_until:
        found &= Q(due_at__lte=min(end_of(wanted.due_until), now))
    if wanted.age:
        least, most = AGES[wanted.age]
        found &= Q(reported_at__lte=end_of(today - timedelta(days=least)))
        found &= Q(reported_at__gte=start_of(today - timedelta(days=most))) if most is not None else Q()
    if wanted.in_time:
        found &= Q(state=State.CLOSED)
        found &= Q(closed_at__lte=F("due_at")) if wanted.in_time == "yes" else Q(closed_at__gt=F("due_at"))
    first = {"reported_at": wanted.since, "closed_at": wanted.ended_since, "due_at": wanted.due_since,
             "step_due_at": wanted.step_since}  # fmt: skip
    last = {"reported_at": wanted.until, "closed_at": wanted.ended_until, "step_due_at": wanted.step_until}
    found &= Q(**{f"{name}__gte": start_of(day) for name, day in first.items() if day})
    return found & Q(**{f"{name}__lte": end_of(day) for name, day in last.items() if day})


def _reports(wanted: Filter, now: datetime) -> Q:
    """By the answers people got, and what they thought of them. Each as EXISTS: whether to look at every report once, or at
    those of each issue, is then the database's choice."""
    reports = Report.objects.filter(issue=OuterRef("pk"))
    found = Q(Exists(reports.filter(stars__range=RATED[wanted.rated]))) if wanted.rated else Q()
    if not wanted.answers:
        return found
    if wanted.answers == "waiting":
        return found & Q(pk__in=Report.objects.filter(answered_at=None).values("issue_id"))
    late = Q(Exists(reports.filter(Q(_ANSWERED_LATE) | Q(answered_at=None, due_at__lt=now))))
    if wanted.answers == "late":
        return found & late
    return found & Q(Exists(reports)) & (~late if wanted.answers == "in_time" else Q())


_ANSWERED_LATE = RawSQL("(answered_at > due_at) IS TRUE", [], output_field=BooleanField())
"""Said as the partial index and the statistics of the table say it: without them the database takes one in three to be late."""


def _waits(whom: str, now: datetime) -> Q:
    """For whom it waits. Each is a short list of its own, found by an index; an `or` over rows would look at all there are."""
    objected = Assignment.objects.filter(outcome=Assignment.Outcome.OBJECTED, issue__closed_at=None).values("issue_id")
    asked = Issue.objects.order_by().filter(extension_asked_days__isnull=False).values("pk")
    watched = Issue.objects.order_by().filter(supervised_at__isnull=False).values("pk")
    match whom:
        case "extension":
            return Q(pk__in=asked)
        case "objection":
            return Q(pk__in=objected)
        case "reply":
            awaited = Q(answer="", issue__state__in=MOVES[Move.REPLY].come_from) & ~Q(unit=F("issue__lead_unit"))
            return Q(pk__in=objected.filter(awaited))
        case "supervised":
            return Q(pk__in=watched)
        case "decision":
            return Q(pk__in=asked.union(objected, watched))
        case "reporter":
            return Q(pk__in=Report.objects.filter(~Q(asked=""), issue__closed_at=None).values("issue_id"))
        case "merchant":
            told = Rectification.objects.filter(signed_at__isnull=False, until__gte=timezone.localdate(now))
            return Q(pk__in=_resting(whom).union(told.filter(issue__closed_at=None).order_by().values_list("issue_id")))
        case "unit":
            parts = Assignment.objects.filter(part=Assignment.Part.COOPERATING, ended_at=None)
            return Q(pk__in=_resting(whom).union(parts.values_list("issue_id")))
        case _:
            return Q()


def _resting(whom: str) -> QuerySet[Issue, tuple[int]]:
    """What rests until it is somebody's turn again, by the reasons policy knows."""
    reasons = [row.id for row in in_force().catalogues.deadlines.suspending if row.waits_for == whom]
    rests = Issue.objects.order_by().filter(suspended_until__isnull=False, suspended_for__in=reasons)
    return rests.values_list("pk")


def _happened(wanted: Filter) -> Q:
    """What happened to it since the moment."""
    match wanted.event:
        case "came_in":
            return Q(reported_at__gte=wanted.after)
        case "ended":
            return Q(closed_at__gte=wanted.after)
        case "reopened":
            made = MoveRow.objects.filter(issue=OuterRef("pk"), move=Move.REOPEN, at__gte=wanted.after)
            return Q(Exists(made.filter(data__by="reporter")))
        case _:
            return Q()


def _repeated(end: datetime) -> Q:
    begin = end - timedelta(days=REPEAT_DAYS)
    often = RawSQL(
        """(issues_issue.merchant_id, issues_issue.violation) IN (
            SELECT merchant_id, violation FROM issues_issue
            WHERE reported_at > %s AND reported_at <= %s AND state <> 'dismissed' AND merchant_id IS NOT NULL
            GROUP BY merchant_id, violation HAVING count(*) > %s
        )""",
        [begin, end, REPEATS],
        output_field=BooleanField(),
    )
    return Q(often, ~Q(state=State.DISMISSED), reported_at__gt=begin, reported_at__lte=end)


def start_of(day: date) -> datetime:
    """The first moment of a day of the county."""
    return datetime.combine(day, time(), timezone.get_current_timezone())


def end_of(day: date) -> datetime:
    """The last moment of a day of the county."""
    return start_of(day + timedelta(days=1)) - timedelta(microseconds=1)
