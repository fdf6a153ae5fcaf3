"""Pages of a leader: what they asked and what came back, and an instruction of their own. Thin: parse, authorise, call, render."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import Unit, User
from lingxiu.files.models import StoredFile
from lingxiu.issues import order_asked, orders, writing
from lingxiu.issues.fields import area
from lingxiu.issues.order_about import About, about_of, fitting
from lingxiu.issues.order_asked import BACK, DONE, LATE, STATES, UNDER_WAY, Asked
from lingxiu.issues.order_models import Order, OrderKind
from lingxiu.issues.order_views import REFUSALS, scan_of
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.ui.choosing import offer

DAYS_GIVEN = 7
TITLE_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Said:
    """A state in words, and how it looks."""

    label: str | Promise
    icon: str
    tone: str


SAID = {
    BACK: Said(gettext_lazy("Came back"), "message-up", "recheck"),
    LATE: Said(gettext_lazy("Late"), "alert-triangle", "late"),
    UNDER_WAY: Said(gettext_lazy("Under way"), "clock", "handling"),
    DONE: Said(gettext_lazy("Done"), "circle-check", "closed"),
}
AT_ONCE = (BACK, LATE, UNDER_WAY)
"""What the page opens with: what to look at first; what is done is a tap away."""


# ── what came back ───────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    """`/issues/asked/`: a leader's own; for the county's office `?of=<leader>` any leader's. `show`: one state; `unit`: one unit."""
    user, now = officer(request), timezone.now()
    leader = _whose(request, user)
    show = request.GET.get("show", "") if request.GET.get("show") in STATES else ""
    unit = _unit(request.GET.get("unit", ""))
    found = order_asked.asked(leader, now, states=(show,) if show else AT_ONCE, unit=unit)
    other = leader if leader.pk != user.pk else None
    context = {
        "leader": leader, "own": other is None, "now": now, "show": show, "unit": unit, "asked": found,
        "stats": _stats(found, other, unit), "sections": _sections(found, user),
        "units": _table(found, other), "leaders": order_asked.leaders() if orders.is_county(user) else [],
        "may_ask": other is None and order_asked.is_leader(user.authority),
        "whole": order_asked.address(other) if show or unit else "", "days": order_asked.DONE_DAYS,
        "columns": [{"label": _("Unit")}, *({"label": SAID[state].label, "numeric": True} for state in STATES)],
    }  # fmt: skip
    return render(request, "issues/asked.html", context)


def _whose(request: HttpRequest, user: User) -> User:
    """Raises Http404, PermissionDenied."""
    of = request.GET.get("of", "")
    if of and orders.is_county(user):
        found = next((one for one in order_asked.leaders() if str(one.pk) == of), None)
        if found is None:
            raise Http404
        return found
    if not user.authority.may("issues.supervise"):
        raise PermissionDenied
    return user


def _unit(asked_for: str) -> Unit | None:
    is_id = asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 10
    return Unit.objects.filter(pk=int(asked_for)).first() if is_id else None


def _stats(found: Asked, leader: User | None, unit: Unit | None) -> list[dict[str, object]]:
    return [
        {
            "said": SAID[state], "count": found.counts[state],
            "url": order_asked.address(leader, state=state, unit=unit.pk if unit else None),
        }
        for state in STATES
    ]  # fmt: skip


def _sections(found: Asked, user: User) -> list[dict[str, object]]:
    return [
        {
            "said": SAID[state],
            "count": found.counts[state],
            "rows": [(row, _may_cross_off(row, user)) for row in rows],
            "more": found.counts[state] - len(rows),
        }
        for state, rows in found.rows.items()
    ]


def _may_cross_off(row: order_asked.Ask, user: User) -> bool:
    return row.item is not None and row.state == BACK and orders.may_cross_off(row.item, user)


def _table(found: Asked, leader: User | None) -> list[dict[str, object]]:
    """By unit: each figure with the list it opens."""
    return [
        {
            "unit": row.unit,
            "cells": [
                (SAID[state].label, row.counts[state], order_asked.address(leader, state=state, unit=row.unit.pk))
                for state in STATES
            ],
        }
        for row in found.units
    ]


# ── an instruction of one's own ──────────────────────────────────────────────────────────────────────────────────


