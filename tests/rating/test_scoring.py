"""The fume level as a rule: what each dimension gives, how the score is rescaled, what holds a level down."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.rating.scoring import DIMENSIONS, Facts, Heard, Rating, Rules, is_mute, rate, rules_on

DAY = date(2026, 3, 5)


@cache
def rules() -> Rules:
    return rules_on(DAY, read_folder(SHIPPED)[0])


def before(days: int) -> date:
    return DAY - timedelta(days=days)


GOOD_MONITOR = Heard("M1", measured=6000, high=0, fan=6000, linked=6000)
CLEAN = Facts(
    day=DAY,
    scale="small",
    cleaned_on=before(10),
    emptied_on=before(10),
    first_handover_on=before(60),
    handovers=10,
    self_checked=date(2026, 3, 1),
)
CLEAN_WITH_MONITOR = replace(CLEAN, devices=(GOOD_MONITOR,))


def points(rating: Rating) -> dict[str, float | None]:
    return {part.id: part.points for part in rating.parts}


def rated(facts: Facts) -> Rating:
    return rate(facts, rules())


# ── the two schemes ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_scheme_with_a_device_weighs_as_written() -> None:
    weights = {part.id: part.weight for part in rated(CLEAN_WITH_MONITOR).parts}
    assert weights == {
        "concentration": 25, "linkage": 20, "cleaning": 15, "drains": 15, "waste": 10, "complaints": 10, "self_check": 5,
    }  # fmt: skip


def test_the_scheme_without_a_device_weighs_as_written() -> None:
    weights = {part.id: part.weight for part in rated(CLEAN).parts}
    assert weights == {"cleaning": 25, "drains": 25, "waste": 15, "complaints": 20, "self_check": 15}


def test_a_shop_that_does_everything_is_level_1_in_either_scheme() -> None:
    for facts in (CLEAN, CLEAN_WITH_MONITOR):
        rating = rated(facts)
        assert (rating.score, rating.level, rating.coverage, rating.held_by) == (100.0, 1, 1.0, ())


# ── dimensions ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("high_share", "expected"), [(0, 100), (0.01, 100), (0.08, 50), (0.15, 0), (0.9, 0)])
def test_high_values_cost_points_by_their_share_of_the_fans_time(high_share: float, expected: float) -> None:
    monitor = replace(GOOD_MONITOR, high=6000 * high_share)
    assert points(rated(replace(CLEAN, devices=(monitor,))))["concentration"] == expected


@pytest.mark.parametrize(("linked_share", "expected"), [(1, 100), (0.95, 100), (0.775, 50), (0.6, 0), (0, 0)])
def test_a_fan_without_purifier_costs_points_by_its_share(linked_share: float, expected: float) -> None:
    monitor = replace(GOOD_MONITOR, linked=6000 * linked_share)
    assert points(rated(replace(CLEAN, devices=(monitor,))))["linkage"] == expected


def test_the_worst_of_two_monitors_counts() -> None:
    bad = replace(GOOD_MONITOR, mn="M2", linked=3000)
    assert points(rated(replace(CLEAN, devices=(GOOD_MONITOR, bad))))["linkage"] == 0


@pytest.mark.parametrize(
    ("scale", "days_ago", "expected"),
    [("small", 90, 100), ("small", 135, 50), ("small", 180, 0), ("medium", 60, 100), ("medium", 90, 50),
     ("large", 30, 100), ("large", 60, 0), ("large", 400, 0)],
)  # fmt: skip
def test_cleaning_is_due_by_the_cycle_of_the_scale(scale: str, days_ago: int, expected: float) -> None:
    """浙环发〔2015〕8号 §15: large monthly, medium every two months, small every quarter."""
    facts = replace(CLEAN, scale=scale, cleaned_on=before(days_ago))
    assert points(rated(facts))["cleaning"] == expected


def test_a_finding_on_the_drains_costs_half_and_two_all() -> None:
    one = replace(CLEAN, findings={"T08": ("2026030100001",)})
    two = replace(CLEAN, findings={"T08": ("2026030100001", "2026030200001")})
    assert (points(rated(one))["drains"], points(rated(two))["drains"]) == (50, 0)


def test_a_finding_without_any_record_leaves_no_points() -> None:
    facts = replace(CLEAN, emptied_on=None, findings={"T08": ("2026030100001",)})
    assert points(rated(facts))["drains"] == 0


@pytest.mark.parametrize(("handovers", "expected"), [(4, 100), (9, 100), (2, 50), (0, 0)])
def test_waste_is_expected_every_week(handovers: int, expected: float) -> None:
    assert points(rated(replace(CLEAN, handovers=handovers)))["waste"] == expected


def test_who_began_to_hand_over_a_week_ago_is_not_asked_for_a_month() -> None:
    assert points(rated(replace(CLEAN, first_handover_on=before(6), handovers=1)))["waste"] == 100


@pytest.mark.parametrize(("true_ones", "expected"), [(0, 100), (1, 70), (2, 20), (3, 0), (9, 0)])
def test_complaints_found_true_cost_points_and_repeats_more(true_ones: int, expected: float) -> None:
    facts = replace(CLEAN, complaints=tuple(f"20260301{n:05}" for n in range(true_ones)))
    assert points(rated(facts))["complaints"] == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    [(date(2026, 3, 1), 100), (date(2026, 2, 1), 100), (date(2026, 1, 1), 50), (date(2025, 12, 1), 0)],
)
def test_a_self_check_holds_for_its_month_and_the_next(month: date, expected: float) -> None:
    assert points(rated(replace(CLEAN, self_checked=month)))["self_check"] == expected


# ── what is not known ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_nobody_recorded_lowers_the_coverage_and_not_the_score() -> None:
    rating = rated(replace(CLEAN, first_handover_on=None, self_checked=None))
    assert (rating.score, rating.level, rating.coverage) == (100.0, 1, 0.7)
    assert points(rating)["waste"] is None


def test_below_the_lowest_coverage_there_is_no_score_and_no_level() -> None:
    rating = rated(Facts(day=DAY, scale="small", emptied_on=before(3)))
    assert (rating.coverage, rating.score, rating.level) == (0.45, None, None)


def test_at_the_lowest_coverage_there_is_one() -> None:
    rating = rated(Facts(day=DAY, scale="small", emptied_on=before(3), self_checked=date(2026, 3, 1)))
    assert (rating.coverage, rating.level) == (0.6, 1)


@pytest.mark.parametrize(
    ("complaints", "cleaned_ago", "score", "level"), [(1, 110, 88.5, 1), (2, 90, 84, 2), (3, 180, 55, 3)]
)
def test_levels_begin_at_85_and_60(complaints: int, cleaned_ago: int, score: float, level: int) -> None:
    rating = rated(replace(CLEAN, complaints=("x",) * complaints, cleaned_on=before(cleaned_ago)))
    assert (rating.score, rating.level) == (pytest.approx(score, abs=0.06), level)


# ── what holds a level down ──────────────────────────────────────────────────────────────────────────────────────


def test_an_unfixed_grave_finding_is_level_3_whatever_else_is_known() -> None:
    rating = rated(replace(CLEAN_WITH_MONITOR, vetoes=("2026030100007",)))
    assert (rating.score, rating.level) == (100.0, 3)
    assert [(hold.by, hold.inputs) for hold in rating.held_by] == [("veto", {"issues": ("2026030100007",)})]


def test_an_unfixed_grave_finding_shows_even_where_little_is_known() -> None:
    assert rated(Facts(day=DAY, scale="small", vetoes=("2026030100007",))).level == 3


def silent(days: int, **fields: float) -> Heard:
    return replace(GOOD_MONITOR, silent_days=days, unexplained_days=days, **fields)


def test_a_dark_monitor_keeps_its_last_points_for_seven_days() -> None:
    rating = rated(replace(CLEAN, devices=(silent(7),), previous_level=1))
    assert (rating.score, rating.level) == (100.0, 1)
    assert rating.parts[0].why == "kept"


def test_after_seven_days_a_dark_monitor_counts_nothing() -> None:
    rating = rated(replace(CLEAN, devices=(silent(8),), previous_level=1))
    assert (points(rating)["concentration"], points(rating)["linkage"]) == (0, 0)
    assert (rating.score, rating.level, rating.coverage) == (55.0, 3, 1.0)


def test_a_maintenance_note_keeps_the_points_longer() -> None:
    rating = rated(replace(CLEAN, devices=(replace(silent(20), unexplained_days=0),), previous_level=1))
    assert rating.score == 100.0


def test_while_dark_a_level_does_not_improve_although_the_score_does() -> None:
    rating = rated(replace(CLEAN, devices=(silent(3),), previous_level=2))
    assert (rating.score, rating.level) == (100.0, 2)
    assert rating.held_by[0].inputs == {"devices": ("M1",), "level": 2}


def test_a_dark_monitor_does_not_turn_a_bad_level_into_not_rated() -> None:
    known_little = Facts(day=DAY, scale="small", devices=(replace(silent(3), fan=0, measured=0),), previous_level=3)
    assert rated(known_little).level == 3


def test_a_monitor_that_never_sees_the_fan_cannot_improve_a_level() -> None:
    blind = replace(GOOD_MONITOR, measured=0, fan=0, linked=0)
    assert is_mute(blind, rules())
    assert rated(replace(CLEAN, devices=(blind,), previous_level=3)).level == 3


def test_back_from_the_dark_a_level_may_improve_again() -> None:
    assert rated(replace(CLEAN_WITH_MONITOR, previous_level=3)).level == 1


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────

days_ago = st.none() | st.integers(0, 800).map(before)
minutes = st.integers(0, 20_000)
numbers = st.lists(st.integers(1, 99_999).map(lambda n: f"20260301{n:05}"), max_size=5, unique=True).map(tuple)


@st.composite
def monitors(draw: st.DrawFn) -> Heard:
    measured, fan, quiet = draw(minutes), draw(minutes), draw(st.integers(0, 40))
    return Heard(
        "M1",
        measured=measured,
        high=draw(st.integers(0, measured)),
        fan=fan,
        linked=draw(st.integers(0, fan)),
        silent_days=quiet,
        unexplained_days=draw(st.integers(0, quiet)),
    )


@st.composite
def any_facts(draw: st.DrawFn, devices: st.SearchStrategy[tuple[Heard, ...]] | None = None) -> Facts:
    first = draw(days_ago)
    return Facts(
        day=DAY,
        scale=draw(st.sampled_from(["large", "medium", "small"])),
        devices=draw(devices if devices is not None else st.lists(monitors(), max_size=2).map(tuple)),
        cleaned_on=draw(days_ago),
        emptied_on=draw(days_ago),
        first_handover_on=first,
        handovers=draw(st.integers(0, 30)) if first else 0,
        findings={task: draw(numbers) for task in ("T07", "T08", "T09")},
        complaints=draw(numbers),
        self_checked=draw(days_ago),
        vetoes=draw(st.just(()) | numbers),
        previous_level=draw(st.none() | st.integers(1, 3)),
    )


QUICK = settings(max_examples=150, deadline=None)


def badness(level: int | None) -> int:
    return 0 if level is None else level


@QUICK
@given(any_facts())
def test_scores_points_and_coverage_stay_within_bounds(facts: Facts) -> None:
    rating = rated(facts)
    assert rating.score is None or 0 <= rating.score <= 100
    assert 0 <= rating.coverage <= 1
    assert rating.level in (None, 1, 2, 3)
    assert all(part.points is None or 0 <= part.points <= 100 for part in rating.parts)


@QUICK
@given(any_facts())
def test_the_score_is_the_mean_of_the_known_points_by_weight(facts: Facts) -> None:
    rating = rated(facts)
    known = [part for part in rating.parts if part.points is not None]
    if rating.score is None:
        assert rating.coverage < 0.6
    else:
        mean = sum(part.weight * (part.points or 0) for part in known) / sum(part.weight for part in known)
        assert rating.score == pytest.approx(mean, abs=0.051)
        assert (
            min(part.points or 0 for part in known) - 0.1
            <= rating.score
            <= max(part.points or 0 for part in known) + 0.1
        )


@QUICK
@given(any_facts(), numbers)
def test_more_true_complaints_never_raise_the_score(facts: Facts, more: tuple[str, ...]) -> None:
    with_more = rated(replace(facts, complaints=(*facts.complaints, *more)))
    score = rated(facts).score
    assert (with_more.score is None) == (score is None)
    assert score is None or with_more.score is None or with_more.score <= score


@QUICK
@given(any_facts(), st.sampled_from(["T07", "T08", "T09"]), numbers)
def test_more_findings_never_improve_score_or_level(facts: Facts, task: str, more: tuple[str, ...]) -> None:
    found = {**(facts.findings or {}), task: (*facts.findings_of(task), *more)}
    before_them, after_them = rated(facts), rated(replace(facts, findings=found))
    if before_them.score is not None and after_them.score is not None:
        assert after_them.score <= before_them.score
    if before_them.level is not None:
        assert badness(after_them.level) >= before_them.level


@QUICK
@given(any_facts(), st.integers(0, 400))
def test_a_later_cleaning_never_lowers_the_score(facts: Facts, days: int) -> None:
    if facts.cleaned_on is None:
        return
    sooner, later = (
        rated(facts).score,
        rated(replace(facts, cleaned_on=min(DAY, facts.cleaned_on + timedelta(days)))).score,
    )
    assert sooner is None or (later is not None and later >= sooner)


@QUICK
@given(any_facts(devices=st.tuples(monitors())), st.integers(1, 60))
def test_going_dark_never_improves_the_level(facts: Facts, quiet: int) -> None:
    """Whatever the shop is like: from the day its monitor falls silent, no day is better than the day before."""
    heard = replace(facts.devices[0], silent_days=0, unexplained_days=0)
    last = rated(replace(facts, devices=(heard,), previous_level=None)).level
    for day in range(1, quiet):
        gone = replace(heard, silent_days=day, unexplained_days=day)
        level = rated(replace(facts, devices=(gone,), previous_level=last)).level
        assert last is None or badness(level) >= last
        last = level


@QUICK
@given(any_facts())
def test_while_a_monitor_tells_nothing_nothing_at_all_improves_the_level(facts: Facts) -> None:
    if not any(is_mute(heard, rules()) for heard in facts.devices) or facts.previous_level is None:
        return
    assert badness(rated(facts).level) >= facts.previous_level


@QUICK
@given(any_facts(), st.sampled_from(["cleaned_on", "emptied_on", "first_handover_on", "self_checked"]))
def test_forgetting_a_record_lowers_the_coverage_alone(facts: Facts, field: str) -> None:
    whole, less = rated(facts), rated(replace(facts, findings=None, **{field: None}))
    assert less.coverage <= whole.coverage
    for part, left in zip(whole.parts, less.parts, strict=True):
        assert left.points is None or part.points is None or left.points >= part.points


@QUICK
@given(any_facts(), st.integers(0, 100))
def test_points_do_not_depend_on_other_dimensions(facts: Facts, handovers: int) -> None:
    changed = replace(facts, handovers=handovers if facts.first_handover_on else 0)
    mine, theirs = points(rated(facts)), points(rated(changed))
    assert {k: v for k, v in mine.items() if k != "waste"} == {k: v for k, v in theirs.items() if k != "waste"}


def test_every_dimension_of_the_catalogue_has_its_function() -> None:
    assert {d.id for scheme in rules().index.schemes for d in scheme.dimensions} == set(DIMENSIONS)


def test_the_rule_imports_without_django() -> None:
    code = "import sys, lingxiu.rating.scoring; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
