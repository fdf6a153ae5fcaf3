"""The demo county's units, and somebody in every role of each: who holds what, never what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lingxiu.accounts.models import Post, Unit, UnitKind, User
from lingxiu.china.pinyin import full
from lingxiu.demo import naming
from lingxiu.demo.chance import stream
from lingxiu.demo.shapes import CountyShapes
from lingxiu.policy.schema.bodies import Department
from lingxiu.privacy.cipher import blind_index

OFFICE = "county-office"
OWNERS_UNIT = "companies"
CLEANERS_UNIT = "company-cleaning-{}"
HAULER_UNIT = "company-waste"

IN_OFFICE = {"system_administrator": 1, "county_officer": 3, "leader": 2, "assessor": 1}
USERNAMES = {"system_administrator": "admin", "county_officer": "county", "leader": "leader", "assessor": "assessor"}
DISPATCHERS, TEAM_OFFICERS = 2, 3  # of each town
DEPARTMENT_OFFICERS = {"dept-ecology": 3, "dept-enforcement": 3, "dept-market": 2, "dept-construction": 2}
CERTIFICATE = "演示330421-{:04d}"

LONGEST_IN_POST = 1500  # days


@dataclass
class Staff:
    """Units by code, and people by the role they hold and the code of the unit they hold it in."""

    units: dict[str, Unit]
    people: dict[tuple[str, str], list[User]] = field(default_factory=dict)

    def of(self, role: str, unit: str) -> Sequence[User]:
        """Who holds this role in this unit."""
        return self.people.get((role, unit), ())


@dataclass
class Draft:
    """Somebody to be."""

    user: User
    post: Post


def town_username(town: str) -> str:
    """weitang of 魏塘街道."""
    return full(naming.short(town))


def grid_username(grid: str) -> str:
    """g00100101 of 33042100100101: the grid's code without the county's."""
    return "g" + grid[6:]


def make_units(shapes: CountyShapes, departments: Iterable[Department], county: str) -> dict[str, Unit]:
    """Write the units of the county, the upper ones first; code → unit."""
    office = Unit.objects.create(code=OFFICE, kind=UnitKind.COUNTY_OFFICE, name=f"{county}专班")
    below = [Unit(code=one.id, kind=UnitKind.DEPARTMENT, name=one.label.zh, parent=office) for one in departments]
    below += [Unit(code=OWNERS_UNIT, kind=UnitKind.COMPANY, name="商户与服务单位")]
    below += [
        Unit(code=CLEANERS_UNIT.format(number), kind=UnitKind.COMPANY, name=name)
        for number, name in enumerate(naming.names().cleaning_companies, start=1)
    ]
    below += [Unit(code=HAULER_UNIT, kind=UnitKind.COMPANY, name=naming.names().waste_hauler)]
    below += [
        Unit(code=town.code, kind=UnitKind.TOWN, name=town.name, parent=office, town=town.code)
        for town in shapes.of_kind("town")
    ]
    units = {unit.code: unit for unit in [office, *Unit.objects.bulk_create(below)]}
    lower = [
        Unit(code=f"{town.code}-team", kind=UnitKind.TOWN_TEAM, name=f"{town.name}执法队",
             parent=units[town.code], town=town.code)
        for town in shapes.of_kind("town")
    ]  # fmt: skip
    lower += [
        Unit(code=grid.code, kind=UnitKind.GRID, name=grid.name, parent=units[grid.code[:9]],
             town=grid.code[:9], grid=grid.code)
        for grid in shapes.of_kind("grid")
    ]  # fmt: skip
    return units | {unit.code: unit for unit in Unit.objects.bulk_create(lower)}


def make_staff(units: dict[str, Unit], at: datetime) -> Staff:
    """Write everybody who works for the county; nobody has a password yet."""
    drafts = [
        _somebody(role, username, unit, number, at) for number, (role, username, unit) in enumerate(_posts(units))
    ]
    return enlist(Staff(units), drafts)


def enlist(staff: Staff, drafts: Sequence[Draft]) -> Staff:
    """Write people and their posts, and know them from now on."""
    User.objects.bulk_create([draft.user for draft in drafts])
    Post.objects.bulk_create([draft.post for draft in drafts])
    for draft in drafts:
        staff.people.setdefault((draft.post.role, draft.post.unit.code), []).append(draft.user)
    return staff


def draft(role: str, username: str, unit: Unit, name: str, phone: str, since: datetime) -> Draft:
    """A person in a post, not written yet."""
    user = User(username=username, name=name, phone=phone, phone_index=blind_index(phone), synthetic=True,
                date_joined=since)  # fmt: skip
    user.set_unusable_password()
    return Draft(user, Post(user=user, role=role, unit=unit, since=since))


def _posts(units: dict[str, Unit]) -> list[tuple[str, str, Unit]]:
    """Every post to fill: role, user name, unit."""
    posts = [
        (role, USERNAMES[role] + (str(n) if count > 1 else ""), units[OFFICE])
        for role, count in IN_OFFICE.items()
        for n in range(1, count + 1)
    ]
    for unit in units.values():
        match unit.kind:
            case UnitKind.DEPARTMENT:
                stem, count = unit.code.removeprefix("dept-"), DEPARTMENT_OFFICERS.get(unit.code, 1)
                posts += [("department_officer", f"{stem}{n}", unit) for n in range(1, count + 1)]
            case UnitKind.TOWN:
                posts += [
                    ("town_dispatcher", f"{town_username(unit.name)}{n}", unit) for n in range(1, DISPATCHERS + 1)
                ]
            case UnitKind.TOWN_TEAM:
                stem = town_username(units[unit.town].name)
                posts += [("town_officer", f"{stem}-team{n}", unit) for n in range(1, TEAM_OFFICERS + 1)]
            case UnitKind.GRID:
                posts.append(("grid_member", grid_username(unit.code), unit))
            case _:
                pass
    return posts


def _somebody(role: str, username: str, unit: Unit, number: int, at: datetime) -> Draft:
    random = stream("person", username)
    since = at - timedelta(days=random.randint(200, LONGEST_IN_POST))
    phone = naming.phone("grid" if role == "grid_member" else "officer", number)
    one = draft(role, username, unit, naming.person(random), phone, since)
    if role in ("department_officer", "town_officer"):
        one.post.certificate_no = CERTIFICATE.format(number)
    if role == "system_administrator":
        one.user.is_staff = one.user.is_superuser = True
    return one
