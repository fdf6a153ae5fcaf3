"""Who may inspect, how often a shop bears it, what is not checked twice: the rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.issues.inspection_rules import (
    BEYOND_THE_CAP,
    Asked,
    Earlier,
    Inspecting,
    InspectionRefused,
    Limits,
    Why,
    allowance,
    checked_already,
    refuse,
)
from lingxiu.policy.reading import SHIPPED, read_folder
from tests.cast import NOON

TODAY = NOON.date()
LIMITS = Limits(2, 1, 90, 3, {"V-A1": "T07", "D-BIN": "T09"})
SAID = Inspecting(2, ("T07",), NOON - timedelta(hours=1), NOON)
ASKED = Asked(
    SAID,
    1,
    10,
    frozenset({1, 2}),
    "检查油烟净化设施",
    True,
    frozenset({"T07", "T08", "V-A1"}),
    (),
    LIMITS,
    NOON,
    TODAY,
    TODAY,
)


def said(**values: object) -> Asked:
    return replace(ASKED, inspecting=replace(SAID, **values))  # type: ignore[arg-type]  # fields by name


def refused(asked: Asked) -> str:
    with pytest.raises(InspectionRefused) as told:
        refuse(asked)
    return told.value.why


def made(unit: int = 10, *, items: tuple[str, ...] = ("T07",), days_ago: int = 10, why: Why = Why.PLAN) -> Earlier:
    return Earlier(unit, items, TODAY - timedelta(days=days_ago), why)


def test_two_certified_officers_within_the_cap_may() -> None:
    refuse(ASKED)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (replace(ASKED, certified=frozenset({2})), "certificate"),
        (said(second=None), "second"),
        (said(second=1), "second"),
        (said(second=3), "second"),
        (said(items=()), "items"),
        (said(items=("T07", "T99")), "items"),
        (replace(ASKED, words="  "), "inspection_words"),
        (said(ended_at=NOON + timedelta(seconds=1)), "times"),
        (said(started_at=NOON + timedelta(hours=1)), "times"),
        (replace(ASKED, day=TODAY - timedelta(days=4)), "times"),
        (said(why=Why.COMPLAINT), "number"),
        (said(why=Why.ORDER, number=" "), "number"),
        (said(why=Why.CAMPAIGN), "number"),
        (replace(said(why=Why.CAMPAIGN, number="C1"), known=False), "unknown_number"),
        (replace(ASKED, earlier=(made(),)), "cap"),
        (replace(ASKED, earlier=(made(11, items=("T08",)), made(12, items=("T08",)))), "cap"),
        (replace(ASKED, earlier=(made(11),)), "checked"),
    ],
)  # fmt: skip
def test_what_is_missing_or_in_the_way_is_named(asked: Asked, why: str) -> None:
    assert refused(asked) == why


def test_a_complaint_or_an_order_goes_beyond_the_cap_and_another_body_s_check_a_campaign_does_not() -> None:
    full = (made(), made(11))
    for why in BEYOND_THE_CAP:
        refuse(replace(said(why=why, number="JX1"), earlier=full))
    assert refused(replace(said(why=Why.CAMPAIGN, number="C1"), earlier=full)) == "cap"


def test_complaints_do_not_use_the_cap_up_nor_does_another_year() -> None:
    earlier = [made(why=Why.COMPLAINT), made(why=Why.ORDER), made(days_ago=100)]
    assert allowance(LIMITS, earlier, 10, TODAY.year).left == 1
    assert allowance(LIMITS, [made()], 10, TODAY.year).left == 0
    assert allowance(LIMITS, [made()], 11, TODAY.year).left == 1
    assert allowance(replace(LIMITS, of_shop=None, of_department=None), [made()], 10, TODAY.year).left is None


def test_a_check_of_a_task_is_one_of_all_that_belongs_to_it_but_not_the_other_way_round() -> None:
    of_task, of_one = made(11, items=("T07",)), made(11, items=("V-A1",))
    assert checked_already(["T07", "V-A1", "D-BIN"], [of_task], 10, TODAY, LIMITS) == {"T07": of_task, "V-A1": of_task}
    assert checked_already(["T07", "V-A1", "D-BIN"], [of_one], 10, TODAY, LIMITS) == {"V-A1": of_one}


def test_one_s_own_check_and_one_long_ago_stand_in_nobody_s_way() -> None:
    assert checked_already(["T07"], [made(10), made(11, days_ago=91)], 10, TODAY, LIMITS) == {}
    assert checked_already(["T07"], [made(11, days_ago=90)], 10, TODAY, LIMITS) != {}


EARLIER = st.builds(
    Earlier, st.sampled_from([10, 11, 12]), st.sampled_from([("T07",), ("T08",), ("V-A1",)]),
    st.integers(-400, 0).map(lambda days: TODAY + timedelta(days=days)), st.sampled_from(Why),
)  # fmt: skip


@given(st.lists(EARLIER, max_size=12))
def test_however_it_went_before_nobody_gets_beyond_the_cap_without_complaint_or_order(
    earlier: list[Earlier],
) -> None:
    kept: list[Earlier] = []
    for one in sorted(earlier, key=lambda one: one.day):
        asked = replace(
            said(why=one.why, items=one.items, number="N"),
            unit=one.unit,
            day=one.day,
            today=one.day,
            earlier=tuple(kept),
        )
        try:
            refuse(asked)
        except InspectionRefused:
            continue
        kept.append(one)
    counted = [one for one in kept if one.why not in BEYOND_THE_CAP]
    for year in {one.day.year for one in counted}:
        own = [one for one in counted if one.day.year == year]
        assert len(own) <= 2
        assert all(sum(one.unit == unit for one in own) <= 1 for unit in (10, 11, 12))


def test_the_shipped_caps_are_one_for_the_best_and_two_for_all_others() -> None:
    policy = read_folder(SHIPPED)[0].inspections
    caps = {level: policy.cap(level, TODAY) for level in (1, 2, 3, None)}
    assert {level: cap.of_shop for level, cap in caps.items() if cap} == {1: 1, 2: 2, 3: 2, None: 2}
    assert all(cap.confidence == "P" for cap in policy.caps)
