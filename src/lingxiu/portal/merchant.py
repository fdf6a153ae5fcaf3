"""A merchant shown to whoever asks: the face its code opens for anyone, the whole portrait for officers. Queries only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.issues import inspections, order_asked, orders, resting
from lingxiu.issues.fields import label_of
from lingxiu.issues.find_forms import findings
from lingxiu.issues.inspection_pages import card
from lingxiu.issues.models import Issue
from lingxiu.journal.queries import head
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.merchants.queries import Revoked, by_token
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.privacy.masks import mask_name, mask_phone
from lingxiu.selfservice.models import SelfCheck
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.words import KINDS
from lingxiu.ui import addresses

if TYPE_CHECKING:
    from lingxiu.policy.schema.catalogues import Catalogues

ISSUES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Care:
    """When something was last cleaned or handed over, and by when it should be again."""

    kind: str
    label: str
    last: date | None
    due: date | None

    @property
    def overdue(self) -> bool:
        return self.due is not None and self.due < timezone.localdate()


@dataclass(frozen=True, slots=True)
class Todo:
    """One line of "what to do now", and where to do it."""

    words: str
    url: str
    tone: str


@require_safe
def open_code(request: HttpRequest, token: str) -> HttpResponse:
    """What a code on a door opens: the portrait for an officer who may see it, else the public face.

    An unknown token is told from a revoked one: the second was ours once, and says so.
    """
    found = by_token(token)
    if found is None:
        return render(request, "portal/code_unknown.html", status=404)
    if isinstance(found, Revoked):
        return render(request, "portal/code_revoked.html", {"code": found.code}, status=410)
    user = request.user
    if isinstance(user, User) and user.authority.is_officer and Merchant.objects.visible_to(user).contains(found):
        return redirect(addresses.merchant(found.pk))
    return render(request, "portal/public_face.html", _public(found, token, request))


def _public(merchant: Merchant, token: str, request: HttpRequest) -> dict[str, object]:
    catalogues = in_force().catalogues
    user = request.user
    return {
        "merchant": merchant,
        "standing": merchant.standing,
        "kind": _kind(catalogues, merchant.kind),
        "care": care_of(merchant, catalogues),
        "inspected": inspections.used_and_cap(merchant, timezone.now()),
        "complain_url": f"{addresses.code(token)}/complain/",
        "own": isinstance(user, User) and merchant.pk in user.authority.merchant_ids,
    }


@require_safe
def portrait(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Everything the rooms know of one merchant, for those who may open its dossier."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    merchant = get_object_or_404(
        Merchant.objects.visible_to(user).select_related("standing", "area", "area__parent"), pk=merchant_id
    )
    if not user.authority.is_officer:
        return redirect(f"/shop/?merchant={merchant.pk}")
    now = timezone.now()
    catalogues = in_force().catalogues
    care = care_of(merchant, catalogues)
    devices = list(Device.objects.filter(merchant=merchant).exclude(state="retired"))
    issues = Issue.objects.visible_to(user).filter(merchant=merchant).select_related("lead_unit", "lead_person")
    open_issues = list(issues.filter(closed_at=None).order_by("step_due_at"))
    ended = issues.exclude(closed_at=None).order_by("-closed_at")[:ISSUES_SHOWN]
    wrong = violation_labels(catalogues)
    context = {
        "merchant": merchant,
        "standing": merchant.standing,
        "kind": _kind(catalogues, merchant.kind),
        "licence_kind": next((row.label for row in catalogues.kinds.licences if row.id == merchant.licence_kind), None),
        "facilities": [(_facility(catalogues, row.kind), row) for row in merchant.facilities.filter(removed_on=None)],
        "care": care,
        "devices": [(KINDS.get(device.kind, device.kind), device) for device in devices],
        "instructs": order_asked.is_leader(user.authority),
        "enters_orders": orders.is_county(user),
        "instructions": order_asked.orders_about(user, shop=merchant.pk),
        "alarms": Alarm.objects.filter(device__in=devices, cleared_at=None).select_related("device"),
        "stopping": resting.stopping(),
        "issues": [(wrong.get(issue.violation), issue) for issue in [*open_issues, *ended]],
        "issue_columns": [{"label": word} for word in (_("Issue"), _("State"), _("Source"), _("Due"))],
        "self_checks": SelfCheck.objects.filter(merchant=merchant).order_by("-month")[:6],
        "todo": todo(user, merchant, care, open_issues, devices, now),
        "code": merchant.codes.filter(revoked_at=None).first(),
        "phone": mask_phone(merchant.phone),
        "legal_person": mask_name(merchant.legal_person),
        "visits": user.authority.may("merchants.visit"),
        "kinds": _everyday(now) if user.authority.may("issues.find") else [],
        "inspected": card(merchant, user, now),
        "inspect_url": f"{addresses.merchant(merchant.pk)}inspection/" if inspections.posts_of(user) else "",
        "pulse": str(head()),
        "now": now,
    }
    return render(request, "portal/portrait.html", context)


def _everyday(now: datetime) -> list[tuple[str, str]]:
    """What is found daily, to be tapped: then a photo, then sent."""
    return [(row.id, label_of(row)) for row in findings(now) if row.everyday]


def care_of(merchant: Merchant, catalogues: Catalogues) -> list[Care]:
    """The three media: purifier, trap, waste; due by the cleaning cycle of the merchant's scale where there is one."""
    records = CareRecord.objects.filter(merchant=merchant).order_by().values_list("kind")
    last: dict[str, date] = dict(records.annotate(Max("on")))
    cycle = {row.scale: row.days for row in catalogues.kinds.cleaning_cycles}.get(merchant.scale)  # type: ignore[call-overload]
    every = {
        CareRecord.Kind.PURIFIER: cycle,
        CareRecord.Kind.TRAP: catalogues.indicators.drains.cycle_days,
        CareRecord.Kind.WASTE: None,
    }
    return [
        Care(
            kind, str(kind.label), last.get(kind), last[kind] + timedelta(days=days) if days and kind in last else None
        )
        for kind, days in every.items()
    ]


