"""Addresses for the demo's shops: the made-up roads get names, and fronts numbers that rise along them, odd on one side."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import shapely

from lingxiu.demo import naming
from lingxiu.demo.chance import stream
from lingxiu.demo.places import SHOP_FRONT, Place
from lingxiu.demo.plane import plane_around
from lingxiu.demo.shapes import CountyShapes, is_village

NAMES_A_COMMUNITY = 5
AHEAD = 1.0  # metres along a road, to tell its left from its right


class Streets:
    """The roads of the county with their names and the number their first front has."""

    def __init__(self, shapes: CountyShapes) -> None:
        self.plane = plane_around(shapes.areas[0].polygon)
        self.areas = {area.code: area for area in shapes.areas}
        lines = [self.plane.metres(shapely.get_coordinates(road.shape)) for road in shapes.roads]
        self.roads = [shapely.LineString(line) for line in lines]
        self.tree = shapely.STRtree(self.roads)
        self.names = self._named(shapes)

    def addresses(self, places: list[Place]) -> list[str]:
        """Where each place is, as a licence would write it."""
        points = [shapely.Point(xy) for xy in self.plane.metres(np.array([place[:2] for place in places]))]
        nearest = self.tree.nearest(points).tolist()
        return [
            self._address(place, point, int(road)) for place, point, road in zip(places, points, nearest, strict=True)
        ]

    def _address(self, place: Place, point: shapely.Point, road: int) -> str:
        town, community = self.areas[place.grid_code[:9]], self.areas[place.grid_code[:12]]
        village = community.name if is_village(community.code) else ""
        name, first = self.names[road]
        return f"{town.name}{village}{name}{first + self._number(point, self.roads[road])}号"

    def _number(self, point: shapely.Point, road: shapely.LineString) -> int:
        along = road.project(point)
        here, ahead = road.interpolate(along), road.interpolate(along + AHEAD)
        across = (ahead.x - here.x) * (point.y - here.y) - (ahead.y - here.y) * (point.x - here.x)
        return 2 * int(along / SHOP_FRONT) + (1 if across > 0 else 2)

    def _named(self, shapes: CountyShapes) -> list[tuple[str, int]]:
        """(name, number before the first) of each road: roads of one name in one community number on from each other."""
        communities = shapes.of_kind("community")
        middles = [self.plane.round(road.interpolate(0.5, normalized=True)) for road in self.roads]
        within = shapely.STRtree([area.polygon for area in communities]).nearest(middles)
        used: defaultdict[str, int] = defaultdict(int)
        named: list[tuple[str, int]] = []
        for number, (road, community) in enumerate(zip(self.roads, within.tolist(), strict=True)):
            code = communities[community].code
            name = naming.street(stream("street", code, number % NAMES_A_COMMUNITY), is_village(code))
            named.append((name, used[code + name]))
            used[code + name] += 2 * (int(road.length / SHOP_FRONT) + 1)
        return named
