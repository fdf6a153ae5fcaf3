"""What happened is told, once; a person reads, chooses; an administrator has something sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import TypeAlias
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues import signing
from lingxiu.issues.models import Issue
from lingxiu.journal.actions import record
from lingxiu.journal.models import Entry
from lingxiu.notices import audience
from lingxiu.notices.audience import About
from lingxiu.notices.models import Choice, Delivery, Habit, Notice, Reach, Untold
from lingxiu.notices.reaching import reached_by
from lingxiu.notices.telling import Chosen, Happened, Manner, Way, rules_for, send_at, ways, whom
from lingxiu.policy.queries import InForce, in_force
from lingxiu.policy.schema.notices import Notices, Telling

log = structlog.get_logger(__name__)

OPEN = (Delivery.State.WAITING, Delivery.State.SENDING, Delivery.State.SENT)


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def tell(entries: Sequence[Entry], *, at: datetime) -> int:
    """Tell people of these entries, in the transaction that moves the reader's cursor. Returns how many notices were written.

    One that cannot be told is put aside and seen by the administrator; those after it are told all the same.
    """
    policy = in_force()
    since = at - timedelta(hours=policy.catalogues.notices.stale_hours)
    told_of = {kind for rule in policy.catalogues.notices.rules for kind in rule.kinds}
    fresh = [entry for entry in entries if entry.at > since and entry.kind in told_of]
    written = sum(_or_put_aside(entry, at, lambda entry: _tell_one(entry, policy, at)) for entry in fresh)
    last = {(entry.subject_kind, entry.subject_id): entry for entry in entries if entry.subject_kind in _WHOSE_TURN}
    for subject in _with_todos(last):
        _or_put_aside(last[subject], at, lambda entry: _keep_todos((entry.subject_kind, entry.subject_id), at))
    return written


def _or_put_aside(entry: Entry, at: datetime, do: Callable[[Entry], int]) -> int:
    try:
        with transaction.atomic():
            return do(entry)
    except Exception as error:
        log.exception("notices.untold", entry=entry.pk, kind=entry.kind)
        words = f"{type(error).__name__}: {error}"[:300]
        Untold.objects.get_or_create(entry_id=entry.pk, defaults={"kind": entry.kind, "error": words, "at": at})
        return 0


def _tell_one(entry: Entry, policy: InForce, at: datetime) -> int:
    about = About(entry, at)
    day = timezone.localtime(entry.at).date()
    rules = rules_for(policy.catalogues.notices.rules, _happened(about), day)
    return sum(_notify(about, user, rule, policy) for user, rule in _recipients(about, rules))


def _happened(about: About) -> Happened:
    issue = about.issue
    if issue is None:
        return Happened(about.entry.kind, tells=frozenset(map(str, about.entry.reference.get("tells", ()))))
    return Happened(about.entry.kind, issue.level, issue.flow, issue.severity, issue.violation)


def _recipients(about: About, rules: Sequence[Telling]) -> list[tuple[User, Telling]]:
    if not rules:
        return []
    named = whom(rules, lambda words: audience.people(about, words), about.doer_id)
    return [(user, named[user.pk]) for user in audience.visible_among(about, named)]


def _notify(about: About, user: User, rule: Telling, policy: InForce) -> bool:
    """Write the notice, and what is to leave the program. Returns: whether it was not written before."""
    entry, issue = about.entry, about.issue
    notice, new = Notice.objects.get_or_create(
        person=user,
        entry_id=entry.pk,
        defaults={
            "kind": entry.kind,
            "subject_kind": "issue" if issue else entry.subject_kind,
            "subject_id": issue.number if issue else entry.subject_id,
            "merchant_id": entry.merchant_id,
            "rule": rule.id,
            "detail": str(entry.reference.get("rule", ""))[:40],
            "edition": policy.id,
            "urgent": rule.urgent,
            "at": entry.at,
        },
    )
    if new:
        _send_out(notice, user, rule, policy.catalogues.notices, about.at)
    return new


def _send_out(notice: Notice, user: User, rule: Telling, catalogue: Notices, at: datetime) -> None:
    chosen = chosen_by(user, rule.topic)
    goes_at = send_at(
        at, manner_of(user, catalogue), zone(), urgent=rule.urgent, digest=chosen.digest if chosen else False
    )
    for way in ways(rule, chosen, reached_by(user)):
        if way is Way.TODO and _open_todos([(notice.subject_kind, notice.subject_id)]).filter(person=user).exists():
            continue  # the line is on their list already
        Delivery.objects.create(notice=notice, person=user, way=way, urgent=rule.urgent, next_at=goes_at)


# ── the other side's list ────────────────────────────────────────────────────────────────────────────────────────


Subject: TypeAlias = tuple[str, str]
"""An issue, an order or a paper to be signed: its kind, and its number or id."""


def _open_todos(subjects: Iterable[Subject]) -> QuerySet[Delivery]:
    ids: dict[str, list[str]] = {}
    for kind, subject in subjects:
        ids.setdefault(kind, []).append(subject)
    about = [Q(notice__subject_kind=kind, notice__subject_id__in=own) for kind, own in ids.items()]
    todos = Delivery.objects.filter(way=Way.TODO, state__in=OPEN, finished_by=None)
    return todos.filter(reduce(or_, about)) if about else todos.none()


def _with_todos(subjects: Iterable[Subject]) -> list[Subject]:
    """Those of these that stand on somebody's list."""
    found = _open_todos(subjects).values_list("notice__subject_kind", "notice__subject_id")
    return sorted(set(found))


