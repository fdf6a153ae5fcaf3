"""Front doors and the dashboard. Thin: who is asking, what they may see, render."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.portal import dashboard
from lingxiu.portal.menu import WITH_NUMBERS


@require_safe
def front_door(request: HttpRequest) -> HttpResponse:
    """`/`: the public home for strangers, numbers for those who see more than a grid, else their own first page."""
    user = request.user
    if not isinstance(user, User):
        return render(request, "portal/public_home.html")
    if user.authority.farthest("issues") in WITH_NUMBERS:
        return show_dashboard(request, user)
    door = user.authority.front_door
    return redirect(door) if door != "/" else render(request, "portal/no_post.html", status=403)


def show_dashboard(request: HttpRequest, user: User) -> HttpResponse:
    """Today's numbers, each opening to its list; what is urgent; where it burns; whether it gets better."""
    now = timezone.now()
    part = request.GET.get("part") == "live"
    context = {
        "today": dashboard.today(user, now),
        "towns": dashboard.towns(user, now),
        "alarms": dashboard.latest_alarms(user),
        "urgent": dashboard.most_urgent(user, now),
        "now": now,
        "pulse": "" if part else str(head()),
    }
    return render(request, "portal/dashboard_live.html" if part else "portal/dashboard.html", context)
