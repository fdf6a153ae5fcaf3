"""Where the demo's merchants stand: on streets, thick in the middle of towns, thin along village roads.

Every place is a made-up shop front beside a made-up road, inside a grid and on dry land; no two are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, floor, inf, log
from random import Random
from typing import NamedTuple

import numpy as np
import shapely

from lingxiu.demo.plane import Array, plane_around
from lingxiu.demo.shapes import CountyShapes

SHOP_FRONT = 14.0  # metres of road one shop takes
SET_BACK = (9.0, 17.0)  # metres from the middle of a road to a shop
DRAW = {1: 1.0, 2: 0.035, 3: 0.16}  # how much a metre of street, village road, main road draws shops
TOWN_PULL = 600.0  # metres from a town's centre over which its draw falls to a third
VILLAGE_PULL, VILLAGE_DRAW = 220.0, 0.6  # the same for a village, and its draw beside a town's
FIELDS = 0.02  # what is left of the draw far from both
FAVOUR = {1: 0.9, 2: 0.5, 3: 0.5}  # how much such roads differ: most streets have few shops, a few are food streets
BANK = 0.0001  # degrees, about 10 m: half of what the narrowest water takes, with its bank
DECIMALS = 6


class Place(NamedTuple):
    """WGS84 degrees, and the grid it lies in."""

    lng: float
    lat: float
    grid_code: str


# Luck, which falls to the fronts that draw most (Efraimidis and Spirakis' weighted sampling, 2006), and where.
Front = tuple[float, Place]


def sample_places(shapes: CountyShapes, town_weights: Mapping[str, float], count: int, seed: int) -> list[Place]:
    """`count` places in no particular order, shared out among towns (code → weight) as exactly as whole shops allow.

    Raises:
        ValueError: a town has not room enough for its share.
    """
    random = Random(seed)
    points, draw = _shop_fronts(shapes, random)
    by_town: dict[str, list[Front]] = {}
    for (lng, lat), weight, grid in zip(points.tolist(), draw.tolist(), _grids_of(shapes, points), strict=True):
        if grid:
            luck = log(1.0 - random.random()) / weight
            by_town.setdefault(grid[:9], []).append((luck, Place(lng, lat, grid)))
    shares = sorted(_shares(town_weights, count).items())
    places = [place for town, share in shares for place in _luckiest(by_town.get(town, []), share)]
    random.shuffle(places)
    return places


def _shares(weights: Mapping[str, float], count: int) -> dict[str, int]:
    """`count` in whole shares by weight, the largest remainders rounded up."""
    exact = {code: count * weight / sum(weights.values()) for code, weight in weights.items()}
    left = count - sum(floor(share) for share in exact.values())
    up = sorted(exact, key=lambda code: (floor(exact[code]) - exact[code], code))[:left]
    return {code: floor(share) + (code in up) for code, share in exact.items()}


def _luckiest(fronts: list[Front], count: int) -> list[Place]:
    """`count` places, none twice: the best of every grid, so that no grid member's round is empty, then the best."""
    if count > len(fronts):
        raise ValueError(f"{count} shops are more than the {len(fronts)} fronts of their town")
    ordered = [place for _, place in sorted(fronts, reverse=True)]
    first = {place.grid_code: place for place in reversed(ordered)}
    return sorted(ordered, key=lambda place: first[place.grid_code] is not place)[:count]


def _shop_fronts(shapes: CountyShapes, random: Random) -> tuple[Array, Array]:
    """Every front beside a road, (n, 2) in rounded degrees, and (n,) how much it draws."""
    plane = plane_around(shapes.areas[0].polygon)
    towns = plane.metres(np.array([town.centre for town in shapes.of_kind("town")]))
    villages = plane.metres(np.array([part.centre for part in shapes.of_kind("community")]))
    found: list[tuple[float, float]] = []
    draw: list[float] = []
    for road in shapes.roads:
        fronts = _beside(shapely.LineString(plane.metres(shapely.get_coordinates(road.shape))), random)
        town = DRAW[road.width] * (FIELDS + np.exp(-_away(fronts, towns) / TOWN_PULL))
        village = VILLAGE_DRAW * np.exp(-_away(fronts, villages) / VILLAGE_PULL)
        found += fronts
        draw += ((town + village) * exp(random.gauss(0, FAVOUR[road.width]))).tolist()
    points, kept = np.unique(np.round(plane.degrees(np.array(found)), DECIMALS), axis=0, return_index=True)
    return points, np.array(draw)[kept]


def _away(points: list[tuple[float, float]], centres: Array) -> Array:
    """(n,) metres from each point to the nearest of `centres`."""
    offsets = np.array(points).reshape(-1, 1, 2) - centres
    return np.asarray(np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1))


def _beside(line: shapely.LineString, random: Random) -> list[tuple[float, float]]:
    """Fronts on both sides of a road."""
    at = np.arange(SHOP_FRONT / 2, line.length - SHOP_FRONT, SHOP_FRONT)
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 1.0))
    along = ahead - here
    length = np.hypot(*along.T)
    fronts: list[tuple[float, float]] = []
    for (x, y), (dx, dy), metre in zip(here.tolist(), along.tolist(), length.tolist(), strict=True):
        for side in (-1, 1):
            off = side * random.uniform(*SET_BACK) / (metre or inf)
            fronts.append((x - dy * off, y + dx * off))
    return fronts


def _grids_of(shapes: CountyShapes, points: Array) -> list[str]:
    """For each of (n, 2) points the code of the grid it lies in; empty in none, on a border or in the water."""
    grids = shapes.of_kind("grid")
    found = [""] * len(points)
    tree = shapely.STRtree([shapely.Point(point) for point in points])
    for grid, point in tree.query([area.polygon for area in grids], predicate="contains_properly").T:
        found[point] = grids[grid].code
    wet = [water.shape.buffer(water.width * BANK) for water in shapes.water]
    for _, point in tree.query(wet, predicate="intersects").T:
        found[point] = ""
    return found
