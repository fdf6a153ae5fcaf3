"""The rules: who is named first, by which ways it goes, and from when it may."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.notices.telling import (
    HOUR,
    Chosen,
    Happened,
    Manner,
    Way,
    free_from,
    is_quiet,
    most_now,
    rules_for,
    send_at,
    try_again_at,
    ways,
    whom,
)
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.policy.schema.notices import Telling

NOTICES = read_folder(SHIPPED)[0].notices
ZONE = ZoneInfo("Asia/Shanghai")
MANNER = Manner(time(21), time(7, 30), time(7, 45), 6)
TODAY = date(2026, 3, 5)
ALL = tuple(Way)


def at(text: str) -> datetime:
    """A time of the county's on 5 March 2026."""
    return datetime.fromisoformat(f"2026-03-05T{text}").replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("what", "rules"),
    [
        (Happened("issue.dispatched", "grid", "quick", 2, "L-FUME"), ["N-GIVEN", "N-SHOP-ISSUE"]),
        (Happened("issue.dispatched", "grid", "quick", 3, "V-E1"), ["N-URGENT", "N-GIVEN", "N-SHOP-ISSUE"]),
        (Happened("issue.reported", "town", "quick", 2, "P-SMOKE"), ["N-RECEIVED"]),
        (Happened("issue.fed_back", "town", "quick", 2, "L-FUME"), ["N-RECHECK"]),
        (Happened("issue.closed", "town", "quick", 2, "L-FUME"), ["N-ENDED", "N-SHOP-CLOSED"]),
        (Happened("issue.involved", "county", "joint", 2, "L-FUME"), ["N-PART"]),
        (Happened("issue.warned", "town", "quick", 2, "L-FUME"), ["N-TIME"]),
        (Happened("device.silent"), ["N-SHOP-SILENT", "N-SILENT"]),
        (Happened("issue.accepted", "grid", "quick", 3, "L-FUME"), []),
        (Happened("user.signed_in"), []),
    ],
)
def test_the_table_says_which_rules_tell(what: Happened, rules: list[str]) -> None:
    assert [rule.id for rule in rules_for(NOTICES.rules, what, TODAY)] == rules


def test_a_rule_switched_off_or_past_its_day_tells_nobody() -> None:
    rule = NOTICES.rule("N-GIVEN")
    off = rule.model_copy(update={"enabled": False})
    past = rule.model_copy(update={"until": TODAY - timedelta(days=1)})
    assert rules_for([off, past, rule], Happened("issue.dispatched"), TODAY) == [rule]


def test_a_condition_holds_only_if_all_of_it_does() -> None:
    when = {"level": ["county"], "flow": "joint", "violation": ["L-FUME"], "severity_at_least": 2}
    rule = Telling.model_validate(
        {"id": "N-X", "label": {"zh": "一", "en": "x"}, "kinds": ["k"], "when": when, "tell": ["holder"], "topic": "t"}
    )
    right = Happened("k", "county", "joint", 2, "L-FUME")
    assert rules_for([rule], right, TODAY) == [rule]
    for wrong in (
        Happened("other", "county", "joint", 2, "L-FUME"),
        Happened("k", "town", "joint", 2, "L-FUME"),
        Happened("k", "county", "quick", 2, "L-FUME"),
        Happened("k", "county", "joint", 1, "L-FUME"),
        Happened("k", "county", "joint", 2, "L-LINK"),
    ):
        assert rules_for([rule], wrong, TODAY) == []


def test_the_first_rule_that_names_somebody_counts_and_who_did_it_is_not_told() -> None:
    urgent, given_, shop = NOTICES.rule("N-URGENT"), NOTICES.rule("N-GIVEN"), NOTICES.rule("N-SHOP-ISSUE")
    behind = {"holder": [1, 2, 9], "owner": [2, 3]}
    told = whom([urgent, given_, shop], lambda audience: behind[audience], actor_id=9)
    assert {person: rule.id for person, rule in told.items()} == {1: "N-URGENT", 2: "N-URGENT", 3: "N-SHOP-ISSUE"}


