"""Links straight to one thing, for one person. A link alone signs nobody in: 浙政钉 must say that it is they who opened it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from lingxiu.accounts.models import User
from lingxiu.connectors.http import Failed
from lingxiu.notices.models import Link, Reach
from lingxiu.notices.reaching import zhezhengding
from lingxiu.policy.queries import in_force
from lingxiu.privacy.cipher import blind_index

log = structlog.get_logger(__name__)

KEPT = timedelta(days=90)
"""A to-do may stand on a list for long: past its time a link still leads its person there, once they are signed in."""


def make(user_id: int, address: str, *, at: datetime) -> str:
    """A new link to this address of ours. Returns: it, whole."""
    token = secrets.token_urlsafe(24)
    good_for = timedelta(hours=in_force().catalogues.notices.link_hours)
    Link.objects.create(token_hash=_hash(token), user_id=user_id, address=address, made_at=at, expires_at=at + good_for)
    return f"{settings.BASE_URL}/n/{token}"


def find(token: str) -> Link | None:
    """The link of this token, spent or not."""
    return Link.objects.select_related("user").filter(token_hash=_hash(token)).first()


def is_good(link: Link, *, at: datetime) -> bool:
    """Whether it may still sign its person in."""
    return link.used_at is None and link.expires_at > at and link.user.is_active


def spend(link: Link, *, at: datetime) -> bool:
    """Use a link up. Returns: whether it was still good, which it is once."""
    return bool(Link.objects.filter(pk=link.pk, used_at=None, expires_at__gt=at).update(used_at=at))


def person_of_code(link: Link, code: str, *, at: datetime) -> User | None:
    """Whom to sign in: the link's person, if the link is still good and 浙政钉 says that it is they who opened it."""
    client = zhezhengding()
    if client is None or not is_good(link, at=at):
        return None
    try:
        account = client.account_of_code(code, at=at)
    except Failed as error:
        log.warning("notices.code_refused", error=str(error))
        return None
    theirs = Reach.objects.filter(user=link.user, way=Reach.By.ZHEZHENGDING, address_index=blind_index(account))
    return link.user if theirs.exists() and spend(link, at=at) else None


def forget_old(at: datetime) -> int:
    """Returns how many links are no more."""
    rows, _by_model = Link.objects.filter(expires_at__lt=at - KEPT).delete()
    return rows


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
