"""`/pulse`: has anything changed that this reader may see? Live pages ask every few seconds."""

from __future__ import annotations

import json

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.journal.queries import Position, head, read_after
from lingxiu.policy.schema import Sight


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
    concerned = concerns(getattr(request.user, "authority", NOBODY))
    if read_after(since, limit=1, among=concerned):
        return _tell(response, now)
    return response


def _tell(response: HttpResponse, position: Position) -> HttpResponse:
    response["HX-Trigger"] = json.dumps({"lingxiu:changed": {"next": str(position)}})
    return response


def concerns(authority: Authority) -> Q:
    """Which entries of the journal concern a reader, by their scope."""
    concerned = Q(public=True)
    for sight, post in authority.sight("issues") + authority.sight("merchants"):
        match sight:
            case Sight.COUNTY:
                return Q()
            case Sight.TOWN:
                concerned |= Q(town=post.town)
            case Sight.GRID:
                concerned |= Q(grid=post.grid)
            case Sight.UNIT:
                concerned |= Q(unit_id=post.unit_id)
            case Sight.OWN:
                concerned |= Q(merchant_id__in=authority.merchant_ids)
            case Sight.NONE:
                pass
    return concerned
