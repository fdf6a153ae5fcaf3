"""What a trend lets us expect: the line, its interval, what begins it anew, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lingxiu.policy.foresight import DeviceForesight, FoulingForesight, Tail, TrapForesight
from lingxiu.policy.rows import Label
from lingxiu.sensing import foresight
from lingxiu.sensing.foresight import (
    Hours,
    Numbers,
    blank,
    cooking_levels,
    daily_levels,
    expect_failure,
    expect_fouling,
    expect_full,
    fit,
    last_fall,
)

FIRST = date(2026, 3, 2)
LABEL = Label(zh="预判", en="forecast")
FOULING = FoulingForesight(
    id="F", label=LABEL, violation="F-PURIFIER", alarm="ALM", look_back_days=45, least_days=10, bend=0.3, horizon_days=30,
    least_chance=0.8, issue_within_days=14, grace_days=7, drop_share=0.2,
)  # fmt: skip
TRAP = TrapForesight(
    id="T", label=LABEL, violation="F-TRAP", look_back_days=45, least_days=4, bend=0.3, horizon_days=21, least_chance=0.8,
    issue_within_days=5, grace_days=3, full_pct=95, emptied_drop_pct=10,
)  # fmt: skip
DEVICE = DeviceForesight(
    id="D", label=LABEL, violation="F-DEVICE", look_back_days=45, least_days=14, bend=0.3, horizon_days=30, least_chance=0.8,
    issue_within_days=14, grace_days=7, drift_limit_mg_m3=0.5, flat_share=0.2, missing_minutes=720,
)  # fmt: skip


def kitchen(levels: Numbers, seed: int = 1) -> Hours:
    """A kitchen that cooks from 11 to 13 and 17 to 20, its busiest hour at these levels, a day each."""
    rng, hours = np.random.default_rng(seed), blank(FIRST, len(levels))
    hours.minutes[:] = 60
    hours.mean[:] = hours.lowest[:] = hours.highest[:] = 0.03
    for hour, share in {11: 0.6, 12: 0.9, 17: 0.7, 18: 1.0, 19: 0.8}.items():
        hours.fan[:, hour] = 60
        hours.mean[:, hour] = levels * share * rng.lognormal(0, 0.05, len(levels))
        hours.lowest[:, hour], hours.highest[:, hour] = hours.mean[:, hour] * 0.8, hours.mean[:, hour] * 1.25
    return hours


def rising(days: int, start: float = 1.0, per_day: float = 0.03) -> Numbers:
    return start + per_day * np.arange(days)


def test_a_purifier_that_clogs_is_expected_to_pass_the_limit_about_when_it_does() -> None:
    found = expect_fouling(kitchen(rising(25)), 2.0, FOULING)

    passes = FIRST + timedelta(days=34)  # 1.0 + 0.03 × 34 > 2.0
    assert found is not None
    assert abs((found.due_on - passes).days) <= 3
    assert found.due_from <= passes <= found.due_to
    assert found.reasons[0].what == "cooking" and found.reasons[0].per_day == pytest.approx(0.03, abs=0.006)


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        (np.full(30, 1.2), "it does not rise"),
        (rising(30, 1.9, -0.02), "it falls"),
        (rising(8), "there are too few days"),
        (rising(30, 0.3, 0.005), "it is too far off"),
        (rising(40, 1.2, 0.03), "it is there already: an alarm's matter"),
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_say(levels: Numbers, why: str) -> None:
    assert expect_fouling(kitchen(levels), 2.0, FOULING) is None, why


def test_a_cleaning_somebody_wrote_down_begins_the_evidence_anew() -> None:
    hours = kitchen(rising(25))

    assert expect_fouling(hours, 2.0, FOULING, cleaned=[FIRST + timedelta(days=20)]) is None
    later = expect_fouling(hours, 2.0, FOULING, cleaned=[FIRST + timedelta(days=5)])
    assert later is not None and later.since == FIRST + timedelta(days=6)


def test_a_cleaning_nobody_wrote_down_is_seen_by_the_fall() -> None:
    levels = np.concatenate([rising(20, 1.2, 0.03), rising(14, 1.0, 0.035)])

    assert last_fall(cooking_levels(kitchen(levels)), 0.2) in (19, 20, 21)
    found = expect_fouling(kitchen(levels), 2.0, FOULING)
    assert found is not None and found.since >= FIRST + timedelta(days=19)


def test_one_odd_day_is_no_cleaning() -> None:
    levels = rising(25)
    levels[15] = 0.3

    assert last_fall(cooking_levels(kitchen(levels)), 0.2) == 0


def test_closed_days_flares_and_a_forgotten_purifier_change_little() -> None:
    plain = expect_fouling(kitchen(rising(28)), 2.0, FOULING)
    hours = kitchen(rising(28))
    hours.fan[10:13], hours.mean[10:13] = 0, 0.03  # closed
    hours.mean[15, 18] = 9.0  # a flare
    hours.mean[20, 11:13] *= 2.6  # lunch without the purifier
    hours.alone[20, 11:13] = 60
    disturbed = expect_fouling(hours, 2.0, FOULING)

    assert plain is not None and disturbed is not None
    assert abs((plain.due_on - disturbed.due_on).days) <= 3


def test_a_kitchen_that_is_never_heard_says_nothing() -> None:
    assert expect_fouling(blank(FIRST, 40), 2.0, FOULING) is None
    assert expect_failure(blank(FIRST, 40), DEVICE) is None


def test_a_trap_is_expected_full_and_an_emptying_begins_anew() -> None:
    levels = np.concatenate([5 + 6.0 * np.arange(12), 4 + 6.0 * np.arange(9)])
    found = expect_full(FIRST, levels, TRAP)

    assert found is not None
    assert found.due_on == FIRST + timedelta(days=len(levels) - 1 + 8)  # 52 % and 6 a day
    assert expect_full(FIRST, np.full(20, 40.0), TRAP) is None
    assert expect_full(FIRST, levels, TRAP, emptied=[FIRST + timedelta(days=len(levels) - 1)]) is None


def test_a_sensor_that_jumps_once_is_not_believed() -> None:
    levels = 5 + 5.0 * np.arange(14)
    spiked = levels.copy()
    spiked[6] = 92.0

    plain, disturbed = expect_full(FIRST, levels, TRAP), expect_full(FIRST, spiked, TRAP)
    assert plain is not None and disturbed is not None and disturbed.due_on == plain.due_on


def test_levels_of_a_day_are_their_median_and_days_without_any_are_gaps() -> None:
    points = [
        (FIRST, 10.0),
        (FIRST, 12.0),
        (FIRST, 99.0),
        (FIRST + timedelta(days=2), 20.0),
        (FIRST - timedelta(days=1), 1.0),
    ]

    found = daily_levels(points, FIRST, 3)
    assert found[0] == 12.0 and np.isnan(found[1]) and found[2] == 20.0


def test_zero_drift_growing_gaps_and_a_flat_signal_each_foretell_a_failure() -> None:
    levels, days = np.full(40, 1.0), np.arange(40.0)
    well = kitchen(levels)
    drifts = replace(well, mean=well.mean + 0.01 * days[:, None])
    spread = np.maximum(1 - days / 60, 0.02)[:, None]
    flattens = replace(well, lowest=well.mean * (1 - 0.2 * spread), highest=well.mean * (1 + 0.25 * spread))
    fades = replace(well, minutes=well.minutes - 0.5 * days[:, None])

    assert expect_failure(well, DEVICE) is None
    for hours, what in ((drifts, "drift"), (flattens, "flat"), (fades, "gaps")):
        found = expect_failure(hours, DEVICE)
        assert found is not None and what in [reason.what for reason in found.reasons]


def test_gaps_that_are_excused_are_not_the_monitor_s() -> None:
    hours = kitchen(np.full(40, 1.0))
    hours.minutes[:] -= 0.5 * np.arange(40.0)[:, None]

    assert expect_failure(hours, DEVICE, excused=[FIRST + timedelta(days=day) for day in range(5, 40)]) is None


def test_a_service_begins_a_monitor_s_evidence_anew() -> None:
    well = kitchen(np.full(40, 1.0))
    drifts = replace(well, mean=well.mean + 0.01 * np.arange(40.0)[:, None])

    assert expect_failure(drifts, DEVICE, serviced=[FIRST + timedelta(days=30)]) is None


@settings(max_examples=60, deadline=None)
@given(
    slope=st.floats(-2, 2),
    start=st.floats(-50, 50),
    days=st.integers(5, 40),
    wild=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_the_line_goes_through_points_on_a_line_whatever_a_few_of_them_say(
    slope: float, start: float, days: int, wild: int, seed: int
) -> None:
    x = np.arange(float(days))
    y = start + slope * x
    odd = np.random.default_rng(seed).choice(days, min(wild, (days - 1) // 5), replace=False)
    y[odd] += 1000

    line = fit(x, y, 0.8)

    assert line.slope == pytest.approx(slope, abs=1e-6)
    assert line.slowest <= line.slope <= line.fastest


@settings(max_examples=60, deadline=None)
@given(
    levels=st.lists(st.one_of(st.none(), st.floats(0.05, 5)), min_size=14, max_size=45),
    limit=st.floats(0.5, 4),
)
def test_whatever_is_expected_lies_ahead_and_in_its_interval(levels: list[float | None], limit: float) -> None:
    hours = kitchen(np.array([np.nan if level is None else level for level in levels]))
    found = expect_fouling(hours, limit, FOULING)

    if found is not None:
        today = FIRST + timedelta(days=len(levels))
        assert today <= found.due_from <= found.due_on <= found.due_to
        assert found.due_on <= today + timedelta(days=FOULING.horizon_days)
        assert FOULING.least_chance <= found.chance <= 1


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.one_of(st.just(float("nan")), st.floats(-9, 9)), min_size=5, max_size=5), min_size=1, max_size=6
    )
)
def test_medians_are_those_of_the_numbers_there_are(rows: list[list[float]]) -> None:
    array = np.array(rows)

    for row, found in zip(array, foresight._medians(array), strict=True):
        known = row[~np.isnan(row)]
        assert np.isnan(found) if not len(known) else found == np.median(known)


def test_the_interval_runs_between_the_tails_of_how_near_the_day_is() -> None:
    levels = 5 + 5.0 * np.arange(14)
    wide = TRAP.model_copy(
        update={"tails": (Tail(within=3, early=0.4, late=0.6), Tail(within=21, early=0.01, late=0.99))}
    )
    narrow = TRAP.model_copy(update={"tails": (Tail(within=21, early=0.4, late=0.6),)})

    far, near = expect_full(FIRST, levels, wide), expect_full(FIRST, levels, narrow)

    assert far is not None and near is not None and far.due_on == near.due_on
    assert far.due_from <= near.due_from <= near.due_on <= near.due_to <= far.due_to
    assert far.due_to - far.due_from > near.due_to - near.due_from
    assert far.course is not None and far.course.chance_by(far.due_on) >= 0.5 > far.course.chance_by(
        far.due_on - timedelta(days=1)
    )


def test_a_rule_without_tails_leaves_what_it_is_sure_of_and_tails_begin_with_the_nearest() -> None:
    two = (Tail(within=3, early=0.2, late=0.7), Tail(within=9, early=0.1, late=0.8))

    assert (TRAP.tail(4).early, TRAP.tail(4).late) == (pytest.approx(0.1), pytest.approx(0.9))
    assert TRAP.model_copy(update={"tails": two}).tail(4).late == 0.8
    assert TRAP.model_copy(update={"tails": two}).tail(10).late == pytest.approx(0.9)
    with pytest.raises(ValidationError):
        TrapForesight.model_validate(TRAP.model_dump() | {"tails": two[::-1]})
