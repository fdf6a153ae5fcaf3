"""What an address of looking back asks for: the period and the area. A query is read leniently, and written the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

from lingxiu.accounts.models import User
from lingxiu.issues.filters import Filter
from lingxiu.issues.lookback.figures import KINDS, Period, period_around
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory.models import Area, AreaKind

LONGEST_DAYS = 366 * 3
YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, and a filter that holds the town, the grid, or key places alone."""

    period: Period
    area: Filter

    @classmethod
    def read(cls, query: Mapping[str, str], today: date) -> Asked:
        """What is asked for; this month of the whole county where nothing is."""
        wanted = Filter.read(query)
        area = Filter(town=wanted.town, grid=wanted.grid, near=wanted.near)
        return cls(_period(query, wanted, today), area)

    @property
    def query(self) -> str:
        """The query that asks for this."""
        return self.within(self.period)

    def within(self, period: Period) -> str:
        """The query of another period of the same area."""
        days = {"from": period.since.isoformat(), "to": period.until.isoformat()}
        when = days if period.kind == "days" else {"day": period.since.isoformat()}
        area = {name: value for name, value in self.area.query.items() if name != "view"}
        return urlencode({"period": period.kind, **when, **area})

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query as the hidden fields of a form."""
        return parse_qsl(self.query)


def _period(query: Mapping[str, str], wanted: Filter, today: date) -> Period:
    kind = query.get("period", "") if query.get("period") in KINDS else "month"
    if kind != "days":
        # the same reading of a day as the list's
        day = Filter.read({"from": query.get("day", "")}).since
        return period_around(kind, day if day and day.year in YEARS else today)
    since, until = wanted.since, wanted.until
    if since is None or until is None or not 0 <= (until - since).days < LONGEST_DAYS or since.year not in YEARS:
        return period_around("month", today)
    return Period("days", since, until)


def area_name(asked: Asked, user: User) -> str:
    """What the area is called: the grid, the town, or as much of the county as this reader sees."""
    codes = [asked.area.grid, asked.area.town, *_own_codes(user)]
    code = next((code for code in codes if code), "")
    areas = Area.objects.filter(code=code) if code else Area.objects.filter(kind=AreaKind.COUNTY)
    found = areas.order_by("code").first()
    return found.name if found else ""


def _own_codes(user: User) -> list[str]:
    """The one grid or town of somebody who sees no further."""
    match user.authority.farthest("issues"):
        case Sight.GRID:
            return sorted(user.authority.grids)[:1]
        case Sight.TOWN:
            return sorted(user.authority.towns)[:1]
        case _:
            return []


def grids_of(town: str) -> list[tuple[str, str]]:
    """The grids of a town, code and name, to choose from."""
    if not town:
        return []
    grids = Area.objects.filter(kind=AreaKind.GRID, code__startswith=town).order_by("code")
    return list(grids.values_list("code", "name"))
