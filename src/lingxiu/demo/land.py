"""Write the demo county's areas, roads and water. Only the outline is real; all else says that it is made up."""

from __future__ import annotations

import shapely

from lingxiu.accounts.models import Unit
from lingxiu.demo.shapes import COUNTY, AreaShape, CountyShapes, Kind
from lingxiu.demo.staff import OFFICE
from lingxiu.territory.counties import load_county
from lingxiu.territory.models import Area, BaseLine

FROM_LARGE_TO_SMALL: tuple[Kind, ...] = ("county", "town", "community", "grid")
MADE_UP = "synthetic: made from a seed inside the real outline; no public source has the true border"


def write_areas(shapes: CountyShapes, units: dict[str, Unit]) -> dict[str, Area]:
    """Areas from the county down to the grids, with the unit that looks after each; code → area."""
    written: dict[str, Area] = {}
    for kind in FROM_LARGE_TO_SMALL:
        drafts = [_area(shape, units, written) for shape in shapes.of_kind(kind)]
        written |= {area.code: area for area in Area.objects.bulk_create(drafts)}
    return written


def write_base_lines(shapes: CountyShapes) -> None:
    """Roads and water, lines and polygons."""
    BaseLine.objects.bulk_create(
        BaseLine(kind=ground.kind, shape=shapely.to_wkb(ground.shape), width=ground.width, synthetic=True)
        for ground in (*shapes.roads, *shapes.water)
    )


def _area(shape: AreaShape, units: dict[str, Unit], written: dict[str, Area]) -> Area:
    return Area(
        code=shape.code,
        kind=shape.kind,
        name=shape.name,
        parent=written.get(shape.parent_code),
        unit=units[OFFICE] if shape.kind == "county" else units.get(shape.code),
        shape=shapely.to_wkb(shape.polygon),
        centre_lng=shape.centre[0],
        centre_lat=shape.centre[1],
        synthetic=shape.synthetic,
        source=MADE_UP if shape.synthetic else load_county(COUNTY).source[:200],
    )
