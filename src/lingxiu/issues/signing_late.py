"""A paper that nobody signs: whoever must is reminded after some hours; after more, the others of their body hear of it. Once each.

Nothing signs itself: however long it takes, a draft stays a draft. Who is told by which way, `notices` decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from lingxiu.issues import signing
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.signing import Paper, kind_of
from lingxiu.issues.signing_models import WAITING
from lingxiu.journal.actions import record
from lingxiu.policy.queries import in_force

MOST_AT_ONCE = 200


def follow_unsigned(at: datetime) -> int:
    """Remind and raise what is due, in that order, late if nothing ran by then. Returns how many entries were written."""
    policy = in_force().catalogues.inspections
    hours = {"reminded_at": policy.sign_reminder_hours, "raised_at": policy.sign_raised_hours}
    return sum(_follow(mark, at, at - timedelta(hours=hours[mark])) for mark in ("reminded_at", "raised_at"))


def _follow(mark: str, at: datetime, since: datetime) -> int:
    due = WAITING & Q(written_at__lte=since, **{mark: None})
    with transaction.atomic():
        papers: list[Paper] = [
            *Inspection.objects.filter(due)
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("pk")[:MOST_AT_ONCE],
            *Rectification.objects.filter(due)
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("pk")[:MOST_AT_ONCE],
        ]
        for paper in papers:
            _tell(paper, mark, at)
    return len(papers)


def _tell(paper: Paper, mark: str, at: datetime) -> None:
    """Of a reminder those whose turn it is; of what is raised, besides, both officers, and their whole unit."""
    raised, kind = mark == "raised_at", kind_of(paper)
    people = sorted({*signing.whose_turn(paper), *(paper.officer_ids if raised else ())})
    said = {"version": paper.version, "people": people, **({"units": [paper.unit_id]} if raised else {})}
    record(f"{kind}.{'unsigned' if raised else 'waiting'}", kind, paper.pk, at=at, scope=paper.scope(), reference=said)
    setattr(paper, mark, at)
    paper.save(update_fields=[mark])
