"""`/sensing/devices/<mn>/registry/`: what may be done with a device; `/sensing/maintainers/`: who looks after devices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Json, record
from lingxiu.merchants import queries as merchants
from lingxiu.merchants.models import Merchant
from lingxiu.merchants.views.asking import Refused, reader, reader_who_may, write_once
from lingxiu.privacy.masks import mask_phone
from lingxiu.sensing import actions, queries
from lingxiu.sensing.forms import (
    DetailsForm,
    MaintainerForm,
    MaintenanceForm,
    PlanForm,
    ProfileForm,
    ReplaceForm,
    WhyForm,
)
from lingxiu.sensing.models import Device, Maintainer, Maintenance
from lingxiu.sensing.views.device import device_of
from lingxiu.sensing.words import STATES
from lingxiu.ui import addresses

SHOPS_SHOWN: Final = 12

Verb = Callable[[Device, Any, datetime, User], object]
"""Does what a valid form says."""


@require_safe
def registry_page(request: HttpRequest, mn: str) -> HttpResponse:
    """Everything that may be done with a device, for `sensing.manage`; `q` finds the shop it moves to."""
    user = reader_who_may(request, "sensing.manage")
    _user, device = device_of(request, mn)
    return _show(request, user, device)


@require_http_methods(["POST"])
def device_move(request: HttpRequest, mn: str, verb: str) -> HttpResponse:
    """One verb of VERBS on a device; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    _user, device = device_of(request, mn)
    if verb not in VERBS:
        raise Http404
    make, do_it = VERBS[verb]
    form = make(request.POST, instance=device) if issubclass(make, DetailsForm) else make(request.POST)
    if not form.is_valid():
        return _show(request, user, device, **{verb: form})
    leads_to = addresses.device(mn)

    def do(at: datetime) -> Json:
        try:
            other = do_it(device, form, at, user)
        except (actions.NotActive, actions.Stands):
            messages.error(request, _("Somebody else was faster: look at how it is with the device now."))
            return {}
        except actions.DeviceKnown as known:
            form.add_error(
                "mn", _("There is a device of this MN already, at %(shop)s.") % {"shop": known.device.merchant}
            )
            raise Refused from known
        except actions.PlannedWrongly as error:
            form.add_error("until", _("The end lies after the beginning, not in the past, and at most a month away."))
            raise Refused from error
        return {"leads_to": addresses.device(other.mn)} if isinstance(other, Device) else {}

    done = write_once(request, user, do)
    if form.errors:
        return _show(request, user, device, **{verb: form})
    return redirect((done or {}).get("leads_to", leads_to))


def _call_off(device: Device, said: WhyForm, at: datetime, user: User) -> None:
    planned = get_object_or_404(Maintenance, pk=_number(said.data.get("planned", "")), device=device)
    actions.call_off(planned, at=at, actor_id=user.pk)


def _move(device: Device, said: WhyForm, at: datetime, user: User) -> None:
    visible = Merchant.objects.visible_to(user)
    shop = get_object_or_404(visible, pk=_number(said.data.get("merchant", "")))
    actions.move(device, shop, note=said.cleaned_data["note"], at=at, actor_id=user.pk)


def _profile(device: Device, said: ProfileForm, at: datetime, user: User) -> None:
    wanted = said.cleaned_data
    actions.change_profile(device, wanted["profile"], ack_style=wanted["ack_style"], at=at, actor_id=user.pk)


VERBS: Final[dict[str, tuple[type[forms.BaseForm], Verb]]] = {
    "maintain": (MaintenanceForm, lambda device, form, at, user: actions.begin_maintenance(
        device, note=form.cleaned_data["note"], until=form.cleaned_data["until"], at=at, actor_id=user.pk)),
    "resume": (forms.Form, lambda device, _form, at, user: actions.end_maintenance(device, at=at, actor_id=user.pk)),
    "plan": (PlanForm, lambda device, form, at, user: actions.plan(device, **form.cleaned_data, at=at, actor_id=user.pk)),
    "call-off": (forms.Form, _call_off),
    "describe": (DetailsForm, lambda device, form, at, user: actions.describe(
        device, **form.cleaned_data, at=at, actor_id=user.pk)),
    "profile": (ProfileForm, _profile),
    "move": (WhyForm, _move),
    "replace": (ReplaceForm, lambda device, form, at, user: actions.replace(
        device, mn=form.cleaned_data["mn"], profile_id=form.cleaned_data["profile"], vendor=form.cleaned_data["vendor"],
        model=form.cleaned_data["model"], note=form.cleaned_data["note"], at=at, actor_id=user.pk)),
    "retire": (forms.Form, lambda device, form, at, user: actions.retire(
        device, note=form.data.get("note", "")[:200], at=at, actor_id=user.pk)),
}  # fmt: skip


