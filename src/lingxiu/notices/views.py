"""Everybody's page of notices, what they chose, the links that lead straight there, and what could not be sent."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.accounts.sessions import begin
from lingxiu.issues.reporters import texts_are_sent
from lingxiu.notices import actions, links, queries, reporters
from lingxiu.notices.forms import SettingsForm
from lingxiu.notices.models import Link, Notice, Reach
from lingxiu.notices.reaching import ways_set_up
from lingxiu.notices.telling import Way
from lingxiu.notices.wording import address, lines
from lingxiu.policy.queries import in_force
from lingxiu.ui import addresses

SHOWN_TO_ADMINISTRATOR = 200


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


@require_safe
def show_notices(request: HttpRequest) -> HttpResponse:
    """`/notices/`: what I was told, newest first."""
    user = _person(request)
    every, before = request.GET.get("view") == "all", request.GET.get("before", "")
    rows, more = queries.page_of(user, only_unread=not every, before=int(before) if before.isdecimal() else None)
    unread = queries.unread(user)
    context = {
        "lines": lines(rows, officer=user.authority.is_officer),
        "unread": unread,
        "every": every,
        "more": more,
        "tabs": [
            {"label": _("Unread"), "url": "/notices/", "count": unread, "active": not every},
            {"label": _("All"), "url": "/notices/?view=all", "count": None, "active": every},
        ],
        "in_trouble": queries.how_many_stuck() if user.authority.may("system.administer") else 0,
        **_frame(user),
    }
    part = request.GET.get("part") == "list"
    return render(request, "notices/list.html" if part else "notices/notices.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """`/notices/<id>/`: on to what it is about, and it is read; POST marks it read or unread."""
    user = _person(request)
    notice = get_object_or_404(Notice.objects.visible_to(user), pk=notice_id)
    if request.method == "POST":
        actions.mark(user, [notice.pk], read=request.POST.get("read") != "0", at=timezone.now())
        return redirect("/notices/?view=all" if request.POST.get("view") == "all" else "/notices/")
    actions.mark(user, [notice.pk], read=True, at=timezone.now())
    return redirect(address(notice, officer=user.authority.is_officer))


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """`/notices/read/`."""
    actions.mark(_person(request), None, read=True, at=timezone.now())
    return redirect("/notices/")


@require_http_methods(["GET", "HEAD", "POST"])
def show_settings(request: HttpRequest) -> HttpResponse:
    """`/notices/settings/`: for what, by which way, when."""
    user = _person(request)
    catalogue = in_force().catalogues.notices
    form = SettingsForm(user, catalogue, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        actions.choose(user, form.wishes(), at=timezone.now())
        messages.success(request, _("Kept. It holds from the next notice on."))
        return redirect("/notices/settings/")
    context = {
        "form": form,
        "digest_at": catalogue.digest_at,
        "known": Reach.objects.filter(user=user, way=Reach.By.ZHEZHENGDING).exists(),
        "zhezhengding": Way.ZHEZHENGDING in ways_set_up() and user.authority.is_officer,
        **_frame(user),
    }
    return render(request, "notices/settings.html", context, status=422 if form.errors else 200)


def _frame(user: User) -> dict[str, str]:
    """Officers have a menu; owners a plain page and their shop."""
    return {"frame": "base.html" if user.authority.is_officer else "public.html"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def open_link(request: HttpRequest, link: str) -> HttpResponse:
    """`/n/<token>`: to the thing itself for the person it was made for; anybody else signs in, or finds their own notices.

    In 浙政钉 the page asks the client for a code (`dd.getAuthCode`) and sends it here.
    """
    found, now = links.find(link), timezone.now()
    if isinstance(request.user, User):
        return _lead(request, request.user, found, now)
    code = (request.POST if request.method == "POST" else request.GET).get("auth_code", "")
    person = links.person_of_code(found, code, at=now) if found is not None and code else None
    if found is not None and person is not None:
        begin(request, person, "zhezhengding", at=now)
        return redirect(found.address)
    sign_in = f"/sign-in/?{urlencode({'next': f'/n/{link}'})}"
    if settings.ZHEZHENGDING_JSAPI and request.method == "POST":
        return render(request, "notices/arrive.html", {"sign_in": sign_in, "refused": True}, status=403)
    if settings.ZHEZHENGDING_JSAPI and not code and found is not None and links.is_good(found, at=now):
        return _ask_the_client(request, sign_in)
    return redirect(sign_in)


def _lead(request: HttpRequest, user: User, found: Link | None, now: datetime) -> HttpResponse:
    if found is None or found.user_id != user.pk:
        messages.warning(request, _("That link was made for somebody else. These are your own notices."))
        return redirect(addresses.notices())
    links.spend(found, at=now)
    return redirect(found.address)


def _ask_the_client(request: HttpRequest, sign_in: str) -> HttpResponse:
    """The page that asks; the only one that may run the other side's script."""
    script = settings.ZHEZHENGDING_JSAPI
    page = render(request, "notices/arrive.html", {"sign_in": sign_in, "script": script})
    origin = urlsplit(script)
    page._csp_update = {"script-src": [f"{origin.scheme}://{origin.netloc}"]}  # type: ignore[attr-defined]  # as csp.decorators does
    return page


# ── the administrator ────────────────────────────────────────────────────────────────────────────────────────────


def _administrator(request: HttpRequest) -> User:
    user = _person(request)
    if not user.authority.may("system.administer"):
        raise PermissionDenied
    return user


@require_safe
def show_deliveries(request: HttpRequest) -> HttpResponse:
    """`/notices/deliveries/`: what could not be sent, and why."""
    _administrator(request)
    context = {
        "rows": queries.stuck(SHOWN_TO_ADMINISTRATOR),
        "writes_to_reporters": texts_are_sent(),
        "counts": queries.counts(),
        "untold": queries.untold()[:SHOWN_TO_ADMINISTRATOR],
        "columns": [
            {"label": label, "numeric": False}
            for label in (_("Receiver"), _("Way"), _("About"), _("State"), _("Why"), _("Next try"), "")
        ],
    }
    return render(request, "notices/deliveries.html", context)


@require_POST
def send_text_again(request: HttpRequest, text_id: int) -> HttpResponse:
    """`/notices/deliveries/texts/<id>/again/`: the same, of a text to a reporter."""
    user = _administrator(request)
    if not reporters.send_again(text_id, by=user, at=timezone.now()):
        raise Http404
    messages.success(request, _("It will be tried again within a minute."))
    return redirect("/notices/deliveries/")


@require_POST
def send_again(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """`/notices/deliveries/<id>/again/`."""
    user = _administrator(request)
    if not actions.send_again(delivery_id, by=user, at=timezone.now()):
        raise Http404
    messages.success(request, _("It will be tried again within a minute."))
    return redirect("/notices/deliveries/")
