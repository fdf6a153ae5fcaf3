"""The shop's number to whoever holds an issue, one at a time. Who that is, and what is written down, `issues.calling` knows."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from lingxiu.issues import reporters
from lingxiu.issues.calling import NotYoursToCall, reveal_number
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.views import officer


@never_cache
@require_POST
def call_reporter(request: HttpRequest, number: str, report_id: int) -> HttpResponse:
    """`/issues/<number>/reports/<id>/call/`: the number of somebody who reported it, for whoever dispatches the issue."""
    user = officer(request)
    issue = get_object_or_404(Issue.objects.visible_to(user), number=number)
    report = get_object_or_404(Report.objects.select_related("issue"), pk=report_id, issue=issue)
    try:
        phone = reporters.reveal_number(report, user, at=timezone.now())
    except reporters.NotYoursToAsk:
        raise PermissionDenied from None
    part = request.headers.get("HX-Request") == "true"
    page = "portal/dial.html" if part else "portal/call_reporter.html"
    return render(request, page, {"issue": issue, "phone": phone})


@never_cache
@require_POST
def call_shop(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/call/`: htmx puts the button that dials in the place of the one that asked; without script it is a page."""
    user = officer(request)
    issue = get_object_or_404(Issue.objects.visible_to(user).select_related("merchant"), number=number)
    try:
        phone = reveal_number(issue, user, at=timezone.now())
    except NotYoursToCall:
        raise PermissionDenied from None
    part = request.headers.get("HX-Request") == "true"
    return render(request, "portal/dial.html" if part else "portal/call.html", {"issue": issue, "phone": phone})
