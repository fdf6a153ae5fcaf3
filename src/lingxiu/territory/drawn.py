"""The county in small: its towns as paths in a box, to put a dot on. Kept until the areas change; never drawn to measure by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import shapely
from django.db.models import Count, Max

from lingxiu.territory.geojson import bounds
from lingxiu.territory.models import Area, AreaKind
from lingxiu.ui.locator import Frame, frame

SIMPLIFY_DEGREES = 2e-4


@dataclass(frozen=True, slots=True)
class Named:
    """The name of a town, and where in the frame it stands."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """The frame of the county, its towns as SVG paths in it, and where each one's name stands."""

    frame: Frame
    towns: tuple[str, ...]
    names: tuple[Named, ...]


def county() -> Drawn | None:
    """The county as it is now; None where it has no shape yet. One query."""
    state = Area.objects.aggregate(rows=Count("id"), last=Max("id"))
    return _county((state["rows"], state["last"] or 0))


@lru_cache(maxsize=2)
def _county(_areas: tuple[int, int]) -> Drawn | None:
    """`_areas`: what changes when the areas do."""
    found = bounds()
    if found is None:
        return None
    fitted = frame(found)
    towns = list(Area.objects.filter(kind=AreaKind.TOWN).order_by("code"))
    within = [shapely.point_on_surface(town.geometry) for town in towns]
    names = [
        Named(town.name, *fitted.point(shapely.get_x(at), shapely.get_y(at)))
        for town, at in zip(towns, within, strict=True)
    ]
    paths = [fitted.path(_rings(shapely.simplify(town.geometry, SIMPLIFY_DEGREES))) for town in towns]
    return Drawn(fitted, tuple(paths), tuple(names))


def _rings(shape: shapely.Geometry) -> list[list[tuple[float, float]]]:
    parts = getattr(shape, "geoms", [shape])
    return [list(part.exterior.coords) for part in parts if part.geom_type == "Polygon"]
