"""Positions between the three systems in use in China, and the distance between two of them.

Everything inside the house is WGS84; this is the one edge where GCJ-02 (高德, 腾讯) and BD-09 (百度) come in or go out.
CGCS2000, the national system, differs from WGS84 by far less than a metre here and is taken as the same.
GCJ-02 is secret in law and long known in practice; constants from domain.md §9.3. Never meant for surveying.

All functions take and give degrees, longitude first. Outside China the web maps shift nothing, and neither does this.
"""

from __future__ import annotations

from collections.abc import Callable
from math import asin, atan2, cos, hypot, pi, radians, sin, sqrt
from typing import NamedTuple

AXIS = 6378245.0  # metres, semi-major axis of the Krasovsky 1940 ellipsoid
ECCENTRICITY_SQUARED = 0.00669342162296594323
BAIDU_TURN = pi * 3000 / 180
BAIDU_EAST, BAIDU_NORTH = 0.0065, 0.006
EARTH_RADIUS_M = 6371008.8  # mean radius, IUGG

# Degrees. The inverses stop well below the millimetre; each step gains more than two digits, so a handful is enough.
CLOSE_ENOUGH = 1e-11
MOST_STEPS = 20


class Position(NamedTuple):
    """Degrees east and north."""

    lng: float
    lat: float


def in_china(lng: float, lat: float) -> bool:
    """Whether the web maps shift this place: the rectangle they use, which reaches over the border."""
    return 72.004 <= lng <= 137.8347 and 0.8293 <= lat <= 55.8271


def wgs84_to_gcj02(lng: float, lat: float) -> Position:
    """Shift a true position the way Chinese web maps do (100 to 700 m)."""
    if not in_china(lng, lat):
        return Position(lng, lat)
    east, north = _shift_in_metres(lng - 105.0, lat - 35.0)
    phi = radians(lat)
    flattening = 1 - ECCENTRICITY_SQUARED * sin(phi) ** 2
    meridian = AXIS * (1 - ECCENTRICITY_SQUARED) / flattening**1.5
    parallel = AXIS / sqrt(flattening) * cos(phi)
    return Position(lng + east * 180 / (parallel * pi), lat + north * 180 / (meridian * pi))


def gcj02_to_wgs84(lng: float, lat: float) -> Position:
    """The true position of a place on a Chinese web map; exact to well under 1e-7 degrees (1 cm)."""
    return _invert(wgs84_to_gcj02, lng, lat)


def gcj02_to_bd09(lng: float, lat: float) -> Position:
    """Shift a GCJ-02 position once more, as Baidu does."""
    if not in_china(lng, lat):
        return Position(lng, lat)
    radius = hypot(lng, lat) + 0.00002 * sin(lat * BAIDU_TURN)
    angle = atan2(lat, lng) + 0.000003 * cos(lng * BAIDU_TURN)
    return Position(radius * cos(angle) + BAIDU_EAST, radius * sin(angle) + BAIDU_NORTH)


def bd09_to_gcj02(lng: float, lat: float) -> Position:
    """Take Baidu's shift back."""
    return _invert(gcj02_to_bd09, lng, lat)


def wgs84_to_bd09(lng: float, lat: float) -> Position:
    """A true position on Baidu's map."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lng, lat))


def bd09_to_wgs84(lng: float, lat: float) -> Position:
    """The true position of a place on Baidu's map."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lng, lat))


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres along the great circle between two (lng, lat) of the same system; within 0.5 % of the ellipsoid."""
    (lng_a, lat_a), (lng_b, lat_b) = a, b
    half_lat, half_lng = radians(lat_b - lat_a) / 2, radians(lng_b - lng_a) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat_a)) * cos(radians(lat_b)) * sin(half_lng) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _shift_in_metres(x: float, y: float) -> tuple[float, float]:
    """The shift of GCJ-02 east and north, from degrees counted from 105°E 35°N."""
    ripple = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (ripple + _waves(x, (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30))) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (ripple + _waves(y, (20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30))) * 2 / 3
    return east, north


def _waves(t: float, *terms: tuple[float, float]) -> float:
    return sum(height * sin(pi * t * rate) for height, rate in terms)


def _invert(shift: Callable[[float, float], Position], lng: float, lat: float) -> Position:
    """The place that `shift` takes to (lng, lat), by iteration: neighbours are shifted nearly alike."""
    guess = Position(lng, lat)
    for _ in range(MOST_STEPS):
        landed = shift(*guess)
        guess = Position(guess.lng + lng - landed.lng, guess.lat + lat - landed.lat)
        if abs(landed.lng - lng) < CLOSE_ENOUGH and abs(landed.lat - lat) < CLOSE_ENOUGH:
            break
    return guess