def test_ways_are_the_rules_until_somebody_chooses() -> None:
    rule = NOTICES.rule("N-GIVEN")
    assert ways(rule, None, ALL) == [Way.ZHEZHENGDING, Way.TODO]
    assert ways(rule, Chosen(frozenset({Way.SMS})), ALL) == [Way.SMS, Way.TODO]
    assert ways(rule, Chosen(frozenset()), ALL) == [Way.TODO], "the list of what one has to do is kept in any case"
    assert ways(rule, None, [Way.SMS]) == [], "nobody is written to where they cannot be reached"


def test_what_is_urgent_comes_by_the_rules_ways_too() -> None:
    chosen = Chosen(frozenset({Way.EMAIL}))
    assert ways(NOTICES.rule("N-URGENT"), chosen, ALL) == [Way.ZHEZHENGDING, Way.SMS, Way.EMAIL, Way.TODO]


@pytest.mark.parametrize(
    ("when", "urgent", "digest", "goes"),
    [
        ("12:00", False, False, "2026-03-05T12:00"),
        ("20:59", False, False, "2026-03-05T20:59"),
        ("21:00", False, False, "2026-03-06T07:30"),
        ("23:40", False, False, "2026-03-06T07:30"),
        ("02:00", False, False, "2026-03-05T07:30"),
        ("07:29", False, False, "2026-03-05T07:30"),
        ("07:30", False, False, "2026-03-05T07:30"),
        ("02:00", True, False, "2026-03-05T02:00"),
        ("12:00", False, True, "2026-03-06T07:45"),
        ("06:00", False, True, "2026-03-05T07:45"),
        ("12:00", True, True, "2026-03-05T12:00"),
    ],
)
def test_quiet_hours_and_the_mornings_digest(when: str, urgent: bool, digest: bool, goes: str) -> None:
    found = send_at(at(when), MANNER, ZONE, urgent=urgent, digest=digest)
    assert found == datetime.fromisoformat(goes).replace(tzinfo=ZONE)


def test_a_digest_in_quiet_hours_waits_for_their_end() -> None:
    late = Manner(time(21), time(9), time(7, 45), 6)
    assert send_at(at("12:00"), late, ZONE, urgent=False, digest=True) == at("09:00") + timedelta(days=1)


def test_equal_ends_are_no_quiet_hours() -> None:
    assert not any(is_quiet(time(hour), time(8), time(8)) for hour in range(24))


@given(st.times(), st.times(), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))
def test_nothing_ever_goes_in_quiet_hours_or_before_it_happened(begins: time, ends: time, moment: datetime) -> None:
    manner = Manner(begins, ends, time(7, 45), 6)
    moment = moment.replace(tzinfo=UTC)
    goes = send_at(moment, manner, ZONE, urgent=False)
    assert moment <= goes <= moment + timedelta(days=1)
    clock = goes.astimezone(ZONE).time()
    assert not is_quiet(clock, begins, ends.replace(second=0, microsecond=0) if goes > moment else ends)


@given(st.lists(st.integers(0, 7200), max_size=20), st.integers(1, 8))
def test_the_hour_never_holds_more_than_its_bound(gaps: list[int], most: int) -> None:
    sent: list[datetime] = []
    now = at("12:00")
    for gap in gaps:
        now += timedelta(seconds=gap)
        goes = free_from(sent, now, most) or now
        now = max(now, goes)
        sent.append(now)
    for moment in sent:
        assert sum(moment - HOUR < other <= moment for other in sent) <= most


def test_some_of_the_hour_is_kept_for_what_is_urgent() -> None:
    assert most_now(MANNER, NOTICES, urgent=True) == 6
    assert most_now(MANNER, NOTICES, urgent=False) == 4
    assert most_now(Manner(time(21), time(7), time(8), 1), NOTICES, urgent=False) == 1


def test_it_is_tried_again_after_longer_and_longer_waits_and_then_given_up() -> None:
    now = at("12:00")
    waits = [try_again_at(now, tries, NOTICES.retry_minutes) for tries in range(1, 8)]
    assert [wait and (wait - now).total_seconds() / 60 for wait in waits] == [1, 5, 15, 60, 240, 720, None]
