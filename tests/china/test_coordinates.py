from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.china.coordinates import (
    Position,
    bd09_to_gcj02,
    bd09_to_wgs84,
    distance_m,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    in_china,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

# Away from the rectangle's edge, where a place inside may be shifted outside and then has no way back.
positions = st.builds(Position, st.floats(73, 137), st.floats(2, 55))
anywhere = st.builds(Position, st.floats(-180, 180), st.floats(-90, 90))
abroad = anywhere.filter(lambda p: not in_china(*p))

Convert = Callable[[float, float], Position]

SYSTEMS = [
    (wgs84_to_gcj02, gcj02_to_wgs84),
    (gcj02_to_bd09, bd09_to_gcj02),
    (wgs84_to_bd09, bd09_to_wgs84),
]


def off_by(a: Position, b: Position) -> float:
    return max(abs(a.lng - b.lng), abs(a.lat - b.lat))


def test_the_shifts_agree_with_the_figures_in_common_use() -> None:
    assert wgs84_to_gcj02(116.404, 39.915) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-12)
    assert gcj02_to_bd09(116.404, 39.915) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-12)


@pytest.mark.parametrize(("there", "back"), SYSTEMS)
@given(position=positions)
def test_there_and_back_is_the_same_place(there: Convert, back: Convert, position: Position) -> None:
    assert off_by(back(*there(*position)), position) < 1e-9
    assert off_by(there(*back(*position)), position) < 1e-9


@given(positions)
def test_the_web_maps_are_off_by_streets_not_by_towns(position: Position) -> None:
    # No lower bound: the shift is a sum of waves, and there are places where it is nothing.
    assert distance_m(position, wgs84_to_gcj02(*position)) < 1200


@pytest.mark.parametrize("convert", [f for pair in SYSTEMS for f in pair])
@given(position=abroad)
def test_abroad_nothing_is_shifted(convert: Convert, position: Position) -> None:
    assert convert(*position) == position


def test_the_county_seat_moves_half_a_kilometre() -> None:
    seat = Position(120.9251, 30.8167)

    assert distance_m(seat, wgs84_to_gcj02(*seat)) == pytest.approx(490, abs=30)


def test_distances_agree_with_the_ellipsoid_within_half_a_percent() -> None:
    # One degree on WGS84 at 31°N: 110,863 m along the meridian, 95,505 m along the parallel.
    assert distance_m((121, 30.5), (121, 31.5)) == pytest.approx(110_863, rel=0.005)
    assert distance_m((120.5, 31), (121.5, 31)) == pytest.approx(95_505, rel=0.005)


@given(anywhere, anywhere, anywhere)
def test_distance_is_a_distance(a: Position, b: Position, c: Position) -> None:
    assert distance_m(a, a) == 0
    assert distance_m(a, b) == pytest.approx(distance_m(b, a))
    assert distance_m(a, c) <= distance_m(a, b) + distance_m(b, c) + 0.01
