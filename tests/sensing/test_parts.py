"""Split messages: any order of their parts is one row, and a part that never comes loses nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from hj212 import Frame
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.parts import HELD, SPLITS_KEPT, Parts
from lingxiu.sensing.profiles import NotAReading, ProfileReader, Reading, microseconds
from lingxiu.sensing.store import Batch
from tests.sensing.frames import COUNTY, decode, segment_frame

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
PROFILE = next(row for row in read_folder(SHIPPED)[0].devices if row.id == "plain-2017")
TIME = "DataTime=20260305120000"
ITEMS = ("a34041-Rtd=0.7,a34041-Flag=N", "a34000-Rtd=0.2,a34000-Flag=N", "SB1-RS=1", "SB2-RS=0")
WHOLE = {"fume_mg_m3": 0.7, "pm_mg_m3": 0.2, "fan_on": True, "purifier_on": False}
steady = settings(derandomize=True, deadline=None, max_examples=60)


def part(number: int, cp: str, total: int = len(ITEMS), cn: str = "2011") -> Frame:
    header = f"QN=202603051200000{number:02};ST=31;CN={cn};PW=123456;MN=A;Flag=7;PNUM={total};PNO={number}"
    return decode(segment_frame(f"{header};CP=&&{cp}&&"))


def stored(frames: Sequence[Frame]) -> tuple[list[Reading], int]:
    """(rows, parts that could not be placed) once these have come, in this order, and the connection has ended."""
    parts, batch, odd = Parts(), Batch(0), 0
    reader = ProfileReader(PROFILE, COUNTY)
    placed = [one for frame in frames for one in parts.add(frame, 0.0)] + parts.rest()
    for frame, told in placed:
        try:
            batch.add(reader.read(frame, 1, microseconds(NOON), told).reading, frame.raw)
        except NotAReading:
            odd += 1
    assert batch.odd == []
    return list(batch.rows.values()), odd


@steady
@given(
    order=st.permutations(range(len(ITEMS))),
    timed=st.sets(st.integers(0, len(ITEMS) - 1), min_size=1),
    doubles=st.lists(st.integers(0, len(ITEMS) - 1), max_size=3),
)
def test_parts_in_any_order_are_one_row(order: list[int], timed: set[int], doubles: list[int]) -> None:
    frames = [part(n + 1, f"{TIME};{ITEMS[n]}" if n in timed else ITEMS[n]) for n in range(len(ITEMS))]
    sent = [frames[n] for n in order]
    for place in doubles:
        sent.insert(place, sent[place])
    rows, _ = stored(sent)
    (row,) = rows
    assert {name: getattr(row, name) for name in WHOLE} == WHOLE


@steady
@given(order=st.permutations(range(len(ITEMS))), missing=st.integers(0, len(ITEMS) - 1))
def test_a_part_that_never_comes_loses_nothing_else(order: list[int], missing: int) -> None:
    rows, odd = stored([part(n + 1, f"{TIME};{ITEMS[n]}") for n in order if n != missing])
    assert odd == 0
    (row,) = rows
    absent = list(WHOLE)[missing]
    assert {name: getattr(row, name) for name in WHOLE} == WHOLE | {absent: None}


def test_where_no_part_tells_the_time_all_are_handed_out_as_they_are() -> None:
    rows, odd = stored([part(n + 1, ITEMS[n]) for n in range(3)])
    assert (rows, odd) == ([], 3)


def test_a_time_is_not_lent_to_the_next_message() -> None:
    parts = Parts()
    first = [part(n + 1, f"{TIME};{ITEMS[n]}", 2) for n in range(2)]
    assert len([one for frame in first for one in parts.add(frame, 0.0)]) == 2
    assert parts.add(part(2, ITEMS[1], 2), 60.0) == []
    ((own, _), (held, told)) = parts.add(part(1, f"DataTime=20260305120100;{ITEMS[0]}", 2), 61.0)
    assert (own.pno, held.pno, told) == ("1", "2", "20260305120100")


def test_what_waits_too_long_is_handed_out() -> None:
    parts = Parts()
    waiting = part(2, ITEMS[1])
    assert parts.add(waiting, 0.0) == []
    assert parts.late(29.0) == []
    assert parts.late(30.0) == [(waiting, None)]
    assert len(parts) == 0


def test_few_and_short_ones_are_remembered() -> None:
    parts = Parts()
    handed = 0
    for n in range(100):
        handed += len(parts.add(part(n % 3 + 1, ITEMS[0], 9, cn=f"2{n % 40:03}"), 0.0))
        assert len(parts) <= SPLITS_KEPT
        assert parts.held <= HELD
    assert handed + parts.held == 100
    assert len(parts.add(part(1, f"DataTime={'9' * 700};{ITEMS[0]}", 9, cn="2999"), 0.0)) == 1
