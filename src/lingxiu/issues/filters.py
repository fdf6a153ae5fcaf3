"""The list's filter: what an address asks for, the rows that fit, one page of them, and how many there are. Reads only.

A filter is its query string: pages, counts, the export and the API read the same one. What is no filter of ours is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.china.pinyin import fold
from lingxiu.issues import bodies, elsewhere, queries, resting
from lingxiu.issues.lifecycle import Move, State
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.models import (
    PEOPLE,
    WAITING_STATES,
    Assignment,
    FlowChoice,
    Issue,
    IssueQuerySet,
    LevelChoice,
    MoveRow,
    Report,
    ResultChoice,
    Source,
    StateChoice,
)
from lingxiu.issues.rectification_models import Rectification
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force

PAGE = 50
COUNTED = 10_000
"""Beyond this a count says «10,000+»: to count further costs more than anybody reads from it."""
SEARCHED = 2_000
"""Beyond this a search for words says «2,000+», and shows the newest: each that is counted has to be read."""
MERCHANTS_SEARCHED = 500
SHORTEST_NUMBER = 4
SHORTEST_PAIR = 2

VIEWS = ("mine", "unit", "all")
SORTS = ("new", "due")
WAITS = ("extension", "objection", "supervised", "decision", "reporter", "merchant", "unit")
"""For whom an issue waits: for more time to be given or refused, for an objection to be settled, for a leader to be answered
(`decision`: any of these); for a reporter who was asked; for the shop, while it rests for the shop's sake or a notice to put it
right runs; for another unit, while one works along or it rests until another body has spoken."""
RATED: dict[str, tuple[int, int]] = {
    # how a reporter rated the answer, both ends included
    "1": (1, 5),
    "1-2": (1, 2),
    "3": (3, 3),
    "4-5": (4, 5),
}
EVENTS = ("came_in", "ended", "reopened")
"""What happened to it since a moment; `reopened`: by whoever reported it."""
REACHED: dict[str, tuple[State, ...]] = {
    # the way of an issue: what stands here now, or further on
    "dispatched": (State.DISPATCHED, State.HANDLING, State.RECHECK, State.CLOSED),
    "handling": (State.HANDLING, State.RECHECK, State.CLOSED),
    "recheck": (State.RECHECK, State.CLOSED),
    "closed": (State.CLOSED,),
}
AGES: dict[str, tuple[int, int | None]] = {
    # days since the day it was reported, both included
    "0-1": (0, 1),
    "2-3": (2, 3),
    "4-7": (4, 7),
    "8-15": (8, 15),
    "16-": (16, None),
}
GRASSROOTS = (LevelChoice.GRID, LevelChoice.TOWN)
"""Grid and town together: what the county's report calls grassroots (domain-2026, practice 9)."""
NO_TOWN = "none"
REPEATS, REPEAT_DAYS = 2, 90
"""A repeat place: the same merchant and the same violation more often than this within so many days."""
_CHOICES: dict[str, frozenset[str]] = {
    "state": frozenset({*StateChoice.values, "open", "ended", "valid", "waiting"}),
    "level": frozenset({*LevelChoice.values, "grassroots"}),
    "flow": frozenset(FlowChoice.values),
    "source": frozenset({*Source.values, "people", "found"}),
    "reached": frozenset(REACHED),
    "result": frozenset(ResultChoice.values),
    "true": frozenset({"yes", "no"}),
    "in_time": frozenset({"yes", "no"}),
    "answers": frozenset({"any", "in_time", "late", "waiting"}),
    "rated": frozenset(RATED),
    "age": frozenset(AGES),
    "listed": frozenset({"red", "black"}),
    "waits": frozenset(WAITS),
    "event": frozenset(EVENTS),
    "deed": frozenset(bodies.DEEDS),
}


