"""When readings are an alarm. No database: windows in, episodes out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.policy.alarm_rules import (
    CleaningDue,
    FanOff,
    FanWithoutPurifier,
    FlatValue,
    LinkageRate,
    LowDay,
    RepeatedAlarm,
    Silence,
    SuddenChange,
    SustainedValue,
)
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.alarms import (
    WINDOW,
    Episode,
    Known,
    Period,
    Span,
    Window,
    WindowRule,
    binding,
    fold,
    fold_periods,
    is_open_at,
    look_back,
    overdue,
    repeated,
    resume,
    settle,
    silence,
    silences,
)

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
RULES = {rule.id: rule for rule in read_folder(SHIPPED)[0].alarms.rules}
FUME, LINK, OFF = RULES["ALM-FUME-3"], RULES["ALM-LINK"], RULES["ALM-OFF"]
NEAR, SINGLE, AGAIN = RULES["ALM-FUME-1"], RULES["ALM-FUME-2"], RULES["ALM-FUME-4"]
FAN, FLAT, JUMP = RULES["ALM-FAN"], RULES["ALM-FLAT"], RULES["ALM-JUMP"]
LOW, RATE, CLEAN = RULES["ALM-FLAT-D"], RULES["ALM-LINK-R"], RULES["ALM-CLEAN"]
assert isinstance(FUME, SustainedValue)
assert isinstance(NEAR, SustainedValue)
assert isinstance(SINGLE, SustainedValue)
assert isinstance(LINK, FanWithoutPurifier)
assert isinstance(OFF, Silence)
assert isinstance(AGAIN, RepeatedAlarm)
assert isinstance(FAN, FanOff)
assert isinstance(FLAT, FlatValue)
assert isinstance(JUMP, SuddenChange)
assert isinstance(LOW, LowDay)
assert isinstance(RATE, LinkageRate)
assert isinstance(CLEAN, CleaningDue)
COUNTY = ZoneInfo("Asia/Shanghai")


def at(window: float) -> datetime:
    """The beginning of the n-th window after noon."""
    return NOON + window * WINDOW


def fumes(*means: float | None, fan: int = 10) -> list[Window]:
    """Windows from noon on; None leaves one out."""
    return [Window(at(n), fume_mg_m3=mean, fan_on_minutes=fan) for n, mean in enumerate(means) if mean is not None]


def alone(*minutes: int | None) -> list[Window]:
    """Windows with so many minutes of fan without purifier."""
    return [
        Window(at(n), fan_on_minutes=10, purifier_on_minutes=10 - count, fan_without_purifier_minutes=count)
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
    everywhere = {rule.id for rule in binding(RULES.values(), NOON, in_built_up=False)}
    assert {"ALM-OFF", "ALM-FLAT", "ALM-FLAT-D", "ALM-JUMP", "ALM-CLEAN"} <= everywhere
    assert not any(code.startswith(("ALM-FUME", "ALM-LINK", "ALM-FAN")) for code in everywhere)
    assert {rule.id for rule in binding(RULES.values(), NOON, in_built_up=True)} == set(RULES)
    later = replace_rule(FUME, until=(NOON - timedelta(days=1)).date())
    assert binding([later], NOON, in_built_up=True) == []


def replace_rule(rule: SustainedValue, **changes: object) -> SustainedValue:
    return rule.model_copy(update=changes)


# ── near, single, again and again ──


@pytest.mark.parametrize(
    ("means", "near", "single"),
    [
        ((1.5,), [], []),
        ((1.6,), [(1, 1, None)], []),
        ((1.6, 1.5, 1.5), [(1, 1, 3)], []),
        ((1.6, 1.5, 1.6, 1.5), [(1, 3, None)], []),
        ((2.0,), [(1, 1, None)], []),
        ((2.1, 2.0, 2.0, 2.0), [(1, 4, None)], [(1, 1, 4)]),
        ((2.1, None, None, 1.0, 1.0), [(1, 1, 5)], [(1, 1, None)]),  # silence clears nothing
    ],
)
def test_a_value_near_the_limit_and_a_single_one_above(
    means: tuple[float | None, ...],
    near: list[tuple[float, float, float | None]],
    single: list[tuple[float, float, float | None]],
) -> None:
    assert times(fold(NEAR, fumes(*means))) == near
    assert times(fold(SINGLE, fumes(*means))) == single


DAY = 144  # windows


def days_of(*high: bool, cooking: int = 60) -> list[Window]:
    """County days from NOON on: at each day's beginning, half an hour that is high or not, then calm cooking."""
    return [
        Window(at(day * DAY + n), fume_mg_m3=2.5 if is_high and n < 3 else 0.5, fan_on_minutes=10)
        for day, is_high in enumerate(high)
        for n in range(3 + cooking)
    ]


def again(windows: list[Window]) -> list[Episode]:
    return repeated(AGAIN, fold(FUME, windows), windows, COUNTY)


