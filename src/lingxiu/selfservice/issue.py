"""One issue of the own shop: what it is, by when, what to do, whom to call, and "I have put it right" with a picture.

Never shows who reported it, or what officers wrote; what the owner says goes to whoever has the issue, and closes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import pictures
from lingxiu.issues.actions import moving
from lingxiu.issues.lifecycle import MOVES, Move, MoveRefused, State
from lingxiu.issues.looking import Asked, asked_of_shop
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.queries import told_to_owner
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.selfservice import queries
from lingxiu.selfservice.agenda import What
from lingxiu.selfservice.forms import submission_of
from lingxiu.selfservice.views import Mine, mine_of, person_of

LONGEST_WORDS = 500


class RightForm(forms.Form):
    """What the owner has done about it."""

    words = forms.CharField(
        label=gettext_lazy("What have you done?"),
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_WORDS}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, number: str) -> HttpResponse:
    """`/shop/issues/<number>/`, for those who answer for the shop."""
    found = told_to_owner(number, person_of(request))
    if found is None or found.merchant_id is None:
        raise Http404
    mine = mine_of(request, found.merchant_id, What.REMINDER)
    if request.method != "POST":
        return _show(request, mine, found, RightForm())
    form, submission = RightForm(request.POST), submission_of(request)
    if not form.is_valid() or submission is None:
        return _show(request, mine, found, form, status=422)
    try:
        _keep(request, mine, found, form.cleaned_data["words"], submission)
    except _REFUSED as error:
        return _refused(request, mine, found, form, error)
    told = (
        _("Thank you. It is looked at now.")
        if found.state == State.RECHECK
        else _("Thank you. Your grid member comes to look.")
    )
    messages.success(request, told)
    return redirect(f"/shop/issues/{number}/")


class PictureMissing(Exception):
    """The shop was asked for a picture, and sent none."""


_REFUSED = (PictureMissing, PhotoRefused, pictures.NotKept, MoveRefused, SomebodyWasFaster, SubmissionReused)


def _keep(request: HttpRequest, mine: Mine, found: Issue, words: str, submission: UUID) -> None:
    """Decode the picture, then say it, once. Raises: _REFUSED."""
    asked, picture = asked_of_shop(found), pictures.sent(request, "photo")
    if not _may_say(found, asked):
        raise MoveRefused(Move.CORRECT, State(found.state), "state")
    if asked is not None and picture is None:
        raise PictureMissing
    photos = pictures.prepare(picture, pictures.caption(shop=mine.merchant.name, at=mine.at, person=mine.user.name))
    lng, lat = picture.position if picture else (None, None)
    body = {"issue": found.number, "move": Move.CORRECT, "words": words, "photo": picture and picture.sha256}

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=mine.at, by=mine.user.pk) as names:
            brought = Brought(words=words, photos=names, lng=lng, lat=lat)
            row = moving.move(
                found.number, Move.CORRECT, actor=mine.user, at=mine.at, brought=brought, submission=submission
            )
        return {"version": row.version}

    once(submission, actor=f"user:{mine.user.pk}", body=body, at=mine.at, do=do)


def _refused(request: HttpRequest, mine: Mine, found: Issue, form: RightForm, error: Exception) -> HttpResponse:
    status, photo_error = 409, ""
    match error:
        case PhotoRefused() | pictures.NotKept():
            photo_error, status = pictures.refusal(error)
        case PictureMissing():
            photo_error, status = _("You were asked for a picture: take it now."), 422
        case SubmissionReused():
            form.add_error(
                None, _("This form was sent before with other content. Open it again and send it once more.")
            )
        case _:
            form.add_error(None, _("This has moved on meanwhile. Look at how it stands now."))
    found.refresh_from_db()
    return _show(request, mine, found, form, photo_error=photo_error, status=status)


def _show(
    request: HttpRequest, mine: Mine, found: Issue, form: RightForm, *, photo_error: str = "", status: int = 200
) -> HttpResponse:
    due_on, asked = timezone.localdate(found.due_at), asked_of_shop(found)
    context: dict[str, Any] = {
        "mine": mine,
        "merchant": mine.merchant,
        "issue": found,
        "reminder": queries.reminder_of(found),
        "due_on": due_on,
        "late_days": max(0, (timezone.localdate(mine.at) - due_on).days),
        "may_say": _may_say(found, asked),
        "asked": asked,
        "checking": found.state == State.RECHECK and asked is None,
        "said": _said(found, mine.at),
        "contact": queries.contact_of(mine.merchant, mine.at),
        "form": form,
        "submission": request.POST.get("submission", ""),
        "photo_error": photo_error,
    }
    return render(request, "selfservice/issue.html", context, status=status)


def _may_say(found: Issue, asked: Asked | None) -> bool:
    """While it is re-checked a shop shows what it was asked for, and nothing else."""
    return found.state in MOVES[Move.CORRECT].come_from and (found.state != State.RECHECK or asked is not None)


def _said(found: Issue, at: datetime) -> list[MoveRow]:
    """What the shop itself has said so far, the newest first."""
    return list(found.moves.filter(move=Move.CORRECT, at__lte=at).order_by("-version"))