def todo(
    user: User, merchant: Merchant, care: list[Care], issues: list[Issue], devices: list[Device], now: datetime
) -> list[Todo]:
    """What somebody at the door should do now, most pressing first."""
    wrong, language = violation_labels(in_force().catalogues), get_language() or "zh-hans"
    lines = []
    for issue in issues:
        words = wrong[issue.violation].text(language) if issue.violation in wrong else issue.summary
        late = resting.is_late(issue, now)
        lines.append(
            Todo(
                (_("Late issue: %s") if late else _("Open issue: %s")) % words,
                addresses.issue(issue.number),
                "late" if late else "dispatched",
            )
        )
    if merchant.standing.device_state == "offline":
        lines += [
            Todo(_("See why the device is silent"), addresses.device(device.mn), "dark") for device in devices[:1]
        ]
    dossier = f"{addresses.merchant(merchant.pk)}dossier/"
    lines += [Todo(_("Overdue: %s") % row.label, dossier, "soon") for row in care if row.overdue]
    lines += [Todo(_("No record: %s") % row.label, dossier, "neutral") for row in care if row.last is None]
    if user.authority.may("merchants.edit") and not merchant.licence_no:
        lines.append(Todo(_("Enter the licence"), dossier, "neutral"))
    return lines


def violation_labels(catalogues: Catalogues) -> dict[str, Label]:
    """What each violation is called now."""
    return {row.id: row.label for row in catalogues.violations}


def _kind(catalogues: Catalogues, kind: str) -> Label:
    return next(
        (row.label for row in catalogues.kinds.merchants if row.id == kind), Label(zh=kind or "?", en=kind or "?")
    )


def _facility(catalogues: Catalogues, kind: str) -> Label:
    return next((row.label for row in catalogues.kinds.facilities if row.id == kind), Label(zh=kind, en=kind))