class InstructionForm(forms.Form):
    """What a leader writes between two meetings: words or a picture of them, who, by when. The rest is known."""

    words = forms.CharField(
        label=gettext_lazy("What is to be done"), max_length=2000, required=False, widget=area(4),
        help_text=gettext_lazy("Or take a picture of what you wrote."),
    )  # fmt: skip
    units = forms.MultipleChoiceField(label=gettext_lazy("Who is to do it"), widget=forms.CheckboxSelectMultiple)
    due_on = forms.DateField(label=gettext_lazy("To be done by"), widget=forms.DateInput(attrs={"type": "date"}))
    number = forms.CharField(
        label=gettext_lazy("Number of the slip"), max_length=60, required=False,
        help_text=gettext_lazy("Left empty it gets one of its own."),
    )  # fmt: skip

    def __init__(self, leader: User, today: date, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today
        self._units = {str(unit.pk): unit for unit in order_asked.units_of(leader)}
        offer(self, "units", [(pk, unit.name) for pk, unit in self._units.items()])

    @property
    def chosen(self) -> list[Unit]:
        """The units chosen."""
        return [self._units[pk] for pk in self.cleaned_data["units"]]

    def clean_due_on(self) -> date:
        due: date = self.cleaned_data["due_on"]
        if due < self._today:
            raise forms.ValidationError(_("This day is over. Write one to come."))
        return due


@require_http_methods(["GET", "HEAD", "POST"])
def instruct(request: HttpRequest) -> HttpResponse:
    """`/issues/asked/new/`, `?issue=<number>` or `?merchant=<id>`: a leader's own instruction, from wherever they stand."""
    user, now = officer(request), timezone.now()
    if not order_asked.is_leader(user.authority):
        raise PermissionDenied
    about, today = about_of(request, user), timezone.localdate(now)
    start = {"units": fitting(about, order_asked.units_of(user)), "due_on": today + timedelta(days=DAYS_GIVEN)}
    form, submission = InstructionForm(user, today, request.POST or None, initial=start), submission_of(request)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and (given := _give(request, form, about, user, now)):
            return redirect("issues:order", given)
    context = {"form": form, "about": about, "submission": submission}
    return render(request, "issues/instruct.html", context, status=status)


def _give(request: HttpRequest, form: InstructionForm, about: About, user: User, now: datetime) -> int | None:
    """Give it, once. Returns the order's id; None if the form says what is wrong."""
    scan = scan_of(request, form, user)
    said = form.cleaned_data
    if not said["words"].strip() and scan is None and not form.errors:
        form.add_error("words", _("Write what is to be done, or take a picture of what you wrote."))
    if form.errors:
        return None
    title = _title(said["words"], about)
    given = orders.Given(
        OrderKind.INSTRUCTION, said["number"], title, user.name, timezone.localdate(now), about.violation, said["words"],
        scan, user, about.issue, about.shop,
    )  # fmt: skip
    wanted = [orders.Wanted(unit, title, said["due_on"]) for unit in form.chosen]
    submission = submission_of(request)
    body = {
        **{name: request.POST.get(name, "") for name in ("words", "due_on", "number")}, "units": sorted(said["units"]),
        "scan": scan and scan.sha256, "issue": about.issue and about.issue.pk, "shop": about.shop and about.shop.pk,
    }  # fmt: skip

    def do() -> dict[str, object]:
        order = orders.give(given, wanted, by=user, at=now, submission=submission)
        _keep(scan, order)
        return {"order": order.pk}

    try:
        made, _first = once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    except orders.OrderRefused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(REFUSALS[refused.why]))
        return None
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return None
    return int(str(made["order"]))


def _keep(scan: StoredFile | None, order: Order) -> None:
    if scan is not None:
        writing.use_photos((scan.sha256,), "order", order.pk)


def _title(words: str, about: About) -> str:
    """The first line of what was written; of a picture alone, what it is about."""
    first = next((line.strip() for line in words.splitlines() if line.strip()), "")
    if first:
        return first if len(first) <= TITLE_CHARACTERS else f"{first[: TITLE_CHARACTERS - 1]}…"
    return about.shop.name if about.shop else about.issue.number if about.issue else _("See the picture")
