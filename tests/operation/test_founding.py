"""`lingxiu init`: a county is founded whole, or not at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lingxiu.accounts.models import Unit, User
from lingxiu.china.coordinates import wgs84_to_gcj02
from lingxiu.founding import CountyRefused, found, read
from lingxiu.territory.models import Area
from lingxiu.territory.queries import locate


def polygon(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def write(path: Path, *features: tuple[str, str, dict[str, Any]]) -> None:
    rows = [{"type": "Feature", "properties": {"code": c, "name": n}, "geometry": g} for c, n, g in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A county of two towns, one of them with two grids."""
    write(tmp_path / "boundary.geojson", ("", "", polygon(120.0, 30.0, 120.2, 30.1)))
    write(
        tmp_path / "towns.geojson",
        ("330499001", "东镇", polygon(120.1, 30.0, 120.2, 30.1)),
        ("330499002", "西镇", polygon(120.0, 30.0, 120.1, 30.1)),
    )
    write(
        tmp_path / "grids.geojson",
        ("33049900100101", "东一", polygon(120.1, 30.0, 120.15, 30.1)),
        ("33049900100102", "东二", polygon(120.15, 30.0, 120.2, 30.1)),
        ("33049900200101", "西一", polygon(120.0, 30.0, 120.1, 30.1)),
    )
    return tmp_path


def county(folder: Path, **changes: object) -> Path:
    values: dict[str, object] = {
        "code": "330499",
        "name": "试县",
        "boundary": "boundary.geojson",
        "towns": "towns.geojson",
        "grids": "grids.geojson",
        "administrator": {"username": "chief", "name": "张三"},
        **changes,
    }
    path = folder / "county.yaml"
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}, ensure_ascii=False))
    return path


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secrets").symlink_to(Path(__import__("os").environ["LINGXIU_HOME"]) / "secrets")
    monkeypatch.setenv("LINGXIU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_founded_county_has_its_areas_units_and_administrator(db: None, folder: Path) -> None:
    said = found(read(county(folder)))
    assert Area.objects.filter(kind="grid").count() == 3
    assert locate(120.17, 30.05).grid == "33049900100102"
    assert Unit.objects.get(code="330499001-team").kind == "town_team"
    assert Unit.objects.filter(kind="department").count() == 11
    password = said.split(" with ")[1].split(" ")[0]
    chief = User.objects.get(username="chief")
    assert chief.check_password(password)
    assert chief.must_change_password


def test_officers_of_a_founded_county_need_a_second_factor(db: None, folder: Path, own_home: Path) -> None:
    found(read(county(folder)))
    settings = own_home / "lingxiu.env"
    assert "LINGXIU_OFFICER_TOTP=1" in settings.read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600


def test_without_grids_each_town_is_one(db: None, folder: Path) -> None:
    found(read(county(folder, grids=None)))
    assert locate(120.17, 30.05).grid == "33049900100101"


def test_shapes_from_web_maps_are_moved_to_where_they_are(db: None, folder: Path) -> None:
    def moved(geometry: dict[str, Any]) -> dict[str, Any]:
        ring = [list(wgs84_to_gcj02(lng, lat)) for lng, lat in geometry["coordinates"][0]]
        return {"type": "Polygon", "coordinates": [ring]}

    for name in ("boundary", "towns", "grids"):
        path = folder / f"{name}.geojson"
        collection = json.loads(path.read_text())
        for feature in collection["features"]:
            feature["geometry"] = moved(feature["geometry"])
        path.write_text(json.dumps(collection))
    found(read(county(folder, coordinates="gcj02")))
    town = Area.objects.get(code="330499001")
    assert [round(edge, 6) for edge in town.geometry.bounds] == [120.1, 30.0, 120.2, 30.1]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"code": "33"}, "code"),
        ({"name": None}, "name"),
        ({"coordinates": "mars"}, "coordinates"),
        ({"towns": "nowhere.geojson"}, "towns"),
        ({"boundary": None}, "boundary"),
        ({"colour": "red"}, "colour"),
        ({"administrator": {"username": "x", "name": "y"}}, "administrator.username"),
    ],
)
def test_what_is_wrong_is_named(db: None, folder: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(CountyRefused) as refused:
        found(read(county(folder, **changes)))
    assert any(mistake.startswith(named) for mistake in refused.value.mistakes), refused.value.mistakes
    assert not Area.objects.exists()
    assert not Unit.objects.exists()


def test_a_town_outside_the_boundary_is_refused_and_asks_for_the_coordinates(db: None, folder: Path) -> None:
    write(folder / "towns.geojson", ("330499001", "东镇", polygon(121.1, 30.0, 121.2, 30.1)))
    with pytest.raises(CountyRefused, match=r"outside the boundary; are the coordinates really wgs84\?"):
        found(read(county(folder, grids=None)))


def test_a_second_county_is_refused(db: None, folder: Path) -> None:
    found(read(county(folder)))
    with pytest.raises(CountyRefused, match="there is a county here already"):
        found(read(county(folder)))
