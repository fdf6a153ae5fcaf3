"""The demo's merchants: name, kind, size, licence, place and hours of each, its facilities and its code.

Every name and number is made up; licence and credit codes have right check digits and lie outside the ranges really given
out. Never says how well a shop does: how its people are (`Manner`) is drawn here, and what follows from that elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random

from lingxiu.china.identifiers import USCC_ALPHABET, LicenceKind, food_licence, uscc_check
from lingxiu.demo import naming, scenario
from lingxiu.demo.chance import SEED, pick, stream
from lingxiu.demo.places import Place, sample_places
from lingxiu.demo.shapes import COUNTY, CountyShapes, is_village
from lingxiu.demo.streets import Streets
from lingxiu.demo.trades import MANNERS, SMALL_EATERY_M2, TRADES, Manner, Trade
from lingxiu.home import secret
from lingxiu.merchants.models import Code, Facility, Licence, Merchant, Scale, Standing, Status
from lingxiu.territory.models import Area

BUSY_TOWNS = {"330421001": 30.0, "330421002": 24.0, "330421103": 14.0}  # how the shops are shared out among towns
OTHER_TOWN = 5.0

KNOWN_SHARE = 2780 / 2794  # dossiers ÷ licences: 99.5 %, as the county reported

# GB 18483-2001 table 1, by reference stoves.
LARGE_FROM, MEDIUM_FROM = 6, 3

FIRST_SERIAL = 880_001  # of food licences: the county has given out nothing near it
BODY = "DEM{:06d}"  # of credit codes: real bodies begin with a digit or MA

TRIES = 60  # for a name nobody has; then it is numbered

PAUSED = 0.015
LONGEST_OPEN_DAYS, SHORTEST_OPEN_DAYS = 4200, 60
LICENCE_YEARS = 5  # 食品经营许可证: five years
TOKEN_BYTES = 16


@dataclass
class Shop:
    """A merchant and what the demo knows of it beside its row.

    `number` counts from 0 and picks its chance; a `staged` shop plays in `scenario`.
    """

    number: int
    merchant: Merchant
    trade: Trade
    manner: Manner
    staged: bool

    @property
    def purifier(self) -> bool:
        """Whether it has one: every shop that fries, but for a few of the poor."""
        return self.trade.fries and (self.manner is not Manner.POOR or self.number % 3 > 0)


def make_shops(shapes: CountyShapes, areas: Mapping[str, Area], count: int, at: datetime) -> list[Shop]:
    """`count` shops, not written yet, in no particular order."""
    weights = {town.code: BUSY_TOWNS.get(town.code, OTHER_TOWN) for town in shapes.of_kind("town")}
    places = sample_places(shapes, weights, count, SEED)
    addresses = Streets(shapes).addresses(places)
    taken: set[str] = set()
    staged = scenario_places(places)
    return [
        _shop(number, place, address, areas, taken, staged.get(number), at)
        for number, (place, address) in enumerate(zip(places, addresses, strict=True))
    ]


def scenario_places(places: Iterable[Place]) -> dict[int, int]:
    """Numbers of the first shops in the scenario's grid, which get a device of the scenario each: number → which device."""
    there = [number for number, place in enumerate(places) if place.grid_code == scenario.GRID]
    return {number: device for device, number in enumerate(there[: len(scenario.DEVICES)])}


def write_shops(shops: list[Shop]) -> None:
    """Write the merchants, and with each its code, facilities, licence and an empty standing; then licences without a shop."""
    Merchant.objects.bulk_create([shop.merchant for shop in shops], batch_size=1000)
    Standing.objects.bulk_create([Standing(merchant=shop.merchant) for shop in shops], batch_size=1000)
    Code.objects.bulk_create([_code(shop) for shop in shops], batch_size=1000)
    Facility.objects.bulk_create([one for shop in shops for one in _facilities(shop)], batch_size=2000)
    Licence.objects.bulk_create([*map(_licence, shops), *_unknown_licences(shops)], batch_size=1000)


def manner_of(number: int, staged: bool) -> Manner:
    """How the shop of this number is run."""
    return Manner.GOOD if staged else pick(stream("manner", number), MANNERS)


