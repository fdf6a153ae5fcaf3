"""Who gets an issue: ordered rules and their conditions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Row, Rule
from lingxiu.policy.schema.terms import Flow, IssueSource, Level


class Hours(Row):
    """From an hour of the county's day to another, past midnight if `until` is not later: 21 to 6 is the night."""

    since: int = Field(ge=0, le=23)
    until: int = Field(ge=0, le=24)

    def hold(self, hour: int) -> bool:
        """Whether this hour (0–23) lies between them."""
        if self.since < self.until:
            return self.since <= hour < self.until
        return hour >= self.since or hour < self.until


class RoutingCondition(Row):
    """All that are given must hold. `towns_at_once_at_least`: of an issue's violation, reported in so many towns within a day.
    `near_key_place`: in the circle of a school, the old town, a care home or a hospital of the county's list.
    """

    source: tuple[IssueSource, ...] = ()
    violation: tuple[str, ...] = ()
    violation_kind: Literal["lead", "finding"] | None = None
    severity_at_least: int | None = None
    merchant_known: bool | None = None
    town_known: bool | None = None
    grid_known: bool | None = None
    earlier_in_90_days_at_least: int | None = None
    towns_at_once_at_least: int | None = None
    towns: tuple[str, ...] = ()
    merchant_kinds: tuple[str, ...] = ()
    near_key_place: bool | None = None
    hours: Hours | None = None


class Routing(Rule):
    """An ordered rule: the first that fits decides who gets an issue, on which level, by which flow."""

    when: RoutingCondition = RoutingCondition()
    level: Level
    flow: Flow = "quick"
    to: Literal["grid", "town", "town_team", "responsible_department", "county_office"]
    dispatch: Literal["at_once", "by_dispatcher"] = "by_dispatcher"

    @property
    def takes_all(self) -> bool:
        """Whether it fits whatever comes, on any day."""
        return self.enabled and self.when == RoutingCondition() and self.since is None and self.until is None
