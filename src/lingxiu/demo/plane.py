"""A flat piece of the Earth in metres, good for a county: lengths true to about one in a thousand."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, sqrt
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely

Array = npt.NDArray[np.float64]
Shape = TypeVar("Shape", bound=shapely.Geometry)

# WGS84
AXIS = 6378137.0
ECCENTRICITY_SQUARED = 0.00669437999014

DECIMALS = 7  # of a degree: one centimetre


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres east and north of an origin in WGS84 degrees."""

    lng: float
    lat: float

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Along the parallel and along the meridian of the origin."""
        flattening = 1 - ECCENTRICITY_SQUARED * sin(radians(self.lat)) ** 2
        parallel = AXIS / sqrt(flattening) * cos(radians(self.lat))
        meridian = AXIS * (1 - ECCENTRICITY_SQUARED) / flattening**1.5
        return radians(parallel), radians(meridian)

    def metres(self, degrees: Array) -> Array:
        """(n, 2) degrees to metres."""
        return (degrees - [self.lng, self.lat]) * self.metres_per_degree

    def degrees(self, metres: Array) -> Array:
        """(n, 2) metres to degrees, rounded; equal points stay equal."""
        return np.round(metres / self.metres_per_degree + [self.lng, self.lat], DECIMALS)

    def flat(self, shape: Shape) -> Shape:
        """A shape in degrees as one in metres."""
        return shapely.transform(shape, self.metres)

    def round(self, shape: Shape) -> Shape:
        """A shape in metres as one in degrees."""
        return shapely.transform(shape, self.degrees)


def plane_around(outline: shapely.Polygon) -> Plane:
    """The plane whose origin is the middle of a shape in degrees."""
    west, south, east, north = outline.bounds
    return Plane(round((west + east) / 2, 3), round((south + north) / 2, 3))
