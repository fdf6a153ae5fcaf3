"""`/merchants/<id>/dossier/` and `/merchants/new/`: every fact with its source, to be read and to be changed."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from lingxiu.accounts.models import Bond, User
from lingxiu.accounts.queries import bonds_of
from lingxiu.journal.actions import Json
from lingxiu.merchants import actions
from lingxiu.merchants.forms import BindForm, CareForm, DossierForm, FacilityForm, sources_of
from lingxiu.merchants.models import Merchant, Source
from lingxiu.merchants.views.asking import Refused, merchant_of, reader, reader_who_may, towns_of, write_once
from lingxiu.merchants.words import listed
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.privacy.masks import mask_name, mask_phone
from lingxiu.ui import addresses
from lingxiu.ui.templatetags.lingxiu import label

CARE_SHOWN = 12


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_merchant(request: HttpRequest) -> HttpResponse:
    """`/merchants/new/`: open a dossier."""
    user = reader_who_may(request, "merchants.edit")
    form = DossierForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def do(at: datetime) -> Json:
            source = Source(form.cleaned_data["source"] or Source.OFFICER)
            if form.enter(source=source, at=at, by=user.pk, towns=towns_of(user)) is None:
                raise Refused
            return {"merchant": form.merchant.pk}

        if (written := write_once(request, user, do)) is not None:
            messages.success(request, _("The dossier is opened."))
            return redirect(f"{addresses.merchant(written['merchant'])}dossier/")
    context = {"form": form, "groups": _groups(form)}
    return render(request, "merchants/new.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def dossier(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/merchants/<id>/dossier/`: every fact with its source; for those who may, to be changed."""
    user = reader(request)
    merchant = merchant_of(user, merchant_id)
    if request.method != "POST":
        return show_dossier(request, user, merchant)
    if not user.authority.may("merchants.edit"):
        raise PermissionDenied
    form = DossierForm(request.POST, instance=merchant)
    if form.is_valid():

        def do(at: datetime) -> Json:
            source = Source(form.cleaned_data["source"] or Source.OFFICER)
            seen_at = _seen_at(request.POST.get("seen_at", ""))
            changed = form.enter(source=source, at=at, by=user.pk, towns=towns_of(user), seen_at=seen_at)
            if changed is None:
                raise Refused
            return {"changed": changed}

        if (written := write_once(request, user, do)) is not None:
            told = _("Saved: %s.") % listed(str(form.fields[name].label) for name in written["changed"])
            messages.success(request, told if written["changed"] else _("Nothing was different: nothing is changed."))
            return redirect(request.path)
    return show_dossier(request, user, merchant_of(user, merchant_id), status=422, form=form)


def _seen_at(text: str) -> datetime | None:
    """When the dossier that was edited had last been changed, as our page wrote it."""
    try:
        return parse_datetime(text)
    except ValueError:
        return None


def show_dossier(request: HttpRequest, user: User, merchant: Merchant, status: int = 200, **forms: Any) -> HttpResponse:
    """The page, with whichever form was refused in it."""
    catalogues = in_force().catalogues
    names = {kind.id: kind.label for kind in catalogues.kinds.facilities}
    may = user.authority.may
    form = forms.pop("form", None) or DossierForm(instance=merchant)
    context = {
        "merchant": merchant,
        "form": form,
        "groups": _groups(form),
        "facts": _facts(merchant, form),
        "legal_person": mask_name(merchant.legal_person),
        "phone": mask_phone(merchant.phone),
        "facilities": [
            (names.get(row.kind), row) for row in merchant.facilities.filter(removed_on=None).order_by("id")
        ],
        "care": merchant.care.order_by("-on", "-id")[:CARE_SHOWN],
        "people": [(bond, mask_phone(bond.user.phone)) for bond in bonds_of(merchant.pk)],
        "visits": merchant.visits.select_related("by")[:CARE_SHOWN],
        "code": merchant.codes.filter(revoked_at=None).first(),
        "may": {
            "edit": may("merchants.edit"),
            "print": may("merchants.print_codes"),
            "see": may("merchants.see_personal_data"),
            "visit": may("merchants.visit"),
            "bind": may("merchants.edit") or may("merchants.visit"),
        },
        "care_form": CareForm(timezone.localdate()),
        "facility_form": FacilityForm(),
        "bind_form": BindForm(bond_kinds()),
        "shown": False,
        **forms,
    }
    return render(request, "merchants/dossier.html", context, status=status)


GROUPS: list[tuple[str, str, list[str]]] = [
    ("identity", "store", ["name", "kind", "status", "licence_kind", "licence_no", "licence_until", "uscc"]),
    ("person", "user", ["legal_person", "phone"]),
    ("place", "map-pin", ["address", "lng", "lat", "coordinates", "in_built_up"]),
    ("size", "ruler", ["reference_stoves", "scale", "seats", "floor_area_m2"]),
    ("hours", "clock", ["opened_on", "opens_at", "closes_at"]),
]


def _groups(form: DossierForm) -> list[dict[str, Any]]:
    """The form's fields under their headings."""
    words = {
        "identity": _("Shop and licence"),
        "person": _("Person in charge"),
        "place": _("Place"),
        "size": _("Size"),
        "hours": _("Opening and hours"),
    }
    return [
        {"title": words[key], "icon": icon, "fields": [form[name] for name in names]} for key, icon, names in GROUPS
    ]


def _facts(merchant: Merchant, form: DossierForm) -> list[tuple[str, str, str]]:
    """What is known, for those who only read: label, value, source. Nothing of the person."""
    sources = sources_of(merchant)
    kinds = in_force().catalogues.kinds
    said = {
        "kind": _named(kinds.merchants, merchant.kind),
        "licence_kind": _named(kinds.licences, merchant.licence_kind),
        "status": merchant.get_status_display(),
        "scale": merchant.get_scale_display(),
        "in_built_up": _("yes") if merchant.in_built_up else _("no"),
    }
    names = [
        name
        for _key, _icon, fields in GROUPS
        for name in fields
        if name not in ("coordinates", "legal_person", "phone")
    ]
    return [
        (str(form.fields[name].label), _plain(said.get(name, getattr(merchant, name))), sources.get(name, ""))
        for name in names
    ]


def _plain(value: object) -> str:
    """A value as it is read: numbers without a needless point, times without seconds."""
    match value:
        case None | "":
            return "–"
        case float():
            return f"{value:.10g}"
        case time():
            return f"{value:%H:%M}"
    return str(value)


def _named(kinds: Any, wanted: str) -> str:
    found: Label | None = next((kind.label for kind in kinds if kind.id == wanted), None)
    return label(found) if found else wanted


@never_cache
@require_POST
def reveal(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Name and number behind the stars, once; that somebody looked stays on record."""
    user = reader_who_may(request, "merchants.see_personal_data")
    merchant = merchant_of(user, merchant_id)
    actions.see_personal_data(merchant, at=timezone.now(), by=user.pk)
    return show_dossier(request, user, merchant, shown=True)


def bond_kinds() -> list[tuple[str, str]]:
    """As what somebody may be bound to a shop."""
    return [(name, str(text)) for name, text in Bond.Kind.choices]
