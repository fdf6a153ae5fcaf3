"""`/issues/<number>/look/`: ask the shop for a picture, send a colleague, tell what was seen. Thin; shown in the issue's page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import looking, pictures, words
from lingxiu.issues.lifecycle import MoveRefused, State
from lingxiu.issues.models import Issue
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.ui import addresses

LONGEST_WORDS = 500


def card(issue: Issue, user: User, now: datetime) -> dict[str, Any]:
    """What the issue's page shows of it to this reader; empty if it is nothing to them."""
    if issue.state != State.RECHECK:
        return {}
    own = looking.look_of(issue, user)
    if own is not None:
        return {"own": own}
    if not looking.may_ask(issue, user):
        return {}
    return {
        "asks": True, "shop": looking.may_ask_shop(issue), "asked": looking.asked_of_shop(issue),
        "people": looking.who_may_go(issue, now), "sent": looking.looks(issue),
    }  # fmt: skip


@require_POST
def look(request: HttpRequest, number: str) -> HttpResponse:
    """`do`: shop, send or saw. What is refused is said above the issue's page, which keeps what was typed."""
    user, now = officer(request), timezone.now()
    issue = get_object_or_404(Issue.objects.visible_to(user).select_related("merchant"), number=number)
    deed = {"shop": _shop, "send": _send, "saw": _saw}.get(request.POST.get("do", ""))
    if deed is None:
        messages.error(request, _("There is no such step."))
        return redirect(addresses.issue(number))
    try:
        deed(request, issue, user, now, submission_of(request))
    except (PhotoRefused, pictures.NotKept) as error:
        messages.error(request, pictures.refusal(error)[0])
    except MoveRefused as error:
        messages.error(request, str(words.refusal(error)))
    except SomebodyWasFaster as error:
        messages.error(request, str(words.faster(error)))
    except SubmissionReused:
        messages.error(request, _("This form was sent before with other words. Reload the page and send it again."))
    else:
        messages.success(request, _("It is written down."))
    return redirect(addresses.issue(number))


Deed = Callable[[], object]


def _shop(request: HttpRequest, issue: Issue, user: User, now: datetime, submission: UUID) -> None:
    said = _said(request)
    _once(
        request, issue, user, now, {"words": said},
        lambda: looking.ask_shop(issue.number, said, actor=user, at=now, submission=submission),
    )  # fmt: skip


def _send(request: HttpRequest, issue: Issue, user: User, now: datetime, submission: UUID) -> None:
    said, chosen = _said(request), request.POST.get("person", "")
    person = next((one for one in looking.who_may_go(issue, now) if str(one.pk) == chosen), user)
    _once(
        request, issue, user, now, {"words": said, "person": chosen},
        lambda: looking.send(issue.number, person, said, actor=user, at=now, submission=submission),
    )  # fmt: skip


def _saw(request: HttpRequest, issue: Issue, user: User, now: datetime, submission: UUID) -> None:
    said, picture = _said(request), pictures.sent(request, "photo_look")
    shop, place = (issue.merchant.name, issue.merchant.address) if issue.merchant else (issue.place, "")
    photos = pictures.prepare(picture, pictures.caption(shop=shop, at=now, place=place, person=user.name))
    lng, lat = picture.position if picture else (None, None)

    def do() -> object:
        with pictures.keeping(photos, at=now, by=user.pk) as names:
            brought = Brought(words=said, photos=names, lng=lng, lat=lat)
            return looking.saw(issue.number, brought, actor=user, at=now, submission=submission)

    _once(request, issue, user, now, {"words": said, "photo": picture and picture.sha256}, do)


def _said(request: HttpRequest) -> str:
    return request.POST.get("words", "")[:LONGEST_WORDS]


def _once(request: HttpRequest, issue: Issue, user: User, now: datetime, body: dict[str, object], deed: Deed) -> None:
    def do() -> dict[str, object]:
        deed()
        return {}

    asked = {"issue": issue.number, "do": request.POST.get("do", ""), **body}
    once(submission_of(request), actor=f"user:{user.pk}", body=asked, at=now, do=do)
