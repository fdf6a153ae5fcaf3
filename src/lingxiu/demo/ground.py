"""What lies under the demo's map: made-up lakes, rivers and canals, roads and streets.

西塘 is a water country, so canals run along the borders of villages and roads go from town to town and from every
village to the next road. All in metres; nothing here is a real road or a real water.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import cos, hypot, inf, pi, sin
from random import Random
from typing import Literal

import numpy as np
import shapely

from lingxiu.demo.mesh import Graph, Mesh, Step, reach, walk_back
from lingxiu.demo.plane import Array

Point = tuple[float, float]

LAKES = 12
LAKES_FROM = 0.55  # of the county's height: the lakes lie in its north, as in the real one
LAKE_RADII = (230.0, 620.0)
LAKE_TO_TOWN, LAKE_TO_OUTLINE, LAKE_TO_LAKE = 1500.0, 350.0, 900.0

# From where to where rivers run, as shares of the county's width and height, and how wide they are drawn: from rim to
# rim where both lie outside. The third runs through 西塘.
XITANG = (0.51, 0.64)
RIVERS: tuple[tuple[Point, Point, int], ...] = (
    ((-0.1, 0.75), (1.1, 0.72), 3),
    ((-0.1, 0.40), (1.1, 0.45), 3),
    ((0.52, 1.1), XITANG, 3),
    (XITANG, (0.55, -0.1), 3),
    ((0.25, 1.1), (0.22, 0.1), 2),
    ((0.80, 1.1), (1.1, 0.20), 2),
    ((0.30, 0.10), (1.1, 0.25), 2),
)
ON_RIM = 1.0  # metres from the outline within which a border counts as part of it
OLD_BED = 0.5  # what a river pays where one runs already
CANAL_CHANCE = (0.45, 0.3)  # that a village border branching off water is a canal: off rivers, off those canals

IN_A_LAKE = 40.0  # what a road pays for a cell under water
OLD_ROAD = 0.35  # and for one with a road
VILLAGE_ROUNDS = 6  # villages are joined in so many rounds
NEIGHBOURS, LINK_CHANCE = 4, 0.2  # a village is linked to each of so many neighbours with this chance
BEND = 90.0  # metres between the points of a river or a country road
SLACK = 5.0  # metres a drawn line may leave out
SUPPLENESS = 6  # how often each point is drawn halfway to the middle of its neighbours

BLOCK = 210.0  # metres between streets
MISSING_STREET = 0.16
RANKS = {"main": 3, "village": 2, "street": 1}


@dataclass(frozen=True, slots=True)
class GroundShape:
    """A road or a water; `width` 1 to 3 for drawing. Lakes are polygons, all else lines."""

    kind: Literal["road", "water"]
    width: int
    shape: shapely.LineString | shapely.Polygon
    synthetic: bool = True


def make_lakes(outline: shapely.Polygon, centres: Iterable[Point], random: Random) -> list[shapely.Polygon]:
    """Lakes in the north of the county, away from its towns."""
    west, south, east, north = outline.bounds
    room = outline.difference(shapely.MultiPoint(list(centres)).buffer(LAKE_TO_TOWN))
    lakes: list[shapely.Polygon] = []
    while len(lakes) < LAKES:
        x, y = random.uniform(west, east), random.uniform(south + LAKES_FROM * (north - south), north)
        lake = _blob(x, y, random.uniform(*LAKE_RADII), random)
        if room.contains(lake.buffer(LAKE_TO_OUTLINE)) and all(lake.distance(o) > LAKE_TO_LAKE for o in lakes):
            lakes.append(lake)
    return lakes


def make_water(communities: Sequence[shapely.Polygon], outline: shapely.Polygon, random: Random) -> list[GroundShape]:
    """Rivers across the county and canals branching off, all along borders of communities."""
    net = _border_net(communities, outline, random)
    toll, widths = np.ones(len(net.forks)), dict[Step, int]()
    for start, goal, width in RIVERS:
        source, mouth = _fork(net, outline, start), _fork(net, outline, goal)
        _, before = reach(net.graph, [source], toll, mouth)
        river = walk_back(before, mouth)
        widths |= {border: max(width, widths.get(border, 0)) for border in river}
        toll[_ends(river)] = OLD_BED
    for chance in CANAL_CHANCE:
        wet = set(_ends(widths))
        branches = [border for border in net.lines if border not in widths and not wet.isdisjoint(border)]
        widths |= {border: 1 for border in branches if random.random() < chance}
    by_width = {width: [net.lines[n] for n, w in widths.items() if w == width] for width in sorted({*widths.values()})}
    return _drawn("water", by_width)


def make_roads(
    mesh: Mesh,
    outline: shapely.Polygon,
    towns: Sequence[Point],
    villages: Sequence[Point],
    lakes: Sequence[shapely.Polygon],
    random: Random,
) -> list[GroundShape]:
    """Main roads from town to town and out of the county, and smaller ones to every village and between some."""
    toll = np.where(shapely.contains_xy(shapely.union_all(lakes), mesh.middles), IN_A_LAKE, 1.0)
    main: set[Step] = set()
    for start, goal in [*_neighbouring(towns), *_ways_out(towns, outline)]:
        _, before = reach(mesh.steps, [mesh.nearest(*start)], toll)
        main |= _new_steps(walk_back(before, mesh.nearest(*goal)), main)
        toll[_ends(main)] = OLD_ROAD
    dry = np.flatnonzero(toll < IN_A_LAKE)
    minor = _village_roads(mesh, main, [mesh.nearest(*village, dry) for village in villages], toll, random)
    ranks = {RANKS["village"]: minor, RANKS["main"]: main}
    lines = {rank: [shapely.LineString(mesh.middles[list(s)]) for s in sorted(steps)] for rank, steps in ranks.items()}
    return _drawn("road", lines)


def make_streets(town: shapely.Polygon, centre: Point, radius: float, random: Random) -> list[GroundShape]:
    """A crooked chequerboard of streets over the middle of a town, out to about `radius`."""
    core = _blob(*centre, radius, random).intersection(town)
    turn, reach_ = random.uniform(0, pi / 2), int(core.length / 2 / BLOCK)
    numbers = range(-reach_, reach_ + 1)
    corners = {(i, j): _corner(i, j, turn, centre, random) for i in numbers for j in numbers}
    inside = {at for at, corner in corners.items() if core.contains(shapely.Point(corner))}
    steps = [((i, j), (i + di, j + dj)) for i, j in sorted(inside) for di, dj in ((1, 0), (0, 1))]
    kept = [step for step in steps if step[1] in inside and random.random() > MISSING_STREET]
    lines = [shapely.LineString([corners[a], corners[b]]) for a, b in kept]
    return [GroundShape("road", RANKS["street"], line) for line in _merged(lines)]


@dataclass(frozen=True)
class _Net:
    """The borders of communities inside the outline: forks (n, 2) in metres, and the line between two of them."""

    forks: Array
    lines: dict[Step, shapely.LineString]
    graph: Graph


def _border_net(communities: Sequence[shapely.Polygon], outline: shapely.Polygon, random: Random) -> _Net:
    rim = outline.boundary.buffer(ON_RIM)
    every = shapely.get_parts(shapely.line_merge(shapely.union_all([polygon.boundary for polygon in communities])))
    inner = every[~shapely.contains(rim, every)]
    ends = np.array([[shapely.get_coordinates(line)[n] for n in (0, -1)] for line in inner])
    forks, numbers = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    lines: dict[Step, shapely.LineString] = {}
    graph: list[list[tuple[int, float]]] = [[] for _ in forks]
    for line, (a, b) in zip(inner, numbers.reshape(-1, 2).tolist(), strict=True):
        lines[min(a, b), max(a, b)] = line
        cost = line.length * random.uniform(0.7, 1.3)
        graph[a].append((b, cost))
        graph[b].append((a, cost))
    return _Net(forks, lines, graph)


def _fork(net: _Net, outline: shapely.Polygon, share: Point) -> int:
    """The fork nearest to a place given in shares of the county; on its rim if the place lies outside."""
    west, south, east, north = outline.bounds
    place = np.array([west + share[0] * (east - west), south + share[1] * (north - south)])
    away = np.hypot(*(net.forks - place).T)
    if not outline.contains(shapely.Point(place)):
        away[shapely.distance(outline.boundary, shapely.points(net.forks)) > ON_RIM] = inf
    return int(np.argmin(away))


def _blob(x: float, y: float, radius: float, random: Random) -> shapely.Polygon:
    """Something round that nobody drew with compasses."""
    turn, stretch = random.uniform(0, pi), random.uniform(1.05, 1.6)
    waves = [(k, random.uniform(0, 0.5 / k), random.uniform(0, 2 * pi)) for k in range(2, 7)]
    angles = np.linspace(0, 2 * pi, 60, endpoint=False)
    radii = radius * (1 + sum(height * np.cos(k * angles + phase) for k, height, phase in waves))
    along, across = radii * np.cos(angles) * stretch, radii * np.sin(angles) / stretch
    east, north = along * cos(turn) - across * sin(turn), along * sin(turn) + across * cos(turn)
    return shapely.Polygon(np.column_stack([x + east, y + north]))


def _neighbouring(towns: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Pairs of towns with no third one between them (Gabriel's graph)."""
    return [
        (a, b)
        for a, b in combinations(towns, 2)
        if not any(
            hypot(c[0] - (a[0] + b[0]) / 2, c[1] - (a[1] + b[1]) / 2) < hypot(a[0] - b[0], a[1] - b[1]) / 2 - 1
            for c in towns
            if c not in (a, b)
        )
    ]


