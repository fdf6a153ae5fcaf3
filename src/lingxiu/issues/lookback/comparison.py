"""Departments, and towns, side by side: what each was given and did in a period, and in the one before; reads only.

Every count is that of the list it opens. What rests on fewer than `FEW` is too little to say anything, and says so: one late
issue of two is no half. Bodies stand in the order of their codes, not of their figures; persons are never compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, Q, QuerySet
from django.utils.translation import gettext

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues.bodies import DEEDS, WORK, Days, body_of, part_conditions
from lingxiu.issues.filters import Filter
from lingxiu.issues.lookback.figures import Period, share
from lingxiu.issues.lookback.words import Cell, Table, address, per_cent
from lingxiu.issues.matching import end_of, matching, start_of
from lingxiu.issues.models import Assignment, IssueQuerySet
from lingxiu.policy.schema.roles import Sight

FEW = 10
"""Of fewer than this no share, median or mean is given."""


class _Median(Aggregate):
    function = "percentile_cont"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True, slots=True)
class Work:
    """What one body was given and did: how many issues by deed (`DEEDS`), half of its parts done within `median`, the mean of
    the stars of `ratings` reporters."""

    counts: dict[str, int]
    median: timedelta | None = None
    stars: float | None = None
    ratings: int = 0

    @property
    def in_time(self) -> float | None:
        """Of what it handled, per cent."""
        return share(self.counts["in_time"], self.counts["handled"])


NOTHING = Work(dict.fromkeys(DEEDS, 0))


@dataclass(frozen=True, slots=True)
class Compared:
    """Each body in the period and in the one before."""

    period: Period
    area: Filter
    bodies: list[Unit]
    now_by_body: dict[str, Work]
    before_by_body: dict[str, Work]

    def list_of(self, body: str, deed: str, period: Period) -> Filter:
        """The list behind a count."""
        return replace(self.area, body=body, deed=deed, deed_since=period.since, deed_until=period.until)


def compare(period: Period, area: Filter, user: User, now: datetime) -> Compared:
    """All departments and towns for who sees the county, else the reader's own: of others' work they see but a part. In a
    fixed number of queries."""
    issues = matching(area, user, now).order_by()
    return Compared(
        period, area, _bodies(user), _work(issues, period, now), _work(issues, period.before(), now),
    )  # fmt: skip


def _bodies(user: User) -> list[Unit]:
    units = Unit.objects.filter(active=True, kind__in=[UnitKind.DEPARTMENT, UnitKind.TOWN]).order_by("kind", "code")
    if user.authority.farthest("issues") is not Sight.COUNTY:
        units = units.filter(Q(pk__in=user.authority.unit_ids) | Q(code__in=user.authority.towns))
    return list(units)


def _work(issues: IssueQuerySet, period: Period, now: datetime) -> dict[str, Work]:
    conditions = part_conditions(Days(start_of(period.since), end_of(period.until), now))
    any_of = Q()
    for deed in ("given", "handled", "unfinished", "refused", "objected"):
        any_of |= conditions[deed]
    parts = Assignment.objects.filter(WORK, any_of, issue__in=issues)
    counts = {deed: Count("issue", distinct=True, filter=condition) for deed, condition in conditions.items()}
    took = ExpressionWrapper(F("ended_at") - F("given_at"), output_field=DurationField())
    rows = parts.order_by().values(body=body_of("unit")).annotate(
        **counts, median=_Median(took, filter=conditions["handled"])
    )  # fmt: skip
    stars = _stars(parts, conditions["handled"])
    return {row["body"]: _of(row, stars.get(row["body"], [])) for row in rows if row["body"]}


def _of(row: Mapping[str, object], stars: list[int]) -> Work:
    counts = {deed: int(str(row.get(deed, 0))) for deed in DEEDS}
    counts["in_time"] = counts["handled"] - counts["late"]
    median = row.get("median")
    mean = sum(stars) / len(stars) if stars else None
    return Work(counts, median if isinstance(median, timedelta) else None, mean, len(stars))


def _stars(parts: QuerySet[Assignment], handled: Q) -> dict[str, list[int]]:
    """What each reporter gave of what a body handled; each once, however many parts it had."""
    rated = parts.filter(handled, issue__reports__stars__isnull=False)
    rows = rated.order_by().values_list(body_of("unit"), "issue__reports__pk", "issue__reports__stars").distinct()
    found: dict[str, list[int]] = {}
    for body, _report, stars in rows:
        found.setdefault(body, []).append(stars)
    return found


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────


def tables(compared: Compared) -> list[Table]:
    """Departments, and towns; none of nobody."""
    titles = {
        UnitKind.DEPARTMENT.value: ("departments", gettext("Departments side by side")),
        UnitKind.TOWN.value: ("town_work", gettext("Towns side by side: what they were given")),
    }
    found = []
    for kind, (name, title) in titles.items():
        units = [unit for unit in compared.bodies if unit.kind == kind]
        if units:
            found.append(Table(name, title, _columns(), [_row(compared, unit) for unit in units], _note()))
    return found


def _columns() -> list[str]:
    return [
        gettext("Unit"), gettext("Given"), gettext("Handled"), gettext("Handled in time"), gettext("Share in time"),
        gettext("Handled late"), gettext("Past its time"), gettext("Median hours"), gettext("Would not take it over"),
        gettext("Objected"), gettext("Stars of reporters"),
    ]  # fmt: skip


def _note() -> str:
    return gettext(
        "In brackets the period before. Of a body everything it led or worked along with, a town with its team and grids; an "
        "issue counts once. Fewer than %(few)s say nothing, and no share, median or mean is made of them. Hours from when a "
        "part was given to when it was done. Order: by code."
    ) % {"few": FEW}


def _row(compared: Compared, unit: Unit) -> list[Cell]:
    now = compared.now_by_body.get(unit.code, NOTHING)
    before = compared.before_by_body.get(unit.code, NOTHING)

    def counted(deed: str) -> Cell:
        return _beside(f"{now.counts[deed]:,}", deed, f"{before.counts[deed]:,}")

    def _beside(text: str, deed: str, earlier: str) -> Cell:
        behind = address(compared.list_of(unit.code, deed, compared.period))
        was = address(compared.list_of(unit.code, deed, compared.period.before()))
        return Cell(text, behind, before=earlier, before_url=was)

    return [
        Cell(unit.name), counted("given"), counted("handled"), counted("in_time"),
        _beside(_share(now), "in_time", _share(before)), counted("late"), counted("unfinished"),
        _beside(_hours(now), "handled", _hours(before)), counted("refused"), counted("objected"),
        _beside(_mean(now), "rated", _mean(before)),
    ]  # fmt: skip


def _enough(number: int, text: str) -> str:
    if not number:
        return "–"
    return text if number >= FEW else gettext("too few")


def _share(work: Work) -> str:
    return _enough(work.counts["handled"], per_cent(work.in_time))


def _hours(work: Work) -> str:
    hours = work.median.total_seconds() / 3600 if work.median is not None else 0
    return _enough(work.counts["handled"], f"{hours:.1f}")


def _mean(work: Work) -> str:
    return _enough(work.ratings, f"{work.stars or 0:.1f}")
