"""When I am away and who stands in for me; for those who dispatch, of the people of their town or office too."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from lingxiu.accounts.absences import REFUSALS, AbsenceRefused, declare, end, who_may_stand_in, whose_absences
from lingxiu.accounts.models import Absence, User
from lingxiu.ui.choosing import offer
from lingxiu.ui.days import FIRST, LAST

WITHIN = [MinValueValidator(FIRST), MaxValueValidator(LAST)]


class AbsenceForm(forms.Form):
    """Whole days of the county, and who stands in."""

    person = forms.ChoiceField(label=gettext_lazy("Who"), widget=forms.Select(attrs={"lang": "zh"}))
    reason = forms.ChoiceField(label=gettext_lazy("Why"), choices=Absence.Reason.choices)
    since = forms.DateField(
        label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}), validators=WITHIN
    )
    until = forms.DateField(
        label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}), validators=WITHIN
    )
    deputy = forms.ChoiceField(
        label=gettext_lazy("Deputy"), required=False, widget=forms.Select(attrs={"lang": "zh"}),
        help_text=gettext_lazy("Gets what comes for them meanwhile, and what lies with them. Nobody: their unit sees to it."),
    )  # fmt: skip

    def __init__(self, people: list[tuple[int, str]], colleagues: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        offer(self, "person", [(str(pk), name) for pk, name in people])
        offer(self, "deputy", [("", _("nobody: the unit")), *((str(pk), name) for pk, name in colleagues)])


@require_http_methods(["GET", "HEAD", "POST"])
def absences(request: HttpRequest) -> HttpResponse:
    """`/account/absences/`: those to come and those that are, and one more."""
    user, now = _officer(request), timezone.now()
    people, colleagues = whose_absences(user, now), who_may_stand_in(user, now)
    form = AbsenceForm(_named(people), _named(colleagues), data=request.POST or None, initial={"person": str(user.pk)})
    if request.method == "POST" and form.is_valid() and _declare(form, people, colleagues, user, now):
        messages.success(request, _("It is written down. Work goes to the deputy, or the unit, by itself."))
        return redirect("accounts:absences")
    rows = Absence.objects.filter(user__in=people, until__gt=now).select_related("user", "deputy")
    may_import = user.authority.may("issues.dispatch")
    return render(
        request,
        "accounts/absences.html",
        {"form": form, "rows": rows, "may_import": may_import},
        status=422 if form.is_bound else 200,
    )


@require_POST
def end_absence(request: HttpRequest, absence_id: int) -> HttpResponse:
    """Back sooner, or not away after all."""
    user, now = _officer(request), timezone.now()
    absence = Absence.objects.filter(pk=absence_id, user__in=whose_absences(user, now), until__gt=now).first()
    if absence is None:
        raise Http404
    end(absence, at=now, by=user.pk)
    return redirect("accounts:absences")


def _declare(form: AbsenceForm, people: QuerySet[User], colleagues: QuerySet[User], user: User, now: datetime) -> bool:
    said = form.cleaned_data
    first, after = said["since"], said["until"] + timedelta(days=1)
    zone = timezone.get_current_timezone()
    try:
        declare(
            people.get(pk=said["person"]),
            datetime.combine(first, time.min, zone),
            datetime.combine(after, time.min, zone),
            reason=said["reason"],
            deputy=colleagues.get(pk=said["deputy"]) if said["deputy"] else None,
            at=now,
            by=user.pk,
        )
    except AbsenceRefused as refused:
        form.add_error(refused.field, str(REFUSALS[refused.field, refused.why]))
        return False
    return True


def _officer(request: HttpRequest) -> User:
    user = cast("User", request.user)
    if not user.authority.is_officer:
        raise Http404
    return user


def _named(people: QuerySet[User]) -> list[tuple[int, str]]:
    return list(people.values_list("pk", "name"))