def _ways_out(towns: Sequence[Point], outline: shapely.Polygon) -> list[tuple[Point, Point]]:
    """From every town to the nearest place on the outline."""
    rim = outline.exterior
    nearest = [rim.interpolate(rim.project(shapely.Point(town))) for town in towns]
    return [(town, (place.x, place.y)) for town, place in zip(towns, nearest, strict=True)]


def _village_roads(mesh: Mesh, main: set[Step], villages: Sequence[int], toll: Array, random: Random) -> set[Step]:
    """A road to every village, the remote ones first so that the others lie along it, and links between neighbours."""
    minor: set[Step] = set()
    cost, _ = reach(mesh.steps, _ends(main), toll)
    remote_first = sorted(villages, key=lambda village: -cost[village])
    for some in np.array_split(remote_first, VILLAGE_ROUNDS):
        _, before = reach(mesh.steps, _ends(main | minor), toll)
        paths = [walk_back(before, village) for village in some.tolist()]
        minor |= _new_steps(set().union(*paths), main | minor)
        toll[_ends(minor)] = OLD_ROAD
    places = mesh.middles[list(villages)]
    for village, place in zip(villages, places, strict=True):
        for neighbour in np.argsort(np.hypot(*(places - place).T))[1 : 1 + NEIGHBOURS]:
            if random.random() < LINK_CHANCE:
                _, before = reach(mesh.steps, [village], toll, villages[neighbour])
                minor |= _new_steps(walk_back(before, villages[neighbour]), main | minor)
    return minor


