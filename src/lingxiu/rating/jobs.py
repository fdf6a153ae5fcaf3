"""When levels are computed: all of them once a day, a merchant's again whenever something it rests on happened."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from procrastinate.contrib.django import app

from lingxiu.journal.models import Entry
from lingxiu.journal.queries import follow
from lingxiu.rating.actions import recompute, recompute_for
from lingxiu.rating.queries import rating_day, unrated_on

READER = "rating"
RESTS_ON = (
    "issue.reported",
    "issue.fed_back",
    "issue.sent_back",
    "issue.closed",
    "issue.dismissed",
    "issue.joined",
    "issue.reopened",
    "merchant.",
    "care.",
    "self_check.",
    "device.",
)
"""Kinds of journal entries, whole or by their noun, after which a merchant's level may be another."""


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="rating.keep_up", lock="rating.keep_up", pass_context=False)
def keep_levels(timestamp: int) -> None:
    """Every minute; may run twice."""
    keep_up(timezone.now())


def keep_up(at: datetime) -> int:
    """Rate whoever has no score of this day yet, which after midnight is everybody, then those something happened to.

    Returns: how many scores were computed.
    """
    rated = recompute_for(unrated_on(rating_day(at)), at)

    def again(entries: list[Entry]) -> None:
        nonlocal rated
        rated += rescore(entries, at)

    while follow(READER, again):
        pass
    return rated


def rescore(entries: list[Entry], at: datetime) -> int:
    """Rate again the merchants these entries are about; all of them when the policy changed."""
    if any(entry.kind == "policy.loaded" for entry in entries):
        return recompute(rating_day(at), at)
    merchants = {entry.merchant_id for entry in entries if entry.merchant_id and entry.kind.startswith(RESTS_ON)}
    return recompute_for(sorted(merchants), at)
