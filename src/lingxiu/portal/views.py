"""Front doors and the dashboard. Thin: who is asking, what they may see, render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.issues import order_asked, resting
from lingxiu.issues.holders import holder, stood_in_for
from lingxiu.issues.models import Issue
from lingxiu.journal.queries import head
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.portal import dashboard
from lingxiu.portal.events import latest_events
from lingxiu.portal.menu import WITH_NUMBERS
from lingxiu.portal.merchant import violation_labels
from lingxiu.territory.queries import town_names


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
    wrong = violation_labels(in_force().catalogues)
    labels = {rule.id: rule.label for rule in in_force().catalogues.alarms.rules}
    towns = dashboard.towns(user, now)
    waiting = dashboard.waiting(user) if len(towns) == 1 and user.authority.may("issues.dispatch") else None
    context = {
        "today": dashboard.today(user, now),
        "towns": towns,
        "stopping": resting.stopping(),
        "waiting": None if waiting is None else _rows(waiting, wrong),
        "town_columns": _columns(_("Town"), late=_("Late"), open=_("Open issues"), closed=_("Closed in 30 days"), time=_("In time"),
                                 merchants=_("Merchants"), level=_("Level 3")),
        "alarms": [(labels.get(shown.alarm.code), shown) for shown in dashboard.latest_alarms(user, now)],
        "storms": [(town_names().get(one.storm.town, ""), one) for one in dashboard.storms(user)],
        "urgent": _rows(dashboard.most_urgent(user, now), wrong),
        "asked": order_asked.asked(user, now, states=()).counts if order_asked.is_leader(user.authority) else None,
        "urgent_columns": _columns(_("Issue"), _("Merchant"), _("State"), _("Held by"), _("Due")),
        "events": latest_events(user),
        "now": now,
        "pulse": "" if part else str(head()),
    }  # fmt: skip
    return render(request, "portal/dashboard_live.html" if part else "portal/dashboard.html", context)


def _rows(issues: Iterable[Issue], wrong: Mapping[str, Label]) -> list[tuple[Label | None, Issue, str]]:
    """What is wrong, the issue, and who has it; one query for those who stand in for somebody."""
    shown = list(issues)
    away = stood_in_for(shown)
    return [(wrong.get(issue.violation), issue, holder(issue, away)) for issue in shown]


def _columns(*words: str, **numbers: str) -> list[dict[str, object]]:
    """Headings of a table: words first, then numbers, which stand to the right."""
    return [{"label": label, "numeric": False} for label in words] + [
        {"label": label, "numeric": True} for label in numbers.values()
    ]
