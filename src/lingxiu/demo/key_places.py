"""The demo county's key places: made up, marked so, and inside the towns they are named after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lingxiu.issues.lookback.actions import Place, add_place
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.territory.models import Area, AreaKind

XITANG = "330421103"
KINDS: tuple[tuple[KeyPlace.Kind, str, int], ...] = (
    # kind, what it is called after its town, metres around it
    (KeyPlace.Kind.SCHOOL, "小学", 200),
    (KeyPlace.Kind.CARE_HOME, "颐养院", 150),
    (KeyPlace.Kind.SCHOOL, "中学", 200),
    (KeyPlace.Kind.HOSPITAL, "卫生院", 150),
)


def write_key_places(areas: Mapping[str, Area], at: datetime) -> None:
    """Four of each town, at the middle of its first communities, and the old town of 西塘."""
    for town in (area for area in areas.values() if area.kind == AreaKind.TOWN):
        communities = sorted(
            code for code, area in areas.items() if area.kind == AreaKind.COMMUNITY and code.startswith(town.code)
        )
        for code, (kind, called, radius) in zip(communities, KINDS, strict=False):
            _write(
                Place(kind, f"{town.name}{called}（虚构）", areas[code].centre_lng, areas[code].centre_lat, radius),
                at,
            )
    if XITANG in areas:
        old_town = areas[XITANG]
        _write(Place(KeyPlace.Kind.OLD_TOWN, "西塘古镇（虚构范围）", old_town.centre_lng, old_town.centre_lat, 600), at)


def _write(place: Place, at: datetime) -> None:
    add_place(place, by=None, at=at, synthetic=True)
