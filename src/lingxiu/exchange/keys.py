"""Which keys there are, what each opens, how often it may knock. Never what a person may do: that is their authority's."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.exchange.models import EACH_MINUTE, Key
from lingxiu.issues.models import PEOPLE
from lingxiu.journal.actions import record

MERCHANTS_PUBLIC = "merchants.public"
MERCHANTS_READ = "merchants.read"
MERCHANTS_WRITE = "merchants.write"
ISSUES_READ = "issues.read"
ISSUES_WRITE = "issues.write"
OPEN311 = "open311"
READINGS_WRITE = "readings.write"
REPORTS = "reports."

SCOPES: dict[str, str | Promise] = {
    MERCHANTS_PUBLIC: _("the public face of every merchant"),
    MERCHANTS_READ: _("merchants its person may open, with their standing; never personal data"),
    MERCHANTS_WRITE: _("opening and changing dossiers, as its person"),
    ISSUES_READ: _("issues its person may open; never what reporters said, who they are or where they live"),
    ISSUES_WRITE: _("finds and moves with their pictures, as its person"),
    OPEN311: _("its own reports by Open311"),
    READINGS_WRITE: _("readings of the devices its person may see"),
    **{f"{REPORTS}{source.value}": source.label for source in PEOPLE},
}
"""Scope → what it opens. `reports.<source>`: to bring reports of this source, and to ask what became of them."""

PREFIX = "lx_"
HINT = 10
MINUTE = timedelta(minutes=1)


class ScopesUnknown(Exception):
    """A key was asked for with scopes that do not exist, or with none. `names`: those that are not known."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(", ".join(self.names) or "no scope was given")


class KeyUnknown(Exception):
    """No key in use has this id or hint."""


def new_key(
    name: str,
    user: User,
    scopes: Iterable[str],
    *,
    at: datetime,
    by: int | None = None,
    each_minute: int = EACH_MINUTE,
) -> tuple[Key, str]:
    """A key and its secret, which is told now and never again. Raises ScopesUnknown."""
    wanted = sorted(set(scopes))
    if not wanted or (unknown := [scope for scope in wanted if scope not in SCOPES]):
        raise ScopesUnknown(unknown if wanted else ())
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = Key.objects.create(
            name=name, hint=secret[:HINT], secret_hash=_hash(secret), user=user, scopes=wanted,
            each_minute=each_minute, created_at=at, created_by=by,
        )  # fmt: skip
        record("key.made", "key", key.pk, at=at, actor_id=by, reference={"user": user.pk, "scopes": wanted})
    return key, secret


def revoke_key(named: str, *, at: datetime, by: int | None = None) -> Key:
    """Take a key back, by its id or its hint. Raises KeyUnknown."""
    with transaction.atomic():
        in_use = Key.objects.select_for_update().filter(revoked_at=None)
        by_id = named.isascii() and named.isdigit() and len(named) <= 18
        key = (in_use.filter(pk=int(named)) if by_id else in_use.filter(hint=named)).first()
        if key is None:
            raise KeyUnknown
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        record("key.revoked", "key", key.pk, at=at, actor_id=by)
    return key


@dataclass(frozen=True, slots=True)
class Use:
    """A key that was shown: what is left of its minute, which ends in `seconds`."""

    key: Key
    seconds: int

    @property
    def left(self) -> int:
        return max(self.key.each_minute - self.key.uses, 0)

    @property
    def too_often(self) -> bool:
        return self.key.uses > self.key.each_minute

    def opens(self, scope: str) -> bool:
        return scope in self.key.scopes


def use(secret: str, *, at: datetime) -> Use | None:
    """Count one use of the key with this secret, in one statement. None: there is none, or it was revoked."""
    minute = at.replace(second=0, microsecond=0)
    rows = Key.objects.raw(
        "UPDATE exchange_key SET uses = CASE WHEN minute = %(minute)s THEN uses + 1 ELSE 1 END,"
        " minute = %(minute)s, last_used_at = %(at)s WHERE secret_hash = %(hash)s AND revoked_at IS NULL RETURNING *",
        {"minute": minute, "at": at, "hash": _hash(secret)},
    )
    key = next(iter(rows), None)
    if key is None or not key.user.is_active:
        return None
    return Use(key, max(int((minute + MINUTE - at).total_seconds()), 1))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
