"""Signing in by password, by six digits, with a second factor; signing out; one's own settings; the demo's messages."""

from __future__ import annotations

import re
from base64 import b32encode
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

import segno
import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django_otp import login as otp_login
from django_otp import verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from lingxiu.accounts import actions, codes, lockout, sessions
from lingxiu.accounts.forms import CodeForm, PasswordForm, PhoneForm, TokenForm
from lingxiu.accounts.middleware import owes_second_factor
from lingxiu.accounts.models import DemoMessage, User
from lingxiu.connectors.sms import NoGateway
from lingxiu.policy.queries import in_force
from lingxiu.privacy.cipher import decrypt, encrypt
from lingxiu.privacy.masks import mask_phone
from lingxiu.ui import addresses
from lingxiu.ui.templatetags.lingxiu import label

PHONE = "sign_in_phone"
CODE = "sign_in_code"
WAY = "way"
YEAR_SECONDS = 365 * 24 * 3600
SMALL_SCREEN = re.compile(r"Mobi|MicroMessenger|Android|iPhone|HarmonyOS")
MESSAGES_SHOWN = 20
WRONG_PASSWORD = gettext_lazy(
    "Name or password is wrong. Look at both; after five wrong tries the name is locked for a while."
)
WRONG_TOKEN = gettext_lazy(
    "These are not the digits the app shows now. Wait for the next ones and type those; the phone's clock must be right."
)

log = structlog.get_logger(__name__)


# ── the sign-in page ─────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The page with its two ways, and what name and password lead to."""
    if isinstance(request.user, User) and request.method != "POST":
        return redirect(sessions.own_address(request, request.GET.get("next", "")))
    if request.method != "POST":
        return _page(request, _preferred_way(request))
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, "password", password_form=form, status=400)
    if (until := lockout.sprayed_until(request, timezone.now())) is not None:
        log.warning("sign_in_sprayed")
        return _locked(request, form.cleaned_data["username"], until, sprayed=True)
    user = authenticate(request, **form.cleaned_data)
    if not isinstance(user, User):
        form.add_error(None, WRONG_PASSWORD)
        return _page(request, "password", password_form=form, status=400)
    sessions.begin(request, user, "password", at=timezone.now())
    response = _enter(request, "password")
    lockout.know_device(response, user.username)
    return response


@never_cache
@require_POST
def send_code(request: HttpRequest) -> HttpResponse:
    """Six digits to a phone; the answer is the same whether anybody signs in by it or not."""
    form = PhoneForm(request.POST)
    if not form.is_valid():
        return _page(request, "phone", phone_form=form, status=400)
    phone = form.cleaned_data["phone"]
    try:
        code_id = actions.ask_for_code(phone, address=sessions.network_address(request), at=timezone.now())
    except actions.TooManyCodes as error:
        wait = date_format(timezone.localtime(error.free_from), "H:i:s")
        form.add_error("phone", _("A code was asked for just now. Another can be sent from %(time)s.") % {"time": wait})
        return _page(request, "phone", phone_form=form, status=429)
    except NoGateway:
        log.error("sign_in_code_not_sent", why="no text-message gateway")
        form.add_error(
            None, _("This installation cannot send text messages yet. Please ask your grid member for help.")
        )
        return _page(request, "phone", phone_form=form, status=503)
    request.session[PHONE], request.session[CODE] = encrypt(phone), code_id
    return redirect(f"/sign-in/?{urlencode({'way': 'phone', 'next': request.POST.get('next', '')})}")


@never_cache
@require_POST
def use_code(request: HttpRequest) -> HttpResponse:
    """The six digits open the door, or say how many tries are left."""
    if PHONE not in request.session or CODE not in request.session:
        return redirect("/sign-in/?way=phone")
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, "phone", code_form=form, status=400)
    phone, code_id = decrypt(request.session[PHONE]), request.session[CODE]
    try:
        user = actions.person_of_code(phone, form.cleaned_data["digits"], code_id=code_id, at=timezone.now())
    except actions.CodeRefused as error:
        form.add_error("digits", _refusal(error.tries_left))
        return _page(request, "phone", code_form=form, status=400)
    del request.session[PHONE], request.session[CODE]
    sessions.begin(request, user, "code", at=timezone.now())
    return _enter(request, "phone")


