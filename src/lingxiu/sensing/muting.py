"""What people say to alarms: that they know of one, that nobody wants to hear of a device's for a time. The alarms stay facts."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from lingxiu.journal.actions import Json, record
from lingxiu.merchants.actions import scope_of
from lingxiu.sensing.models import Alarm, Device, Mute


class SaysNothing(Exception):
    """A reason is owed and was not given, or the time it is for is over."""


def is_muted(at: datetime) -> Exists:
    """A condition on alarms: that of their device and code nobody wants to hear now."""
    mutes = Mute.objects.filter(Q(code="") | Q(code=OuterRef("code")), device=OuterRef("device"))
    return Exists(mutes.filter(since__lte=at, until__gt=at))


def mute_of(alarm: Alarm, at: datetime) -> Mute | None:
    """The mute an alarm is under, the longest of them."""
    mutes = Mute.objects.filter(Q(code="") | Q(code=alarm.code), device=alarm.device, since__lte=at, until__gt=at)
    return mutes.order_by("-until").first()


def mute(device: Device, *, code: str = "", until: datetime, reason: str, at: datetime, actor_id: int) -> Mute:
    """Tell nobody of this device's alarms (of one code) for a time, and open no issue. Raises SaysNothing."""
    if not reason.strip() or until <= at:
        raise SaysNothing
    with transaction.atomic():
        row = Mute.objects.create(
            device=device, code=code, since=at, until=until, reason=reason.strip()[:200], muted_by=actor_id
        )
        _record("device.muted", "device", device.mn, device, at, actor_id, {"code": code, "mute": row.pk})
    return row


def unmute(device: Device, *, code: str, at: datetime, actor_id: int) -> int:
    """End the mutes under which alarms of this code are. What is still open is told then. Returns: how many ended."""
    with transaction.atomic():
        mutes = Mute.objects.filter(Q(code="") | Q(code=code), device=device, until__gt=at)
        mutes.filter(since__gte=at).delete()
        ended = mutes.filter(since__lt=at).update(until=at)
        if ended:
            _record("device.unmuted", "device", device.mn, device, at, actor_id, {"code": code})
    return ended


def end(row: Mute, *, at: datetime, actor_id: int) -> bool:
    """End one mute. What is still open is told then. Returns: whether it lasted till now."""
    with transaction.atomic():
        lasting = Mute.objects.filter(pk=row.pk, until__gt=at)
        ended = lasting.filter(since__lt=at).update(until=at) or lasting.delete()[0]
        if ended:
            _record("device.unmuted", "device", row.device.mn, row.device, at, actor_id, {"code": row.code})
    return bool(ended)


def acknowledge(alarm: Alarm, *, words: str, at: datetime, actor_id: int) -> bool:
    """Somebody knows of it and says what they do about it. Returns: whether nobody had before. Raises SaysNothing."""
    if not words.strip():
        raise SaysNothing
    with transaction.atomic():
        mine = Alarm.objects.filter(pk=alarm.pk, acknowledged_at=None).update(
            acknowledged_at=at, acknowledged_by=actor_id, acknowledgement=words.strip()[:200]
        )
        if mine:
            _record("alarm.acknowledged", "alarm", alarm.pk, alarm.device, at, actor_id, {"code": alarm.code})
    return bool(mine)


def _record(
    kind: str, subject_kind: str, subject: object, device: Device, at: datetime, actor_id: int, reference: Json
) -> None:
    scope = scope_of(device.merchant)
    record(kind, subject_kind, subject, at=at, actor_id=actor_id, scope=scope, reference=reference)
