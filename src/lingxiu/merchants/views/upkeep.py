"""What is added to a dossier beside its form: facilities, care, visits, and who answers for the shop."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from lingxiu.accounts.actions import KnownOtherwise, PersonDisabled, bind, unbind
from lingxiu.accounts.models import Bond, User
from lingxiu.journal.actions import Json
from lingxiu.merchants import actions
from lingxiu.merchants.forms import BindForm, CareForm, FacilityForm, VisitForm
from lingxiu.merchants.models import Facility
from lingxiu.merchants.views.asking import Refused, merchant_of, reader, reader_who_may, write_once
from lingxiu.merchants.views.dossier import bond_kinds, show_dossier
from lingxiu.ui import addresses

NOT_BOUND = {
    KnownOtherwise: gettext_lazy(
        "This number is known here already, and not as an owner's. Ask the town's dispatcher to enter them as owner."
    ),
    PersonDisabled: gettext_lazy(
        "This number is somebody's whose sign-in was disabled. Whoever manages accounts can enable it again."
    ),
}


@never_cache
@require_POST
def record_care(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Something was cleaned, emptied or handed over, entered by an officer. Who serves the shop does it at `/shop/`."""
    user = reader_who_may(request, "merchants.edit")
    merchant = merchant_of(user, merchant_id)
    form = CareForm(timezone.localdate(), request.POST)
    if form.is_valid():

        def do(at: datetime) -> Json:
            return {"care": actions.record_care(merchant, form.care(), at=at, by=user.pk).pk}

        if write_once(request, user, do) is not None:
            messages.success(request, _("Recorded."))
            return redirect(f"{addresses.merchant(merchant.pk)}dossier/#care")
    return show_dossier(request, user, merchant, status=422, care_form=form)


@never_cache
@require_POST
def add_facility(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """A hood, a purifier, a trap …"""
    user = reader_who_may(request, "merchants.edit")
    merchant = merchant_of(user, merchant_id)
    form = FacilityForm(request.POST, instance=Facility(merchant=merchant))
    if form.is_valid():

        def do(at: datetime) -> Json:
            return {"facility": actions.add_facility(form.instance, at=at, by=user.pk).pk}

        if write_once(request, user, do) is not None:
            messages.success(request, _("Recorded."))
            return redirect(f"{addresses.merchant(merchant.pk)}dossier/#facilities")
    return show_dossier(request, user, merchant, status=422, facility_form=form)


@never_cache
@require_POST
def remove_facility(request: HttpRequest, merchant_id: int, facility_id: int) -> HttpResponse:
    """It is there no longer; that it was, stays."""
    user = reader_who_may(request, "merchants.edit")
    merchant = merchant_of(user, merchant_id)
    facility = get_object_or_404(merchant.facilities.select_related("merchant"), pk=facility_id)
    actions.remove_facility(facility, at=timezone.now(), day=timezone.localdate(), by=user.pk)
    return redirect(f"{addresses.merchant(merchant.pk)}dossier/#facilities")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def visit(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/merchants/<id>/visit/`: I was here. What is wrong is a find, and stands in the list."""
    user = reader_who_may(request, "merchants.visit")
    merchant = merchant_of(user, merchant_id)
    form = VisitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def do(at: datetime) -> Json:
            return {"visit": actions.record_visit(merchant, by=user, at=at, words=form.cleaned_data["words"]).pk}

        if write_once(request, user, do) is not None:
            messages.success(request, _("The visit is recorded."))
            return redirect(addresses.merchant(merchant.pk))
    context = {"merchant": merchant, "form": form}
    return render(request, "merchants/visit.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
def bind_person(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Somebody answers for the shop from now on: bound at the door, by their phone."""
    user = reader(request)
    _require_binder(user)
    merchant = merchant_of(user, merchant_id)
    form = BindForm(bond_kinds(), request.POST)
    if form.is_valid():
        said = form.cleaned_data

        def do(at: datetime) -> Json:
            confirmed = user.authority.may("merchants.edit")
            try:
                bond = bind(
                    said["phone"], said["name"], merchant.pk, said["kind"], at=at, by=user.pk, confirmed=confirmed
                )
            except (KnownOtherwise, PersonDisabled) as error:
                form.add_error("phone", NOT_BOUND[type(error)])
                raise Refused from error
            return {"bond": bond.pk}

        if write_once(request, user, do) is not None:
            messages.success(request, _("They can sign in with this number now."))
            return redirect(f"{addresses.merchant(merchant.pk)}dossier/#people")
    return show_dossier(request, user, merchant, status=422, bind_form=form)


@never_cache
@require_POST
def unbind_person(request: HttpRequest, merchant_id: int, bond_id: int) -> HttpResponse:
    """Somebody no longer answers for the shop."""
    user = reader(request)
    _require_binder(user)
    merchant = merchant_of(user, merchant_id)
    bond = get_object_or_404(Bond, pk=bond_id, merchant_id=merchant.pk)
    unbind(bond, at=timezone.now(), by=user.pk)
    return redirect(f"{addresses.merchant(merchant.pk)}dossier/#people")


def _require_binder(user: User) -> None:
    if not (user.authority.may("merchants.edit") or user.authority.may("merchants.visit")):
        raise PermissionDenied
