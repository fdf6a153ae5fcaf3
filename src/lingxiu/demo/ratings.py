"""The demo's fume levels: one a week for two months back and yesterday's, then today's by the rating room itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db.models import OuterRef

from lingxiu.demo.bulk import copy
from lingxiu.merchants.models import Merchant, Standing
from lingxiu.policy.queries import InForce
from lingxiu.rating.actions import recompute
from lingxiu.rating.models import FumeScore
from lingxiu.rating.queries import Subject, gather, rating_day
from lingxiu.rating.records import facts_as_json, hold_as_json, part_as_json
from lingxiu.rating.scoring import Rating, rate, rules_on

BACK_DAYS = (*range(56, 0, -7), 1)  # every week of two months, and yesterday


def write_ratings(policy: InForce, at: datetime, advance: Callable[[int, int], None]) -> None:
    """Write the history, the oldest day first, because a level may be held by the one before; then rate everybody today."""
    merchants = list(Merchant.objects.order_by("pk").values_list("pk", flat=True))
    for number, back in enumerate(BACK_DAYS):
        advance(number, len(BACK_DAYS) + 1)
        moment = at - timedelta(days=back)
        day = rating_day(moment)
        rules = rules_on(day, policy.catalogues)
        subjects = gather(day, merchants, at=moment, catalogues=policy.catalogues)
        copy([_score(subject, rate(subject.facts, rules), moment, policy.id) for subject in subjects])
    _stand_by(rating_day(at - timedelta(days=BACK_DAYS[-1])))
    recompute(rating_day(at), at)
    advance(len(BACK_DAYS) + 1, len(BACK_DAYS) + 1)


def _stand_by(day: date) -> None:
    """Standing as it was on this day, so that today's rating tells of nothing but what changed since."""
    of_day = FumeScore.objects.filter(day=day, merchant=OuterRef("merchant"))
    Standing.objects.update(
        fume_level=of_day.values("level"), fume_score=of_day.values("score"), fume_coverage=of_day.values("coverage")
    )


def _score(subject: Subject, rating: Rating, at: datetime, edition: int) -> FumeScore:
    return FumeScore(
        merchant_id=subject.merchant_id,
        day=subject.facts.day,
        computed_at=at,
        scheme=rating.scheme,
        score=rating.score,
        level=rating.level,
        coverage=rating.coverage,
        facts=facts_as_json(subject.facts),
        dimensions=[part_as_json(part) for part in rating.parts],
        held_by=[hold_as_json(hold) for hold in rating.held_by],
        edition=edition,
        synthetic=True,
    )
