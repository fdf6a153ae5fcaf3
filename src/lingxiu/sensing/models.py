"""Devices, alarms and what the gateway could not place. Readings and windows are tables of their own (`sql/`), unmanaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY
from lingxiu.accounts.models import Bond
from lingxiu.journal.models import TransactionIdField
from lingxiu.merchants.models import Merchant

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from lingxiu.accounts.models import User


def measured_for(user: User | AnonymousUser) -> models.QuerySet[Merchant]:
    """The merchants whose readings this person may look at: officers by what they see, owners their own.

    Who only cleans or hauls for a shop needs its address and its dates, not what it measures.
    """
    authority = getattr(user, "authority", NOBODY)
    seen = Merchant.objects.visible_to(user)
    if authority.is_officer:
        return seen
    owned = Bond.objects.filter(user_id=user.pk or 0, kind=Bond.Kind.OWNER, ended_at=None)
    return seen.filter(pk__in=owned.values("merchant_id")) if authority.may("shop.answer") else seen.none()


class DeviceQuerySet(models.QuerySet["Device"]):
    """Devices, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> DeviceQuerySet:
        """The devices of the merchants whose readings this person may look at."""
        return self.filter(merchant__in=measured_for(user))


class Device(models.Model):
    """A device at a merchant. `observe_until`: until then it may raise alarms but opens no issue."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        MAINTENANCE = "maintenance", _("under maintenance")
        RETIRED = "retired", _("retired")

    id = models.AutoField(primary_key=True)
    mn = models.CharField(max_length=24, unique=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    profile = models.CharField(max_length=40)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    vendor = models.CharField(max_length=60, default="", blank=True)
    installed_on = models.DateField(null=True, blank=True)
    observe_until = models.DateTimeField(null=True)
    maintenance_note = models.CharField(max_length=200, default="", blank=True)
    maintenance_until = models.DateTimeField(null=True, blank=True)
    last_frame_at = models.DateTimeField(null=True)
    last_reading_at = models.DateTimeField(null=True)
    synthetic = models.BooleanField(default=False)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["mn"]

    def __str__(self) -> str:
        return self.mn


class Maintenance(models.Model):
    """A time in which a device's readings judge nobody: windows that touch it neither raise, hold nor clear an alarm."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="maintenance")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    note = models.CharField(max_length=200)
    recorded_by = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=models.F("since")), name="maintenance_lasts"),
            models.UniqueConstraint(fields=["device"], condition=Q(until=None), name="maintenance_one_open"),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.since:%Y-%m-%d}"


class UnknownDevice(models.Model):
    """A device that dials in but is not registered: one row an MN, 10,000 at most, waiting to be adopted."""

    mn = models.CharField(max_length=24, unique=True)
    frames = models.BigIntegerField(default=1)
    peer = models.CharField(max_length=60)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    first_frame = models.BinaryField()
    last_frame = models.BinaryField()

    def __str__(self) -> str:
        return self.mn


class AlarmQuerySet(models.QuerySet["Alarm"]):
    """Alarms, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> AlarmQuerySet:
        """The alarms of the merchants whose readings this person may look at."""
        return self.filter(device__merchant__in=measured_for(user))


class Alarm(models.Model):
    """A fact about readings: raised by them, cleared by them, whatever people do. One open a device and code.

    Times are those of the readings, not of the clock on the wall when they were looked at; so a replay gives the same rows.
    `last_at`: the end of the last window that held it. `withdrawn_at`: readings that came later showed that it never was.
    `issue_wanted_at`: from when on the issue it opens may be made; pushed ahead when that failed.
    """

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="alarms")
    code = models.CharField(max_length=20)
    severity = models.CharField(max_length=8)
    raised_at = models.DateTimeField()
    last_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    peak = models.FloatField(null=True)
    evidence = models.JSONField(default=dict)
    observing = models.BooleanField(default=False)
    edition = models.PositiveIntegerField()
    issue_number = models.CharField(max_length=13, default="")
    issue_wanted_at = models.DateTimeField(null=True)
    noticed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    synthetic = models.BooleanField(default=False)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-raised_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "code"], condition=Q(cleared_at=None), name="alarm_one_open"),
            models.UniqueConstraint(
                fields=["device", "code", "raised_at"], condition=Q(withdrawn_at=None), name="alarm_once"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(cleared_at__isnull=False), name="alarm_withdrawn_is_cleared"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-raised_at"], name="alarm_newest"),
            models.Index(fields=["device", "code", "-raised_at"], name="alarm_of_device"),
            models.Index(fields=["issue_wanted_at"], name="alarm_issue_wanted", condition=Q(issue_number="")),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.device_id}"


class Deafness(models.Model):
    """A time in which no gateway listened: a device that was not heard then was not silent."""

    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gt=models.F("since")), name="deafness_lasts")
        ]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%H:%M}"


class Process(models.Model):
    """A run of a gateway: when it was last alive, and what it has counted since it began."""

    run = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=12)
    host = models.CharField(max_length=60)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    connections = models.IntegerField(default=0)
    queued = models.IntegerField(default=0)
    frames = models.BigIntegerField(default=0)
    readings = models.BigIntegerField(default=0)
    values = models.BigIntegerField(default=0)
    batches = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    odd = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["kind", "-seen_at"], name="process_alive")]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.pid}"


class WatchCursor(models.Model):
    """Up to which ingest batch the watch has looked, in commit order."""

    name = models.CharField(max_length=20, primary_key=True)
    xid = TransactionIdField(default=0)
    batch_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
