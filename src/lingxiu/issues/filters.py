"""The list's filter: what an address asks for, the rows that fit, one page of them, and how many there are. Reads only.

A filter is its query string: pages, counts, the export and the API read the same one. What is no filter of ours is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.china.pinyin import fold
from lingxiu.issues import queries
from lingxiu.issues.models import FlowChoice, Issue, IssueQuerySet, LevelChoice, Source, StateChoice
from lingxiu.merchants.models import Merchant

PAGE = 50
COUNTED = 10_000
"""Beyond this a count says «10,000+»: to count further costs more than anybody reads from it."""
MERCHANTS_SEARCHED = 500

VIEWS = ("mine", "unit", "all")
SORTS = ("new", "due")
_CHOICES: dict[str, frozenset[str]] = {
    "state": frozenset({*StateChoice.values, "open", "ended"}),
    "level": frozenset(LevelChoice.values),
    "flow": frozenset(FlowChoice.values),
    "source": frozenset(Source.values),
}


@dataclass(frozen=True)
class Filter:
    """What is asked for. `since` and `until` are days of the county, both included, of the report."""

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
    sort: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str], default_view: str = "all") -> Filter:
        """The filter of an address."""

        def one_of(name: str) -> str:
            return query.get(name, "") if query.get(name) in _CHOICES[name] else ""

        view, sort = query.get("view", ""), query.get("sort", "")
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
            "sort": self.sort,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def active(self) -> int:
        """How many conditions there are beside the view."""
        return len([name for name in self.query if name not in ("view", "sort")])

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
    issues = within(wanted.view, user).filter(_states(wanted))
    equal = {
        "level": wanted.level,
        "flow": wanted.flow,
        "source": wanted.source,
        "violation": wanted.violation,
        "town": wanted.town,
        "merchant_id": wanted.merchant,
    }
    issues = issues.filter(**{name: value for name, value in equal.items() if value})
    if wanted.late:
        issues = issues.open().filter(step_due_at__lt=now)
    if wanted.due_today:
        issues = issues.open().filter(step_due_at__gte=now, step_due_at__lte=_end_of(timezone.localdate(now)))
    if wanted.since:
        issues = issues.filter(reported_at__gte=_start_of(wanted.since))
    if wanted.until:
        issues = issues.filter(reported_at__lte=_end_of(wanted.until))
    return issues.filter(_found(wanted.q)) if wanted.q else issues


def _states(wanted: Filter) -> Q:
    match wanted.state:
        case "":
            return Q()
        case "open":
            return Q(closed_at=None)
        case "ended":
            return Q(closed_at__isnull=False)
        case state:
            return Q(state=state)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


def _end_of(day: date) -> datetime:
    return _start_of(day + timedelta(days=1)) - timedelta(microseconds=1)


def _found(asked: str) -> Q:
    """By the beginning of its number, by the name (or its pinyin, or their initials) of its merchant, by words of it.

    Words are found by pairs of neighbouring characters over an index, then by the words themselves.
    """
    shops = Merchant.objects.filter(search__contains=fold(asked)) if fold(asked) else Merchant.objects.none()
    ids = list(shops.order_by("id").values_list("id", flat=True)[:MERCHANTS_SEARCHED])
    found = Q(merchant_id__in=ids)
    if asked.isdigit() and asked.isascii():
        found |= Q(number__startswith=asked)
    whole = RawSQL(
        "strpos(lower(issues_issue.summary || ' ' || issues_issue.place), lower(%s)) > 0",
        [asked],
        output_field=BooleanField(),
    )
    if len(asked) < 2:
        return found | Q(whole)
    pairs = RawSQL(
        "issues_bigrams(issues_issue.summary || ' ' || issues_issue.place) @> issues_bigrams(%s)",
        [asked],
        output_field=BooleanField(),
    )
    return found | Q(pairs) & Q(whole)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `after` and `before`: cursors of the next and the previous page, empty where there is none."""

    rows: list[Issue]
    after: str
    before: str


def page(issues: IssueQuerySet, wanted: Filter, query: Mapping[str, str], size: int = PAGE) -> Page:
    """The page a cursor (`after=`, `before=`) asks for, or the first one. A cursor that is none of ours gives the first.

    A page costs the same however far in it lies: its rows are found by the value the last page ended with.
    """
    field = "step_due_at" if wanted.by_due else "reported_at"
    before = _cursor(query.get("before", ""))
    after = _cursor(query.get("after", "")) if before is None else None
    falls = not wanted.by_due
    backwards = before is not None
    place = before or after
    if place is not None:
        issues = issues.filter(_beyond(field, place, lower=falls != backwards))
    sign = "-" if falls != backwards else ""
    rows = list(
        issues.select_related("merchant", "lead_unit", "lead_person")
        .defer("routing_why", "merchant__legal_person", "merchant__phone", "lead_person__phone", "merchant__search")
        .order_by(f"{sign}{field}", f"{sign}id")[: size + 1]
    )
    more = len(rows) > size
    rows = rows[:size][::-1] if backwards else rows[:size]
    if not rows:
        return Page([], "", "")
    has_after, has_before = (True, more) if backwards else (more, after is not None)
    return Page(rows, _mark(rows[-1], field) if has_after else "", _mark(rows[0], field) if has_before else "")


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
    """How many there are, counted up to `COUNTED`."""

    number: int

    def __str__(self) -> str:
        return f"{COUNTED:,}+" if self.number > COUNTED else f"{self.number:,}"


def total(issues: IssueQuerySet) -> Total:
    """How many rows fit, in one query."""
    return Total(issues.order_by()[: COUNTED + 1].count())
