"""A county cut into thousands of small cells, and regions grown over them.

Every area the demo makes is a union of these cells, so areas that meet share the same corners: no gaps, no overlaps, and
borders as crooked as the cells. Plain geometry in metres; nothing random but the generator passed in.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, pi, sqrt
from random import Random

import numpy as np
import numpy.typing as npt
import shapely

from lingxiu.demo.plane import Array

Labels = npt.NDArray[np.intp]
Graph = Sequence[Sequence[tuple[int, float]]]  # for each node its (neighbour, cost of the step)
Step = tuple[int, int]  # from node to node, the lower number first

# Metres between cells in the country and in town.
COARSE, FINE = 270.0, 115.0
JITTER = 0.42  # of that distance, each way
ROUGHNESS = 0.35  # how much the ground differs in what it costs to cross it
WAVELENGTHS = (1200.0, 2000.0, 3300.0, 5500.0)
ROUNDS_TO_BALANCE = 80
EAGERNESS = 0.98  # each round corrects a little less
ROUNDS_TO_SPREAD = 12


@dataclass(frozen=True)
class Mesh:
    """Cells, their middles (n, 2) in metres, areas (n,) in m², and for each cell its (neighbour, cost of the step)."""

    cells: tuple[shapely.Polygon, ...]
    middles: Array
    areas: Array
    steps: tuple[tuple[tuple[int, float], ...], ...]

    def nearest(self, x: float, y: float, among: Labels | None = None) -> int:
        """The cell whose middle is nearest to a point."""
        cells = np.arange(len(self.cells)) if among is None else among
        return int(cells[np.argmin(np.hypot(*(self.middles[cells] - [x, y]).T))])


def make_mesh(outline: shapely.Polygon, towns: Sequence[tuple[float, float, float]], random: Random) -> Mesh:
    """Cut `outline` into cells, finer inside the circles `towns` (x, y, radius)."""
    seeds = shapely.MultiPoint(_seeds(outline, towns, random))
    edges = shapely.voronoi_polygons(seeds, extend_to=outline, only_edges=True)
    net = shapely.union_all([edges, outline.boundary])
    pieces = shapely.get_parts(shapely.polygonize(shapely.get_parts(net)))
    cells = pieces[shapely.contains(outline, shapely.point_on_surface(pieces))]
    middles = shapely.get_coordinates(shapely.centroid(cells))
    return Mesh(tuple(cells), middles, shapely.area(cells), _steps(cells, middles, ground(random)))


def ground(random: Random) -> Callable[[Array], Array]:
    """What a metre costs at each of (n, 2) points: smooth hills, around one."""
    waves = [(random.uniform(0, 2 * pi), random.uniform(0, 2 * pi), length) for length in WAVELENGTHS for _ in range(3)]

    def cost(points: Array) -> Array:
        height = np.zeros(len(points))
        for direction, phase, length in waves:
            along = points @ [np.cos(direction), np.sin(direction)]
            height += np.cos(along * 2 * pi / length + phase)
        return np.exp(ROUGHNESS * height / sqrt(len(waves) / 2))

    return cost


def reach(graph: Graph, starts: Iterable[int], toll: Array, goal: int = -1) -> tuple[list[float], list[int]]:
    """Least cost from any of `starts` to every node, and the node before it on that path (-1: none).

    Entering a node costs the step times its `toll` (n,); a node with an infinite toll is closed. With a `goal`, stops
    there: what lies farther may be missing.
    """
    tolls = toll.tolist()
    cost, before = [inf] * len(graph), [-1] * len(graph)
    queue = [(0.0, start) for start in starts]
    for _, start in queue:
        cost[start] = 0.0
    while queue:
        so_far, node = heapq.heappop(queue)
        if node == goal:
            break
        if so_far > cost[node]:
            continue
        for neighbour, step in graph[node]:
            there = so_far + step * tolls[neighbour]
            if there < cost[neighbour]:
                cost[neighbour], before[neighbour] = there, node
                heapq.heappush(queue, (there, neighbour))
    return cost, before


def walk_back(before: Sequence[int], goal: int) -> set[Step]:
    """The steps of the path that `reach` found to `goal`; none if it was not reached."""
    steps: set[Step] = set()
    while before[goal] >= 0:
        steps.add((min(goal, before[goal]), max(goal, before[goal])))
        goal = before[goal]
    return steps


def distances(mesh: Mesh, start: int, inside: Labels) -> Array:
    """(n,) least cost from `start` to every cell, going over the cells `inside` only."""
    toll = np.full(len(mesh.cells), inf)
    toll[inside] = 1.0
    return np.array(reach(mesh.steps, [start], toll)[0])


def share_out(mesh: Mesh, seeds: Sequence[int], targets: Sequence[float]) -> Labels:
    """(n,) which seed each cell goes to, so that areas come near `targets` (m²).

    Each region reaches as far as its head start allows, and along a least-cost path ground never changes hands: every
    region is in one piece. Land behind a narrow neck goes to one side or the other as a whole, so the best try counts.
    """
    everywhere = np.arange(len(mesh.cells))
    far = np.array([distances(mesh, seed, everywhere) for seed in seeds])
    wanted, head_start = np.array(targets), np.zeros(len(seeds))
    best: Labels = np.argmin(far, axis=0)
    least = inf
    for turn in range(ROUNDS_TO_BALANCE):
        owner = np.argmin(far - head_start[:, None], axis=0)
        missing = wanted - np.bincount(owner, weights=mesh.areas, minlength=len(seeds))
        worst = float(np.max(np.abs(missing / wanted)))
        if worst < least and (owner[list(seeds)] == np.arange(len(seeds))).all():
            best, least = owner, worst
        head_start += EAGERNESS**turn * missing / (4 * np.sqrt(pi * wanted))
    return best


def split(mesh: Mesh, cells: Labels, parts: int, density: Array, random: Random) -> list[Labels]:
    """`cells` in `parts` regions, each in one piece, smaller where `density` (n,) is high."""
    weights = density[cells] * mesh.areas[cells]
    seeds = _spread(mesh.middles[cells], weights, parts, random)
    chosen: list[int] = []
    for x, y in seeds:
        chosen.append(mesh.nearest(x, y, cells[~np.isin(cells, chosen)]))
    far = np.array([distances(mesh, seed, cells)[cells] for seed in chosen])
    owner = np.argmin(far, axis=0)
    return [cells[owner == part] for part in range(parts)]


def _spread(points: Array, weights: Array, parts: int, random: Random) -> Array:
    """Middles of `parts` groups of weighted points (Lloyd's iteration from a start that keeps its distance)."""
    first = random.choices(range(len(points)), weights.tolist())
    middles = points[first]
    while len(middles) < parts:
        nearest = np.min(_squares(points, middles), axis=1)
        pick = random.choices(range(len(points)), (nearest * weights).tolist())
        middles = np.vstack([middles, points[pick]])
    for _ in range(ROUNDS_TO_SPREAD):
        owner = np.argmin(_squares(points, middles), axis=1)
        total = np.bincount(owner, weights, parts)
        sums = [np.bincount(owner, weights * points[:, axis], parts) for axis in (0, 1)]
        held = total > 0
        middles[held] = (np.array(sums) / np.where(held, total, 1)).T[held]
    return middles


def _squares(points: Array, middles: Array) -> Array:
    return np.asarray(((points[:, None, :] - middles[None, :, :]) ** 2).sum(axis=2))


def _seeds(
    outline: shapely.Polygon, towns: Sequence[tuple[float, float, float]], random: Random
) -> list[tuple[float, float]]:
    """A shaken lattice over the outline, coarse in the country and fine in town."""
    urban = shapely.union_all([shapely.Point(x, y).buffer(radius) for x, y, radius in towns])
    around = outline.buffer(COARSE)
    fine = _lattice(urban.bounds, FINE, random)
    coarse = _lattice(around.bounds, COARSE, random)
    in_town = shapely.contains_xy(urban, coarse) | ~shapely.contains_xy(around, coarse)
    fine, coarse = fine[shapely.contains_xy(urban, fine)], coarse[~in_town]
    return [(float(x), float(y)) for x, y in np.vstack([fine, coarse])]


def _lattice(bounds: tuple[float, float, float, float], spacing: float, random: Random) -> Array:
    west, south, east, north = bounds
    columns, rows = int((east - west) / spacing) + 2, int((north - south) / spacing) + 2

    def shake() -> float:
        return random.uniform(-JITTER, JITTER)

    return np.array(
        [
            (west + (column + row % 2 / 2 + shake()) * spacing, south + (row + shake()) * spacing)
            for row in range(rows)
            for column in range(columns)
        ]
    )


def _steps(
    cells: npt.NDArray[np.object_], middles: Array, cost: Callable[[Array], Array]
) -> tuple[tuple[tuple[int, float], ...], ...]:
    """For each cell those it shares an edge with, and what it costs to go there."""
    a, b = _neighbours(cells)
    length = np.hypot(*(middles[a] - middles[b]).T) * cost((middles[a] + middles[b]) / 2)
    steps: list[list[tuple[int, float]]] = [[] for _ in cells]
    for one, other, step in zip(a.tolist(), b.tolist(), length.tolist(), strict=True):
        steps[one].append((other, step))
        steps[other].append((one, step))
    return tuple(tuple(sorted(to)) for to in steps)


def _neighbours(cells: npt.NDArray[np.object_]) -> tuple[Labels, Labels]:
    """Pairs of cells with a common edge. Corners are shared exactly, so an edge is the same four numbers on both sides."""
    corners, cell = shapely.get_coordinates(cells, return_index=True)
    same = cell[:-1] == cell[1:]
    start, end, owner = corners[:-1][same], corners[1:][same], cell[:-1][same]
    turn = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    edge = np.where(turn[:, None], np.hstack([end, start]), np.hstack([start, end]))
    order = np.lexsort(edge.T)
    edge, owner = edge[order], owner[order]
    twice = (edge[:-1] == edge[1:]).all(axis=1)
    return owner[:-1][twice], owner[1:][twice]
