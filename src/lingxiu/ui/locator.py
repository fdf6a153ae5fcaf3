"""Small drawings of where a place is: shapes in degrees fitted into a box of 100 × 100. No geometry beyond that, no Django."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Position = Sequence[float]
"""Longitude and latitude in degrees."""

_BOX, _MARGIN = 100.0, 4.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Fits bounds into the box without distorting them at their latitude; north is up."""

    west: float
    north: float
    scale_x: float
    scale_y: float
    left: float
    top: float

    def point(self, lng: float, lat: float) -> tuple[float, float]:
        """Where a position stands in the box."""
        x = self.left + (lng - self.west) * self.scale_x
        y = self.top + (self.north - lat) * self.scale_y
        return round(x, 1), round(y, 1)

    def path(self, rings: Iterable[Iterable[Position]]) -> str:
        """Rings as an SVG path; points that fall together at this size are drawn once."""
        return "".join(self._ring(ring) for ring in rings)

    def _ring(self, ring: Iterable[Position]) -> str:
        points: list[tuple[float, float]] = []
        for lng, lat, *_ in ring:
            point = self.point(lng, lat)
            if not points or point != points[-1]:
                points.append(point)
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z" if points else ""


def frame(bounds: tuple[float, float, float, float]) -> Frame:
    """A frame for `(west, south, east, north)` in degrees. Raises ValueError where they enclose nothing."""
    west, south, east, north = bounds
    if not (west < east and south < north):
        raise ValueError(f"bounds enclose nothing: {bounds}")
    narrowing = math.cos(math.radians((south + north) / 2))
    width, height = (east - west) * narrowing, north - south
    scale = (_BOX - 2 * _MARGIN) / max(width, height)
    return Frame(west, north, scale * narrowing, scale, (_BOX - width * scale) / 2, (_BOX - height * scale) / 2)
