"""`/issues/hand-over/`: everything that lies with one person of a unit goes to a colleague, when somebody changes post; it is shown
before it goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues import lies_with
from lingxiu.issues.fields import area
from lingxiu.issues.lies_with import KINDS
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.policy.queries import in_force
from lingxiu.ui.choosing import offer


class HandOverForm(forms.Form):
    """From whom, at which unit, to whom, and why."""

    giver = forms.ChoiceField(label=gettext_lazy("From whom"), widget=forms.Select(attrs={"lang": "zh"}))
    taker = forms.ChoiceField(label=gettext_lazy("To which colleague"), widget=forms.Select(attrs={"lang": "zh"}))
    words = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=area(2))

    def __init__(self, givers: list[tuple[str, str]], takers: list[tuple[str, str]], data: Any = None) -> None:
        super().__init__(data)
        offer(self, "giver", [("", gettext_lazy("Choose …")), *givers])
        offer(self, "taker", [("", gettext_lazy("Choose …")), *takers])

    def clean(self) -> dict[str, Any]:
        """The taker works where the giver had it."""
        data = super().clean() or {}
        giver, taker = data.get("giver", ""), data.get("taker", "")
        if giver and taker and giver.partition(":")[0] != taker.partition(":")[0]:
            self.add_error(
                "taker", _("Choose somebody of the same unit: to another unit, issues are transferred one by one.")
            )
        elif giver and giver == taker:
            self.add_error("taker", _("Choose somebody else."))
        return data


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest) -> HttpResponse:
    """For dispatchers. `?giver=` shows what lies with somebody; what was handed over, and what was not and why, stands on the page
    that answers."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    givers = {f"{unit.pk}:{person.pk}": (unit, person) for unit, person in lies_with.givers(user, now)}
    form = _form(givers, now, request.POST or None)
    submission = submission_of(request)
    if request.method != "POST" or not form.is_valid():
        chosen = givers.get(str(form.data.get("giver", "")) or request.GET.get("giver", ""))
        return _page(request, form, givers, chosen, submission, status=422 if form.is_bound else 200)
    unit, giver = givers[form.cleaned_data["giver"]]
    taker = User.objects.get(pk=form.cleaned_data["taker"].partition(":")[2])

    def do() -> dict[str, object]:
        done = lies_with.hand_over(giver, taker, unit, actor=user, at=now, words=form.cleaned_data["words"])
        return {"done": [[thing.kind, thing.text, thing.url, why] for thing, why in done]}

    try:
        result, _first = once(submission, actor=f"user:{user.pk}", body=form.cleaned_data, at=now, do=do)
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return _page(request, form, givers, (unit, giver), submission, status=409)
    done = [{"word": KINDS[kind], "text": text, "url": url, "why": why} for kind, text, url, why in result["done"]]
    # The form below the outcome is for the next person: with the same submission it would be refused as sent before.
    left = {f"{unit.pk}:{person.pk}": (unit, person) for unit, person in lies_with.givers(user, now)}
    return _page(request, _form(left, now), left, None, uuid4(), done=done)


Givers = Mapping[str, tuple[Unit, User]]


def _form(givers: Givers, now: datetime, data: Any = None) -> HandOverForm:
    named = [(key, f"{unit.name} · {person.name}") for key, (unit, person) in givers.items()]
    return HandOverForm(named, _takers(givers, now), data)


def _page(
    request: HttpRequest, form: HandOverForm, givers: Givers, chosen: tuple[Unit, User] | None, submission: UUID,
    *, done: list[dict[str, Any]] | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """Whom to choose, or what lies with who was chosen and who may take it."""
    context: dict[str, Any] = {"form": form, "submission": submission, "done": done}
    if chosen is not None:
        unit, giver = chosen
        key = f"{unit.pk}:{giver.pk}"
        things = lies_with.of(giver, unit, actor=cast("User", request.user), at=timezone.now())
        takers = [(value, name) for value, name in _takers({key: chosen}, timezone.now()) if value != key]
        offer(form, "taker", [("", gettext_lazy("Choose …")), *takers])
        context |= {"unit": unit, "giver": giver, "key": key, "things": things}
    else:
        context["givers"] = [(key, f"{unit.name} · {person.name}") for key, (unit, person) in givers.items()]
    return render(request, "issues/hand_over.html", context, status=status)


def _takers(givers: Givers, now: datetime) -> list[tuple[str, str]]:
    """Who works in these units."""
    units = {unit.pk for unit, _person in givers.values()}
    roles = [role.id for role in in_force().catalogues.roles if role.officer]
    posts = Post.objects.filter(Post.held_at(now), unit__in=units, role__in=roles, user__is_active=True)
    named = posts.order_by("unit__code", "user__name").values_list("unit_id", "user_id", "unit__name", "user__name")
    return [(f"{unit}:{person}", f"{at} · {name}") for unit, person, at, name in dict.fromkeys(named)]
