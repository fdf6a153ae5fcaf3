"""What new devices said that only observe so far: for the morning of whoever dispatches, before single alarms begin; and the
decision when they do. Never touches a reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.issues.digest import Figure
from lingxiu.journal.actions import record
from lingxiu.merchants.actions import scope_of
from lingxiu.policy.queries import InForce
from lingxiu.sensing.judging import tell_from_now_on
from lingxiu.sensing.models import Alarm, AlarmQuerySet, Device, DeviceQuerySet

SHOWN: Final = 8
"""Alarms of a device that are listed."""
LONGEST: Final = timedelta(days=90)
"""A device is not left to observe for longer at once."""


def figures(user: User, since: datetime, now: datetime) -> list[Figure]:
    """Alarms of observing devices that came since then, and the list they stand in."""
    count = _observing(Alarm.objects.visible_to(user)).filter(noticed_at__gt=since, noticed_at__lte=now).count()
    url = "/sensing/observing/"
    return [
        Figure(
            _("Alarms of devices that only observe"), count, url, "bell-ringing", "observing" if count else "neutral"
        )
    ]


def _observing(alarms: AlarmQuerySet) -> AlarmQuerySet:
    return alarms.filter(observing=True, withdrawn_at=None)


# ── what they would have raised ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Observed:
    """A device and what it would have raised, the newest first; `count` is of all of it."""

    device: Device
    count: int
    newest: tuple[Alarm, ...]

    @property
    def left(self) -> int:
        """How many are not listed."""
        return self.count - len(self.newest)


def observers(devices: DeviceQuerySet, since: datetime, at: datetime) -> DeviceQuerySet:
    """Of these devices those that only observe, or did when something of theirs came since then; each with `seen` (how many
    alarms), the most first."""
    seen = Q(alarms__observing=True, alarms__withdrawn_at=None)
    lately = seen & Q(alarms__noticed_at__gt=since)
    counted = devices.exclude(state=Device.State.RETIRED).annotate(
        seen=Count("alarms", filter=seen), lately=Count("alarms", filter=lately)
    )
    return counted.filter(Q(observe_until__gt=at) | Q(lately__gt=0)).order_by("-seen", "mn")


def what_they_saw(devices: Sequence[Device]) -> list[Observed]:
    """Of these devices, which `observers` gave. One statement."""
    ranked = _observing(Alarm.objects.filter(device__in=devices)).annotate(
        nth=Window(RowNumber(), partition_by="device", order_by=[F("raised_at").desc(), F("pk").desc()])
    )
    rows: defaultdict[int, list[Alarm]] = defaultdict(list)
    for alarm in ranked.filter(nth__lte=SHOWN).order_by("device", "nth"):
        rows[alarm.device_id].append(alarm)
    return [
        Observed(device, device.seen, tuple(rows[device.pk]))  # type: ignore[attr-defined]  # of `observers`
        for device in devices
    ]


# ── the decision ─────────────────────────────────────────────────────────────────────────────────────────────────


def begin(policy: InForce, device: Device, *, at: datetime, actor_id: int) -> bool:
    """From now on it raises single alarms; what still stands is one of them. Returns: whether it only observed till now."""
    with transaction.atomic():
        mine = _locked(device)
        if not _observes(mine, at):
            return False
        mine.observe_until = at
        mine.save(update_fields=["observe_until"])
        _record("device.observed", mine, at, actor_id)
        tell_from_now_on(policy, mine, at)
    return True


def prolong(policy: InForce, device: Device, *, at: datetime, actor_id: int) -> bool:
    """It only observes for the policy's days more. Returns: whether it could: it still observes, and not for too long."""
    days = timedelta(days=policy.catalogues.alarms.observe_days)
    with transaction.atomic():
        mine = _locked(device)
        if mine.observe_until is None or not _observes(mine, at) or mine.observe_until + days > at + LONGEST:
            return False
        mine.observe_until += days
        mine.save(update_fields=["observe_until"])
        _record("device.observes_on", mine, at, actor_id)
    return True


def _observes(device: Device, at: datetime) -> bool:
    return device.state != Device.State.RETIRED and device.observe_until is not None and at < device.observe_until


def _locked(device: Device) -> Device:
    return Device.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=device.pk)


def _record(kind: str, device: Device, at: datetime, actor_id: int) -> None:
    until = device.observe_until.isoformat() if device.observe_until else None
    scope = scope_of(device.merchant)
    record(kind, "device", device.mn, at=at, actor_id=actor_id, scope=scope, reference={"until": until})