def _show(request: HttpRequest, user: User, device: Device, **bound: forms.BaseForm) -> HttpResponse:
    """The page, with the forms as they are; a bound one with what is wrong with it."""
    at = timezone.now()
    visible = Merchant.objects.visible_to(user)
    asked, chosen = " ".join(request.GET.get("q", "").split())[:60], _number(request.GET.get("to", ""))
    shops = merchants.find(visible, merchants.Wanted(q=asked), by_phone=False).order_by("initials") if asked else None
    to = get_object_or_404(visible, pk=_number(str(request.POST["merchant"]))) if "move" in bound else None
    context = {
        "device": device,
        "merchant": device.merchant,
        "state": STATES[queries.state_of(device, at)],
        "planned": queries.planned(device, at),
        "q": asked,
        "shops": shops.exclude(pk=device.merchant_id)[:SHOPS_SHOWN] if shops is not None else [],
        "to": to or (visible.filter(pk=chosen).first() if chosen else None),
        "forms": {
            "maintain": MaintenanceForm(),
            "plan": PlanForm(),
            "describe": DetailsForm(instance=device),
            "profile": ProfileForm(initial={"profile": device.profile, "ack_style": device.ack_style}),
            "move": WhyForm(),
            "replace": ReplaceForm(initial={"profile": device.profile, "vendor": device.vendor, "model": device.model}),
            **bound,
        },
    }
    return render(request, "sensing/registry.html", context, status=422 if bound else 200)


# ── who looks after devices ──────────────────────────────────────────────────────────────────────────────────────


@require_safe
def maintainers(request: HttpRequest) -> HttpResponse:
    """The companies, with how many devices each has, and how many of those are dark."""
    user = reader(request)
    at = timezone.now()
    companies = list(Maintainer.objects.all())
    counted: dict[int | None, dict[str, int]] = {
        row["maintainer"]: {"n": row["n"], "dark": row["dark"]}
        for row in queries.with_state(Device.objects.visible_to(user), at)
        .exclude(state=Device.State.RETIRED)
        .order_by()
        .values("maintainer")
        .annotate(n=Count("pk"), dark=Count("pk", filter=queries.in_state("dark", at)))
    }
    nothing = {"n": 0, "dark": 0}
    manages = user.authority.may("sensing.manage")
    context = {
        "rows": [
            {
                "company": one,
                "phone": one.phone if manages else mask_phone(one.phone) if one.phone else "",
                **counted.get(one.pk, nothing),
            }
            for one in companies
        ],
        "without": counted.get(None, nothing)["n"],
        "manages": manages,
        "columns": [
            {"label": label, "numeric": numeric}
            for label, numeric in (
                (_("Company"), False), (_("Devices"), True), (_("Dark"), True), (_("Comes within"), True),
                (_("Whom to call"), False), (_("What it has to do"), False),
            )
        ],
    }  # fmt: skip
    return render(request, "sensing/maintainers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def maintainer(request: HttpRequest, maintainer_id: int = 0) -> HttpResponse:
    """A company entered (0), changed or, when no device is left to it, taken away; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    company = get_object_or_404(Maintainer, pk=maintainer_id) if maintainer_id else None
    devices = company.devices.count() if company else 0
    if request.method == "POST" and company and request.POST.get("wish") == "remove":
        return _remove(request, user, company, devices)
    form = MaintainerForm(request.POST or None, instance=company)
    if request.method == "POST" and form.is_valid():

        def do(at: datetime) -> Json:
            try:
                saved = form.save()
            except IntegrityError as error:
                form.add_error("name", _("There is a company of this name already."))
                raise Refused from error
            record(
                "maintainer.changed" if company else "maintainer.entered",
                "maintainer",
                saved.pk,
                at=at,
                actor_id=user.pk,
            )
            return {}

        if write_once(request, user, do) is not None:
            return redirect("sensing:maintainers")
    context = {"form": form, "company": company, "devices": devices}
    return render(request, "sensing/maintainer.html", context, status=422 if form.is_bound else 200)


def _remove(request: HttpRequest, user: User, company: Maintainer, devices: int) -> HttpResponse:
    if devices:
        messages.error(request, _("It still looks after devices: give them to another company first."))
        return redirect("sensing:maintainer", company.pk)

    def do(at: datetime) -> Json:
        record("maintainer.removed", "maintainer", company.pk, at=at, actor_id=user.pk)
        company.delete()
        return {}

    write_once(request, user, do)
    return redirect("sensing:maintainers")


def _number(text: str) -> int:
    """The number a parameter says; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