@never_cache
@require_POST
def other_phone(request: HttpRequest) -> HttpResponse:
    """Back to typing a number."""
    request.session.pop(PHONE, None)
    request.session.pop(CODE, None)
    return redirect(f"/sign-in/?{urlencode({'way': 'phone', 'next': request.POST.get('next', '')})}")


def locked_out(request: HttpRequest, response: object, credentials: dict[str, Any] | None) -> HttpResponse:
    """What django-axes answers after too many wrong passwords: until when, and what to do."""
    username = str((credentials or {}).get("username") or request.POST.get("username", ""))
    log.warning("sign_in_locked")
    return _locked(request, username, lockout.locked_until(request, credentials, timezone.now()))


def _locked(request: HttpRequest, username: str, until: datetime, *, sprayed: bool = False) -> HttpResponse:
    form = PasswordForm(initial={"username": username})
    context = {"locked_until": timezone.localtime(until), "sprayed": sprayed}
    return _page(request, "password", password_form=form, status=429, **context)


def _refusal(tries_left: int) -> str:
    if tries_left == 0:
        return _("This code is used up or too old. Have another one sent.")
    return _("These are not the digits of the newest message. Tries left with this code: %(left)d.") % {
        "left": tries_left
    }


def _page(request: HttpRequest, way: str, *, status: int = 200, **context: Any) -> HttpResponse:
    wanted = request.POST.get("next", request.GET.get("next", ""))
    phone = decrypt(request.session.get(PHONE, ""))
    asked = {"next": wanted} if wanted else {}
    context = {
        "password_form": PasswordForm(),
        "phone_form": PhoneForm(),
        "code_form": CodeForm() if phone and "phone_form" not in context else None,
        "sent_to": mask_phone(phone),
        "minutes": int(codes.GOOD_FOR.total_seconds() // 60),
        "way": way,
        "next": wanted,
        "self_test": addresses.self_test(),
        "ended": request.method == "GET" and settings.SESSION_COOKIE_NAME in request.COOKIES and bool(wanted),
        "tabs": [
            {"label": text, "url": f"/sign-in/?{urlencode({'way': name, **asked})}", "active": name == way}
            for name, text in _ways(request)
        ],
        **context,
    }
    return render(request, "accounts/sign_in.html", context, status=status)


def _ways(request: HttpRequest) -> list[tuple[str, str]]:
    """Password first at a desk, phone first on a phone."""
    ways = [("password", _("Officers: name and password")), ("phone", _("Shops: phone and code"))]
    return ways[::-1] if _is_small(request) else ways


def _preferred_way(request: HttpRequest) -> str:
    """The one asked for, else the one that worked on this device before, else the one for this kind of device."""
    for way in (request.GET.get(WAY), request.COOKIES.get(WAY)):
        if way in ("password", "phone"):
            return way
    return "phone" if _is_small(request) else "password"


def _is_small(request: HttpRequest) -> bool:
    return bool(SMALL_SCREEN.search(request.headers.get("User-Agent", "")))


def _enter(request: HttpRequest, way: str) -> HttpResponse:
    """On to where they were going; the device remembers the way that worked."""
    response = redirect(sessions.own_address(request, request.POST.get("next", "")))
    response.set_cookie(WAY, way, max_age=YEAR_SECONDS, samesite="Lax", secure=settings.SECURE, httponly=True)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave; pressing it twice does no harm."""
    if isinstance(request.user, User):
        actions.record_sign_out(request.user, at=timezone.now())
    logout(request)
    return redirect("/sign-in/")


# ── the second factor ────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the digits of the officer's app; who has none yet is led to set it up."""
    user = request.user
    wanted = request.POST.get("next", request.GET.get("next", ""))
    if not isinstance(user, User) or not owes_second_factor(user):
        return redirect(sessions.own_address(request, wanted))
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    if device is None:
        return redirect(f"/sign-in/second-factor/new/?{urlencode({'next': wanted})}")
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _passes(request, user, device, form):
        return redirect(sessions.own_address(request, wanted))
    context = {"form": form, "next": wanted}
    return render(request, "accounts/second_factor.html", context, status=400 if form.errors else 200)


@never_cache
def new_second_factor(request: HttpRequest) -> HttpResponse:
    """Set the app up: scan, type the digits it shows. Only for those who have none: it cannot replace one."""
    user = request.user
    wanted = request.POST.get("next", request.GET.get("next", ""))
    if not isinstance(user, User) or not owes_second_factor(user):
        return redirect(sessions.own_address(request, wanted))
    if TOTPDevice.objects.filter(user=user, confirmed=True).exists():
        return redirect(f"/sign-in/second-factor/?{urlencode({'next': wanted})}")
    # Two pages opened at once may make two: the first counts, and the same for both pages once it is reloaded.
    waiting = TOTPDevice.objects.filter(user=user, confirmed=False).order_by("id").first()
    device = waiting or TOTPDevice.objects.create(user=user, confirmed=False, name="app")
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _passes(request, user, device, form):
        return redirect(sessions.own_address(request, wanted))
    key = b32encode(device.bin_key).decode()
    context = {
        "form": form,
        "next": wanted,
        "qr": segno.make(_app_address(user, key), error="m").svg_data_uri(scale=5, border=4),
        "key": " ".join(re.findall(".{1,4}", key)),
    }
    return render(request, "accounts/second_factor_new.html", context, status=400 if form.errors else 200)


def _passes(request: HttpRequest, user: User, device: TOTPDevice, form: TokenForm) -> bool:
    """Whether the digits are those of the device now; each set of digits passes once, wrong ones make it slower."""
    if verify_token(user, device.persistent_id, form.cleaned_data["digits"]) is None:
        form.add_error("digits", WRONG_TOKEN)
        return False
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    otp_login(request, device)
    request.session.cycle_key()
    actions.record_sign_in(user, "second_factor", at=timezone.now())
    return True


def _app_address(user: User, key: str) -> str:
    """What the app reads from the QR code (Key Uri Format)."""
    issuer = quote(_("Lingxiu"))
    return (
        f"otpauth://totp/{issuer}:{quote(user.username)}?secret={key}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )


# ── one's own settings ───────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here: posts, phone, type size, password."""
    user = cast("User", request.user)
    roles = {role.id: role.label for role in in_force().catalogues.roles}
    posts = user.posts.filter(until=None).select_related("unit").order_by("id")
    context = {
        "posts": [(label(roles[post.role]) if post.role in roles else post.role, post) for post in posts],
        "phone": mask_phone(user.phone),
        "has_password": user.has_usable_password(),
        "second_factor": TOTPDevice.objects.filter(user=user, confirmed=True).exists(),
        "idle_minutes": settings.SESSION_COOKIE_AGE // 60,
    }
    return render(request, "accounts/account.html", context)


@never_cache
@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password, by the rules; other sessions of this person end."""
    user = cast("User", request.user)
    if not user.has_usable_password():
        raise Http404
    form = PasswordChangeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.change_password(user, form.cleaned_data["new_password1"], at=timezone.now())
        update_session_auth_hash(request, user)
        messages.success(request, _("The password is changed."))
        return redirect(sessions.own_address(request, request.POST.get("next", "")))
    context = {
        "form": form,
        "next": request.POST.get("next", request.GET.get("next", "")),
        "must": user.must_change_password,
    }
    return render(request, "accounts/password.html", context, status=400 if form.errors else 200)


@require_POST
def set_size(request: HttpRequest) -> HttpResponse:
    """Large type or normal, remembered for the person and for this device."""
    big = request.POST.get("size") == "big"
    actions.set_size(cast("User", request.user), big=big)
    response = redirect(sessions.own_address(request, request.POST.get("next", "/account/")))
    response.set_cookie(
        "size", "big" if big else "normal", max_age=YEAR_SECONDS, samesite="Lax", secure=settings.SECURE
    )
    return response


# ── the demo ─────────────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@require_safe
def demo_messages(request: HttpRequest) -> HttpResponse:
    """What would have gone to phones. In the demo only, where every phone is made up."""
    if not settings.DEMO:
        raise Http404
    context = {"texts": DemoMessage.objects.order_by("-sent_at", "-id")[:MESSAGES_SHOWN]}
    part = request.GET.get("part") == "list"
    return render(request, "accounts/demo_messages_list.html" if part else "accounts/demo_messages.html", context)
