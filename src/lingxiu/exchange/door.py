"""Who comes in to the open API: a Bearer key, its scope, how often; what was asked before. Sessions open nothing here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from uuid import UUID, uuid5

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from ninja.security import HttpBearer

from lingxiu.accounts.models import User
from lingxiu.exchange import keys
from lingxiu.exchange.problems import Fault, Problem, wrong
from lingxiu.journal.actions import Json, SubmissionReused, once

View = Callable[..., HttpResponse]
IDEMPOTENT = UUID("5f6f0d6e-43cf-4bb2-8a0e-6e2d6f1f1c6a")
"""Name space of the submissions made of a key and its Idempotency-Key."""
LONGEST_IDEMPOTENCY_KEY = 200
NOTHING_HERE = _("See /api/v1/docs for the addresses there are.")


def use_of(request: HttpRequest) -> keys.Use:
    """The use of the key that `Needs` let in: ninja puts there what it answers."""
    return cast("keys.Use", request.auth)  # type: ignore[attr-defined]  # no field of Django's


def user_of(request: HttpRequest) -> User:
    """As whom the key acts."""
    return use_of(request).key.user


def officer_of(request: HttpRequest) -> User:
    """As whom the key acts, if that is an officer: who answers for a shop is told of it by pages of their own, and not of
    what nobody has judged yet. Raises Problem."""
    user = user_of(request)
    if not user.authority.is_officer:
        raise Problem("not-permitted", _("The key acts for somebody who is no officer."))
    return user


def let_in(request: HttpRequest, secret: str, *scopes: str) -> keys.Use:
    """The key's use, if it opens any of these scopes. Raises Problem."""
    if not secret:
        raise Problem("key-missing", _("Send Authorization: Bearer …"), headers={"WWW-Authenticate": "Bearer"})
    use = keys.use(secret, at=timezone.now())
    if use is None:
        raise Problem(
            "key-unknown",
            _("It was mistyped or taken back: ask whoever runs this installation for a new one."),
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    request.key_use = use  # type: ignore[attr-defined]  # for `announce`
    if use.too_often:
        raise Problem(
            "too-often",
            _("Wait until the minute is over; see RateLimit-Reset."),
            headers={"Retry-After": str(use.seconds)},
        )
    if not any(use.opens(scope) for scope in scopes):
        named = " | ".join(scopes)
        raise Problem(
            "scope-missing",
            _("It would need the scope %(scope)s.") % {"scope": named},
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'},
        )
    return use


def bearer(request: HttpRequest) -> str:
    """The secret of `Authorization: Bearer …`; empty if there is none."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


class Needs(HttpBearer):
    """Lets in a key that opens any of these scopes."""

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> keys.Use:
        return let_in(request, bearer(request), *self.scopes)

    def authenticate(self, request: HttpRequest, token: str) -> keys.Use:
        """Ninja's own way in, which `__call__` takes the place of."""
        return let_in(request, token, *self.scopes)


def refuse_unknown(request: HttpRequest, known: Iterable[str]) -> None:
    """A filter that nobody knows is a mistake: passed over, it would answer with everything. Raises Problem."""
    unknown = [name for name in request.GET if name not in set(known)]
    if unknown:
        faults = tuple(Fault(name, request.GET[name], _("No such field is known: leave it out.")) for name in unknown)
        raise Problem("invalid", _("See which field, and mend it."), faults)


def announce(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Say what is left of the key's minute. What a key may see stays in no cache."""
    use: keys.Use | None = getattr(request, "key_use", None)
    if use is not None:
        response["RateLimit-Limit"] = str(use.key.each_minute)
        response["RateLimit-Remaining"] = str(use.left)
        response["RateLimit-Reset"] = str(use.seconds)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def answered(view: View) -> View:
    """A view of the API: problems in their form, limits announced. No cookie opens it, so no form of another site can use it."""

    @csrf_exempt
    @wraps(view)
    def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Problem as problem:
            response = problem.response()
        except Http404:
            response = Problem("not-found", NOTHING_HERE).response()
        if response.status_code == 405:
            allowed = response["Allow"]
            response = Problem("method-not-allowed", allowed, headers={"Allow": allowed}).response()
        return announce(request, response)

    return inside


@dataclass(frozen=True, slots=True)
class Done:
    """What a write answers: a status and a body of plain values."""

    status: int
    body: Json


def once_each(request: HttpRequest, body: Json, do: Callable[[], Done]) -> Done:
    """Do it, and with an Idempotency-Key do it once: the same request again has the same answer. Raises Problem."""
    named = request.headers.get("Idempotency-Key")
    if named is None:
        return do()
    if not named or len(named) > LONGEST_IDEMPOTENCY_KEY:
        raise wrong("Idempotency-Key", named, _("Send 1 to 200 characters, a UUID for example."))
    use = use_of(request)

    def kept() -> Json:
        done = do()
        return {"status": done.status, "body": done.body}

    try:
        result, _first = once(
            uuid5(IDEMPOTENT, f"{use.key.pk}\n{named}"),
            actor=f"key:{use.key.pk}",
            body={"method": request.method, "path": request.path, "body": body},
            at=timezone.now(),
            do=kept,
        )
    except SubmissionReused as reused:
        raise Problem(
            "key-reused",
            _("Send a new Idempotency-Key with every new request, the same one only with the very same request."),
            (Fault("Idempotency-Key", named, _("Make a new one.")),),
        ) from reused
    return Done(result["status"], result["body"])
