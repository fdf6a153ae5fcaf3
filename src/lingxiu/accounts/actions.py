"""What people do with their sign-in, and what is done with their posts. Never decides what a role allows: policy does."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import override

from lingxiu.accounts import codes
from lingxiu.accounts.models import Bond, DemoMessage, LoginCode, Post, Unit, UnitKind, User
from lingxiu.connectors.http import Failed
from lingxiu.connectors.sms import Gateway, Nowhere, gateway_of
from lingxiu.journal.actions import Scope, record
from lingxiu.policy.queries import in_force
from lingxiu.privacy.cipher import blind_index

log = structlog.get_logger(__name__)

# The unit in which owners and service companies hold their posts.
SHOPS = "companies"

Way = Literal["password", "code", "second_factor", "zhezhengding"]


class TooManyCodes(Exception):
    """This phone, or this network address, asked too often. `free_from`: when it may again."""

    def __init__(self, free_from: datetime) -> None:
        super().__init__(f"another code may be asked for from {free_from:%H:%M:%S}")
        self.free_from = free_from


class CodeRefused(Exception):
    """The digits do not open the door. `tries_left`: with this code; at 0 another one must be asked for."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"wrong or expired; {tries_left} tries left")
        self.tries_left = tries_left


class WrongUnit(Exception):
    """A role that cannot be held at a unit of this kind. `allowed`: where it can."""

    def __init__(self, role: str, kind: str, allowed: Iterable[str]) -> None:
        self.role, self.kind, self.allowed = role, kind, tuple(allowed)
        super().__init__(f"{role} is not held at a {kind}, but at: {', '.join(self.allowed)}")


class KnownOtherwise(Exception):
    """The phone is an officer's or a service company's: only the county or the town makes them a shop's owner."""


class PersonDisabled(Exception):
    """The phone is somebody's who was disabled: only who manages accounts lets them in again."""


# ── six digits ───────────────────────────────────────────────────────────────────────────────────────────────────


class DemoPhone:
    """Keeps the messages of the demo, to be shown at `/demo/sms/`."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        DemoMessage.objects.create(phone=phone, text=text, sent_at=at)


def gateway() -> Gateway:
    """The way text messages leave this installation."""
    return DemoPhone() if settings.DEMO else gateway_of(settings.SMS_URL, settings.SMS_TOKEN)


def ask_for_code(phone: str, *, address: str, at: datetime) -> int:
    """Send six digits to a phone, if somebody signs in by it. Known or not, the caller cannot tell the difference.

    Returns the code's id, for the session that asked: there alone the digits are good. Nobody else's asking or trying
    spoils them.

    Args:
        phone: eleven digits. address: the network address that asks.
    Raises: TooManyCodes; NoGateway, for every phone alike.
    """
    asked_by, asked_for = blind_index(address), blind_index(phone)
    with transaction.atomic():
        for turn in (asked_for, asked_by):
            _take_turns(turn)
        LoginCode.objects.filter(sent_at__lt=at - codes.LONGEST).delete()
        _refuse_too_many(LoginCode.objects.filter(phone_index=asked_for), codes.PER_PHONE, at)
        _refuse_too_many(LoginCode.objects.filter(address_index=asked_by), codes.PER_ADDRESS, at)
        digits = codes.make_digits()
        code = LoginCode.objects.create(
            phone_index=asked_for,
            address_index=asked_by,
            code_hash=_hash(asked_for, digits, at),
            sent_at=at,
            expires_at=at + codes.GOOD_FOR,
        )
        _send(phone, digits, at)
    return code.pk


def person_of_code(phone: str, digits: str, *, code_id: int, at: datetime) -> User:
    """Who signs in with these digits: the code that was asked for counts, once, within five minutes and five tries.

    Args:
        code_id: what `ask_for_code` gave this session.
    Raises: CodeRefused.
    """
    asked = LoginCode.objects.filter(pk=code_id, phone_index=blind_index(phone))
    code = asked.filter(expires_at__gt=at, used_at=None).first()
    if code is None:
        raise CodeRefused(0)
    alive = LoginCode.objects.filter(pk=code.pk, used_at=None)
    # Each try is paid for before it is looked at: ten at once are ten tries.
    if not alive.filter(tries__lt=codes.MOST_TRIES).update(tries=F("tries") + 1):
        raise CodeRefused(0)
    code.refresh_from_db()
    matches = constant_time_compare(code.code_hash, _hash(code.phone_index, digits, code.sent_at))
    person = _person_with(phone)
    if not matches or person is None or not alive.update(used_at=at):
        raise CodeRefused(codes.MOST_TRIES - code.tries)
    LoginCode.objects.filter(phone_index=code.phone_index, expires_at__gt=at).update(expires_at=at)
    return person


def _take_turns(key: str) -> None:
    """Whoever asks for the same waits until this transaction ends: a burst is counted one by one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _refuse_too_many(earlier: QuerySet[LoginCode], limits: tuple[codes.Limit, ...], at: datetime) -> None:
    times = list(earlier.values_list("sent_at", flat=True))
    if (wait := codes.free_from(times, limits, at)) is not None:
        raise TooManyCodes(wait)


