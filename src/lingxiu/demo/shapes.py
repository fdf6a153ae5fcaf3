"""The shapes of the demo county: towns, communities, grids, roads and water inside the real outline.

Only the outline is real. What lies inside is made from a seed, the same for the same seed, and marked synthetic: no
public source has the true borders. Plain values; no database, no files but the county's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import pi, sqrt
from random import Random
from typing import Literal

import numpy as np
import shapely
from shapely.ops import nearest_points

from lingxiu.demo.ground import GroundShape, make_lakes, make_roads, make_streets, make_water
from lingxiu.demo.mesh import Labels, Mesh, make_mesh, share_out, split
from lingxiu.demo.plane import Array, Plane, plane_around
from lingxiu.territory.counties import County, Division, load_county

COUNTY = "330421"

# domain.md §10: approximate centres (E, N), ± 2 km, and the areas in km² where one is known.
CENTRES: dict[str, tuple[float, float]] = {
    "330421001": (120.92, 30.85),
    "330421002": (120.92, 30.82),
    "330421003": (120.99, 30.85),
    "330421102": (120.94, 30.775),
    "330421103": (120.883, 30.933),
    "330421105": (120.89, 30.885),
    "330421107": (120.80, 30.95),
    "330421111": (120.96, 30.91),
    "330421112": (120.80, 30.88),
}
KNOWN_KM2: dict[str, float] = {"330421102": 28.7, "330421103": 82.87, "330421111": 74.49}

CLEARANCE = 1500.0  # metres from the outline a town's centre is moved to, if it lies nearer or outside

# What a community is worth in area when a town's is not known: where three are, a village takes 4 km² and a
# neighbourhood half of one.
VILLAGE_KM2, NEIGHBOURHOOD_KM2 = 4.0, 0.5
FIRST_VILLAGE = (
    200  # the last three digits of a community's code: below it a neighbourhood (社区), from it on a village
)

CROWDING = 45.0  # how much denser communities stand in the middle of a town than in its fields
BORDER_DETAIL = 150.0  # metres; bends smaller than about this are straightened
GRIDS = {"neighbourhood": (1, 2, 2, 3, 3, 4), "village": (1, 2, 2, 2, 3)}
NUMERALS = "一二三四"

Kind = Literal["county", "town", "community", "grid"]


@dataclass(frozen=True, slots=True)
class AreaShape:
    """One area. `polygon` and `centre` (lng, lat) in WGS84 degrees; a centre lies inside its polygon."""

    code: str
    kind: Kind
    name: str
    parent_code: str
    polygon: shapely.Polygon
    centre: tuple[float, float]
    synthetic: bool


@dataclass(frozen=True, slots=True)
class CountyShapes:
    """The demo county: areas from the county down to its grids in order of code, and what is drawn under them."""

    areas: tuple[AreaShape, ...]
    roads: tuple[GroundShape, ...]
    water: tuple[GroundShape, ...]

    def of_kind(self, kind: Kind) -> tuple[AreaShape, ...]:
        return tuple(area for area in self.areas if area.kind == kind)


def build_county(seed: int) -> CountyShapes:
    """Make the county's shapes; a few seconds."""
    random = Random(seed)
    county = load_county(COUNTY)
    plane = plane_around(county.outline)
    outline = plane.flat(county.outline)
    centres = _town_centres(county.towns, plane, outline)
    urban = {town.code: _urban_radius(_parts(county, town.code)) for town in county.towns}
    mesh = make_mesh(outline, [(*centres[code], radius * 1.3) for code, radius in urban.items()], random)
    towns = _towns(mesh, county, centres, outline.area)
    communities: dict[str, Labels] = {}
    for town in county.towns:
        crowd = _crowd(mesh, centres[town.code], urban[town.code])
        communities |= _communities(
            mesh, towns[town.code], _parts(county, town.code), centres[town.code], crowd, random
        )
    grids: dict[str, Labels] = {}
    names: dict[str, str] = {}
    for community in county.communities:
        for number, cells in enumerate(_grids(mesh, communities[community.code], is_village(community.code), random)):
            code = f"{community.code}{number + 1:02d}"
            grids[code], names[code] = cells, f"{community.name}第{NUMERALS[number]}网格"
    polygons = _polygons(mesh, grids, plane)
    areas = _areas(county, polygons, names, centres, plane)
    roads, water = _ground(mesh, outline, areas, urban, plane, random)
    return CountyShapes(tuple(areas), roads, water)


def _town_centres(towns: Iterable[Division], plane: Plane, outline: shapely.Polygon) -> dict[str, tuple[float, float]]:
    """Centres in metres, those near the outline or outside moved inside."""
    inner = outline.buffer(-CLEARANCE)
    points = {town.code: plane.flat(shapely.Point(CENTRES[town.code])) for town in towns}
    moved = {code: nearest_points(inner, point)[0] for code, point in points.items()}
    return {code: (point.x, point.y) for code, point in moved.items()}


def _towns(mesh: Mesh, county: County, centres: Mapping[str, tuple[float, float]], area: float) -> dict[str, Labels]:
    codes = [town.code for town in county.towns]
    guess = {code: sum(_worth(part) for part in _parts(county, code)) for code in codes if code not in KNOWN_KM2}
    left = area / 1e6 - sum(KNOWN_KM2.values())
    wanted = KNOWN_KM2 | {code: km2 * left / sum(guess.values()) for code, km2 in guess.items()}
    seeds = [mesh.nearest(*centres[code]) for code in codes]
    owner = share_out(mesh, seeds, [wanted[code] * 1e6 for code in codes])
    return {code: np.flatnonzero(owner == n) for n, code in enumerate(codes)}


