from collections import Counter

import pytest
import shapely

from lingxiu.china.coordinates import distance_m
from lingxiu.demo.plane import Plane, plane_around
from lingxiu.demo.shapes import CENTRES, KNOWN_KM2, AreaShape, CountyShapes, Kind, build_county
from lingxiu.territory.counties import load_county
from tests.demo.conftest import SEED

LAYERS: list[Kind] = ["town", "community", "grid"]
LINE = 1e-12  # square degrees, under a hundredth of a square metre
MOVED = "330421102"  # 大云: its centre in the list lies outside the outline


@pytest.fixture(scope="session")
def plane(shapes: CountyShapes) -> Plane:
    return plane_around(shapes.areas[0].polygon)


def county_of(shapes: CountyShapes) -> AreaShape:
    (county,) = shapes.of_kind("county")
    return county


def everything(shapes: CountyShapes) -> list[object]:
    areas = [(a.code, a.kind, a.name, a.parent_code, a.centre, a.synthetic, a.polygon.wkb) for a in shapes.areas]
    return [*areas, *((g.kind, g.width, g.shape.wkb) for g in (*shapes.roads, *shapes.water))]


def test_the_county_is_the_real_outline_in_wgs84(shapes: CountyShapes) -> None:
    outline = load_county("330421").outline

    assert shapely.hausdorff_distance(county_of(shapes).polygon, outline) < 2e-7
    assert not county_of(shapes).synthetic


def test_it_has_the_nine_towns_and_174_communities_of_the_list(shapes: CountyShapes) -> None:
    county = load_county("330421")

    for kind, divisions, count in (("town", county.towns, 9), ("community", county.communities, 174)):
        made = {(a.code, a.name, a.parent_code) for a in shapes.areas if a.kind == kind}
        assert made == {(d.code, d.name, d.parent_code) for d in divisions}
        assert len(made) == count


def test_every_community_has_one_to_four_numbered_grids(shapes: CountyShapes) -> None:
    grids = Counter(grid.parent_code for grid in shapes.of_kind("grid"))

    assert grids.keys() == {community.code for community in shapes.of_kind("community")}
    assert set(grids.values()) == {1, 2, 3, 4}
    assert 340 <= grids.total() <= 460
    for grid in shapes.of_kind("grid"):
        assert 1 <= int(grid.code.removeprefix(grid.parent_code)) <= grids[grid.parent_code]
    names = {area.code: area.name for area in shapes.areas}
    assert names["33042100100101"] == "日晖社区第一网格"


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_covers_the_county_without_overlap_or_gap(shapes: CountyShapes, kind: Kind) -> None:
    polygons = [area.polygon for area in shapes.of_kind(kind)]
    county = county_of(shapes).polygon

    assert shapely.coverage_is_valid(polygons)
    assert shapely.union_all(polygons).symmetric_difference(county).area < LINE
    assert sum(polygon.area for polygon in polygons) == pytest.approx(county.area, abs=LINE)


def test_every_area_is_one_valid_polygon_inside_its_parent(shapes: CountyShapes) -> None:
    polygons = {area.code: area.polygon for area in shapes.areas}

    for area in shapes.areas:
        assert area.polygon.geom_type == "Polygon", area.code
        assert area.polygon.is_valid, area.code
        assert area.polygon.contains(shapely.Point(area.centre)), area.code
        if area.kind != "county":
            assert area.polygon.difference(polygons[area.parent_code]).area < LINE, area.code


def test_what_lies_inside_the_outline_is_marked_synthetic(shapes: CountyShapes) -> None:
    assert all(area.synthetic for area in shapes.areas if area.kind != "county")
    assert all(ground.synthetic for ground in (*shapes.roads, *shapes.water))


def test_a_town_lies_where_its_centre_is_known_to_be(shapes: CountyShapes) -> None:
    for town in shapes.of_kind("town"):
        assert distance_m(town.centre, CENTRES[town.code]) < (3500 if town.code == MOVED else 2000), town.name


def test_a_centre_outside_the_outline_is_moved_well_inside(shapes: CountyShapes, plane: Plane) -> None:
    outline = plane.flat(county_of(shapes).polygon)
    town = next(town for town in shapes.of_kind("town") if town.code == MOVED)

    assert not outline.contains(plane.flat(shapely.Point(CENTRES[MOVED])))
    assert outline.exterior.distance(plane.flat(shapely.Point(town.centre))) > 1400


def test_town_areas_are_near_the_known_ones(shapes: CountyShapes, plane: Plane) -> None:
    km2 = {town.code: plane.flat(town.polygon).area / 1e6 for town in shapes.of_kind("town")}

    for code, known in KNOWN_KM2.items():
        assert km2[code] == pytest.approx(known, rel=0.05)
    assert sum(km2.values()) == pytest.approx(495.2, abs=0.2)  # what the outline encloses; the county counts 506.88


def test_borders_between_towns_are_crooked(shapes: CountyShapes, plane: Plane) -> None:
    towns = [plane.flat(town.polygon) for town in shapes.of_kind("town")]
    borders = [
        shapely.line_merge(a.boundary.intersection(b.boundary))
        for n, a in enumerate(towns)
        for b in towns[n + 1 :]
        if a.boundary.intersection(b.boundary).length > 3000
    ]

    assert len(borders) >= 10
    for border in borders:
        assert border.length > 1.05 * shapely.simplify(border, 1000).length


def test_neighbourhoods_are_small_and_in_town_and_villages_large_and_around(shapes: CountyShapes, plane: Plane) -> None:
    communities = shapes.of_kind("community")
    km2 = {c.code: plane.flat(c.polygon).area / 1e6 for c in communities}
    urban = [km2[c.code] for c in communities if int(c.code[-3:]) < 200]
    rural = [km2[c.code] for c in communities if int(c.code[-3:]) >= 200]

    assert sum(urban) / len(urban) < 0.5 * sum(rural) / len(rural)
    assert min(km2.values()) > 0.2


def test_there_is_water_and_a_road_to_every_village(shapes: CountyShapes, plane: Plane) -> None:
    roads = shapely.union_all([plane.flat(road.shape) for road in shapes.roads])

    assert sum(water.shape.geom_type == "Polygon" for water in shapes.water) == 12
    assert {water.width for water in shapes.water} == {road.width for road in shapes.roads} == {1, 2, 3}
    for community in shapes.of_kind("community"):
        assert plane.flat(community.polygon).intersects(roads), community.name


def test_roads_and_water_stay_in_the_county(shapes: CountyShapes) -> None:
    county = county_of(shapes).polygon.buffer(0.001)

    assert all(county.contains(ground.shape) for ground in (*shapes.roads, *shapes.water))


def test_the_same_seed_makes_the_same_county_and_another_another(shapes: CountyShapes) -> None:
    assert everything(build_county(SEED)) == everything(shapes)
    assert everything(build_county(SEED + 1)) != everything(shapes)
