"""Rules that look beyond the one issue: at other towns the same day, at the shop's last 90 days, at the hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, Source
from tests.cast import NOON, Cast
from tests.issues.world import alarm, complain, do, find, to_closed

A_DAY = timedelta(days=1)
THIRD_TOWN = "330421101"


def in_town(cast: Cast, town: str, violation: str = "V-A1", *, at: datetime = NOON) -> Issue:
    """Found somewhere in this town."""
    found = Found(Source.OFFICER, violation, "x", at, place="x", area=town, found_by=cast.county_officer)
    return report(found, at=at)


def test_the_same_grave_finding_in_three_towns_within_a_day_is_the_countys(cast: Cast) -> None:
    assert in_town(cast, cast.town.town).routing_rule == "R-60-GRAVE"
    assert in_town(cast, cast.town.town, at=NOON + timedelta(hours=1)).routing_rule == "R-60-GRAVE"
    assert in_town(cast, cast.other_town.town, at=NOON + timedelta(hours=2)).routing_rule == "R-60-GRAVE"
    third = in_town(cast, THIRD_TOWN, at=NOON + timedelta(hours=23))
    assert (third.routing_rule, third.level, third.flow, third.lead_unit) == (
        "R-25-SEVERAL-TOWNS", "county", "joint", cast.county_office,
    )  # fmt: skip
    assert third.routing_why["facts"]["towns_at_once"] == 3


def test_three_towns_on_different_days_or_with_something_slight_are_not_the_countys(cast: Cast) -> None:
    towns = [cast.town.town, cast.other_town.town, THIRD_TOWN]
    late = [in_town(cast, town, at=NOON + n * A_DAY) for n, town in enumerate(towns)]
    slight = [in_town(cast, town, "D-BIN", at=NOON + 5 * A_DAY) for town in towns]
    assert "R-25-SEVERAL-TOWNS" not in {one.routing_rule for one in (*late, *slight)}


def found_at_the_shop(cast: Cast, days: int) -> Issue:
    return find(cast.grid_member, merchant=cast.merchant, at=NOON + days * A_DAY)


def test_the_third_find_of_its_kind_at_a_shop_in_90_days_goes_to_the_towns_team(cast: Cast) -> None:
    assert [found_at_the_shop(cast, days).routing_rule for days in (0, 30)] == ["R-70-GRID", "R-70-GRID"]
    other_kind = find(cast.grid_member, "D-RECORD", merchant=cast.merchant, at=NOON + 31 * A_DAY)
    assert other_kind.routing_rule == "R-70-GRID"
    third = found_at_the_shop(cast, 60)
    assert (third.routing_rule, third.level, third.lead_unit) == ("R-45-REPEAT-FINDING", "town", cast.town_team)
    assert found_at_the_shop(cast, 200).routing_rule == "R-70-GRID", "90 days later it begins anew"


def test_what_was_dismissed_is_no_repeat(cast: Cast) -> None:
    for days in (0, 10):
        issue = found_at_the_shop(cast, days)
        do(issue, Move.RETURN, cast.dispatcher, words="x", at=NOON + days * A_DAY)
        do(issue, Move.DISMISS, cast.dispatcher, words="x", at=NOON + days * A_DAY)
    assert found_at_the_shop(cast, 20).routing_rule == "R-70-GRID"


def test_complaints_are_judged_by_the_dispatcher_however_many_there_are(cast: Cast) -> None:
    """Nobody has found anything yet: a neighbour's persistence sends no enforcement team, and no complaint is passed on unread."""
    rules = [complain(cast.merchant, at=NOON + n * A_DAY).issue for n in range(4)]
    assert {(one.routing_rule, one.state) for one in rules} == {("R-50-REPORT", "received")}


def test_a_devices_leads_go_to_the_team_with_the_fifth_and_not_with_the_third(cast: Cast) -> None:
    """A device says more than people find, and less surely."""
    rules = []
    for n in range(5):
        issue = alarm(cast.merchant, n, at=NOON + n * A_DAY)
        rules.append(issue.routing_rule)
        if n < 4:
            to_closed(cast, issue, at=NOON + n * A_DAY + timedelta(hours=1))
    assert rules == ["R-40-LEAD"] * 4 + ["R-30-REPEAT-LEAD"]


@pytest.mark.parametrize(
    ("hour", "rule"),
    [
        (22, "R-48-NIGHT-NOISE"),
        (23, "R-48-NIGHT-NOISE"),
        (5, "R-48-NIGHT-NOISE"),
        (6, "R-50-REPORT"),
        (21, "R-50-REPORT"),
    ],
)
def test_noise_by_night_is_for_the_towns_team_by_the_countys_clock(cast: Cast, hour: int, rule: str) -> None:
    heard = NOON.astimezone(ZoneInfo("Asia/Shanghai")).replace(hour=hour, minute=0)
    issue = complain(cast.merchant, violation="P-NOISE", words="风机很响", at=heard).issue
    assert (issue.routing_rule, issue.state) == (rule, "received")
