"""What the demo's shops had cleaned, emptied and taken away, and what their owners declared: by how each is run.

The well-run keep the cycles of `policy/` (浙环发〔2015〕8号 §15; monthly traps; weekly hand-overs), others fall behind, and
a few have nothing written down at all, so that there is a shop that cannot be rated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from lingxiu.accounts.models import User
from lingxiu.demo import naming
from lingxiu.demo.chance import stream
from lingxiu.demo.shops import Shop
from lingxiu.demo.trades import Manner
from lingxiu.merchants.models import CareRecord, Scale
from lingxiu.policy.queries import InForce
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.selfservice.models import SelfCheck

DAYS = 200  # of records
WASTE_DAYS = 120
MONTHS = 4  # of self-checks
DEVICE_ITEM = "SC-DEVICE"  # that of the list which asks for the monitor


@dataclass(frozen=True, slots=True)
class Habit:
    """How a shop keeps up. Intervals as shares of the cycle; how many of its hand-overs it skips, how likely it is to go
    through the list in a month, and to say of an item that it is not in order."""

    interval: tuple[float, float]
    skips: float
    declares: float
    admits: float


HABITS = {
    Manner.GOOD: Habit((0.75, 1.2), 0.1, 0.68, 0.004),
    Manner.FAIR: Habit((1.35, 2.5), 0.45, 0.24, 0.02),
    Manner.POOR: Habit((1.8, 4.2), 0.7, 0.06, 0.03),
}
UNWRITTEN = {Manner.GOOD: 0.02, Manner.FAIR: 0.09, Manner.POOR: 0.2}  # how many have no records of care at all

TRAP_DAYS = 30  # where policy names no cycle
CLEANED = 10  # every so manieth shop is cleaned by the first company, and so on
OFTEN = {Scale.LARGE: 3, Scale.MEDIUM: 2, Scale.SMALL: 1}  # hand-overs a week
KG = (9.0, 24.0)  # a reference stove and hand-over
LONGEST_DELAY_MINUTES = 2 * 24 * 60  # until somebody writes it down


class Helpers:
    """Who cleans for whom and who collects from whom: a company for most, themselves for the rest."""

    def __init__(self, cleaners: Sequence[User], hauler: User, served_town: str) -> None:
        self.cleaners, self.hauler, self.served_town = cleaners, hauler, served_town
        self.companies, self.hauling = naming.names().cleaning_companies, naming.names().waste_hauler

    def cleaner_of(self, shop: Shop) -> tuple[str, User | None]:
        """Who cleans: as the record names it, and the person who writes the record, if it has one here."""
        slot = shop.number % CLEANED
        if slot < len(self.cleaners):
            return self.companies[slot], self.cleaners[slot]
        return ("自行清洗" if slot % 2 else self.companies[slot % len(self.companies)]), None

    def hauler_of(self, shop: Shop) -> tuple[str, User | None]:
        """Who collects the waste: the same company everywhere; its drivers write it down in one town so far."""
        return self.hauling, self.hauler if shop.merchant.town == self.served_town else None


def care_of(shop: Shop, helpers: Helpers, catalogues: Catalogues, at: datetime) -> Iterator[CareRecord]:
    """The records of one shop, the newest of each kind first."""
    random = stream("care", shop.number)
    if shop.merchant.kind == "stall" or random.random() < UNWRITTEN[shop.manner]:
        return
    habit, today = HABITS[shop.manner], at.date()
    since = max(today - timedelta(days=DAYS), shop.merchant.opened_on or date.min)
    cycles: Mapping[str, int] = {cycle.scale: cycle.days for cycle in catalogues.kinds.cleaning_cycles}
    cleaner, cleaner_here = helpers.cleaner_of(shop)
    hauler, hauler_here = helpers.hauler_of(shop)
    if shop.purifier:
        for day in _back(random, today, since, cycles[shop.merchant.scale], habit):
            yield _record(shop, CareRecord.Kind.PURIFIER, day, cleaner, cleaner_here, None, at, random)
    for day in _back(random, today, since, catalogues.indicators.drains.cycle_days or TRAP_DAYS, habit):
        yield _record(shop, CareRecord.Kind.TRAP, day, cleaner, cleaner_here, None, at, random)
    for day in _hand_overs(shop, random, today, since, habit):
        kg = round(shop.merchant.reference_stoves * random.uniform(*KG), 1)
        yield _record(shop, CareRecord.Kind.WASTE, day, hauler, hauler_here, kg, at, random)


def self_checks_of(
    shop: Shop, has_monitor: bool, owner: User | None, policy: InForce, at: datetime
) -> Iterator[SelfCheck]:
    """The months for which the owner went through the list, the newest first, and what they answered."""
    random = stream("self-check", shop.number)
    month, habit = at.date().replace(day=1), HABITS[shop.manner]
    for _ in range(MONTHS):
        declared = datetime(month.year, month.month, 1, tzinfo=at.tzinfo) + timedelta(
            minutes=random.randint(540, 34000)
        )
        if random.random() < habit.declares and declared < at:
            yield SelfCheck(
                merchant=shop.merchant,
                month=month,
                answers={
                    item.id: None if item.id == DEVICE_ITEM and not has_monitor else random.random() >= habit.admits
                    for item in policy.catalogues.selfcheck.items
                },
                edition=policy.id,
                declared_at=declared,
                declared_by=owner.pk if owner else None,
                synthetic=True,
            )
        month = (month - timedelta(days=1)).replace(day=1)


def _back(random: Random, today: date, since: date, cycle_days: int, habit: Habit) -> Iterator[date]:
    """Days something was done, back from the last one, which may lie any part of an interval ago."""
    day = today - timedelta(days=round(cycle_days * random.uniform(*habit.interval) * random.random()))
    while day >= since:
        yield day
        day -= timedelta(days=max(1, round(cycle_days * random.uniform(*habit.interval))))


def _hand_overs(shop: Shop, random: Random, today: date, since: date, habit: Habit) -> Iterator[date]:
    """Days waste was taken away: the same days every week, some left out."""
    often = OFTEN[Scale(shop.merchant.scale)]
    first = random.randrange(7)
    weekdays = {(first + n * 7 // often) % 7 for n in range(often)}
    for back in range(1, min(WASTE_DAYS, (today - since).days)):
        day = today - timedelta(days=back)
        if day.weekday() in weekdays and random.random() >= habit.skips:
            yield day


def _record(
    shop: Shop, kind: CareRecord.Kind, on: date, by: str, recorder: User | None, kg: float | None, at: datetime,
    random: Random,
) -> CareRecord:  # fmt: skip
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=at.tzinfo)
    return CareRecord(
        merchant=shop.merchant,
        kind=kind,
        on=on,
        by=by,
        kg=kg,
        recorded_at=min(at, noon + timedelta(minutes=random.randint(0, LONGEST_DELAY_MINUTES))),
        recorded_by=recorder.pk if recorder else None,
        synthetic=True,
    )
