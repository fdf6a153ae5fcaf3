"""Who asks, what they may open, and how a form of theirs is written once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Json, SubmissionReused, once
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight


def reader(request: HttpRequest) -> User:
    """Who asks, if they are an officer who sees merchants. Raises PermissionDenied."""
    user = request.user
    if (
        not isinstance(user, User)
        or not user.authority.is_officer
        or user.authority.farthest("merchants") == Sight.NONE
    ):
        raise PermissionDenied
    return user


def reader_who_may(request: HttpRequest, verb: str) -> User:
    """Who asks, if a post of theirs grants this verb. Raises PermissionDenied."""
    user = reader(request)
    if not user.authority.may(verb):
        raise PermissionDenied
    return user


def merchant_of(user: User, merchant_id: int) -> Merchant:
    """The merchant, as far as this person may open it; for all others it does not exist."""
    return get_object_or_404(Merchant.objects.visible_to(user).select_related("standing", "area"), pk=merchant_id)


def towns_of(user: User) -> frozenset[str] | None:
    """Where this person may enter merchants; None: anywhere in the county."""
    return None if user.authority.farthest("merchants") == Sight.COUNTY else user.authority.towns


class Refused(Exception):
    """The form says why: what was begun is taken back."""


def write_once(request: HttpRequest, user: User, do: Callable[[datetime], Json]) -> Json | None:
    """Do a form's write once, however often it is sent. None: it was refused, and nothing is written."""
    at = timezone.now()
    body = {key: request.POST.getlist(key) for key in request.POST if key not in ("csrfmiddlewaretoken", "submission")}
    try:
        uuid = UUID(request.POST.get("submission", ""))
    except ValueError:
        uuid = uuid4()
    try:
        result, _first = once(
            uuid, actor=f"user:{user.pk}", body={"to": request.path, **body}, at=at, do=lambda: do(at)
        )
    except SubmissionReused:
        messages.error(
            request, _("This form was sent before with other words. Look at what is there, and send it again.")
        )
        return None
    except Refused:
        return None
    return result
