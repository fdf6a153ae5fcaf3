"""Owners who have signed in, cleaning companies and the waste hauler, and the shops each is bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lingxiu.accounts.models import Bond, Unit, User
from lingxiu.demo import naming
from lingxiu.demo.care import Helpers
from lingxiu.demo.chance import stream
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import CLEANERS_UNIT, HAULER_UNIT, OWNERS_UNIT, Draft, Staff, draft, enlist

OWNERS = 60 / 2780  # of the shops
FEWEST = 3
WITH_SECOND_SHOP, WITH_SECOND_PHONE = 7, 5  # every so manieth owner has a second shop, or shares the first with another
SERVED_TOWN = "330421002"  # where the hauler's drivers write down what they take
POST_DAYS = 260  # how long companies have been there


@dataclass
class Owner:
    """Somebody with one shop or two, perhaps with a second person who has the shop on their phone as well."""

    number: int
    shops: list[Shop]
    helper: bool
    user: User = field(init=False)


def choose_owners(shops: Sequence[Shop]) -> list[Owner]:
    """Who has which shop. Second shops get their owner's name and phone, so this comes before shops are written."""
    wanted = max(FEWEST, round(len(shops) * OWNERS))
    staged = [shop for shop in shops if shop.staged]
    others = [shop for shop in shops if shop.trade.fries and not shop.staged]
    stream("owners").shuffle(others)
    first = (staged + others)[:wanted]
    more = iter(others[wanted:])
    owners: list[Owner] = []
    for number, shop in enumerate(first, start=1):
        second = [next(more)] if number % WITH_SECOND_SHOP == 0 else []
        for other in second:
            other.merchant.legal_person = shop.merchant.legal_person
            other.merchant.phone, other.merchant.phone_index = shop.merchant.phone, shop.merchant.phone_index
        owners.append(Owner(number, [shop, *second], helper=number % WITH_SECOND_PHONE == 0))
    return owners


def enlist_owners(staff: Staff, owners: Sequence[Owner], at: datetime) -> None:
    """Write owners, those who help them, their posts and bonds."""
    unit, drafts = staff.units[OWNERS_UNIT], []
    bound: list[tuple[Draft, Shop]] = []
    for owner in owners:
        random, merchant = stream("owner", owner.number), owner.shops[0].merchant
        since = at - timedelta(days=random.randint(5, 200), minutes=random.randint(0, 600))
        one = draft("owner", f"owner{owner.number}", unit, merchant.legal_person, merchant.phone, since)
        owner.user = one.user
        drafts.append(one)
        bound += [(one, shop) for shop in owner.shops]
        if owner.helper:
            phone = naming.phone("helper", owner.number)
            other = draft("owner", f"owner{owner.number}b", unit, naming.person(random), phone, since)
            drafts.append(other)
            bound.append((other, owner.shops[0]))
    enlist(staff, drafts)
    _bind(staff, bound, Bond.Kind.OWNER)


def enlist_companies(staff: Staff, shops: Sequence[Shop], at: datetime) -> Helpers:
    """Write a person at each cleaning company and at the hauler, bound to the shops they serve."""
    since = at - timedelta(days=POST_DAYS)
    companies = len(naming.names().cleaning_companies)
    cleaners = [
        _at_company("cleaning_company", f"cleaner{n}", staff.units[CLEANERS_UNIT.format(n)], n, since)
        for n in range(1, companies + 1)
    ]
    hauler = _at_company("waste_hauler", "hauler", staff.units[HAULER_UNIT], companies + 1, since)
    enlist(staff, [*cleaners, hauler])
    helpers = Helpers([cleaner.user for cleaner in cleaners], hauler.user, SERVED_TOWN)
    by_user = {cleaner.user.pk: cleaner for cleaner in cleaners}
    cleaned = [
        (by_user[person.pk], shop) for shop in shops if shop.purifier and (person := helpers.cleaner_of(shop)[1])
    ]
    _bind(staff, cleaned, Bond.Kind.CLEANING_COMPANY)
    _bind(staff, [(hauler, shop) for shop in shops if helpers.hauler_of(shop)[1]], Bond.Kind.WASTE_HAULER)
    return helpers


def _at_company(role: str, username: str, unit: Unit, number: int, since: datetime) -> Draft:
    person = naming.person(stream("company", username))
    return draft(role, username, unit, person, naming.phone("company", number), since)


def _bind(staff: Staff, bound: Sequence[tuple[Draft, Shop]], kind: Bond.Kind) -> None:
    """Write who answers for which shop or serves it; it was the grid member who bound them, at the door."""
    Bond.objects.bulk_create(
        Bond(
            user=one.user,
            merchant_id=shop.merchant.pk,
            kind=kind,
            made_at=one.post.since,
            made_by=staff.of("grid_member", shop.merchant.grid)[0].pk,
        )
        for one, shop in bound
    )
