"""The county's areas, roads and water as GeoJSON for maps: five decimals (about a metre), kept until the areas change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import shapely
from django.db.models import Count, Max

from lingxiu.territory.models import Area, AreaKind, BaseLine

GRID_DEGREES = 1e-5
GROUND_DEGREES = 5e-5
SIMPLIFY_DEGREES = {AreaKind.COUNTY: 1e-4, AreaKind.TOWN: 1e-4, AreaKind.COMMUNITY: 1.5e-4, AreaKind.GRID: 1.5e-4}


@dataclass(frozen=True, slots=True)
class Served:
    """A body and what tells whether a browser has it already."""

    body: bytes
    etag: str


def areas(kinds: tuple[str, ...]) -> Served:
    """FeatureCollection of the areas of these kinds; properties code, name, level and the label's lng, lat."""
    return _areas(kinds, _version(Area))


def ground() -> Served:
    """FeatureCollection of roads (lines) and water (lines and polygons); properties kind, width."""
    return _ground(_version(BaseLine))


def bounds() -> tuple[float, float, float, float] | None:
    """West, south, east, north of the county in degrees; None before there is one."""
    county = Area.objects.filter(kind=AreaKind.COUNTY).first()
    return None if county is None else tuple(round(edge, 5) for edge in shapely.bounds(county.geometry).tolist())


def _version(model: type[Area] | type[BaseLine]) -> tuple[int, int]:
    state = model.objects.aggregate(rows=Count("id"), last=Max("id"))
    return state["rows"], state["last"] or 0


@lru_cache(maxsize=8)
def _areas(kinds: tuple[str, ...], version: tuple[int, int]) -> Served:
    features: list[tuple[shapely.Geometry, dict[str, Any]]] = []
    for kind in kinds:
        rows = list(Area.objects.filter(kind=kind).order_by("code"))
        # Neighbours are simplified together, so that no gap opens between them.
        shapes = shapely.coverage_simplify([row.geometry for row in rows], SIMPLIFY_DEGREES[AreaKind(kind)])
        features += [(shape, _properties(row)) for shape, row in zip(shapes, rows, strict=True)]
    return _collection(features)


def _properties(area: Area) -> dict[str, Any]:
    lng, lat = round(area.centre_lng, 5), round(area.centre_lat, 5)
    return {"code": area.code, "name": area.name, "level": area.kind, "lng": lng, "lat": lat}


@lru_cache(maxsize=2)
def _ground(version: tuple[int, int]) -> Served:
    rows = BaseLine.objects.order_by("id")
    return _collection(
        [
            (
                shapely.simplify(shapely.from_wkb(bytes(row.shape)), GROUND_DEGREES),
                {"kind": row.kind, "width": row.width},
            )
            for row in rows
        ]
    )


def _collection(features: list[tuple[shapely.Geometry, dict[str, Any]]]) -> Served:
    load: Callable[[str], Any] = json.loads
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": load(shapely.to_geojson(geometry))}
            for geometry, properties in (
                (shapely.set_precision(shape, GRID_DEGREES), about) for shape, about in features
            )
            if not shapely.is_empty(geometry)
        ],
    }
    body = json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    return Served(body, hashlib.sha256(body).hexdigest()[:20])
