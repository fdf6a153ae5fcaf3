"""When readings are an alarm. No database: windows in, episodes out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.policy.alarm_rules import FanWithoutPurifier, Silence, SustainedValue
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.alarms import (
    WINDOW,
    Episode,
    Known,
    Span,
    Window,
    WindowRule,
    binding,
    fold,
    look_back,
    resume,
    settle,
    silence,
    silences,
)

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
RULES = {rule.id: rule for rule in read_folder(SHIPPED)[0].alarms.rules}
FUME, LINK, OFF = RULES["ALM-FUME-3"], RULES["ALM-LINK"], RULES["ALM-OFF"]
assert isinstance(FUME, SustainedValue)
assert isinstance(LINK, FanWithoutPurifier)
assert isinstance(OFF, Silence)


def at(window: float) -> datetime:
    """The beginning of the n-th window after noon."""
    return NOON + window * WINDOW


def fumes(*means: float | None, fan: int = 10) -> list[Window]:
    """Windows from noon on; None leaves one out."""
    return [Window(at(n), fume_mg_m3=mean, fan_on_minutes=fan) for n, mean in enumerate(means) if mean is not None]


def alone(*minutes: int | None) -> list[Window]:
    """Windows with so many minutes of fan without purifier."""
    return [
        Window(at(n), fan_on_minutes=10, fan_without_purifier_minutes=count)
        for n, count in enumerate(minutes)
        if count is not None
    ]


def times(episodes: list[Episode]) -> list[tuple[float, float, float | None]]:
    """(raised, last held, cleared), in windows after noon."""
    return [
        (
            (one.raised_at - NOON) / WINDOW,
            (one.last_at - NOON) / WINDOW,
            None if one.cleared_at is None else (one.cleared_at - NOON) / WINDOW,
        )
        for one in episodes
    ]


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ((1.0, 1.0, 1.0), []),
        ((2.1, 2.1), []),
        ((2.1, 2.1, 2.1), [(3, 3, None)]),
        ((2.0, 2.0, 2.0), []),  # at the limit is not above it
        ((2.1, 1.0, 2.1, 2.1), []),  # not in a row
        ((2.1, None, 2.1, 2.1), []),  # a gap breaks the row
        ((4.1,), [(1, 1, None)]),  # one is enough
        ((4.0,), []),
        ((2.1, 2.1, 2.1, 2.5, 1.0), [(3, 4, None)]),  # held
        ((2.1, 2.1, 2.1, 1.0, 1.0, 2.1, 1.0, 1.0), [(3, 6, None)]),  # two low ones do not clear it
        ((2.1, 2.1, 2.1, 1.0, 1.0, 1.0), [(3, 3, 6)]),
        ((2.1, 2.1, 2.1, 1.0, None, 1.0, None, None, 1.0), [(3, 3, 9)]),  # gaps hold
        ((4.1, 1.0, 1.0, 1.0, 4.1), [(1, 1, 4), (5, 5, None)]),
    ],
)
def test_a_sustained_value(means: tuple[float | None, ...], expected: list[tuple[float, float, float | None]]) -> None:
    assert times(fold(FUME, fumes(*means))) == expected


def test_a_value_counts_only_while_the_fan_runs() -> None:
    assert fold(FUME, fumes(5.0, 5.0, 5.0, fan=4)) == []
    raised = fumes(2.1, 2.1, 2.1)
    at_night = [Window(at(n), fume_mg_m3=0.1, fan_on_minutes=0) for n in range(3, 40)]
    assert times(fold(FUME, raised + at_night)) == [(3, 3, None)]


def test_an_alarm_knows_its_peak_and_what_raised_it() -> None:
    (episode,) = fold(FUME, fumes(2.1, 2.4, 2.2, 3.0, 2.1))
    assert episode.peak == 3.0
    assert [one.fume_mg_m3 for one in episode.evidence] == [2.1, 2.4, 2.2]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((0, 0), []),
        ((9,), []),
        ((10,), [(1, 1, None)]),
        ((4, 6), [(2, 2, None)]),
        ((4, 5, 5), [(3, 3, None)]),
        ((4, 5), []),
        ((6, None, 6), []),  # not adjacent
        ((10, 3, 0, 4), [(1, 2, 3)]),
        ((10, None, 0), [(1, 1, 3)]),
        ((10, 0, 10), [(1, 1, 2), (3, 3, None)]),
    ],
)
def test_a_fan_without_purifier(
    minutes: tuple[int | None, ...], expected: list[tuple[float, float, float | None]]
) -> None:
    assert times(fold(LINK, alone(*minutes))) == expected


def test_rules_bind_only_where_they_say() -> None:
    assert {rule.id for rule in binding(RULES.values(), NOON, in_built_up=False)} == {"ALM-OFF"}
    assert {rule.id for rule in binding(RULES.values(), NOON, in_built_up=True)} == set(RULES)
    later = replace_rule(FUME, until=(NOON - timedelta(days=1)).date())
    assert binding([later], NOON, in_built_up=True) == []


def replace_rule(rule: SustainedValue, **changes: object) -> SustainedValue:
    return rule.model_copy(update=changes)


# ── silence ──


def minute(n: float) -> datetime:
    return NOON + timedelta(minutes=n)


@pytest.mark.parametrize(
    ("until", "unheard", "raised"),
    [
        (29, [], None),
        (30, [], None),  # heard in the very moment
        (31, [], 30),
        (300, [], 30),
        (50, [(10, 25)], None),  # counts anew from 25
        (56, [(10, 25)], 55),
        (100, [(10, 25), (40, 50)], 80),
        (100, [(35, 90)], 30),  # raised before nobody listened
        (100, [(10, None)], None),  # under maintenance still
    ],
)
def test_a_silence(until: float, unheard: list[tuple[float, float | None]], raised: float | None) -> None:
    spans = [Span(minute(since), None if end is None else minute(end)) for since, end in unheard]
    assert silence(OFF, NOON, minute(until), spans) == (None if raised is None else minute(raised))


def test_silences_end_when_the_device_is_heard_again() -> None:
    gaps = [(minute(0), minute(10)), (minute(10), minute(100)), (minute(101), None)]
    assert silences(OFF, gaps, minute(140), []) == [
        Episode(minute(40), minute(100), minute(100)),
        Episode(minute(131), minute(131), None),
    ]


# ── judging again ──


class Ledger:
    """The stored alarms of one device and rule, judged again after each change as judging.py does, without a database."""

    def __init__(self, rule: WindowRule) -> None:
        self.rule = rule
        self.windows: dict[datetime, Window] = {}
        self.known: list[Known] = []
        self.raised = 0

    def change(self, *windows: Window) -> None:
        self.windows |= {window.at: window for window in windows}
        changed = min(window.at for window in windows)
        place = resume(self.rule, [one.episode for one in self.known if not one.withdrawn], changed)
        ordered = [self.windows[key] for key in sorted(self.windows) if key >= place.since]
        open_then = [one for one in self.known if one.episode.cleared_at is None or one.episode.cleared_at > changed]
        settlement = settle(open_then, fold(self.rule, ordered, place.state))
        stored = {one.id: one for one in self.known}
        for known, episode in settlement.same:
            stored[known.id] = Known(known.id, episode)
        for known in settlement.withdrawn:
            ended = known.episode.cleared_at or known.episode.last_at
            stored[known.id] = Known(known.id, replace(known.episode, cleared_at=ended), withdrawn=True)
        for episode in settlement.new:
            self.raised += 1
            stored[self.raised] = Known(self.raised, episode)
        self.known = list(stored.values())

    @property
    def episodes(self) -> list[Episode]:
        return sorted((one.episode for one in self.known if not one.withdrawn), key=lambda one: one.raised_at)


some_windows = st.dictionaries(
    st.integers(0, 40),
    st.tuples(
        st.sampled_from([0.0, 1.0, 2.0, 2.1, 3.0, 4.1]), st.sampled_from([0, 5, 10]), st.sampled_from([0, 0, 3, 6, 10])
    ),
    max_size=40,
)


def make(values: dict[int, tuple[float, int, int]]) -> list[Window]:
    return [
        Window(at(n), fume_mg_m3=mean, fan_on_minutes=fan, fan_without_purifier_minutes=minutes)
        for n, (mean, fan, minutes) in values.items()
    ]


@pytest.mark.parametrize("rule", [FUME, LINK], ids=lambda rule: rule.id)
@given(final=some_windows, earlier=some_windows, data=st.data())
@settings(max_examples=300, deadline=None)
def test_windows_in_any_order_and_any_number_of_versions_give_the_alarms_of_a_replay(
    rule: WindowRule,
    final: dict[int, tuple[float, int, int]],
    earlier: dict[int, tuple[float, int, int]],
    data: st.DataObject,
) -> None:
    ledger = Ledger(rule)
    drafts = data.draw(st.permutations(make({n: value for n, value in earlier.items() if n in final})))
    lasting = data.draw(st.permutations(make(final)))
    for window in drafts:
        ledger.change(window)
    for window in lasting:
        ledger.change(window)
    replayed = fold(rule, sorted(make(final), key=lambda one: one.at))
    assert ledger.episodes == replayed


@given(values=some_windows, cut=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_windows_in_order_raise_each_alarm_once(values: dict[int, tuple[float, int, int]], cut: int) -> None:
    for rule in (FUME, LINK):
        ledger = Ledger(rule)
        for window in sorted(make(values), key=lambda one: one.at):
            ledger.change(window)
        assert ledger.raised == len(fold(rule, sorted(make(values), key=lambda one: one.at)))


def test_late_data_move_an_alarm_and_do_not_make_a_second_one() -> None:
    ledger = Ledger(FUME)
    for window in fumes(None, 2.1, 2.1, 2.1):
        ledger.change(window)
    assert times(ledger.episodes) == [(4, 4, None)]
    ledger.change(*fumes(2.1))
    assert times(ledger.episodes) == [(3, 4, None)]
    assert ledger.raised == 1


def test_an_alarm_that_late_data_disprove_is_withdrawn_and_may_come_back() -> None:
    ledger = Ledger(FUME)
    ledger.change(*fumes(2.1, 2.1, 2.1))
    ledger.change(Window(at(1), fume_mg_m3=1.0, fan_on_minutes=10))
    assert ledger.episodes == []
    assert [one.withdrawn for one in ledger.known] == [True]
    ledger.change(Window(at(1), fume_mg_m3=2.1, fan_on_minutes=10))
    assert times(ledger.episodes) == [(3, 3, None)]
    assert ledger.raised == 1


def test_looking_back_reaches_as_far_as_windows_raise_together() -> None:
    assert look_back(FUME) == 2 * WINDOW
    assert look_back(LINK) == WINDOW