def test_sustained_values_on_three_of_seven_days_are_an_alarm_of_their_own() -> None:
    assert again(days_of(True, True)) == []
    assert times(again(days_of(True, False, False, True, False, False, True))) == [(6 * DAY + 3, 6 * DAY + 3, None)]
    assert again(days_of(True, False, False, True, False, False, False, True)) == []
    (episode,) = again(days_of(True, True, True, True))
    assert (episode.peak, len(episode.evidence)) == (4.0, 3)
    assert times([episode])[0][:2] == (2 * DAY + 3, 3 * DAY + 3)


def test_it_is_cleared_by_a_week_of_cooking_and_not_by_a_week_of_darkness() -> None:
    high = days_of(True, True, True, cooking=10)
    assert times(again(high))[0][2] is None
    dark = [*high, *(replace_window(one, 60 * DAY) for one in fumes(0.5, 0.5))]
    assert times(again(dark))[0][2] is None
    (cleared,) = again([*high, *(Window(at(5 * DAY + n), fume_mg_m3=0.5, fan_on_minutes=10) for n in range(160))])
    assert cleared.cleared_at is not None


def replace_window(window: Window, later: int) -> Window:
    return replace(window, at=window.at + later * WINDOW)


# ── fan, flat, jumps ──


def fan_windows(*values: tuple[float, int], due: bool = True) -> list[Window]:
    return [Window(at(n), fume_mg_m3=mean, fan_on_minutes=fan, fan_due=due) for n, (mean, fan) in enumerate(values)]


def test_fume_that_rises_in_business_hours_with_the_fan_off_is_an_alarm_until_the_fan_runs() -> None:
    rising = [(0.1, 0), (0.4, 0), (0.7, 0)]
    assert times(fold(FAN, fan_windows(*rising))) == [(3, 3, None)]
    assert fold(FAN, fan_windows(*rising, due=False)) == []
    assert fold(FAN, fan_windows((0.1, 0), (0.2, 0), (0.3, 0))) == []
    assert fold(FAN, fan_windows((0.1, 0), (0.4, 2), (0.7, 0))) == []
    assert times(fold(FAN, fan_windows(*rising, (0.9, 0), (0.5, 4), (0.5, 5)))) == [(3, 4, 6)]


@pytest.mark.parametrize(
    ("opens", "closes", "hour", "is_open"),
    [(10, 21, 12, True), (10, 21, 21, False), (17, 2, 1, True), (17, 2, 3, False), (17, 2, 23, True)],
)
def test_business_hours_may_go_past_midnight(opens: int, closes: int, hour: int, is_open: bool) -> None:
    moment = datetime(2026, 3, 5, hour, tzinfo=COUNTY)
    assert is_open_at(moment, time(opens), time(closes), COUNTY) is is_open
    assert not is_open_at(moment, None, None, COUNTY)


def flat(*values: float, fan: int = 10) -> list[Window]:
    return [
        Window(at(n), fume_mg_m3=value, fan_on_minutes=fan, fume_min=value, fume_max=value)
        for n, value in enumerate(values)
    ]


def test_two_hours_of_cooking_without_a_change_are_a_fault_of_the_device_until_a_change_is_seen() -> None:
    assert fold(FLAT, flat(*[0.31] * 11)) == []
    assert times(fold(FLAT, flat(*[0.31] * 13))) == [(12, 13, None)]
    assert fold(FLAT, flat(*[0.31] * 13, fan=0)) == []
    assert fold(FLAT, flat(*[0.31] * 11, 0.33)) == []
    assert times(fold(FLAT, flat(*[0.31] * 12, 0.314, 0.33))) == [(12, 13, 14)]


def test_a_tenfold_change_between_two_windows_stands_for_an_hour() -> None:
    assert times(fold(JUMP, fumes(0.2, 2.1))) == [(2, 2, None)]
    assert times(fold(JUMP, fumes(2.1, 0.2))) == [(2, 2, None)]
    assert fold(JUMP, fumes(0.2, 1.9)) == []
    assert fold(JUMP, fumes(0.05, 0.9)) == []
    assert fold(JUMP, fumes(0.2, None, 2.1)) == []
    assert times(fold(JUMP, fumes(0.2, 2.1, *[1.0] * 6))) == [(2, 2, 8)]


# ── days, months, records ──


def period(first: date, last: date, highest: float | None = 1.0, fan: int = 6000, without: int = 0) -> Period:
    begins, ends = (datetime.combine(day, time(), COUNTY) for day in (first, last))
    return Period(begins, ends, highest, fan, without)


def day_of(day: int, highest: float | None, fan: int) -> Period:
    return period(date(2026, 3, day), date(2026, 3, day + 1), highest, fan)


def test_a_day_of_cooking_near_zero_is_a_fault_of_the_device() -> None:
    days = [day_of(1, 0.02, 300), day_of(2, 0.01, 0), day_of(3, None, 0), day_of(4, 0.01, 200), day_of(5, 0.3, 0)]
    (episode,) = fold_periods(LOW, days)
    assert (episode.raised_at, episode.last_at, episode.cleared_at) == (days[0].end, days[3].end, days[4].end)
    assert fold_periods(LOW, [day_of(1, 0.01, 60)]) == []