def _ends(steps: Iterable[Step]) -> list[int]:
    """Every node that a step begins or ends at."""
    return sorted({node for step in steps for node in step})


def _new_steps(path: set[Step], roads: set[Step]) -> set[Step]:
    """The steps of a path that lead off the roads there are: none between two places both on one."""
    on_road = set(_ends(roads))
    return {step for step in path if not on_road.issuperset(step)}


def _merged(lines: Iterable[shapely.LineString]) -> list[shapely.LineString]:
    """Lines joined end to end as far as the next fork."""
    return list(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(list(lines)))))


def _drawn(kind: Literal["road", "water"], by_width: Mapping[int, Sequence[shapely.LineString]]) -> list[GroundShape]:
    """A net of lines of several widths, made supple."""
    finer = {width: shapely.segmentize(list(lines), BEND) for width, lines in by_width.items()}
    where = _supple([_points(line) for lines in finer.values() for line in lines])
    return [
        GroundShape(kind, width, _line(where[point] for point in _points(line)))
        for width, lines in finer.items()
        for line in _merged(lines)
    ]


def _supple(lines: Iterable[Sequence[Point]]) -> dict[Point, Point]:
    """Where each point of a net goes when all are drawn towards their neighbours: forks stay forks, loose ends stay."""
    beside: dict[Point, list[Point]] = {}
    for line in lines:
        for a, b in pairwise(line):
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    where = {point: point for point in beside}
    for _ in range(SUPPLENESS):
        where = {point: _towards(at, [where[b] for b in beside[point]]) for point, at in where.items()}
    return where


def _towards(point: Point, others: Sequence[Point]) -> Point:
    """Halfway from a point to the middle of at least two others."""
    if len(others) < 2:
        return point
    x, y = (sum(along) / len(others) for along in zip(*others, strict=True))
    return (point[0] + x) / 2, (point[1] + y) / 2


def _line(points: Iterable[Point]) -> shapely.LineString:
    """A line without the points it can do without."""
    return shapely.LineString(shapely.get_coordinates(shapely.LineString(list(points)).simplify(SLACK)))


def _points(line: shapely.LineString) -> list[Point]:
    return [(x, y) for x, y in shapely.get_coordinates(line).tolist()]


def _corner(i: int, j: int, turn: float, centre: Point, random: Random) -> Point:
    x, y = (n * BLOCK + random.uniform(-0.12, 0.12) * BLOCK for n in (i, j))
    return centre[0] + x * cos(turn) - y * sin(turn), centre[1] + x * sin(turn) + y * cos(turn)
