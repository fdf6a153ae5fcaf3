"""Counts for looking back: each group of figures in one pass, each count by the very conditions of the list it opens.

Reads only, and only what the reader sees. Units are compared, persons never (国办函〔2026〕12号).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import Avg, Count, Min, Q
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues.filters import AGES, NO_TOWN, REACHED, REPEAT_DAYS, REPEATS, Filter
from lingxiu.issues.lookback.figures import Counts, Period, Row, by, summed
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.matching import conditions, matching
from lingxiu.issues.models import PEOPLE, Issue, Report
from lingxiu.merchants.models import Merchant

DIMENSIONS = ("level", "flow", "source", "violation")
WAY = ("reported", *(f"way_{name}" for name in REACHED), "dismissed")
"""The funnel: all that came in, how far they got, and what led nowhere."""
MOST_REPEATS = 50
MOST_SPOTS = 3_000
TONES = {"grid": "level1", "town": "level2", "county": "level3"}


# ── which list is behind which count ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists behind the figures of a period within an area: a filter by name of count."""

    came_in: Mapping[str, Filter]
    year_before: Mapping[str, Filter]
    ended: Mapping[str, Filter]
    due: Mapping[str, Filter]
    open: Mapping[str, Filter]
    repeats: Filter

    def of(self, name: str) -> Filter:
        """The list behind a count."""
        groups = (self.came_in, self.year_before, self.ended, self.due, self.open)
        return next(group[name] for group in groups if name in group)


def lists(period: Period, area: Filter, today: date) -> Lists:
    """What each figure of the period counts. `area`: a filter with a town, a grid or neither, and what else narrows it."""
    came_in = replace(area, since=period.since, until=period.until)
    earlier, last = period.year_before(today), min(period.until, today)
    before = replace(area, since=earlier.since, until=earlier.until, source="people")
    ended = replace(area, ended_since=period.since, ended_until=period.until, state="closed")
    due = replace(area, due_since=period.since, due_until=period.until, state="valid")
    held = replace(area, state="open")
    return Lists(
        came_in={
            "reported": came_in,
            "found": replace(came_in, source="found"),
            "complaints": replace(came_in, source="people"),
            **{f"way_{name}": replace(came_in, reached=name) for name in REACHED},
            "dismissed": replace(came_in, state="dismissed"),
        },
        year_before={"complaints_before": before},
        ended={
            "closed": ended,
            "quick": replace(ended, flow="quick", level="grassroots"),
            "in_time": replace(ended, in_time="yes"),
            "closed_late": replace(ended, in_time="no"),
            "reopened": replace(ended, reopened=True),
            "answered": replace(ended, answers="any"),
            "answered_in_time": replace(ended, answers="in_time"),
            "rated": replace(ended, rated="1"),
        },
        due={"due": due, "due_closed": replace(due, reached="closed"), "due_open": replace(due, state="open")},
        open={
            "open": held,
            "late": replace(held, late=True),
            **{f"age_{age}": replace(held, age=age) for age in AGES},
        },
        repeats=replace(area, since=last - timedelta(days=REPEAT_DAYS - 1), until=last, repeat=True, state="valid"),
    )


def narrowed(wanted: Filter, **values: str) -> Filter:
    """A list within one value of some dimensions. Where the list is narrower already (grassroots, within grid), it stays so."""
    free = {name: value for name, value in values.items() if not getattr(wanted, name)}
    return replace(wanted, **free)  # type: ignore[arg-type]  # texts of its own fields, by name


# ── the counts ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Stars:
    """What reporters thought of the answers: the mean of their stars, and how many gave any."""

    mean: float | None
    ratings: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same violation of the same merchant, more than twice within the days."""

    merchant_id: int
    merchant: str
    town: str
    violation: str
    times: int
    behind: Filter


@dataclass(frozen=True, slots=True)
class Counted:
    """All counts of a period within an area. `by_town`: the same counts of each town, "" for none.

    `has_year_before`: whether the list goes back far enough to compare.
    """

    period: Period
    area: Filter
    lists: Lists
    counts: Counts
    by_town: Mapping[str, Counts]
    funnel: Mapping[str, Mapping[str, Counts]]
    has_year_before: bool
    stars: Stars
    repeats: list[Repeat]
    synthetic: bool


def count(period: Period, area: Filter, user: User, now: datetime) -> Counted:
    """Everything this reader's page of the period shows, in a fixed number of queries."""
    today = timezone.localdate(now)
    behind = lists(period, area, today)
    came_in = _grouped(behind.came_in, "reported", ("town", *DIMENSIONS), user, now)
    groups: list[tuple[Mapping[str, Filter], list[Row]]] = [
        (behind.came_in, came_in),
        (behind.year_before, _grouped(behind.year_before, "complaints_before", ("town",), user, now)),
        (behind.ended, _grouped(behind.ended, "closed", ("town",), user, now)),
        (behind.due, _grouped(behind.due, "due", ("town",), user, now)),
        (behind.open, _grouped(behind.open, "open", ("town",), user, now)),
    ]
    counts: dict[str, int] = {}
    towns: dict[str, dict[str, int]] = {}
    for names, rows in groups:
        counts.update(summed(rows, names))
        for town, sums in by("town", rows, names).items():
            towns.setdefault(town, {}).update(sums)
    return Counted(
        period=period,
        area=area,
        lists=behind,
        counts=counts,
        by_town=dict(sorted(towns.items())),
        funnel={dimension: by(dimension, came_in, WAY) for dimension in DIMENSIONS},
        has_year_before=_goes_back_to(period.year_before(today).since, user),
        stars=_stars(behind.of("rated"), user, now),
        repeats=repeats(behind.repeats, user, now),
        synthetic=_synthetic(behind, user, now),
    )


