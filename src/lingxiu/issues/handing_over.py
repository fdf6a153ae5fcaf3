"""`/issues/hand-over/`: everything that lies with one person of a unit goes to a colleague, when somebody changes post."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues.covering import hand_over_all
from lingxiu.issues.forms import area
from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import Issue
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.words import refusal
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
    """For dispatchers. What was handed over, and what was not and why, stands on the page that answers."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    form = HandOverForm(_givers(user), _takers(user), request.POST or None)
    context: dict[str, Any] = {"form": form, "submission": submission_of(request)}
    if request.method != "POST" or not form.is_valid():
        return render(request, "issues/hand_over.html", context, status=422 if form.is_bound else 200)
    unit_id, _colon, giver_id = form.cleaned_data["giver"].partition(":")
    taker_id = form.cleaned_data["taker"].partition(":")[2]
    people = User.objects.in_bulk([int(giver_id), int(taker_id)])

    def do() -> dict[str, object]:
        done = hand_over_all(
            people[int(giver_id)], people[int(taker_id)], Unit.objects.get(pk=unit_id),
            actor=user, at=now, words=form.cleaned_data["words"],
        )  # fmt: skip
        return {"done": [list(row) for row in done]}

    try:
        result, _first = once(context["submission"], actor=f"user:{user.pk}", body=form.cleaned_data, at=now, do=do)
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return render(request, "issues/hand_over.html", context, status=409)
    done = [
        (number, refusal(MoveRefused(Move.REASSIGN, State.HANDLING, why)) if why else "")
        for number, why in result["done"]
    ]
    # The form below the outcome is for the next person: with the same submission it would be refused as sent before.
    context |= {"form": HandOverForm(_givers(user), _takers(user)), "submission": uuid4()}
    return render(request, "issues/hand_over.html", {**context, "done": done})


def _givers(user: User) -> list[tuple[str, str]]:
    """Unit and person of everybody with whom an open issue lies that this dispatcher sees."""
    rows = Issue.objects.visible_to(user).open().filter(lead_person__isnull=False, lead_unit__isnull=False)
    named = rows.order_by("lead_unit__code", "lead_person__name", "lead_person_id").values_list(
        "lead_unit_id", "lead_person_id", "lead_unit__name", "lead_person__name"
    )
    return [(f"{unit}:{person}", f"{at} · {name}") for unit, person, at, name in named.distinct()]


def _takers(user: User) -> list[tuple[str, str]]:
    units = {int(value.partition(":")[0]) for value, _name in _givers(user)}
    roles = [role.id for role in in_force().catalogues.roles if "issues.handle" in role.may]
    posts = Post.objects.filter(Post.held_at(timezone.now()), unit__in=units, role__in=roles, user__is_active=True)
    named = posts.order_by("unit__code", "user__name").values_list("unit_id", "user_id", "unit__name", "user__name")
    return [(f"{unit}:{person}", f"{at} · {name}") for unit, person, at, name in dict.fromkeys(named)]
