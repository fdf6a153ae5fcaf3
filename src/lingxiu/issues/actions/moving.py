"""The one `move` every person makes, and the moves nobody makes: checked, claimed, done, written, in one transaction.

Which there are is in `lifecycle.MOVES`; what each needs, in `needs`; what each does, in `effects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from lingxiu.accounts.models import User
from lingxiu.issues import inspections, queries, writing
from lingxiu.issues.actions import needs
from lingxiu.issues.actions.effects.table import EFFECTS
from lingxiu.issues.actions.opening import dispatch_at_once
from lingxiu.issues.inspection_rules import InspectionRefused
from lingxiu.issues.lifecycle import MOVES, Level, Move, MoveRefused, Needs, State, check
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.writing import NOTHING, Before, Brought, SomebodyWasFaster
from lingxiu.policy.queries import edition


def move(
    number: str,
    what: Move,
    *,
    actor: User,
    at: datetime,
    brought: Brought = NOTHING,
    seen: int | None = None,
    submission: UUID | None = None,
) -> MoveRow:
    """Make one move. All moves that people make come through here.

    Args:
        seen: the version the actor looked at. A note made since does not matter, unless it brought a report that this move would
            answer; anything else does.
    Raises: MoveRefused, SomebodyWasFaster, SubmissionReused, Issue.DoesNotExist.
    """
    with transaction.atomic():
        if submission and (known := writing.made_before(submission, what, actor)):
            return known
        if what is Move.JOIN:
            _lock_both(number, brought.into)
        if what is Move.REOPEN:
            lock_to_reopen(number)
        issue = Issue.objects.defer("routing_why").get(number=number)
        to = rehearse(issue, what, actor=actor, brought=brought, seen=seen)
        before = Before.of(issue)
        at = writing.claim(issue, at)
        _know_the_merchant(issue, what, brought)
        data = EFFECTS[what](issue, to, actor, brought, at)
        writing.keep(issue, before)
        row = writing.write(issue, what, actor, at, before=before, brought=brought, submission=submission, data=data)
        _inspect(issue, row, what, brought, actor)
        writing.tell_standing_of(issue, before, at, visited=what is Move.HANDLE)
        if what is Move.CONFIRM:
            _send_on_confirmed(issue, at)
    return row


def rehearse(issue: Issue, what: Move, *, actor: User, brought: Brought = NOTHING, seen: int | None = None) -> State:
    """The state this move would lead to if it were made now. Changes nothing; what an effect itself refuses, it does not know.

    Raises: MoveRefused, SomebodyWasFaster.
    """
    _refuse_stale(issue, what, seen)
    return needs.checked(issue, what, actor, brought)


def _send_on_confirmed(issue: Issue, at: datetime) -> None:
    """A forecast somebody believes goes where its rule sends such issues."""
    rules = {rule.id: rule for rule in edition(issue.edition).catalogues.routing}
    if rules[issue.routing_rule].dispatch == "at_once":
        dispatch_at_once(issue, rules[issue.routing_rule], at)


def move_by_itself(
    issue: Issue,
    what: Move,
    *,
    at: datetime,
    brought: Brought = NOTHING,
    data: Mapping[str, object] | None = None,
    submission: UUID | None = None,
) -> MoveRow:
    """A move nobody with an account makes: time ran out, a rest is over, somebody went, a reporter wants it reopened.

    The issue is locked by this transaction, and who asks for it was checked.
    Raises: MoveRefused where the table has no such move for an issue that stands like this.
    """
    rule, marks = MOVES[what], queries.situation(issue).marks
    to = check(what, State(issue.state), rule.by, rule.needs, level=Level(issue.level), marks=marks)
    before = Before.of(issue)
    at = writing.claim(issue, at)
    made = {**EFFECTS[what](issue, to, None, brought, at), **(data or {})}
    writing.keep(issue, before)
    row = writing.write(issue, what, None, at, before=before, brought=brought, submission=submission, data=made)
    writing.tell_standing_of(issue, before, at)
    return row


def _lock_both(number: str, other: str) -> None:
    """Always in the same order, so that two who join the same two issues crosswise do not wait for each other for ever."""
    list(Issue.objects.select_for_update().filter(number__in=[number, other]).order_by("pk"))


def lock_to_reopen(number: str) -> None:
    """The issue and the one it was joined to, in that same order: its reports come back from there."""
    other = Issue.objects.filter(joined__number=number).values("pk")
    list(Issue.objects.select_for_update().filter(Q(number=number) | Q(pk__in=other)).order_by("pk"))


def _refuse_stale(issue: Issue, what: Move, seen: int | None) -> None:
    if seen is None or seen == issue.version or what is Move.NOTE:
        return
    passed_over = Q(move=Move.NOTE)
    if Needs.ANSWER in MOVES[what].needs:  # with the note a report came along: nobody is answered unread
        passed_over &= Q(data__reports__0__isnull=True)
    since = issue.moves.filter(version__gt=seen).exclude(passed_over).select_related("actor")
    if (last := since.order_by("-version").first()) is not None:
        raise SomebodyWasFaster(issue.number, last)


def _inspect(issue: Issue, row: MoveRow, what: Move, brought: Brought, actor: User) -> None:
    """The inspection the move tells of. Raises MoveRefused."""
    if brought.inspection is None:
        return
    try:
        inspections.inspect_on(issue, row, brought.inspection, officer=brought.on_behalf_of or actor)
    except InspectionRefused as error:
        raise MoveRefused(what, State(issue.state), error.why) from error


def _know_the_merchant(issue: Issue, what: Move, brought: Brought) -> None:
    """Somebody found out which shop it is. What was known already is not overwritten."""
    shop = brought.merchant
    if shop is None or issue.merchant_id is not None or what not in (Move.DISPATCH, Move.HANDLE, Move.FEED_BACK):
        return
    issue.merchant, issue.town, issue.grid, issue.lng, issue.lat = shop, shop.town, shop.grid, shop.lng, shop.lat
