"""`/sensing/duty/`: who is on duty when, for the county, each town and their units; for those who dispatch there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from lingxiu.accounts import duty
from lingxiu.accounts.models import DutyTurn, Unit, UnitKind, User
from lingxiu.journal.actions import Json
from lingxiu.merchants.views.asking import reader_who_may, write_once
from lingxiu.policy.queries import in_force
from lingxiu.sensing.duty import duties_of
from lingxiu.ui.choosing import offer

SHOWN: Final = timedelta(days=31)
EVERY: Final = tuple(UnitKind)


class TurnForm(forms.Form):
    """Who is on duty where, from when until when, and called as the how-many-eth."""

    unit = forms.ChoiceField(label=gettext_lazy("For"), widget=forms.Select(attrs={"lang": "zh"}))
    person = forms.ChoiceField(label=gettext_lazy("Who is on duty"), widget=forms.Select(attrs={"lang": "zh"}))
    since = forms.DateTimeField(
        label=gettext_lazy("On duty from"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("On duty until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    rank = forms.IntegerField(
        label=gettext_lazy("Called as number"), min_value=1, max_value=9, initial=1,
        help_text=gettext_lazy("Number 2 is called when number 1 has not acknowledged in time."),
    )  # fmt: skip

    def __init__(self, units: Sequence[Unit], people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        offer(self, "unit", [(str(one.pk), one.name) for one in units])
        offer(self, "person", [(str(one.pk), one.name) for one in people])


@require_http_methods(["GET", "HEAD", "POST"])
def duty_page(request: HttpRequest) -> HttpResponse:
    """The roster of the next weeks, and one more turn."""
    user, now = reader_who_may(request, duty.DISPATCHES), timezone.now()
    units = duty.rosters(user, _kinds(user))
    people = _people(units, now)
    begins = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    initial = {"since": begins, "until": begins + timedelta(hours=24)}
    form = TurnForm(units, people, data=request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _entered(request, form, units, people, user):
        messages.success(request, _("It stands on the roster."))
        return redirect("sensing:duty")
    rows = DutyTurn.objects.filter(unit__in=units, until__gt=now, since__lt=now + SHOWN).select_related(
        "unit", "person"
    )
    language = get_language() or "zh-hans"
    said = [(code, one.says.text(language), one) for code, one in duties_of(in_force()).items()]
    context = {
        "form": form,
        "rows": list(rows),
        "now": now,
        "said": said,
        "days_off": in_force().catalogues.working.on_duty,
    }
    return render(request, "sensing/duty.html", context, status=422 if form.is_bound else 200)


@require_POST
def strike_turn(request: HttpRequest, turn_id: int) -> HttpResponse:
    """Not on duty after all."""
    user = reader_who_may(request, duty.DISPATCHES)
    turn = DutyTurn.objects.filter(pk=turn_id, unit__in=duty.rosters(user, EVERY)).select_related("unit").first()
    if turn is None:
        raise Http404

    def do(at: datetime) -> Json:
        duty.strike(turn, at=at, by=user.pk)
        return {}

    write_once(request, user, do)
    return redirect("sensing:duty")


def _kinds(user: User) -> tuple[UnitKind, ...]:
    """Which rosters the page has: for a county with its hundreds of grids, those of the grids come from a list."""
    at_county = any(post.unit_kind == UnitKind.COUNTY_OFFICE for post in user.authority.posts_that_may(duty.DISPATCHES))
    return (*duty.ROOMS, UnitKind.TOWN_TEAM, UnitKind.DEPARTMENT) if at_county else EVERY


def _people(units: Sequence[Unit], now: datetime) -> list[User]:
    """Who may stand on one of these rosters: officers of these units and of their towns."""
    towns = {unit.town for unit in units}
    able = duty.callable_people(now).filter(posts__unit__town__in=towns)
    of_grids = [duty.may_stand(unit, now) for unit in units if unit.kind == UnitKind.GRID][:1]
    return list(able.union(*of_grids).order_by("name", "id"))


def _entered(request: HttpRequest, form: TurnForm, units: Sequence[Unit], people: Sequence[User], user: User) -> bool:
    said = form.cleaned_data
    unit = next(one for one in units if str(one.pk) == said["unit"])
    person = next(one for one in people if str(one.pk) == said["person"])

    def do(at: datetime) -> Json:
        turn = duty.enter(unit, person, said["since"], said["until"], rank=said["rank"], at=at, by=user.pk)
        return {"turn": turn.pk}

    try:
        return write_once(request, user, do) is not None
    except duty.TurnRefused as refused:
        form.add_error(refused.field, duty.REFUSALS[refused.why])  # type: ignore[arg-type]  # lazy words are words
        return False