@dataclass(frozen=True)
class Filter:
    """What is asked for. Days are of the county, both included: `since` and `until` of the report, `ended_*` of its end,
    `due_*` of the day by which the whole issue fell due (never after now); `step_*` of the day by which the present step is
    due, of what is open; `after` the moment since which an `event` counts.

    `state`: one, or open, waiting (with nobody yet), ended, valid (anything but dismissed). `level` grassroots: grid or town.
    `source` people: somebody reported it; found: nobody had to. `reached`: stands there now, or further on. `town`: `NO_TOWN`
    for those in none. `in_time`: closed by the issue's own clock. `answers`: of the reports on it, all in time, any late,
    or any waiting for one. `rated`: by a reporter, and how. `repeat`: at a repeat place in the `REPEAT_DAYS` up to `until`, or
    today. `near`: a key place. `listed`: the merchant stands on the red or the black list. `responsible`: code of the department;
    `unit` and `person`: who has it now; `kind`: of the merchant. `body`: a department or a town (its code) that did `deed`
    (`bodies.DEEDS`) with it in the days of `deed_since` to `deed_until`.
    """

    view: str = "all"
    q: str = ""
    state: str = ""
    level: str = ""
    flow: str = ""
    source: str = ""
    violation: str = ""
    town: str = ""
    merchant: int | None = None
    late: bool = False
    due_today: bool = False
    since: date | None = None
    until: date | None = None
    waits: str = ""
    event: str = ""
    after: datetime | None = None
    ended_since: date | None = None
    ended_until: date | None = None
    due_since: date | None = None
    due_until: date | None = None
    step_since: date | None = None
    step_until: date | None = None
    grid: str = ""
    reached: str = ""
    result: str = ""
    true: str = ""
    in_time: str = ""
    answers: str = ""
    age: str = ""
    listed: str = ""
    reopened: bool = False
    rated: str = ""
    repeat: bool = False
    near: bool = False
    severity: int | None = None
    responsible: str = ""
    unit: int | None = None
    person: int | None = None
    kind: str = ""
    body: str = ""
    deed: str = ""
    deed_since: date | None = None
    deed_until: date | None = None
    sort: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str], default_view: str = "all") -> Filter:
        """The filter of an address."""

        def one_of(name: str) -> str:
            return query.get(name, "") if query.get(name) in _CHOICES[name] else ""

        view, sort = query.get("view", ""), query.get("sort", "")
        after = _moment(query.get("at", ""))
        return cls(
            view=view if view in VIEWS else default_view,
            q=" ".join(query.get("q", "").replace("\0", "").split())[:60],
            state=one_of("state"),
            level=one_of("level"),
            flow=one_of("flow"),
            source=one_of("source"),
            violation=_code(query.get("violation", "")),
            town=_code(query.get("town", "")),
            merchant=_number(query.get("merchant", "")),
            late=query.get("late") == "1",
            due_today=query.get("due") == "today",
            since=_day(query.get("from", "")),
            until=_day(query.get("to", "")),
            waits=one_of("waits"),
            event=one_of("event") if after else "",
            after=after,
            ended_since=_day(query.get("ended_from", "")),
            ended_until=_day(query.get("ended_to", "")),
            due_since=_day(query.get("due_from", "")),
            due_until=_day(query.get("due_to", "")),
            step_since=_day(query.get("step_from", "")),
            step_until=_day(query.get("step_to", "")),
            grid=_code(query.get("grid", "")),
            reached=one_of("reached"),
            result=one_of("result"),
            true=one_of("true"),
            in_time=one_of("in_time"),
            answers=one_of("answers"),
            age=one_of("age"),
            listed=one_of("listed"),
            reopened=query.get("reopened") == "1",
            rated=one_of("rated"),
            repeat=query.get("repeat") == "1",
            near=query.get("near") == "1",
            severity=_number(query.get("severity", "")[:1]),
            responsible=_code(query.get("responsible", "")),
            unit=_number(query.get("unit", "")),
            person=_number(query.get("person", "")),
            kind=_code(query.get("kind", "")),
            body=_code(query.get("body", "")),
            deed=one_of("deed"),
            deed_since=_day(query.get("deed_from", "")),
            deed_until=_day(query.get("deed_to", "")),
            sort=sort if sort in SORTS else "",
        )

    @property
    def by_due(self) -> bool:
        """Work lists stand by what is due first, the whole list by what came last."""
        return (self.sort or ("new" if self.view == "all" else "due")) == "due"

    @cached_property
    def query(self) -> dict[str, str]:
        """The filter as the query of an address."""
        values = {
            "view": self.view,
            "q": self.q,
            "state": self.state,
            "level": self.level,
            "flow": self.flow,
            "source": self.source,
            "violation": self.violation,
            "town": self.town,
            "merchant": str(self.merchant or ""),
            "late": "1" if self.late else "",
            "due": "today" if self.due_today else "",
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "waits": self.waits,
            "event": self.event,
            "at": f"{timezone.localtime(self.after):%Y-%m-%dT%H:%M}" if self.event and self.after else "",
            "ended_from": self.ended_since.isoformat() if self.ended_since else "",
            "ended_to": self.ended_until.isoformat() if self.ended_until else "",
            "due_from": self.due_since.isoformat() if self.due_since else "",
            "due_to": self.due_until.isoformat() if self.due_until else "",
            "step_from": self.step_since.isoformat() if self.step_since else "",
            "step_to": self.step_until.isoformat() if self.step_until else "",
            "grid": self.grid,
            "reached": self.reached,
            "result": self.result,
            "true": self.true,
            "in_time": self.in_time,
            "answers": self.answers,
            "age": self.age,
            "listed": self.listed,
            "reopened": "1" if self.reopened else "",
            "rated": self.rated,
            "repeat": "1" if self.repeat else "",
            "near": "1" if self.near else "",
            "severity": str(self.severity or ""),
            "responsible": self.responsible,
            "unit": str(self.unit or ""),
            "person": str(self.person or ""),
            "kind": self.kind,
            "body": self.body,
            "deed": self.deed,
            "deed_from": self.deed_since.isoformat() if self.deed_since else "",
            "deed_to": self.deed_until.isoformat() if self.deed_until else "",
            "sort": self.sort,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def active(self) -> int:
        """How many conditions there are beside the view."""
        return len([name for name in self.query if name not in ("view", "sort", "at")])

    def but(self, **changes: object) -> str:
        """The query string of this filter with some things changed; back on its first page."""
        return urlencode(replace(self, **changes).query)  # type: ignore[arg-type]  # our own fields, by name


def _code(text: str) -> str:
    return text if len(text) <= 30 and text.replace("-", "").replace("_", "").isalnum() and text.isascii() else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _day(text: str) -> date | None:
    """A day whose beginning and end can be told in every zone; the first and the last year have days that cannot."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date.min.year < day.year < date.max.year else None


def _moment(text: str) -> datetime | None:
    """A minute of the county, `2026-03-05T17:00`."""
    day, _t, clock = text.partition("T")
    try:
        at = time.fromisoformat(clock)
    except ValueError:
        return None
    found = _day(day)
    return datetime.combine(found, at.replace(tzinfo=None), timezone.get_current_timezone()) if found else None


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def listing(wanted: Filter, user: User, now: datetime, query: Mapping[str, str]) -> tuple[Page, Total]:
    """The page a cursor asks for, and how many rows there are in all.

    Words are looked for in an index first, and put in order here: left to choose, the database may read a million issues in
    order for the few that hold them. What thousands of issues hold is met soon by reading the newest ones.
    """
    seen = within(wanted.view, user).filter(_but_words(wanted, now))
    if not wanted.q:
        shown = page(seen, wanted, query)
        return shown, total(seen, shown)
    words, asked = _words(wanted.q), _asked(wanted, query)
    found = seen.filter(words.found).order_by().values_list(asked.field, "pk")
    keys = list(found[: SEARCHED + 1])
    counted = Total(len(keys), SEARCHED)
    if len(keys) > SEARCHED:
        return page(seen.filter(words.read), wanted, query, PAGE), counted
    return _whole(_of_keys(keys, asked, PAGE), asked, PAGE), counted


def conditions(wanted: Filter, now: datetime) -> Q:
    """What an issue must fulfil, whoever looks; figures count by the same."""
    found = _but_words(wanted, now)
    return found & _words(wanted.q).found if wanted.q else found


def _but_words(wanted: Filter, now: datetime) -> Q:
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
        places &= Q(Exists(KeyPlace.objects.around(OuterRef("lng"), OuterRef("lat"))))
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


@dataclass(frozen=True, slots=True)
class Words:
    """The same rows twice: as indexes find them, and as they are read one by one."""

    found: Q
    read: Q


def _words(asked: str) -> Words:
    """By the beginning of its number, by its whole number in another system, by the name (or its pinyin, or their initials)
    of its merchant, by words of it.

    Words are found by pairs of neighbouring characters over an index, then by the words themselves.
    """
    shops = Merchant.objects.filter(search__contains=fold(asked)) if fold(asked) else Merchant.objects.none()
    ids = list(shops.order_by("id").values_list("id", flat=True)[:MERCHANTS_SEARCHED])
    named = Q(merchant_id__in=ids)
    if asked.isdigit() and asked.isascii():
        named |= Q(number__startswith=asked)
    if len(asked) >= SHORTEST_NUMBER:
        named |= Q(other_number=elsewhere.plain(asked))
    whole = named | Q(_holds(asked))
    if len(asked) < SHORTEST_PAIR:
        return Words(whole, whole)
    pairs = RawSQL(
        "issues_bigrams(issues_issue.summary || ' ' || issues_issue.place) @> issues_bigrams(%s)",
        [asked],
        output_field=BooleanField(),
    )
    if len(asked) == SHORTEST_PAIR:  # a pair is the whole of it
        return Words(named | Q(pairs), whole)
    # Two conditions, of which indexes answer the first alone: in one, the pairs of every row they find were put together anew.
    return Words((named | Q(pairs)) & whole, whole)


def _holds(asked: str) -> RawSQL:
    """Whether the text of an issue holds these words. Letters count alike whatever their case; most words have none."""
    text = "issues_issue.summary || ' ' || issues_issue.place"
    if asked.lower() == asked.upper():
        return RawSQL(f"strpos({text}, %s) > 0", [asked], output_field=BooleanField())  # noqa: S611 (our own text)
    return RawSQL(f"strpos(lower({text}), lower(%s)) > 0", [asked], output_field=BooleanField())  # noqa: S611


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `after` and `before`: cursors of the next and the previous page, empty where there is none.
    `is_first`: no cursor asked for it, so that without a next page there are no other rows."""

    rows: list[Issue]
    after: str
    before: str
    is_first: bool = False


def page(issues: IssueQuerySet, wanted: Filter, query: Mapping[str, str], size: int = PAGE) -> Page:
    """The page a cursor (`after=`, `before=`) asks for, or the first one. A cursor that is none of ours gives the first.

    A page costs the same however far in it lies: its rows are found by the value the last page ended with. Which they are is
    asked first, of columns that stand in indexes; the whole rows, and whom they name, of those alone.
    """
    asked = _asked(wanted, query)
    return _whole(_of_rows(issues, asked, size), asked, size)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which page is asked for. `place`: of the row it begins or ends beside; `falls`: the list stands by what is last first."""

    field: str
    falls: bool
    place: tuple[datetime, int] | None
    backwards: bool

    @property
    def descends(self) -> bool:
        """Whether its rows are looked for from the last to the first."""
        return self.falls != self.backwards


def _asked(wanted: Filter, query: Mapping[str, str]) -> _Asked:
    before = _cursor(query.get("before", ""))
    after = _cursor(query.get("after", "")) if before is None else None
    field = "step_due_at" if wanted.by_due else "reported_at"
    return _Asked(field, not wanted.by_due, before or after, before is not None)


def _of_rows(issues: IssueQuerySet, asked: _Asked, size: int) -> list[int]:
    """The first of the page's rows, and one more if there is one."""
    if asked.place is not None:
        issues = issues.filter(_beyond(asked.field, asked.place, lower=asked.descends))
    sign = "-" if asked.descends else ""
    ordered = issues.order_by(f"{sign}{asked.field}", f"{sign}id")
    return list(ordered.values_list("pk", flat=True)[: size + 1])


def _of_keys(keys: list[tuple[datetime, int]], asked: _Asked, size: int) -> list[int]:
    """The same of all rows that there are: what they stand by, and their ids."""
    place = asked.place
    if place is not None:
        keys = [key for key in keys if (key < place if asked.descends else key > place)]
    return [pk for _at, pk in sorted(keys, reverse=asked.descends)[: size + 1]]


def _whole(ids: list[int], asked: _Asked, size: int) -> Page:
    """The rows of these ids, in their order, and what lies around them."""
    more, place = len(ids) > size, asked.place
    ids = ids[:size][::-1] if asked.backwards else ids[:size]
    if not ids:
        return Page([], "", "", place is None)
    found = (
        Issue.objects.filter(pk__in=ids)
        .select_related("merchant", "lead_unit", "lead_person")
        .defer("routing_why", "merchant__legal_person", "merchant__phone", "lead_person__phone", "merchant__search")
    )
    by_id = {row.pk: row for row in found}
    rows = [by_id[pk] for pk in ids if pk in by_id]
    has_after, has_before = (True, more) if asked.backwards else (more, place is not None)
    next_one = _mark(rows[-1], asked.field) if has_after else ""
    last_one = _mark(rows[0], asked.field) if has_before else ""
    return Page(rows, next_one, last_one, place is None)


def _beyond(field: str, place: tuple[datetime, int], *, lower: bool) -> Q:
    at, pk = place
    side = "lt" if lower else "gt"
    return Q(**{f"{field}__{side}e": at}) & (Q(**{f"{field}__{side}": at}) | Q(**{f"id__{side}": pk}))


def _mark(issue: Issue, field: str) -> str:
    at: datetime = getattr(issue, field)
    return f"{int(at.timestamp() * 1_000_000)}.{issue.pk}"


def _cursor(text: str) -> tuple[datetime, int] | None:
    micros, _, pk = text.partition(".")
    if not (
        micros.isascii() and micros.isdigit() and pk.isascii() and pk.isdigit() and len(micros) < 18 and len(pk) < 18
    ):
        return None
    return datetime.fromtimestamp(0, tz=timezone.get_current_timezone()) + timedelta(microseconds=int(micros)), int(pk)


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are, counted up to `most`."""

    number: int
    most: int = COUNTED

    def __str__(self) -> str:
        return f"{self.most:,}+" if self.number > self.most else f"{self.number:,}"


def total(issues: IssueQuerySet, shown: Page | None = None) -> Total:
    """How many rows fit, in one query; in none where the page that is shown holds them all."""
    if shown is not None and shown.is_first and not shown.after:
        return Total(len(shown.rows))
    return Total(issues.order_by()[: COUNTED + 1].count())