def number_of(merchant: Merchant) -> int:
    """The number of a demo shop whose row was read back: its credit code keeps it."""
    return int(merchant.uscc[11:17])


def _shop(
    number: int,
    place: Place,
    address: str,
    areas: Mapping[str, Area],
    taken: set[str],
    device: int | None,
    at: datetime,
) -> Shop:
    random = stream("shop", number)
    village, staged = is_village(place.grid_code[:12]), device is not None
    kind = (
        "restaurant" if staged else pick(random, {k: t.in_village if village else t.in_town for k, t in TRADES.items()})
    )
    trade = TRADES[kind]
    stoves = 4.0 if staged else pick(random, trade.stoves)
    m2 = round(stoves * random.uniform(*trade.m2_per_stove))
    opens, closes = random.choice(trade.hours)
    opened = at.date() - timedelta(days=int(random.triangular(SHORTEST_OPEN_DAYS, LONGEST_OPEN_DAYS, 700)))
    entered = _entered(random, opened, at)
    licence_kind, licence_no = _licence_number(kind, m2, number)
    phone = naming.phone("shop", number) if device is None else naming.phone("owner", device + 1)
    name = _name(random, kind, place, areas, taken)
    merchant = Merchant(
        name=name,
        kind=kind,
        status=Status.PAUSED if random.random() < PAUSED and not staged else Status.OPEN,
        uscc=_uscc(number, company=kind in ("canteen", "hotpot") or stoves >= LARGE_FROM),
        licence_kind=licence_kind,
        licence_no=licence_no,
        licence_until=_licence_until(opened, at.date()),
        legal_person=naming.person(random),
        phone=phone,
        address=address,
        lng=place.lng,
        lat=place.lat,
        area=areas[place.grid_code],
        town=place.grid_code[:9],
        grid=place.grid_code,
        in_built_up=not village,
        scale=_scale(stoves),
        reference_stoves=stoves,
        seats=round(m2 / trade.m2_per_seat) if trade.m2_per_seat else None,
        floor_area_m2=m2,
        opened_on=opened,
        opens_at=opens,
        closes_at=closes,
        sources=_sources(entered),
        synthetic=True,
        created_at=entered,
        updated_at=entered,
    )
    merchant.derive()
    return Shop(number, merchant, trade, manner_of(number, staged), staged)


def _entered(random: Random, opened: date, at: datetime) -> datetime:
    """When its dossier was begun: some time in the two years before, and not before it opened."""
    days = min(random.randint(100, 700), (at.date() - opened).days - 1)
    return at - timedelta(days=days, minutes=random.randint(0, 600))


def _name(random: Random, kind: str, place: Place, areas: Mapping[str, Area], taken: set[str]) -> str:
    """A name no other shop of the county has."""
    given = {
        "town": naming.short(areas[place.grid_code[:9]].name),
        "place": naming.short(areas[place.grid_code[:12]].name),
    }
    names = naming.shop_names(random, kind, given)
    free = (name for name in islice(names, TRIES) if name not in taken)
    name = next(free, None) or f"{next(names)}{len(taken)}号"
    taken.add(name)
    return name


def _scale(stoves: float) -> Scale:
    if stoves >= LARGE_FROM:
        return Scale.LARGE
    return Scale.MEDIUM if stoves >= MEDIUM_FROM else Scale.SMALL


def _licence_number(kind: str, m2: float, number: int) -> tuple[str, str]:
    """(kind of licence, number). The form of registration numbers is not known: ours says the county and counts."""
    if kind == "canteen":
        return "food_licence", food_licence(LicenceKind.CANTEEN, COUNTY, FIRST_SERIAL + number)
    if m2 <= SMALL_EATERY_M2:
        return "small_eatery_registration", f"{COUNTY}-D{number:06d}"
    return "food_licence", food_licence(LicenceKind.CATERING, COUNTY, FIRST_SERIAL + number)


def _licence_until(opened: date, today: date) -> date:
    """The end of the five years that now run."""
    years = LICENCE_YEARS
    while _years_after(opened, years) <= today:
        years += LICENCE_YEARS
    return _years_after(opened, years)


def _years_after(day: date, years: int) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + years, day=28 if leap_day else day.day)


