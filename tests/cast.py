"""The fixed cast of the tests: a county with two towns of one grid each, somebody in every role, and two merchants.

Tests ask for `cast` and use `cast.grid_member`, `cast.other_grid_member` …; each is allowed what their role is, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import shapely

from lingxiu.accounts.models import Bond, Post, Unit, UnitKind, User
from lingxiu.merchants.models import Code, Merchant, Standing
from lingxiu.territory.models import Area, AreaKind

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)  # Thursday, 12:00 in the county


@dataclass(frozen=True)
class Cast:
    """Who and what there is."""

    county_office: Unit
    ecology: Unit
    enforcement: Unit
    market: Unit
    town: Unit
    town_team: Unit
    grid: Unit
    other_town: Unit
    other_grid: Unit
    administrator: User
    county_officer: User
    leader: User
    department_officer: User
    dispatcher: User
    town_officer: User
    grid_member: User
    assessor: User
    owner: User
    cleaning_company: User
    waste_hauler: User
    other_dispatcher: User
    other_grid_member: User
    stranger_owner: User
    merchant: Merchant
    other_merchant: Merchant

    @property
    def by_role(self) -> dict[str, User]:
        """One person a role, for tests that walk all of them."""
        return {
            "system_administrator": self.administrator,
            "county_officer": self.county_officer,
            "leader": self.leader,
            "department_officer": self.department_officer,
            "town_dispatcher": self.dispatcher,
            "town_officer": self.town_officer,
            "grid_member": self.grid_member,
            "assessor": self.assessor,
            "owner": self.owner,
            "cleaning_company": self.cleaning_company,
            "waste_hauler": self.waste_hauler,
        }


def make_cast() -> Cast:
    """The whole cast, in one call."""
    office = unit("county-office", UnitKind.COUNTY_OFFICE, "县专班")
    departments = {
        code: unit(code, UnitKind.DEPARTMENT, name, office)
        for code, name in [
            ("dept-ecology", "生态环境分局"),
            ("dept-enforcement", "综合行政执法局"),
            ("dept-market", "市场监督管理局"),
            ("dept-construction", "建设局"),
        ]
    }
    towns = [
        unit(code, UnitKind.TOWN, name, office, town=code)
        for code, name in [("330421001", "魏塘街道"), ("330421103", "西塘镇")]
    ]
    team = unit("330421001-team", UnitKind.TOWN_TEAM, "魏塘执法队", towns[0], town="330421001")
    unit("330421103-team", UnitKind.TOWN_TEAM, "西塘执法队", towns[1], town="330421103")
    grids = [
        unit(code, UnitKind.GRID, "第一网格", town, town=town.code, grid=code)
        for code, town in [("33042100100101", towns[0]), ("33042110300101", towns[1])]
    ]
    areas = make_areas()
    merchants = [
        make_merchant("一鲜居", areas["33042100100101"], 120.92, 30.85),
        make_merchant("老街面馆", areas["33042110300101"], 120.88, 30.93),
    ]
    return Cast(
        county_office=office,
        ecology=departments["dept-ecology"],
        enforcement=departments["dept-enforcement"],
        market=departments["dept-market"],
        town=towns[0],
        town_team=team,
        grid=grids[0],
        other_town=towns[1],
        other_grid=grids[1],
        administrator=person("administrator", "system_administrator", office),
        county_officer=person("county", "county_officer", office),
        leader=person("leader", "leader", office),
        department_officer=person("ecology", "department_officer", departments["dept-ecology"]),
        dispatcher=person("dispatcher", "town_dispatcher", towns[0]),
        town_officer=person("team", "town_officer", team),
        grid_member=person("grid", "grid_member", grids[0]),
        assessor=person("assessor", "assessor", office),
        owner=bound("owner", "owner", merchants[0]),
        cleaning_company=bound("cleaner", "cleaning_company", merchants[0]),
        waste_hauler=bound("hauler", "waste_hauler", merchants[0]),
        other_dispatcher=person("dispatcher2", "town_dispatcher", towns[1]),
        other_grid_member=person("grid2", "grid_member", grids[1]),
        stranger_owner=bound("owner2", "owner", merchants[1]),
        merchant=merchants[0],
        other_merchant=merchants[1],
    )


def unit(code: str, kind: UnitKind, name: str, parent: Unit | None = None, *, town: str = "", grid: str = "") -> Unit:
    """A unit of the tree."""
    return Unit.objects.create(code=code, kind=kind, name=name, parent=parent, town=town, grid=grid)


def person(username: str, role: str, at: Unit, *, phone: str = "") -> User:
    """Somebody who holds one post since the year began; no password, so sign them in by `client.force_login`."""
    user = User.objects.create_user(username, None, name=f"{username}", phone=phone)
    Post.objects.create(user=user, role=role, unit=at, since=BEGAN)
    return user


def bound(username: str, role: str, merchant: Merchant) -> User:
    """An owner, a cleaning company or a hauler, bound to a merchant."""
    companies, _ = Unit.objects.get_or_create(
        code="companies", defaults={"kind": UnitKind.COMPANY, "name": "商户与服务单位"}
    )
    number = 13800000000 + User.objects.count()
    user = person(username, role, companies, phone=str(number))
    Bond.objects.create(user=user, merchant_id=merchant.pk, kind=role, made_at=BEGAN)
    return user


def make_areas() -> dict[str, Area]:
    """Two square towns of one community and one grid each, side by side in the county's frame."""
    areas: dict[str, Area] = {}

    def add(code: str, kind: AreaKind, name: str, parent: str, box: tuple[float, float, float, float]) -> None:
        shape = shapely.box(*box)
        areas[code] = Area.objects.create(
            code=code,
            kind=kind,
            name=name,
            parent=areas.get(parent),
            shape=shapely.to_wkb(shape),
            centre_lng=shape.centroid.x,
            centre_lat=shape.centroid.y,
            synthetic=True,
        )

    add("330421", AreaKind.COUNTY, "嘉善县", "", (120.80, 30.80, 121.00, 31.00))
    for town, name, box in [
        ("330421001", "魏塘街道", (120.90, 30.80, 121.00, 30.90)),
        ("330421103", "西塘镇", (120.80, 30.90, 120.90, 31.00)),
    ]:
        add(town, AreaKind.TOWN, name, "330421", box)
        add(f"{town}001", AreaKind.COMMUNITY, "第一社区", town, box)
        add(f"{town}00101", AreaKind.GRID, "第一网格", f"{town}001", box)
    return areas


def make_merchant(name: str, grid: Area, lng: float, lat: float, **fields: object) -> Merchant:
    """A merchant with a standing and a valid code."""
    values: dict[str, object] = {
        "kind": "restaurant",
        "licence_kind": "food_licence",
        "address": "人民大道1号",
        "created_at": BEGAN,
        "updated_at": BEGAN,
        **fields,
    }
    merchant = Merchant.objects.create(
        name=name, area=grid, town=grid.code[:9], grid=grid.code, lng=lng, lat=lat, **values
    )
    Standing.objects.create(merchant=merchant)
    Code.objects.create(merchant=merchant, issued_at=BEGAN)
    return merchant
