"""`/sensing/unknown/<mn>/`: a device that dials in and nobody registered: which shop is it in, which dialect does it speak?"""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lingxiu.journal.actions import Json
from lingxiu.merchants import queries as merchants
from lingxiu.merchants.models import Merchant
from lingxiu.merchants.views.asking import reader_who_may, write_once
from lingxiu.sensing import actions, queries
from lingxiu.sensing.forms import AdoptForm
from lingxiu.sensing.models import Device, UnknownDevice
from lingxiu.ui import addresses

SHOPS_SHOWN = 12


@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HttpRequest, mn: str) -> HttpResponse:
    """Look at what it said, find its shop, register it; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    if request.method == "POST" and Device.objects.filter(mn=mn).exists():
        return _came_second(request, mn)
    unknown = get_object_or_404(UnknownDevice, mn=mn)
    chosen = request.GET.get("merchant", "")
    visible = Merchant.objects.visible_to(user)
    merchant = get_object_or_404(visible, pk=int(chosen)) if chosen.isascii() and chosen.isdigit() else None
    form = AdoptForm(request.POST or None)
    if request.method == "POST" and merchant is not None and form.is_valid():
        shop, said = merchant, dict(form.cleaned_data)

        def do(at: datetime) -> Json:
            try:
                actions.register(
                    mn=mn,
                    merchant=shop,
                    profile_id=said.pop("profile"),
                    **said,
                    at=at,
                    actor_id=user.pk,
                )
            except actions.DeviceKnown:
                _came_second(request, mn)
            return {}

        done = write_once(request, user, do)
        return redirect(request.get_full_path() if done is None else addresses.device(mn))
    asked = " ".join(request.GET.get("q", "").split())[:60]
    found = (
        merchants.find(visible, merchants.Wanted(q=asked), by_phone=False).order_by("initials")[:SHOPS_SHOWN]
        if asked
        else []
    )
    context = {
        "unknown": unknown,
        "first_frame": queries.readable(bytes(unknown.first_frame)),
        "last_frame": queries.readable(bytes(unknown.last_frame)),
        "merchant": merchant,
        "form": form,
        "q": asked,
        "shops": found,
    }
    return render(request, "sensing/adopt.html", context, status=422 if form.is_bound else 200)


def _came_second(request: HttpRequest, mn: str) -> HttpResponse:
    messages.error(request, _("Somebody else has registered this device in the meantime."))
    return redirect(addresses.device(mn))
