from collections import Counter

import pytest
import shapely

from lingxiu.demo.places import Place, sample_places
from lingxiu.demo.plane import plane_around
from lingxiu.demo.shapes import CountyShapes

COUNT = 2780
WEITANG, LUOXING, XITANG = "330421001", "330421002", "330421103"
BUSY = {WEITANG: 30.0, LUOXING: 24.0, XITANG: 14.0}


@pytest.fixture(scope="session")
def weights(shapes: CountyShapes) -> dict[str, float]:
    return {town.code: BUSY.get(town.code, 5.0) for town in shapes.of_kind("town")}


@pytest.fixture(scope="session")
def places(shapes: CountyShapes, weights: dict[str, float]) -> list[Place]:
    return sample_places(shapes, weights, COUNT, seed=1)


def test_there_are_as_many_as_asked_and_no_two_are_the_same(places: list[Place]) -> None:
    assert len(places) == COUNT
    assert len({(place.lng, place.lat) for place in places}) == COUNT


def test_every_place_lies_in_the_grid_it_names(shapes: CountyShapes, places: list[Place]) -> None:
    grids = {grid.code: grid.polygon for grid in shapes.of_kind("grid")}

    assert all(grids[place.grid_code].contains(shapely.Point(place.lng, place.lat)) for place in places)


def test_towns_get_their_share_to_within_one(places: list[Place], weights: dict[str, float]) -> None:
    by_town = Counter(place.grid_code[:9] for place in places)

    for code, weight in weights.items():
        assert abs(by_town[code] - COUNT * weight / sum(weights.values())) < 1


def test_every_community_has_a_shop_and_most_grids_have(shapes: CountyShapes, places: list[Place]) -> None:
    grids = {place.grid_code for place in places}

    assert {grid[:12] for grid in grids} == {community.code for community in shapes.of_kind("community")}
    assert len(grids) > 0.8 * len(shapes.of_kind("grid"))


def test_most_shops_stand_in_the_middle_of_a_town(shapes: CountyShapes, places: list[Place]) -> None:
    plane = plane_around(shapes.areas[0].polygon)
    middles = shapely.union_all([plane.flat(shapely.Point(t.centre)).buffer(2000) for t in shapes.of_kind("town")])
    inside = sum(middles.contains(plane.flat(shapely.Point(place[:2]))) for place in places)

    assert inside > 0.6 * COUNT


def test_every_shop_stands_beside_a_road_and_on_dry_land(shapes: CountyShapes, places: list[Place]) -> None:
    roads = shapely.STRtree([road.shape for road in shapes.roads])
    water = shapely.STRtree([one.shape for one in shapes.water])
    points = [shapely.Point(place.lng, place.lat) for place in places]

    assert roads.query_nearest(points, return_distance=True)[1].max() < 0.0002
    assert water.query(points, predicate="intersects").size == 0


def test_the_same_seed_gives_the_same_places(
    shapes: CountyShapes, weights: dict[str, float], places: list[Place]
) -> None:
    assert sample_places(shapes, weights, COUNT, seed=1) == places
    assert sample_places(shapes, weights, COUNT, seed=2) != places


def test_a_town_too_small_for_its_share_is_refused(shapes: CountyShapes) -> None:
    with pytest.raises(ValueError, match="are more than the"):
        sample_places(shapes, {XITANG: 1.0}, 100_000, seed=1)