def month(number: int, fan: int, without: int) -> Period:
    return period(date(2026, number, 1), date(2026, number + 1, 1), 1.0, fan, without)


def test_a_month_with_too_little_linkage_is_cleared_by_the_next_good_one_not_by_a_dark_one() -> None:
    (open_one,) = fold_periods(RATE, [month(1, 6000, 700), month(2, 300, 0)])
    assert (open_one.peak, open_one.cleared_at) == (88.33, None)
    assert fold_periods(RATE, [month(1, 6000, 600)]) == []
    (cleared,) = fold_periods(RATE, [month(1, 6000, 700), month(2, 300, 0), month(3, 6000, 10)])
    assert cleared.cleared_at == datetime(2026, 4, 1, tzinfo=COUNTY)


def test_a_cleaning_that_is_due_is_an_alarm_until_the_day_it_is_done() -> None:
    cycle, begins = timedelta(days=30), datetime(2026, 1, 1, tzinfo=COUNTY)

    def due(*days: date, by: date) -> list[tuple[date, date | None]]:
        found = overdue(CLEAN, days, cycle, begins, datetime.combine(by, time(12), COUNTY), COUNTY)
        return [
            (one.raised_at.date(), one.cleared_at.astimezone(COUNTY).date() if one.cleared_at else None)
            for one in found
        ]

    assert due(date(2026, 2, 1), by=date(2026, 3, 3)) == []
    assert due(date(2026, 2, 1), by=date(2026, 3, 4)) == [(date(2026, 3, 4), None)]
    assert due(date(2026, 2, 1), date(2026, 3, 9), by=date(2026, 3, 20)) == [(date(2026, 3, 4), date(2026, 3, 9))]
    assert due(date(2025, 1, 1), by=date(2026, 3, 4)) == [(date(2026, 1, 1), None)]
    assert due(by=date(2026, 3, 4)) == []


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
        self.settle(changed, fold(self.rule, ordered, place.state))

    def settle(self, changed: datetime, episodes: list[Episode]) -> None:
        open_then = [one for one in self.known if one.episode.cleared_at is None or one.episode.cleared_at > changed]
        settlement = settle(open_then, episodes)
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
        st.sampled_from([0.0, 0.1, 1.0, 1.6, 2.0, 2.1, 3.0, 4.1]),
        st.sampled_from([0, 5, 10]),
        st.sampled_from([0, 0, 3, 6, 10]),
    ),
    max_size=40,
)


def make(values: dict[int, tuple[float, int, int]]) -> list[Window]:
    return [
        Window(
            at(n),
            fume_mg_m3=mean,
            fan_on_minutes=fan,
            purifier_on_minutes=max(0, fan - minutes),
            fan_without_purifier_minutes=minutes,
            fume_min=mean,
            fume_max=mean,
            fan_due=True,
        )
        for n, (mean, fan, minutes) in values.items()
    ]


SHORT_FLAT = FLAT.model_copy(update={"windows": 3})
FOLDED: list[WindowRule] = [NEAR, SINGLE, FUME, LINK, FAN, SHORT_FLAT, JUMP]


@pytest.mark.parametrize("rule", FOLDED, ids=lambda rule: rule.id)
@given(final=some_windows, earlier=some_windows, data=st.data())
@settings(max_examples=150, deadline=None)
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
    for rule in FOLDED:
        ledger = Ledger(rule)
        for window in sorted(make(values), key=lambda one: one.at):
            ledger.change(window)
        assert ledger.raised == len(fold(rule, sorted(make(values), key=lambda one: one.at)))


WEEKLY = AGAIN.model_copy(update={"clear_windows": 4, "days": 2, "within_days": 3})


class TwoLedgers(Ledger):
    """The same for a rule that counts alarms of another, which is judged beside it."""

    def __init__(self, rule: RepeatedAlarm, of: SustainedValue) -> None:
        super().__init__(of)
        self.again, self.counted = rule, Ledger(of)

    def change(self, *windows: Window) -> None:
        changed = min(window.at for window in windows)
        self.counted.change(*windows)
        self.windows |= {window.at: window for window in windows}
        place = resume(self.again, [one.episode for one in self.known if not one.withdrawn], changed)
        ordered = [self.windows[key] for key in sorted(self.windows) if key >= place.since]
        self.settle(changed, repeated(self.again, self.counted.episodes, ordered, COUNTY, place.state))


@given(final=some_windows, data=st.data())
@settings(max_examples=150, deadline=None)
def test_alarms_that_count_others_are_those_of_a_replay_too(
    final: dict[int, tuple[float, int, int]], data: st.DataObject
) -> None:
    windows = [replace(one, at=NOON + 8 * (one.at - NOON)) for one in make(final)]  # of several days
    single = FUME.model_copy(update={"windows": 1, "clear_windows": 1})
    ledger = TwoLedgers(WEEKLY, single)
    for window in data.draw(st.permutations(windows)):
        ledger.change(window)
    ordered = sorted(windows, key=lambda one: one.at)
    assert ledger.episodes == repeated(WEEKLY, fold(single, ordered), ordered, COUNTY)


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
