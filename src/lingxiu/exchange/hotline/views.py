"""`/exchange/12345/`: the centre's list looked through, taken in, and back again; the answers of a period."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.exchange.hotline.importing import MOST_ANSWERS, answers_sheet, import_orders, result_sheet
from lingxiu.exchange.hotline.sheet import FileRefused, read
from lingxiu.ui.days import day_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = timedelta(days=366)


def recorder(request: HttpRequest) -> User:
    """Who asks, if they enter what people report. Raises Http404 for all who are no officers, else PermissionDenied."""
    user = request.user
    if not isinstance(user, User) or not user.authority.is_officer:
        raise Http404
    if not user.authority.may("issues.record_report"):
        raise PermissionDenied
    return user


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def orders(request: HttpRequest) -> HttpResponse:
    """Look through a list, take it in, or have it back with what became of each order."""
    user, now = recorder(request), timezone.now()
    today = timezone.localdate(now)
    context: dict[str, Any] = {"since": today.replace(day=1), "until": today, "most": MOST_ANSWERS}
    if request.method != "POST":
        return render(request, "exchange/orders.html", context)
    file = request.FILES.get("file")
    if file is None:
        wrong = {**context, "error": _("Choose a list, .xlsx or .csv.")}
        return render(request, "exchange/orders.html", wrong, status=422)
    wish = request.POST.get("wish", "look")
    try:
        table = read(file.read(), file.name or "")
    except FileRefused as refused:
        return render(request, "exchange/orders.html", {**context, "error": str(refused)}, status=422)
    result = import_orders(table, dry_run=wish != "take", at=now, by=user)
    if wish == "sheet":
        return _sheet(result_sheet(result, user), f"12345-{today:%Y%m%d}.xlsx")
    return render(request, "exchange/orders.html", {**context, "result": result})


@never_cache
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    """The orders of a period with their answers, in the centre's columns."""
    user = recorder(request)
    today = timezone.localdate()
    since = day_of(request.GET.get("from", "")) or today.replace(day=1)
    until = day_of(request.GET.get("to", "")) or today
    if not timedelta() <= until - since <= LONGEST:
        context = {"since": since, "until": until, "most": MOST_ANSWERS}
        wrong = _("Choose at most a year, its first day before its last.")
        return render(request, "exchange/orders.html", {**context, "period_error": wrong}, status=422)
    sheet = answers_sheet(user, _begin(since), _begin(until + timedelta(days=1)))
    return _sheet(sheet, f"12345-{since:%Y%m%d}-{until:%Y%m%d}.xlsx")


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


def _sheet(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
