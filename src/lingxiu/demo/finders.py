"""Who finds what at which shop of the demo, and when: grid members, officers, owners, the public. Alarms are not found: they are.

Badly run shops are found out more often; the hours are those in which such people are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random

from lingxiu.accounts.models import User
from lingxiu.demo import hours, naming
from lingxiu.demo.chance import pick, stream
from lingxiu.demo.courses import Scene
from lingxiu.demo.desk import Begin, Desk, Reporter
from lingxiu.demo.hours import Rhythm
from lingxiu.demo.shops import Shop, sealed
from lingxiu.demo.trades import Manner
from lingxiu.demo.words import say, words
from lingxiu.issues.models import Source
from lingxiu.merchants.models import Merchant
from lingxiu.territory.queries import locate

ISSUES = 1600 / 2780  # a shop, in three months
JOINT_SHARE = 0.005  # of them at the county by several departments; the rest quickly by grid and town
FRESH = 5 / 2780  # people's reports that came in just now
DAYS = 92

# How much likelier something is found at a shop, by how it is run.
FOUND_AT = {Manner.GOOD: 1.0, Manner.FAIR: 2.6, Manner.POOR: 8.0}

PLACE_ONLY = 0.16  # of the public's reports: the shop is not known
NEAR = 0.0012  # degrees, some 120 m
ANONYMOUS, WITH_PHOTO = 0.35, 0.3
SAID_TWICE = 0.06  # of the reports about a shop are followed by somebody else's
LATEST_REPORT = timedelta(minutes=150)  # after it was seen
TOO_FRESH = timedelta(minutes=3)


def joint_among(wanted: int) -> int:
    """How many of so many issues several departments handle at the county: a small county has one too, to be looked at."""
    return max(1, round(JOINT_SHARE * wanted))


@dataclass(frozen=True, slots=True)
class Origin:
    """A source: its share of what people find, how much more it is now than three months ago (-1 to 1), when it comes, which
    violations and how often."""

    source: Source
    share: float
    trend: float
    rhythm: Rhythm
    violations: dict[str, int]


ORIGINS = (
    Origin(Source.GRID_MEMBER, 44, 0.45, hours.ROUNDS, {
        "D-HOOD": 22, "D-RECORD": 16, "D-TRAP": 16, "D-BIN": 14, "V-A5": 12, "V-W5": 6, "V-S3": 7, "V-C1": 8, "V-F7": 5,
        "V-H2": 4, "V-S1": 2}),
    Origin(Source.PUBLIC, 18, -0.2, hours.MEALS, {
        "P-SMOKE": 44, "P-SMELL": 16, "P-NOISE": 12, "P-DRAIN": 9, "P-WASTE": 8, "P-HYGIENE": 8, "P-OTHER": 3}),
    Origin(Source.HOTLINE, 14, -0.25, hours.PHONES, {
        "P-SMOKE": 40, "P-SMELL": 12, "P-NOISE": 20, "P-DRAIN": 12, "P-WASTE": 6, "P-HYGIENE": 8, "P-OTHER": 2}),
    Origin(Source.OFFICER, 10, 0.3, hours.INSPECTIONS, {
        "V-W2": 24, "V-G1": 16, "V-A1b": 5, "V-S1": 18, "V-H2": 14, "V-A5": 12, "V-C1": 8, "V-A7": 3, "V-A1": 1}),
    Origin(Source.PHONE, 5, -0.2, hours.PHONES, {"P-SMOKE": 50, "P-NOISE": 20, "P-DRAIN": 15, "P-WASTE": 15}),
    Origin(Source.SELF_CHECK, 9, 0.5, hours.EVENINGS, {
        "D-HOOD": 24, "D-TRAP": 26, "D-RECORD": 14, "D-BIN": 16, "V-N1": 8, "V-A5": 12}),
)  # fmt: skip
REPORTED = (Source.PUBLIC, Source.PHONE, Source.HOTLINE)
NEEDS_FRYING = frozenset({"D-HOOD", "V-A5", "P-SMOKE", "P-SMELL", "V-A1", "V-A1b", "V-A7", "V-N1", "P-NOISE", "V-G1"})


class Finders:
    """What grid members, officers, owners and the public find, drawn day by day."""

    def __init__(self, scene: Scene, desk: Desk, shops: Sequence[Shop], owners: Mapping[int, User]) -> None:
        """`owners`: who declares for which merchant, by its id."""
        self.scene, self.desk, self.shops, self.owners = scene, desk, shops, owners
        self.weights = [FOUND_AT[shop.manner] for shop in shops]
        self.days = [scene.at.date() - timedelta(days=back) for back in range(DAYS)]
        self.numbers, self.fresh = count(1), count()

    def found(self, how_many: int, joint: int) -> Iterator[Begin]:
        """So many, from all sources but alarms; `joint` of them for several departments."""
        yield from (self._banned(number) for number in range(joint))
        left, latest = how_many - joint, None
        for number in range(left):
            random = stream("found", number)
            if latest and latest.reporter and latest.merchant and random.random() < SAID_TWICE:
                latest = self._another(random, latest)
            else:
                (origin,) = random.choices(ORIGINS, [origin.share for origin in ORIGINS])
                fresh = origin.source in REPORTED and next(self.fresh) < len(self.shops) * FRESH
                moment = self._just_now(random) if fresh else self._moment(random, origin.rhythm, origin.trend)
                latest = self._one(random, origin, pick(random, origin.violations), moment)
            yield latest

    def _just_now(self, random: Random) -> datetime:
        """So lately that whoever judges it is not late yet."""
        return self.scene.at - timedelta(minutes=random.uniform(4, 105))

    def _moment(self, random: Random, rhythm: Rhythm, trend: float = 0.0) -> datetime:
        """When it comes in: on some day before now."""
        growth = [1 + trend * (1 - 2 * back / DAYS) for back in range(DAYS)]
        while True:
            (day,) = random.choices(self.days, [rhythm.weight(d) * g for d, g in zip(self.days, growth, strict=True)])
            moment = rhythm.moment(random, day, self.scene.at)
            if moment < self.scene.at - TOO_FRESH:
                return moment

    def _one(self, random: Random, origin: Origin, violation: str, at: datetime) -> Begin:
        shop = self._shop(random, violation)
        if origin.source in REPORTED:
            return self._reported(random, origin.source, violation, at, shop)
        seen = at - timedelta(minutes=random.randint(1, 25))
        if origin.source == Source.SELF_CHECK:
            what = words().self_check_items[violation]
            said, finder = say(random, words().self_check, shop.merchant, what=what), self.owners.get(shop.merchant.pk)
            return self._begin(origin.source, violation, said, at, seen, shop, found_by=finder)
        said = say(random, words().violations[violation].found, shop.merchant)
        finder = self._finder(random, origin.source, violation, shop)
        photos = self.scene.picture(violation, "before")
        return self._begin(origin.source, violation, said, at, seen, shop, found_by=finder, photos=photos)

    def _banned(self, number: int) -> Begin:
        """Catering in a building where it is banned: for several departments."""
        random = stream("banned", number)
        at = self._moment(random, hours.INSPECTIONS)
        shop = self._shop(random, "V-A2")
        finder = random.choice(self.scene.staff.of("department_officer", "dept-market"))
        said, photos = (
            say(random, words().violations["V-A2"].found, shop.merchant),
            self.scene.picture("V-A2", "before"),
        )
        return self._begin(Source.OFFICER, "V-A2", said, at, at, shop, found_by=finder, photos=photos)

    def _shop(self, random: Random, violation: str) -> Shop:
        while True:
            (shop,) = random.choices(self.shops, self.weights)
            if violation == "V-F7" and shop.merchant.licence_kind != "small_eatery_registration":
                continue
            if shop.trade.fries or violation not in NEEDS_FRYING:
                return shop

    def _finder(self, random: Random, source: Source, violation: str, shop: Shop) -> User:
        staff, merchant = self.scene.staff, shop.merchant
        if source == Source.GRID_MEMBER:
            return staff.of("grid_member", merchant.grid)[0]
        responsible = self.desk.policy.catalogues.violation(violation).responsible
        here, there = staff.of("town_officer", f"{merchant.town}-team"), staff.of("department_officer", responsible)
        return random.choice(random.choice([here, there]))

    def _reported(
        self, random: Random, source: Source, violation: str, at: datetime, shop: Shop, known: bool = False
    ) -> Begin:
        merchant, number = shop.merchant, next(self.numbers)
        said = say(random, words().violations[violation].said, merchant)
        seen = at - timedelta(minutes=random.uniform(2, LATEST_REPORT / timedelta(minutes=1)))
        recorder = (
            None if source == Source.PUBLIC else random.choice(self.scene.staff.of("town_dispatcher", merchant.town))
        )
        named = source != Source.PUBLIC or random.random() >= ANONYMOUS
        photos = self.scene.picture(violation, "before") if random.random() < WITH_PHOTO and not recorder else ()
        reporter = Reporter(
            token=sealed("report", number),
            words=said,
            name=naming.person(random) if named else "",
            phone=naming.phone("reporter", number) if named else "",
            own_number=f"YS{at:%Y%m%d}{number:05}" if source == Source.HOTLINE else "",
            recorded_by=recorder,
        )
        what = self.desk.policy.catalogues.violation(violation).label.zh
        begin = self._begin(
            source, violation, what, at, seen, shop, found_by=recorder, photos=photos, reporter=reporter
        )
        if known or merchant.name in said or random.random() >= PLACE_ONLY:
            return begin
        return self._somewhere_near(random, begin, merchant)

    def _another(self, random: Random, said: Begin) -> Begin:
        """Somebody else reports the same shop, a few hours later."""
        at = min(said.at + timedelta(minutes=random.randint(20, 900)), self.scene.at - TOO_FRESH)
        shop = next(shop for shop in self.shops if shop.merchant is said.merchant)
        return self._reported(random, random.choice(REPORTED), said.violation, at, shop, known=True)

    def _somewhere_near(self, random: Random, begin: Begin, merchant: Merchant) -> Begin:
        """The same, from somebody who does not know which shop it is."""
        lng, lat = (round(value + random.uniform(-NEAR, NEAR), 6) for value in (merchant.lng, merchant.lat))
        place = locate(lng, lat)
        where = say(random, words().place, merchant)
        return replace(
            begin, merchant=None, lng=lng, lat=lat, place=where,
            town=place.town or merchant.town, grid=place.grid or merchant.grid,
        )  # fmt: skip

    def _begin(
        self, source: Source, violation: str, said: str, at: datetime, seen: datetime, shop: Shop, *,
        found_by: User | None = None, photos: tuple[str, ...] = (), reporter: Reporter | None = None,
    ) -> Begin:  # fmt: skip
        merchant = shop.merchant
        return Begin(
            source, violation, said, at, seen, merchant, merchant.town, merchant.grid,
            found_by=found_by, photos=photos, reporter=reporter,
        )  # fmt: skip
