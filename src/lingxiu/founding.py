"""`lingxiu init`: a new county. Its boundary, towns and grids as shapes, its units, its policy, its first administrator.

Asks, or reads `county.yaml`:

    code: '330421'
    name: 嘉善县
    coordinates: wgs84            # or gcj02, bd09: what the files are in
    boundary: boundary.geojson    # one shape; may be left out for a county we carry (330421)
    towns: towns.geojson          # properties code, name
    grids: grids.geojson          # properties code, name; without it each town is one grid
    administrator: {username: admin, name: 张三}

Files are looked for beside county.yaml. All or nothing: a county with a mistake in it is refused whole.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import numpy.typing as npt
import shapely
import yaml
from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely.geometry.base import BaseGeometry

from lingxiu.accounts.models import Post, Unit, UnitKind, User
from lingxiu.china.coordinates import Position, bd09_to_wgs84, gcj02_to_wgs84
from lingxiu.config.environment import environment
from lingxiu.home import home
from lingxiu.journal.actions import record
from lingxiu.policy.actions import load
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED
from lingxiu.territory.counties import load_county
from lingxiu.territory.models import Area, AreaKind

OUTSIDE_DEGREES = 0.02  # how far a town may stand out of a generalised boundary, about 2 km


class CountyRefused(Exception):
    """A county that cannot be founded. `mistakes`: one line each, naming field, value and mend."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Administrator(BaseModel):
    """Who signs in first."""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=3, max_length=60)
    name: str = Field(min_length=1, max_length=60)


class County(BaseModel):
    """`county.yaml`."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(pattern=r"^\d{6}$")
    name: str = Field(min_length=1, max_length=60)
    coordinates: Literal["wgs84", "gcj02", "bd09"] = "wgs84"
    boundary: Path | None = None
    towns: Path
    grids: Path | None = None
    administrator: Administrator


class Shape(BaseModel):
    """A named piece of a GeoJSON file, already in WGS84."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    code: str
    name: str
    geometry: BaseGeometry


_CONVERT: dict[str, Callable[[float, float], Position]] = {
    "wgs84": Position,
    "gcj02": gcj02_to_wgs84,
    "bd09": bd09_to_wgs84,
}