def _uscc(number: int, company: bool) -> str:
    """91 a company, 92 an individual business (GB 32100)."""
    first17 = ("91" if company else "92") + COUNTY + BODY.format(number)
    assert set(first17) <= set(USCC_ALPHABET)
    return first17 + uscc_check(first17)


def _sources(at: datetime) -> dict[str, dict[str, str]]:
    """Where each fact came from: what the licence says, what a grid member saw, what the owner told."""
    said = {
        "licence": ("name", "uscc", "licence_no", "licence_until", "legal_person", "address"),
        "grid_member": ("lng", "lat", "reference_stoves", "floor_area_m2", "seats"),
        "owner": ("phone", "opens_at", "closes_at"),
    }
    return {field: {"source": source, "at": at.isoformat()} for source, fields in said.items() for field in fields}


def _code(shop: Shop) -> Code:
    """Its QR code."""
    issued = shop.merchant.created_at + timedelta(days=1)
    return Code(
        token=sealed("code", shop.number),
        merchant=shop.merchant,
        issued_at=issued,
        printed_at=issued + timedelta(days=2),
    )


def sealed(*purpose: object) -> str:
    """A token that cannot be told from the seed and this code alone: it needs a secret of the installation."""
    named = " ".join(map(str, purpose)).encode()
    digest = hmac.new(secret("demo_tokens").encode(), named, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def _licence(shop: Shop) -> Licence:
    merchant = shop.merchant
    return Licence(
        kind=merchant.licence_kind,
        number=merchant.licence_no,
        name=merchant.name,
        address=merchant.address,
        valid_until=merchant.licence_until,
        merchant=merchant,
        synthetic=True,
    )


def _unknown_licences(shops: list[Shop]) -> list[Licence]:
    """Licences nobody has found the shop of yet: new ones in streets where there are others."""
    missing = max(1, round(len(shops) / KNOWN_SHARE) - len(shops))
    names = {shop.merchant.name for shop in shops}
    found: list[Licence] = []
    for number in range(missing):
        random = stream("unknown licence", number)
        beside = random.choice(shops).merchant
        name = next(
            n for n in naming.shop_names(random, "snack_bar", {"place": "新街", "town": "新街"}) if n not in names
        )
        names.add(name)
        found.append(
            Licence(
                kind="food_licence",
                number=food_licence(LicenceKind.CATERING, COUNTY, FIRST_SERIAL + len(shops) + number),
                name=name,
                address=beside.address + "旁",
                valid_until=_years_after(beside.created_at.date(), LICENCE_YEARS),
                synthetic=True,
            )
        )
    return found


def _facilities(shop: Shop) -> list[Facility]:
    """What stands in the kitchen: more in a larger one, no hood where nothing is fried."""
    if shop.merchant.kind == "stall":
        return []
    random = stream("facilities", shop.number)
    stoves, large = shop.merchant.reference_stoves, shop.merchant.scale != Scale.SMALL
    wanted: dict[str, tuple[float, str]] = {  # kind → (chance, capacity)
        "hood": (shop.trade.fries, f"{stoves * 1.1:.1f} m²"),  # GB 18483 table 1: 1.1 m² of hood a stove
        "purifier": (shop.purifier, f"{stoves * 2000:.0f} m³/h"),  # GB 18483: 2,000 m³/h a stove
        "fan": (shop.trade.fries, f"{stoves * 2000 * 1.2:.0f} m³/h"),
        "flue": (0.93 if shop.trade.fries else 0, ""),
        "grease_trap": (1.0 if large else 0.96, f"{0.3 * stoves:.1f} m³"),
        "waste_bin": (1.0, "120 L"),
        "gas_alarm": (0.95 if shop.trade.fries else 0.3, ""),
        "camera": (0.7 if large else 0.15, ""),
    }
    opened = shop.merchant.opened_on or shop.merchant.created_at.date()
    made_by = {"purifier", "fan", "gas_alarm", "camera"}
    return [
        Facility(
            merchant=shop.merchant,
            kind=kind,
            maker=random.choice(naming.names().makers) if kind in made_by else "",
            model=f"{kind[:2].upper()}-{random.randint(2, 9) * 10}" if kind in made_by else "",
            installed_on=opened,
            capacity=capacity,
        )
        for kind, (chance, capacity) in wanted.items()
        if random.random() < chance
    ]
