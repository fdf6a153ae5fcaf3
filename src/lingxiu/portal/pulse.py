"""`/pulse`: has anything changed that this reader may see? Live pages ask every few seconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.issues.models import Issue
from lingxiu.journal.queries import Position, head, read_after
from lingxiu.policy.schema.roles import Sight

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from lingxiu.accounts.models import User

OF_ISSUES = Q(kind__startswith="issue.") | Q(kind__startswith="report.")


@never_cache
@require_safe
def pulse(request: HttpRequest) -> HttpResponse:
    """204; with `HX-Trigger` naming the next cursor if there is news, or if the reader has no cursor yet.

    The head is read before the news: what is settled between the two is told at the next beat, never lost.
    """
    response = HttpResponse(status=204)
    now = head()
    try:
        since = Position.parse(request.GET.get("since", ""))
    except ValueError:
        return _tell(response, now)
    if read_after(since, limit=1, among=concerns(request.user)):
        return _tell(response, now)
    return response


def _tell(response: HttpResponse, position: Position) -> HttpResponse:
    response["HX-Trigger"] = json.dumps({"lingxiu:changed": {"next": str(position)}})
    return response


def concerns(user: User | AnonymousUser) -> Q:
    """Which entries of the journal concern a reader: of issues and reports those within their sight of issues, all others
    by their sight of merchants. A department that sees every merchant does not see every issue.
    """
    return Q(public=True) | OF_ISSUES & _in_sight(user, "issues") | ~OF_ISSUES & _in_sight(user, "merchants")


def is_seen_issue(user: User | AnonymousUser) -> Exists:
    """Whether an entry's subject is an issue this reader may open."""
    return Exists(Issue.objects.visible_to(user).filter(number=OuterRef("subject_id")))


def _in_sight(user: User | AnonymousUser, room: str) -> Q:
    authority: Authority = getattr(user, "authority", NOBODY)
    seen = Q(pk__in=[])
    for sight, post in authority.sight(room):
        match sight:
            case Sight.COUNTY:
                return Q()
            case Sight.TOWN:
                seen |= Q(town=post.town)
            case Sight.GRID:
                seen |= Q(grid=post.grid)
            case Sight.UNIT:
                seen |= Q(unit_id=post.unit_id) | Q(is_seen_issue(user), subject_kind="issue")
            case Sight.OWN:
                seen |= Q(merchant_id__in=authority.merchant_ids)
            case Sight.NONE:
                pass
    return seen