def read(path: Path) -> tuple[County, Path]:
    """A county.yaml and the folder its files lie in. Raises CountyRefused."""
    try:
        return County.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))), path.parent
    except yaml.YAMLError as error:
        raise CountyRefused([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise CountyRefused(
            [
                f"{'.'.join(map(str, line['loc']))}: {line['msg']} (found {line.get('input')!r})"
                for line in error.errors()
            ]
        ) from error


def ask() -> tuple[County, Path]:
    """Ask for what county.yaml would say."""
    return County(
        code=click.prompt("Code of the county (six digits)"),
        name=click.prompt("Name of the county"),
        coordinates=click.prompt("Coordinates of the files", type=click.Choice(list(_CONVERT)), default="wgs84"),
        boundary=click.prompt("Boundary, a GeoJSON file (empty for a county we carry)", default="", show_default=False)
        or None,
        towns=click.prompt("Towns, a GeoJSON file with code and name", type=click.Path(exists=True, path_type=Path)),
        grids=click.prompt("Grids, a GeoJSON file (empty: each town is one)", default="", show_default=False) or None,
        administrator=Administrator(
            username=click.prompt("Sign-in name of the first administrator", default="admin"), name=click.prompt("Name")
        ),
    ), Path.cwd()


def found(given: tuple[County, Path]) -> str:
    """Found the county. Returns what the administrator needs to know. Raises CountyRefused."""
    county, folder = given
    if Area.objects.exists():
        raise CountyRefused(
            [f"there is a county here already: choose another directory with LINGXIU_HOME= (now {home()})"]
        )
    boundary = _boundary(county, folder)
    towns = _shapes(county, folder / county.towns, "towns")
    grids = _shapes(county, folder / county.grids, "grids") if county.grids else []
    _check(county, boundary, towns, grids)
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        load(environment().policy or SHIPPED, at=timezone.now(), note=f"founding of {county.name}")
        _build(county, boundary, towns, grids, password)
    _want_second_factor()
    return (
        f"{county.name} is founded: {len(towns)} towns, {len(grids) or len(towns)} grids.\n"
        f"Sign in as {county.administrator.username} with {password} and change it; officers need a second factor from now on."
    )


def _boundary(county: County, folder: Path) -> BaseGeometry:
    if county.boundary is not None:
        return shapely.union_all(
            [shape.geometry for shape in _shapes(county, folder / county.boundary, "boundary", named=False)]
        )
    try:
        return load_county(county.code).outline
    except (KeyError, FileNotFoundError) as error:
        raise CountyRefused(
            [f"boundary: missing, and {county.code} is no county we carry; name a GeoJSON file"]
        ) from error


def _shapes(county: County, path: Path, field: str, named: bool = True) -> list[Shape]:
    try:
        features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [_shape(county, feature, named) for feature in features]
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.ShapelyError) as error:
        mend = "a GeoJSON FeatureCollection of polygons" + (" with properties code and name" if named else "")
        raise CountyRefused([f"{field}: {path}: {error}; needed: {mend}"]) from error


def _shape(county: County, feature: dict[str, Any], named: bool) -> Shape:
    convert = _CONVERT[county.coordinates]

    def to_wgs84(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([convert(lng, lat) for lng, lat in points])

    moved = shapely.transform(shapely.from_geojson(json.dumps(feature["geometry"])), to_wgs84)
    properties = feature["properties"] if named else {"code": county.code, "name": county.name}
    return Shape(code=str(properties["code"]), name=str(properties["name"]), geometry=moved)


def _check(county: County, boundary: BaseGeometry, towns: list[Shape], grids: list[Shape]) -> None:
    around = boundary.buffer(OUTSIDE_DEGREES)
    known = {town.code for town in towns}
    mistakes = [] if towns else ["towns: there is none in the file; needed: one at least"]
    for town in towns:
        if len(town.code) != 9 or not town.code.startswith(county.code):
            mistakes.append(
                f"towns: code {town.code!r} of {town.name}: nine digits beginning with {county.code} are needed"
            )
        if not around.contains(town.geometry):
            mistakes.append(
                f"towns: {town.name} lies outside the boundary; are the coordinates really {county.coordinates}?"
            )
    mistakes += [
        f"grids: code {grid.code!r} of {grid.name} begins with no town's code"
        for grid in grids
        if grid.code[:9] not in known
    ]
    if mistakes:
        raise CountyRefused(mistakes)


def _build(county: County, boundary: BaseGeometry, towns: list[Shape], grids: list[Shape], password: str) -> None:
    at = timezone.now()
    office = Unit.objects.create(code="county-office", kind=UnitKind.COUNTY_OFFICE, name=f"{county.name}专班")
    for department in in_force().catalogues.departments:
        Unit.objects.create(code=department.id, kind=UnitKind.DEPARTMENT, name=department.label.zh, parent=office)
    top = _area(Shape(code=county.code, name=county.name, geometry=boundary), AreaKind.COUNTY, None, office)
    grids = grids or [Shape(code=f"{town.code}00101", name=town.name, geometry=town.geometry) for town in towns]
    for town in towns:
        unit = Unit.objects.create(code=town.code, kind=UnitKind.TOWN, name=town.name, parent=office, town=town.code)
        Unit.objects.create(
            code=f"{town.code}-team", kind=UnitKind.TOWN_TEAM, name=f"{town.name}执法队", parent=unit, town=town.code
        )
        area = _area(town, AreaKind.TOWN, top, unit)
        for grid in grids:
            if grid.code.startswith(town.code):
                own = Unit.objects.create(
                    code=grid.code, kind=UnitKind.GRID, name=grid.name, parent=unit, town=town.code, grid=grid.code
                )
                _area(grid, AreaKind.GRID, area, own)
    chief = county.administrator
    person = User.objects.create_superuser(chief.username, password, name=chief.name, must_change_password=True)
    Post.objects.create(user=person, role="system_administrator", unit=office, since=at)
    record("county.founded", "area", top.pk, at=at, actor_id=person.pk)


def _area(shape: Shape, kind: AreaKind, parent: Area | None, unit: Unit) -> Area:
    centre = shape.geometry.representative_point()
    return Area.objects.create(
        code=shape.code,
        kind=kind,
        name=shape.name,
        parent=parent,
        unit=unit,
        shape=shapely.to_wkb(shape.geometry),
        centre_lng=centre.x,
        centre_lat=centre.y,
    )


def _want_second_factor() -> None:
    """An installation for real people asks its officers for a second factor: the setting is kept in the home."""
    path = home() / "lingxiu.env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if not line.startswith("LINGXIU_OFFICER_TOTP=")]
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("\n".join([*kept, "LINGXIU_OFFICER_TOTP=1"]) + "\n")
