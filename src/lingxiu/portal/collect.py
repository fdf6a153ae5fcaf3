"""The grid member's first page: what is mine to do, what is late, whom to see next. One thumb, no jargon. Queries only."""

from __future__ import annotations

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import Unit, User
from lingxiu.issues.queries import mine
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.portal.merchant import violation_labels

SHOWN = 30
STOPS = 8


@require_safe
def my_round(request: HttpRequest) -> HttpResponse:
    """`/collect/`, for those who make visits."""
    user = request.user
    if not isinstance(user, User) or not user.authority.may("merchants.visit"):
        raise Http404
    now = timezone.now()
    issues = list(mine(user).select_related("merchant").order_by("step_due_at")[:SHOWN])
    wrong = violation_labels(in_force().catalogues)
    part = request.GET.get("part") == "live"
    context = {
        "mine": [(wrong.get(issue.violation), issue) for issue in issues],
        "late": sum(issue.step_due_at < now for issue in issues),
        "stops": _stops(user),
        "grids": "、".join(Unit.objects.filter(pk__in=user.authority.unit_ids).values_list("name", flat=True)),
        "pulse": "" if part else str(head()),
    }
    return render(request, "portal/collect_live.html" if part else "portal/collect.html", context)


def _stops(user: User) -> list[Merchant]:
    """The merchants of the grid not seen for longest."""
    merchants = Merchant.objects.visible_to(user).filter(status="open").select_related("standing")
    return list(merchants.order_by(F("standing__last_visit_at").asc(nulls_first=True), "id")[:STOPS])
