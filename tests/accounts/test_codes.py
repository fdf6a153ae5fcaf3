"""How often six digits may be asked for: plain arithmetic over times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lingxiu.accounts.codes import DIGITS, PER_PHONE, Limit, free_from, make_digits

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
minutes = st.integers(0, 3000).map(lambda m: NOON - timedelta(minutes=m))


def test_the_first_code_is_sent_at_once() -> None:
    assert free_from([], PER_PHONE, NOON) is None


def test_the_next_one_a_minute_later() -> None:
    assert free_from([NOON - timedelta(seconds=20)], PER_PHONE, NOON) == NOON + timedelta(seconds=40)
    assert free_from([NOON - timedelta(seconds=60)], PER_PHONE, NOON) is None


def test_five_in_an_hour_are_enough() -> None:
    sent = [NOON - timedelta(minutes=m) for m in (50, 40, 30, 20, 10)]
    assert free_from(sent, PER_PHONE, NOON) == NOON + timedelta(minutes=10)


@given(st.lists(minutes, max_size=30), st.lists(st.builds(Limit, st.integers(1, 5), st.just(timedelta(hours=1)))))
def test_waiting_as_long_as_told_is_always_enough(sent: list[datetime], limits: list[Limit]) -> None:
    wait = free_from(sent, limits, NOON)
    if wait is not None:
        assert wait > NOON
        assert free_from(sent, limits, wait) is None


def test_codes_have_six_digits_and_differ() -> None:
    made = {make_digits() for _ in range(200)}
    assert all(len(code) == DIGITS and code.isdigit() for code in made)
    assert len(made) > 190
