"""Which town, community and grid a point lies in, from a tree of shapes kept in memory until the areas change."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from django.db.models import Count, Max

from lingxiu.territory.models import Area, AreaKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point is; codes are empty where it lies in none (outside the county)."""

    town: str = ""
    community: str = ""
    grid: str = ""


class _Shapes:
    """The areas of one kind as a tree to ask."""

    def __init__(self, kind: str) -> None:
        rows = Area.objects.filter(kind=kind).order_by("code").values_list("code", "shape")
        self.codes = [code for code, _ in rows]
        self.tree = shapely.STRtree([shapely.from_wkb(bytes(shape)) for _, shape in rows])

    def at(self, point: shapely.Point) -> str:
        found = self.tree.query(point, predicate="intersects")
        return min((self.codes[index] for index in found), default="")


_kept: tuple[tuple[int, int], dict[str, _Shapes]] | None = None


def locate(lng: float, lat: float) -> Place:
    """The place of a point, WGS84 degrees. A point on a border belongs to the area of the lower code."""
    shapes = _shapes()
    point = shapely.Point(lng, lat)
    grid = shapes[AreaKind.GRID].at(point)
    return Place(grid[:9] or shapes[AreaKind.TOWN].at(point), grid[:12], grid)


def town_names() -> dict[str, str]:
    """Code → name of the towns, in order of code."""
    return dict(Area.objects.filter(kind=AreaKind.TOWN).values_list("code", "name"))


def _shapes() -> dict[str, _Shapes]:
    global _kept
    state = Area.objects.aggregate(rows=Count("id"), last=Max("id"))
    version = (state["rows"], state["last"] or 0)
    if _kept is None or _kept[0] != version:
        _kept = (version, {kind: _Shapes(kind) for kind in (AreaKind.TOWN, AreaKind.GRID)})
    return _kept[1]
