"""What a shop has to do, and in which order it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.selfservice.agenda import CARE, Open, Shop, What, agenda, cycles, end_of_month

DAY = date(2026, 3, 5)
DAYS = {What.CLEANING: 90, What.TRAP: 30, What.WASTE: 7}
ALL = frozenset(What)
EVERYTHING = frozenset(CARE)


def before(days: int) -> date:
    return DAY - timedelta(days=days)


FINE = Shop(
    last={What.CLEANING: before(10), What.TRAP: before(5), What.WASTE: before(1)},
    has=EVERYTHING,
    declared_for=date(2026, 3, 1),
)


def told(shop: Shop, may: frozenset[What] = ALL) -> list[tuple[What, date | None, int, bool]]:
    return [(todo.what, todo.by, todo.late_days, todo.pressing) for todo in agenda(DAY, shop, DAYS, may)]


def test_where_all_is_in_order_nothing_presses_and_the_next_date_comes_first() -> None:
    assert told(FINE) == [
        (What.WASTE, date(2026, 3, 11), 0, False),
        (What.TRAP, date(2026, 3, 30), 0, False),
        (What.CLEANING, date(2026, 5, 24), 0, False),
    ]


def test_something_becomes_pressing_a_week_before_its_date() -> None:
    eight, seven = (
        replace(FINE, last={What.CLEANING: before(90 - days)}, has=frozenset({What.CLEANING})) for days in (8, 7)
    )
    assert not told(eight)[0][3]
    assert told(seven)[0][3]


def test_what_is_late_comes_before_what_is_due_and_says_by_how_much() -> None:
    shop = replace(FINE, last={**FINE.last, What.TRAP: before(33)}, reminders=(Open("1", DAY + timedelta(days=2)),))
    assert told(shop)[:2] == [(What.TRAP, before(3), 3, True), (What.REMINDER, date(2026, 3, 7), 0, True)]


def test_a_reminder_comes_before_the_self_check_of_the_month() -> None:
    shop = replace(FINE, declared_for=date(2026, 2, 1), reminders=(Open("1", date(2026, 3, 31)),))
    assert [row[0] for row in told(shop)][:2] == [What.REMINDER, What.SELF_CHECK]


def test_the_self_check_is_asked_for_once_a_month_until_its_last_day() -> None:
    assert told(replace(FINE, declared_for=None))[0] == (What.SELF_CHECK, date(2026, 3, 31), 0, True)
    assert What.SELF_CHECK not in [row[0] for row in told(FINE)]
    assert end_of_month(date(2028, 2, 3)) == date(2028, 2, 29)


def test_what_was_never_recorded_has_no_date_and_comes_last() -> None:
    shop = replace(FINE, last={What.WASTE: before(1)})
    assert [(row[0], row[1]) for row in told(shop)][1:] == [(What.CLEANING, None), (What.TRAP, None)]


def test_a_shop_without_a_purifier_is_not_asked_to_clean_one() -> None:
    assert What.CLEANING not in [row[0] for row in told(replace(FINE, has=frozenset({What.WASTE})))]


def test_a_hauler_is_told_of_waste_alone() -> None:
    assert [row[0] for row in told(replace(FINE, declared_for=None), frozenset({What.WASTE}))] == [What.WASTE]


def test_cycles_are_the_countys_policy() -> None:
    """浙环发〔2015〕8号 §15."""
    catalogues = read_folder(SHIPPED)[0]
    assert [cycles(catalogues, scale, DAY)[What.CLEANING] for scale in ("large", "medium", "small")] == [30, 60, 90]
    assert What.CLEANING not in cycles(catalogues, "small", date(2014, 1, 1))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(CARE), st.integers(0, 200).map(before)),
    st.lists(st.integers(-20, 20).map(lambda n: Open(str(n), DAY + timedelta(days=n))), max_size=4).map(tuple),
    st.sets(st.sampled_from(list(What))).map(frozenset),
)
def test_late_first_then_pressing_then_the_rest(
    last: dict[What, date], reminders: tuple[Open, ...], may: frozenset[What]
) -> None:
    todos = agenda(DAY, Shop(last, EVERYTHING, None, reminders), DAYS, may)
    ranks = [0 if todo.late_days else 1 if todo.pressing else 2 for todo in todos]
    assert ranks == sorted(ranks)
    assert {todo.what for todo in todos} <= may
    assert all(todo.pressing for todo in todos if todo.late_days)