def _grouped(
    names: Mapping[str, Filter], widest: str, dimensions: tuple[str, ...], user: User, now: datetime
) -> list[Row]:
    """The counts of a group in one pass over the widest of its lists, for each value of the dimensions."""
    counts = {name: Count("pk", filter=conditions(wanted, now)) for name, wanted in names.items() if name != widest}
    rows = matching(names[widest], user, now).order_by().values(*dimensions)
    return list(rows.annotate(**{widest: Count("pk"), **counts}))


def _goes_back_to(day: date, user: User) -> bool:
    """Whether anything was on the list by that day: else there is no year before to compare with."""
    first = Issue.objects.visible_to(user).aggregate(first=Min("reported_at"))["first"]
    return first is not None and timezone.localdate(first) <= day


def _stars(rated: Filter, user: User, now: datetime) -> Stars:
    found = Report.objects.filter(issue__in=matching(rated, user, now), stars__isnull=False)
    values = found.aggregate(mean=Avg("stars"), ratings=Count("pk"))
    return Stars(values["mean"], values["ratings"])


def _synthetic(behind: Lists, user: User, now: datetime) -> bool:
    """Whether any of it is made up: the page and the document say so."""
    widest = (behind.came_in["reported"], behind.ended["closed"], behind.open["open"])
    any_of = Q()
    for wanted in widest:
        any_of |= conditions(wanted, now)
    return Issue.objects.visible_to(user).filter(any_of, synthetic=True).exists()


def repeats(behind: Filter, user: User, now: datetime) -> list[Repeat]:
    """The repeat places behind this list, the most frequent first; at most `MOST_REPEATS`."""
    rows = list(
        matching(behind, user, now)
        .order_by()
        .values("merchant_id", "violation", "town")
        .annotate(times=Count("pk"))
        .filter(times__gt=REPEATS)
        .order_by("-times", "merchant_id", "violation")[:MOST_REPEATS]
    )
    shops = Merchant.objects.in_bulk([row["merchant_id"] for row in rows])
    return [
        Repeat(
            row["merchant_id"],
            shops[row["merchant_id"]].name,
            row["town"],
            row["violation"],
            row["times"],
            replace(behind, merchant=row["merchant_id"], violation=row["violation"], town=row["town"] or NO_TOWN),
        )
        for row in rows
    ]


# ── over time ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Spot:
    """An issue on the map of days: from the day of the period it was reported, to the one it ended or the last."""

    number: str
    lng: float
    lat: float
    tone: str
    first: int
    last: int


def spots(period: Period, area: Filter, user: User, now: datetime) -> tuple[list[Spot], int]:
    """What came in in the period and has a position, the newest `MOST_SPOTS`; and how many came in at all."""
    found = matching(lists(period, area, timezone.localdate(now)).of("reported"), user, now)
    whole = found.count()
    rows = found.filter(lng__isnull=False, lat__isnull=False).order_by("-reported_at", "-id")
    columns = rows.values_list("number", "lng", "lat", "level", "reported_at", "closed_at", "merchant_id", "source")
    return [_spot(period, *row) for row in columns[:MOST_SPOTS]], whole  # type: ignore[arg-type]  # positions are not null here


def _spot(
    period: Period,
    number: str,
    lng: float,
    lat: float,
    level: str,
    reported_at: datetime,
    closed_at: datetime | None,
    merchant_id: int | None,
    source: str,
) -> Spot:
    """Where only people's words say where it is, no nearer than some 100 m."""
    if merchant_id is None and source in PEOPLE:
        lng, lat = round(lng, 3), round(lat, 3)
    first = (timezone.localdate(reported_at) - period.since).days
    last = (
        period.days - 1
        if closed_at is None
        else min((timezone.localdate(closed_at) - period.since).days, period.days - 1)
    )
    return Spot(number, lng, lat, TONES[level], first, last)


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────


def listed(merchant_ids: Iterable[int], day: date) -> dict[int, str]:
    """Merchant id → red or black, of those that stand on a list that day; black, where one stands on both. For officers only."""
    found = Listing.objects.in_force(day).filter(merchant_id__in=list(merchant_ids))
    return dict(found.order_by("-colour").values_list("merchant_id", "colour"))


def near_key_place(lng: float, lat: float) -> bool:
    """Whether a point (WGS84 degrees) lies in the circle of a key place: a fact for routing."""
    return KeyPlace.objects.around(lng, lat).exists()
