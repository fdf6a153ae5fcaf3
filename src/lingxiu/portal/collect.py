"""The phone of whoever handles issues: what is mine to do, by what is due and what is near; whom to see next. Queries only.

Near: the phone's position stays on the phone, which puts the rows of a group in order itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import resting, signing
from lingxiu.issues.models import Issue
from lingxiu.issues.order_today import waiting
from lingxiu.issues.queries import mine
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.portal.hands import Call, Way, calls, way_to
from lingxiu.portal.menu import goes_out
from lingxiu.portal.merchant import violation_labels

SHOWN = 30
STOPS = 8
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """An issue to see to, with what a thumb needs."""

    issue: Issue
    wrong: Label | None
    calls: list[Call]
    way: Way | None


@dataclass(frozen=True, slots=True)
class Group:
    """Stops that are due alike, the most pressing first; where the phone says where it is, the nearest."""

    id: str
    title: str | Promise
    stops: list[Stop]


@require_safe
def my_round(request: HttpRequest) -> HttpResponse:
    """`/collect/`, for those who handle issues or make visits."""
    user = request.user
    if not isinstance(user, User) or not goes_out(user.authority):
        raise Http404
    now = timezone.now()
    groups = _groups(_work(user, request.headers.get("User-Agent", ""), now), now)
    part = request.GET.get("part") == "live"
    context = {
        "groups": groups,
        "stopping": resting.stopping(),
        "mine": sum(len(group.stops) for group in groups),
        "late": sum(len(group.stops) for group in groups if group.id == "late"),
        "orders": waiting(user, timezone.localdate(now)),
        "to_sign": signing.counted(user),
        "visits": user.authority.may("merchants.visit"),
        "may_find": user.authority.may("issues.find"),
        "stops": _stops(user) if user.authority.may("merchants.visit") else [],
        "grids": "、".join(Unit.objects.filter(pk__in=user.authority.unit_ids).values_list("name", flat=True)),
        "pulse": "" if part else str(head()),
    }
    return render(request, "portal/collect_live.html" if part else "portal/collect.html", context)


def _work(user: User, agent: str, now: datetime) -> list[Stop]:
    """What is this person's to do, by when this step of it is due."""
    issues = list(mine(user).select_related("merchant").order_by("step_due_at", "pk")[:SHOWN])
    wrong = violation_labels(in_force().catalogues)
    numbers = calls(issues, user, now)
    return [Stop(one, wrong.get(one.violation), numbers[one.pk], way_to(one, agent)) for one in issues]


def _groups(stops: list[Stop], now: datetime) -> list[Group]:
    """Late, today, later: those that hold something."""
    stopping = resting.stopping()
    tomorrow = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) + A_DAY
    found: dict[str, list[Stop]] = {"late": [], "today": [], "later": []}
    for stop in sorted(stops, key=attrgetter("issue.step_due_at")):
        due, waits = stop.issue.step_due_at, stop.issue.suspended_for in stopping
        found["later" if waits or due >= tomorrow else "late" if due < now else "today"].append(stop)
    titles = {"late": _("Late"), "today": _("Due today"), "later": _("Later")}
    return [Group(name, titles[name], rows) for name, rows in found.items() if rows]


def _stops(user: User) -> list[Merchant]:
    """The merchants of the grid not seen for longest."""
    merchants = Merchant.objects.visible_to(user).filter(status="open").select_related("standing")
    return list(merchants.order_by(F("standing__last_visit_at").asc(nulls_first=True), "id")[:STOPS])
