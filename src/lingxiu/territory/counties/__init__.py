"""Counties whose outline and divisions come with the product, one folder a county, sources named in it.

Reads files and converts them to WGS84. Knows nothing of the database and makes no shape of its own.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape

from lingxiu.china.coordinates import gcj02_to_wgs84

FOLDER = Path(__file__).parent
COMMITTEE = re.compile(r"(?<=村)委会$|居委会$")


@dataclass(frozen=True, slots=True)
class Division:
    """A row of the statistical codes. `name` is the area's: 国庆村, where the list names its committee, 国庆村委会."""

    code: str
    name: str
    level: str
    parent_code: str


@dataclass(frozen=True, slots=True)
class County:
    """A county as it comes with the product. `outline` is in WGS84 degrees, (lng, lat)."""

    code: str
    name: str
    outline: shapely.Polygon
    source: str
    towns: tuple[Division, ...]
    communities: tuple[Division, ...]


def load_county(code: str) -> County:
    """Read a county's folder.

    Raises:
        FileNotFoundError: no county of that code comes with the product.
    """
    divisions = _divisions(FOLDER / code / "divisions.csv")
    collection = json.loads((FOLDER / code / "outline.geojson").read_text("utf-8"))
    feature = collection["features"][0]
    (outline,) = shapely.get_parts(shape(feature["geometry"]))
    return County(
        code=code,
        name=next(d.name for d in divisions if d.level == "county"),
        outline=shapely.transform(outline, _to_wgs84),
        source=feature["properties"]["source"],
        towns=tuple(d for d in divisions if d.level == "town"),
        communities=tuple(d for d in divisions if d.level == "community"),
    )


def _divisions(path: Path) -> list[Division]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Division(r["code"], COMMITTEE.sub("", r["name"]), r["level"], r["parent_code"]) for r in rows]


def _to_wgs84(gcj02: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([gcj02_to_wgs84(lng, lat) for lng, lat in gcj02])