def _communities(
    mesh: Mesh, town: Labels, parts: Sequence[Division], centre: tuple[float, float], crowd: Array, random: Random
) -> dict[str, Labels]:
    """A town's cells by community: neighbourhoods in its middle, villages around it by compass."""
    pieces = split(mesh, town, len(parts), crowd, random)
    offsets = [np.average(mesh.middles[cells], axis=0, weights=mesh.areas[cells]) - centre for cells in pieces]
    by_distance = sorted(range(len(parts)), key=lambda n: float(np.hypot(*offsets[n])))
    inner = sum(not is_village(part.code) for part in parts)
    order = by_distance[:inner] + sorted(by_distance[inner:], key=lambda n: float(np.arctan2(*offsets[n])))
    return {part.code: pieces[n] for part, n in zip(parts, order, strict=True)}


def _grids(mesh: Mesh, cells: Labels, village: bool, random: Random) -> list[Labels]:
    """A community's cells by grid, from west to east."""
    count = random.choice(GRIDS["village" if village else "neighbourhood"])
    pieces = split(mesh, cells, min(count, len(cells)), np.ones(len(mesh.cells)), random)
    return sorted(pieces, key=lambda piece: float(mesh.middles[piece, 0].mean()))


def _polygons(mesh: Mesh, grids: Mapping[str, Labels], plane: Plane) -> dict[str, shapely.Polygon]:
    """Grids as polygons in degrees, their common borders straightened together."""
    cells = np.array(mesh.cells)
    rough = [shapely.coverage_union_all(cells[piece]) for piece in grids.values()]
    smooth = shapely.coverage_simplify(rough, BORDER_DETAIL, simplify_boundary=False)
    return {code: plane.round(polygon) for code, polygon in zip(grids, smooth, strict=True)}


def _areas(
    county: County,
    grids: Mapping[str, shapely.Polygon],
    names: Mapping[str, str],
    centres: Mapping[str, tuple[float, float]],
    plane: Plane,
) -> list[AreaShape]:
    """Every area as the union of its grids, in order of code."""

    def made(code: str, kind: Kind, name: str, parent: str) -> AreaShape:
        (polygon,) = shapely.get_parts(shapely.coverage_union_all([grids[g] for g in grids if g.startswith(code)]))
        inside = plane.round(shapely.Point(centres[code])) if code in centres else polygon.point_on_surface()
        return AreaShape(code, kind, name, parent, polygon, (inside.x, inside.y), synthetic=kind != "county")

    areas = [made(county.code, "county", county.name, "")]
    areas += [made(town.code, "town", town.name, town.parent_code) for town in county.towns]
    areas += [made(part.code, "community", part.name, part.parent_code) for part in county.communities]
    areas += [made(code, "grid", names[code], code[:-2]) for code in grids]
    return sorted(areas, key=lambda area: area.code)


def _ground(
    mesh: Mesh,
    outline: shapely.Polygon,
    areas: Sequence[AreaShape],
    urban: Mapping[str, float],
    plane: Plane,
    random: Random,
) -> tuple[tuple[GroundShape, ...], tuple[GroundShape, ...]]:
    """Roads and water in degrees."""
    middle = {a.code: plane.metres(np.array([a.centre]))[0] for a in areas if a.kind in ("town", "community")}
    towns = {code: (float(x), float(y)) for code, (x, y) in middle.items() if code in CENTRES}
    villages = [(float(x), float(y)) for code, (x, y) in middle.items() if code not in CENTRES]
    lakes = make_lakes(outline, towns.values(), random)
    roads = make_roads(mesh, outline, list(towns.values()), villages, lakes, random)
    for area in areas:
        if area.kind == "town":
            roads += make_streets(plane.flat(area.polygon), towns[area.code], urban[area.code] * 0.9, random)
    water = [GroundShape("water", 1, lake) for lake in lakes]
    water += make_water([plane.flat(area.polygon) for area in areas if area.kind == "community"], outline, random)
    both = ([replace(one, shape=plane.round(one.shape)) for one in shapes] for shapes in (roads, water))
    return tuple(next(both)), tuple(next(both))


def _parts(county: County, town: str) -> list[Division]:
    return [part for part in county.communities if part.parent_code == town]


def is_village(community: str) -> bool:
    """Whether a community of this code is a village, not a neighbourhood."""
    return int(community[-3:]) >= FIRST_VILLAGE


def _worth(community: Division) -> float:
    return VILLAGE_KM2 if is_village(community.code) else NEIGHBOURHOOD_KM2


def _urban_radius(parts: Iterable[Division]) -> float:
    """Metres from a town's centre to the end of its neighbourhoods."""
    return 1000 * sqrt(sum(NEIGHBOURHOOD_KM2 for part in parts if not is_village(part.code)) / pi)


def _crowd(mesh: Mesh, centre: tuple[float, float], radius: float) -> Array:
    """How densely communities stand at each cell: one in the fields, more towards the middle of the town."""
    away = np.hypot(*(mesh.middles - centre).T) / radius
    return np.asarray(1 + CROWDING * np.exp(-(away**2)))
