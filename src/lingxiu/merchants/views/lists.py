"""Lists taken in: looked through first, then written; the refused rows come back as a sheet."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.merchants import importing
from lingxiu.merchants.forms import SYSTEMS
from lingxiu.merchants.views.asking import reader_who_may, towns_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take_list(request: HttpRequest) -> HttpResponse:
    """`/merchants/import/`: a list looked through first, then taken in; the refused rows come back as a sheet."""
    user = reader_who_may(request, "merchants.edit")
    context: dict[str, Any] = {"systems": SYSTEMS, "system": request.POST.get("coordinates", "wgs84")}
    if request.method != "POST":
        return render(request, "merchants/import.html", context)
    file = request.FILES.get("file")
    if file is None or context["system"] not in dict(SYSTEMS):
        context["error"] = _("Choose a list, .xlsx or .csv.")
        return render(request, "merchants/import.html", context, status=422)
    wish = request.POST.get("wish", "look")
    try:
        table = importing.read_list(file.read(), file.name or "")
    except importing.FileRefused as refused:
        return render(request, "merchants/import.html", {**context, "error": str(refused)}, status=422)
    report = importing.import_table(
        table,
        dry_run=wish != "take",
        coordinates=context["system"],
        at=timezone.now(),
        by=user.pk,
        towns=towns_of(user),
    )
    if wish == "refused":
        return _sheet(importing.refused_sheet(report), "refused.xlsx")
    return render(request, "merchants/import.html", {**context, "report": report})


@require_safe
def list_template(request: HttpRequest) -> HttpResponse:
    """An empty list with our headings."""
    reader_who_may(request, "merchants.edit")
    return _sheet(importing.template(), "merchants.xlsx")


def _sheet(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