def _busy_with(number: str, at: datetime) -> set[int]:
    """Who has something to do about an issue, and who stands in for them."""
    busy = audience.busy_with(Issue.objects.get(number=number), at)
    return busy | audience.standing_in(busy, at)


_WHOSE_TURN: dict[str, Callable[[str, datetime], set[int]]] = {
    "issue": _busy_with,
    "order": audience.order_holders,
    "inspection": lambda pk, at: set(signing.whose_turn_at("inspection", pk)),
    "rectification": lambda pk, at: set(signing.whose_turn_at("rectification", pk)),
}
"""On whose list it stands. A signature is nobody's but the officer's own: no deputy gives it."""


def _keep_todos(subject: Subject, at: datetime) -> int:
    """Take the to-do off the list of whoever has nothing to do about it any more; one that has not left yet need not leave.

    Returns: how many are to be taken off.
    """
    kind, of = subject
    over = _open_todos([subject]).exclude(person__in=_WHOSE_TURN[kind](of, at))
    over.filter(state=Delivery.State.WAITING, message=None).update(state=Delivery.State.NEEDLESS)
    finishings = [
        Delivery(notice_id=todo.notice_id, person_id=todo.person_id, way=Way.TODO_DONE, next_at=at, finishes=todo)
        for todo in over.order_by("pk")
    ]
    return len(Delivery.objects.bulk_create(finishings))


# ── a person's own ───────────────────────────────────────────────────────────────────────────────────────────────


def mark(user: User, ids: Iterable[int] | None, *, read: bool, at: datetime) -> int:
    """Mark notices as read or not; `ids` None: all. What one has read need not be sent any more. Returns how many changed."""
    rows = Notice.objects.visible_to(user).filter(read_at__isnull=read)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=at if read else None)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person chose, as a whole: topic → ways and digest; when they may be disturbed; their addresses by way."""

    topics: dict[str, Chosen]
    quiet_from: time
    quiet_until: time
    most_an_hour: int
    addresses: dict[str, str]


def choose(user: User, wishes: Wishes, *, at: datetime) -> None:
    """Keep what a person chose. An empty address is taken away. Nothing of it is written into the journal but that it was."""
    with transaction.atomic():
        for topic, chosen in wishes.topics.items():
            values = {"ways": sorted(chosen.ways), "digest": chosen.digest}
            Choice.objects.update_or_create(user=user, topic=topic, defaults=values)
        Habit.objects.update_or_create(
            user=user,
            defaults={
                "quiet_from": wishes.quiet_from,
                "quiet_until": wishes.quiet_until,
                "most_an_hour": wishes.most_an_hour,
            },
        )
        for way, address in wishes.addresses.items():
            reach(user, way, address)
        record("notices.chosen", "user", user.pk, at=at, actor_id=user.pk)


def reach(user: User, way: str, address: str) -> None:
    """Where somebody is reached by a way from now on; nowhere, if the address is empty."""
    if address:
        Reach.objects.update_or_create(user=user, way=way, defaults={"address": address})
    else:
        Reach.objects.filter(user=user, way=way).delete()


def chosen_by(user: User, topic: str) -> Chosen | None:
    """What this person chose for the topic, if they did."""
    row = Choice.objects.filter(user=user, topic=topic).first()
    return Chosen(frozenset(Way(way) for way in row.ways), row.digest) if row else None


def manner_of(user: User, catalogue: Notices) -> Manner:
    """When this person may be disturbed: as they want it, else as policy has it."""
    habit = Habit.objects.filter(user=user).first() or Habit()
    return Manner(
        catalogue.quiet_from if habit.quiet_from is None else habit.quiet_from,
        catalogue.quiet_until if habit.quiet_until is None else habit.quiet_until,
        catalogue.digest_at,
        habit.most_an_hour or catalogue.most_an_hour,
    )


def zone() -> ZoneInfo:
    """The county's time zone."""
    return ZoneInfo(settings.TIME_ZONE)


# ── an administrator's ───────────────────────────────────────────────────────────────────────────────────────────


def send_again(delivery_id: int, *, by: User, at: datetime) -> bool:
    """Let what was given up be tried anew, with whatever went as one message with it. Returns: whether there was such a one."""
    with transaction.atomic():
        row = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.FAILED).first()
        if row is None:
            return False
        together = Q(pk=row.pk) | Q(message=row.message, state=Delivery.State.FAILED)
        Delivery.objects.filter(together).update(state=Delivery.State.WAITING, tries=0, next_at=at)
        record("notices.sent_again", "delivery", row.pk, at=at, actor_id=by.pk)
    return True
