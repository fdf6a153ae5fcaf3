"""Compute and keep the fume level. What the level is, `scoring.py` decides; who asks for it and when, `jobs.py` and the demo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition as edition_of
from lingxiu.policy.queries import in_force
from lingxiu.rating.models import FumeScore
from lingxiu.rating.queries import Subject, gather, rating_day, statement
from lingxiu.rating.records import Json, facts_as_json, facts_from, hold_as_json, part_as_json
from lingxiu.rating.scoring import Rating, rate, rules_on

CHUNK = 5_000
"""Merchants a transaction: a county in one; a bigger place in several, so that readers of the journal do not wait long."""

_KEPT = [
    "computed_at",
    "scheme",
    "score",
    "level",
    "coverage",
    "facts",
    "dimensions",
    "held_by",
    "edition",
    "synthetic",
]


def recompute(day: date, at: datetime, *, edition: int | None = None) -> int:
    """Rate every merchant not closed for good for this day, with the facts known by `at`. Returns how many.

    Args:
        edition: an earlier edition of the policy, to repeat what was decided by it; else the one in force.
    """
    return _in_chunks(day, at, list(Merchant.objects.order_by("pk").values_list("pk", flat=True)), edition)


def recompute_for(merchants: Sequence[int], at: datetime) -> int:
    """Rate these merchants for the day that is now, after something about them changed. Returns how many."""
    return _in_chunks(rating_day(at), at, merchants, None)


def repeat(score: FumeScore) -> Rating:
    """The rating again, from the facts and the edition it was computed with, whatever has changed since."""
    facts = facts_from(score.facts)
    return rate(facts, rules_on(facts.day, edition_of(score.edition).catalogues))


def _in_chunks(day: date, at: datetime, merchants: Sequence[int], edition: int | None) -> int:
    chunks = [merchants[first : first + CHUNK] for first in range(0, len(merchants), CHUNK)]
    return sum(_recompute(day, at, chunk, edition) for chunk in chunks)


@transaction.atomic
def _recompute(day: date, at: datetime, merchants: Sequence[int], edition: int | None) -> int:
    """One after another: a recompute that began earlier cannot overwrite a later one with what it read before."""
    policy = edition_of(edition) if edition else in_force()
    rules = rules_on(day, policy.catalogues)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rating.recompute'))")
        subjects = {
            subject.merchant_id: subject for subject in gather(day, merchants, at=at, catalogues=policy.catalogues)
        }
        rows = [_row(subject, rate(subject.facts, rules)) for subject in subjects.values()]
        kept: Json = {"rows": json.dumps(rows), "day": day, "at": at, "edition": policy.id, "merchants": list(subjects)}
        cursor.execute(statement("keep_scores"), kept)
        cursor.execute(statement("write_down"), kept)
        written = cursor.fetchall()
    for merchant_id, before, level in written:
        if level != before:
            _tell(subjects[merchant_id], before, level, day, at)
    return len(subjects)


def _row(subject: Subject, rating: Rating) -> Json:
    return {
        "merchant_id": subject.merchant_id,
        "scheme": rating.scheme,
        "score": rating.score,
        "level": rating.level,
        "coverage": rating.coverage,
        "facts": facts_as_json(subject.facts),
        "dimensions": [part_as_json(part) for part in rating.parts],
        "held_by": [hold_as_json(hold) for hold in rating.held_by],
        "synthetic": subject.synthetic,
    }


def _tell(subject: Subject, old: int | None, new: int | None, day: date, at: datetime) -> None:
    record(
        "rating.level_changed",
        "merchant",
        subject.merchant_id,
        at=at,
        scope=Scope(town=subject.town, grid=subject.grid, merchant_id=subject.merchant_id, public=True),
        reference={"from": old, "to": new, "day": day.isoformat()},
    )