def _send(phone: str, digits: str, at: datetime) -> None:
    """To a phone nobody signs in by, nothing is sent; a missing gateway is told before that shows, a failing one to us alone."""
    way = gateway()
    if isinstance(way, Nowhere) or _person_with(phone) is not None:
        minutes = int(codes.GOOD_FOR.total_seconds() // 60)
        text = _("%(digits)s is your Lingxiu sign-in code, good for %(minutes)d minutes. Do not pass it on.")
        try:
            way.send(phone, text % {"digits": digits, "minutes": minutes}, at=at)
        except Failed as error:
            log.warning("accounts.code_not_sent", error=str(error))


def _person_with(phone: str) -> User | None:
    """Whom this phone signs in."""
    return next((person for person in _people_with(phone) if person.authority.posts), None)


def _people_with(phone: str) -> list[User]:
    """Never an officer: they have a password and, where it is asked for, a second factor."""
    return [person for person in User.objects.with_phone(phone).order_by("id") if not person.is_official]


def _hash(phone_index: str, digits: str, sent_at: datetime) -> str:
    """Keyed, and different for each sending: worth nothing to whoever reads the table."""
    value = f"{phone_index}:{sent_at.isoformat()}:{digits}"
    return salted_hmac("lingxiu.accounts.login_code", value, algorithm="sha256").hexdigest()


# ── signing in and out ───────────────────────────────────────────────────────────────────────────────────────────


def record_sign_in(user: User, way: Way, *, at: datetime) -> None:
    """Leave a trace of who came in and how; nothing personal in it."""
    with transaction.atomic():
        record("user.signed_in", "user", user.pk, at=at, actor_id=user.pk, reference={"way": way})


def record_sign_out(user: User, *, at: datetime) -> None:
    """Leave a trace of who left."""
    with transaction.atomic():
        record("user.signed_out", "user", user.pk, at=at, actor_id=user.pk)


def change_password(user: User, password: str, *, at: datetime) -> None:
    """Give oneself another password. It has passed the rules already."""
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        record("user.password_changed", "user", user.pk, at=at, actor_id=user.pk)


def set_size(user: User, *, big: bool) -> None:
    """Remember how large this person wants to read."""
    User.objects.filter(pk=user.pk).update(elder_size=big)


# ── posts and bonds ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Appointment:
    """What somebody is made: a role at a unit, with the certificate that a certified role needs."""

    role: str
    unit: Unit
    certificate_no: str = ""
    primary: bool = True


def require_unit_kind(role: str, kind: str) -> None:
    """Raises WrongUnit, KeyError where there is no such role."""
    allowed = in_force().catalogues.role(role).held_at
    if kind not in allowed:
        raise WrongUnit(role, kind, allowed)


def appoint(user: User, appointment: Appointment, *, at: datetime, by: int | None) -> Post:
    """Give somebody a post. Raises WrongUnit."""
    require_unit_kind(appointment.role, appointment.unit.kind)
    with transaction.atomic():
        post = Post.objects.create(
            user=user,
            role=appointment.role,
            unit=appointment.unit,
            certificate_no=appointment.certificate_no,
            primary=appointment.primary,
            since=at,
        )
        record("post.begun", "post", post.pk, at=at, actor_id=by, scope=_scope(appointment.unit))
    return post


def hand_over(post: Post, to: User, *, at: datetime, by: int | None) -> Post:
    """End somebody's post and give it to somebody else, in one step: a grid is not without its member for a moment."""
    with transaction.atomic():
        held = Post.objects.select_for_update().select_related("unit").get(pk=post.pk)
        end_post(held, at=at, by=by)
        return appoint(to, Appointment(held.role, held.unit, primary=held.primary), at=at, by=by)


def end_post(post: Post, *, at: datetime, by: int | None) -> None:
    """From now on the post is not held by this person. One that has ended stays as it ended."""
    with transaction.atomic():
        if Post.objects.filter(pk=post.pk, until=None).update(until=at):
            record("post.ended", "post", post.pk, at=at, actor_id=by, scope=_scope(post.unit))


def bind(
    phone: str, name: str, merchant_id: int, kind: str, *, at: datetime, by: int | None, confirmed: bool = False
) -> Bond:
    """Let whoever has this phone answer for a shop, or serve it. A person not known yet is made, without a password.

    Args:
        phone: eleven digits. kind: of `Bond.Kind`, which is also the role.
        confirmed: by the county or the town, which answers for who keeps the dossier; not by whoever stands at the door.
    Raises: KnownOtherwise, PersonDisabled.
    """
    with transaction.atomic():
        _take_turns(blind_index(phone))  # two who bind a new phone at once make one person
        if kind == Bond.Kind.OWNER and not confirmed:
            _refuse_known_otherwise(phone)
        person = _person_with(phone) or next(iter(_people_with(phone)), None) or _new_person(phone, name, kind)
        if not person.posts.filter(role=kind, until=None).exists():
            appoint(person, Appointment(kind, _shops()), at=at, by=by)
        bond, new = Bond.objects.get_or_create(
            user=person, merchant_id=merchant_id, kind=kind, ended_at=None, defaults={"made_at": at, "made_by": by}
        )
        if new:
            scope = Scope(merchant_id=merchant_id)
            record("bond.made", "bond", bond.pk, at=at, actor_id=by, scope=scope, reference={"kind": kind})
    return bond


def unbind(bond: Bond, *, at: datetime, by: int | None) -> None:
    """The person no longer answers for the shop."""
    with transaction.atomic():
        if Bond.objects.filter(pk=bond.pk, ended_at=None).update(ended_at=at):
            record("bond.ended", "bond", bond.pk, at=at, actor_id=by, scope=Scope(merchant_id=bond.merchant_id))


def _refuse_known_otherwise(phone: str) -> None:
    """Raises KnownOtherwise for an officer's phone, or that of somebody who serves shops and owns none."""
    for person in User.objects.with_phone(phone):
        roles = {post.role.id for post in person.authority.posts}
        if person.is_official or (roles and Bond.Kind.OWNER not in roles):
            raise KnownOtherwise


def _new_person(phone: str, name: str, role: str) -> User:
    """Raises PersonDisabled."""
    if User.objects.filter(phone_index=blind_index(phone), is_active=False).exists():
        raise PersonDisabled
    return User.objects.create_user(f"{role}-{secrets.token_hex(6)}", None, name=name, phone=phone)


def _shops() -> Unit:
    with override(settings.LANGUAGE_CODE):  # a name of the county's, whatever language its maker reads
        named = {"kind": UnitKind.COMPANY, "name": _("Shops and service companies")}
    return Unit.objects.get_or_create(code=SHOPS, defaults=named)[0]


def _scope(unit: Unit) -> Scope:
    return Scope(town=unit.town, grid=unit.grid, unit_id=unit.pk)
