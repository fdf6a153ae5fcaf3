"""`/sensing/import/`: a list of devices, looked through first, then taken in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from lingxiu.merchants.models import Merchant
from lingxiu.merchants.sheets import FileRefused
from lingxiu.merchants.views.asking import reader_who_may
from lingxiu.sensing.devices_import import COLUMNS, import_devices


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take_devices(request: HttpRequest) -> HttpResponse:
    """Looked through unless `wish` is `take`; taking it in twice changes nothing the second time."""
    user = reader_who_may(request, "sensing.manage")
    known = {"columns": [words[0] for words in COLUMNS.values()]}
    if request.method != "POST":
        return render(request, "sensing/import.html", known)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise FileRefused(_("Choose a list, .xlsx or .csv."))
        report = import_devices(
            file.read(),
            file.name or "",
            merchants=Merchant.objects.visible_to(user),
            dry_run=request.POST.get("wish") != "take",
            at=timezone.now(),
            by=user.pk,
        )
    except FileRefused as refused:
        return render(request, "sensing/import.html", {**known, "error": str(refused)}, status=422)
    return render(request, "sensing/import.html", {**known, "report": report})
