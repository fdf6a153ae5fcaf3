"""`/sensing/devices/<mn>/ask/`: what can be asked of a device, what was, and by which line it is connected."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Json
from lingxiu.journal.queries import head
from lingxiu.merchants.views.asking import Refused, reader_who_may, write_once
from lingxiu.sensing import answers, asking
from lingxiu.sensing.keys import KeyUnreadable
from lingxiu.sensing.models import Device
from lingxiu.sensing.views.device import device_of

ROWS: Final = 30
SENT_AGAIN: Final = ("minute", "hour", "day")


@require_http_methods(["GET", "HEAD", "POST"])
def asking_page(request: HttpRequest, mn: str) -> HttpResponse:
    """Ask, change its key, see what came of it; for `sensing.manage`. `part=live`: the list alone."""
    user = reader_who_may(request, "sensing.manage")
    _user, device = device_of(request, mn)
    if request.method == "POST":
        return _ask(request, user, device)
    at = timezone.now()
    context = {
        "device": device,
        "merchant": device.merchant,
        "line": asking.line_of(device, at),
        "told": answers.last_told(device, ROWS),
        "columns": [{"label": word} for word in (_("Asked"), _("What"), _("State"), _("What it answered"))],
        "periods": [(name, asking.QUESTIONS[name].label) for name in SENT_AGAIN],
        "live": "?part=live",
        "pulse": str(head()),
    }
    part = request.GET.get("part") == "live"
    return render(request, "sensing/asking_rows.html" if part else "sensing/asking.html", context)


def _ask(request: HttpRequest, user: User, device: Device) -> HttpResponse:
    def do(at: datetime) -> Json:
        try:
            _do(request, device, at, user.pk)
        except asking.CannotAsk as error:
            messages.error(request, str(error))
            raise Refused from error
        except KeyUnreadable as error:
            messages.error(request, _("A key has 32 hexadecimal digits."))
            raise Refused from error
        return {}

    write_once(request, user, do)
    return redirect("sensing:ask", device.mn)


def _do(request: HttpRequest, device: Device, at: datetime, actor_id: int) -> None:
    said = request.POST
    what = said.get("what", "")
    if what == "change-key":
        asking.rotate_key(device, at=at, actor_id=actor_id)
    elif what == "set-key":
        asking.set_key(device, said.get("key", "").strip(), at=at, actor_id=actor_id)
    else:
        asking.ask(
            device,
            what,
            value=said.get("value", ""),
            since=_moment(said.get("since", "")),
            until=_moment(said.get("until", "")),
            at=at,
            actor_id=actor_id,
        )


def _moment(text: str) -> datetime | None:
    """A moment of the county, as a browser's field writes it."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return None if found is None else timezone.make_aware(found) if timezone.is_naive(found) else found
