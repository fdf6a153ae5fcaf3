"""Long messages in parts, and parts put together: in any order, bounded, never waited for beyond the time."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hj212 import Frame, ItemTooLong, Message, Reassembler, TooManyParts, encode, split, upload
from tests.hj212.wire import MN, feed_whole, one, sample, steady

LONG = sample(minute=1, factors=80)


def frames_of(message: Message) -> list[Frame]:
    return [one(feed_whole(encode(part), strict=True)) for part in split(message)]


PARTS = frames_of(LONG)


def test_a_short_message_stays_as_it_is() -> None:
    assert split(sample()) == [sample()]


def test_parts_are_numbered_and_announced() -> None:
    assert [frame.part for frame in PARTS] == [(1, 3), (2, 3), (3, 3)]
    assert {frame.flag for frame in PARTS} == {"7"}


def test_every_part_repeats_the_data_time_and_holds_whole_items() -> None:
    assert {frame.items()["DataTime"] for frame in PARTS} == {"20260105080100"}
    whole = [f"a{34000 + number}" for number in range(80)]
    assert [code for frame in PARTS for code in frame.factors()] == whole
    assert all(set(values) == {"Rtd", "Flag"} for frame in PARTS for values in frame.factors().values())


def test_every_part_has_the_next_qn() -> None:
    """HJ 212-2017 C.50: ...534, ...535: each part is acknowledged by its own."""
    first = LONG.qn or ""
    assert [frame.qn for frame in PARTS] == [first, first[:-1] + "1", first[:-1] + "2"]


def test_a_split_like_the_one_of_the_standard() -> None:
    """After HJ 212-2017 C.49: two factors do not fit together, so each travels alone."""
    hourly = {code: {"Cou": "63.0", "Min": "16.4", "Avg": "17.5", "Max": "20.1"} for code in ("w00000", "w01018")}
    message = upload("2061", datetime(2016, 8, 1, 8), hourly, st="32", mn=MN, pw="123456", qn="20160801085857534")
    first, second = split(message, cp_limit=100)
    assert first.cp == "DataTime=20160801080000;w00000-Cou=63.0,w00000-Min=16.4,w00000-Avg=17.5,w00000-Max=20.1"
    assert second.cp == "DataTime=20160801080000;w01018-Cou=63.0,w01018-Min=16.4,w01018-Avg=17.5,w01018-Max=20.1"
    assert (first.qn, second.qn) == ("20160801085857534", "20160801085857535")


def test_parts_of_2005_have_no_flag_if_the_message_has_none() -> None:
    message = replace(LONG, flag=None)
    parts = split(message, order="2005")
    frames = [one(feed_whole(encode(part, order="2005"), strict=True)) for part in parts]
    assert [frame.part for frame in frames] == [(1, 3), (2, 3), (3, 3)]
    assert {frame.flag for frame in frames} == {None}


@steady
@given(st.integers(1, 60), st.integers(120, 950))
def test_parts_keep_to_the_limits_and_lose_nothing(factors: int, cp_limit: int) -> None:
    message = sample(factors=factors)
    parts = split(message, cp_limit=cp_limit)
    assert all(len(part.cp) <= cp_limit for part in parts)
    if len(parts) > 1:
        said = [item for part in parts for item in part.cp.split(";")[1:]]
        assert said == message.cp.split(";")[1:]


def test_an_item_is_never_cut() -> None:
    with pytest.raises(ItemTooLong):
        split(Message("3020", "31", cp="DataTime=20260105080100;i11001-Info=//" + "x" * 960 + "//"))


def test_there_are_no_more_parts_than_can_be_numbered() -> None:
    with pytest.raises(TooManyParts) as caught:
        split(LONG, parts_limit=2)
    assert (caught.value.parts, caught.value.limit) == (3, 2)


# ---- putting together ----


@steady
@given(st.permutations(range(3)), st.lists(st.integers(0, 2), max_size=4))
def test_parts_in_any_order_with_repetitions_make_one_message(order: list[int], repeated: list[int]) -> None:
    reassembler = Reassembler()
    arrivals = [PARTS[order[0]], PARTS[order[1]], *(PARTS[order[index % 2]] for index in repeated), PARTS[order[2]]]
    done = [whole for frame in arrivals for whole in reassembler.add(frame, now=0.0)]
    assert len(done) == 1
    assert done[0].complete
    assert done[0].missing == ()
    assert list(done[0].frames) == PARTS
    assert len(done[0].factors()) == 80
    assert done[0].items() == {"DataTime": "20260105080100"}
    assert reassembler.held == 0


def test_a_message_that_was_never_split_passes_through() -> None:
    frame = one(feed_whole(encode(sample())))
    whole = Reassembler().add(frame, now=0.0)[0]
    assert whole.complete
    assert whole.frames == (frame,)
    assert whole.factors() == frame.factors()
    assert whole.missing == ()


def test_messages_of_different_times_do_not_mix() -> None:
    reassembler = Reassembler()
    other = frames_of(sample(minute=2, factors=80))
    assert [*reassembler.add(PARTS[0], 0.0), *reassembler.add(other[1], 0.0), *reassembler.add(PARTS[2], 0.0)] == []
    assert reassembler.held == 3


def test_what_does_not_come_in_time_is_handed_out_incomplete() -> None:
    reassembler = Reassembler(timeout=30.0)
    reassembler.add(PARTS[0], now=100.0)
    reassembler.add(PARTS[2], now=120.0)
    assert reassembler.next_expiry() == 130.0
    assert reassembler.expire(129.9) == []
    late = reassembler.expire(130.0)[0]
    assert not late.complete
    assert late.missing == (2,)
    assert len(late.factors()) < 80
    assert reassembler.next_expiry() is None


def test_waiting_parts_are_bounded_and_the_oldest_give_way() -> None:
    reassembler = Reassembler(limit=5)
    handed_out = []
    for minute in range(20):
        handed_out += reassembler.add(frames_of(sample(minute=minute, factors=80))[0], now=float(minute) / 100)
        assert reassembler.held <= 5
    assert [whole.frames[0].data_time for whole in handed_out] == [
        datetime(2026, 1, 5, 8, minute) for minute in range(15)
    ]
