"""The rounds of the demo's grid members: every shop visited now and then, with a word on how it was. A visit is no inspection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lingxiu.demo import hours
from lingxiu.demo.chance import stream
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import Staff
from lingxiu.demo.words import say, words
from lingxiu.merchants.models import Visit

DAYS = 92
APART = (24, 52)  # days between two visits of a shop


def visits_of(shop: Shop, staff: Staff, at: datetime) -> Iterator[Visit]:
    """The visits to one shop, the newest first."""
    random, merchant = stream("round", shop.number), shop.merchant
    back = random.randint(0, APART[1])
    while back < DAYS:
        moment = hours.ROUNDS.moment(random, at.date() - timedelta(days=back), at)
        if moment < at and moment > merchant.created_at:
            yield Visit(
                merchant=merchant,
                by=staff.of("grid_member", merchant.grid)[0],
                at=moment,
                words=say(random, words().rounds, merchant),
                synthetic=True,
            )
        back += random.randint(*APART)
