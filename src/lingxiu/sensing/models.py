"""Devices, what was asked of them, alarms and forecasts. Readings and windows are tables of their own (`sql/`), unmanaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from lingxiu.accounts.authority import NOBODY
from lingxiu.accounts.models import Bond
from lingxiu.journal.models import TransactionIdField
from lingxiu.merchants.models import Merchant
from lingxiu.privacy.fields import EncryptedField

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
        """The devices of the merchants whose readings this person may look at, and those their company looks after."""
        seen = Q(merchant__in=measured_for(user))
        if not getattr(user, "authority", NOBODY).is_officer and user.pk:
            seen |= Q(maintainer__account=user.pk)
        return self.filter(seen)


class Maintainer(models.Model):
    """A company that looks after devices (运维单位): whom to call when one of them is ill, and how soon it promised to come.

    `account`: the person of it who is told of its devices' faults and may look at them; without one the county calls.
    """

    name = models.CharField(max_length=80, unique=True)
    contact = models.CharField(max_length=30, default="", blank=True)
    phone = EncryptedField(default="", blank=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    respond_within_hours = models.PositiveSmallIntegerField(default=24)
    duties = models.CharField(max_length=400, default="", blank=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """A device at a merchant. `observe_until`: until then it may raise alarms but opens no issue.

    `secret`: 32 hex digits, the SM4 key its HJ 212-2025 data areas are encrypted with; `former_secret` is still accepted
    after a rotation (CN 1014) until the device has used the new one. `ack_style`: how it wants to be answered, where that is
    otherwise than its profile says.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        MAINTENANCE = "maintenance", _("under maintenance")
        RETIRED = "retired", _("retired")

    class AckStyle(models.TextChoices):
        OF_2005 = "2005", _("HJ/T 212-2005: in CP")
        OF_2017 = "2017", _("HJ 212-2017: ST=91, Flag=4")
        OF_2025 = "2025", _("HJ 212-2025: ST=91, Flag=8")
        ST21 = "st21", _("ST=21, Flag=5")

    id = models.AutoField(primary_key=True)
    mn = models.CharField(max_length=24, unique=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    profile = models.CharField(max_length=40)
    ack_style = models.CharField(max_length=4, choices=AckStyle, default="", db_default="", blank=True)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    vendor = models.CharField(max_length=60, default="", blank=True)
    model = models.CharField(max_length=60, default="", blank=True)
    place = models.CharField(max_length=80, default="", blank=True)
    maintainer = models.ForeignKey(Maintainer, null=True, blank=True, on_delete=models.SET_NULL, related_name="devices")
    secret = EncryptedField(default="", blank=True)
    former_secret = EncryptedField(default="", blank=True)
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


class DeviceEvent(models.Model):
    """What became of a device, in order, never changed: where it was put, moved to, what replaced it, when it was calibrated."""

    class Kind(models.TextChoices):
        INSTALLED = "installed", _("installed")
        MOVED = "moved", _("moved")
        REPLACED = "replaced", _("replaced by another")
        REPLACES = "replaces", _("takes another's place")
        RETIRED = "retired", _("taken out of use")
        MAINTAINED = "maintained", _("maintained")
        CALIBRATED = "calibrated", _("calibrated")
        KEY_CHANGED = "key_changed", _("key changed")
        PROFILE_CHANGED = "profile_changed", _("profile changed")

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField()
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Device, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=200, default="", blank=True)
    recorded_by = models.BigIntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["device", "-at"], name="device_event_of_device")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind} {self.at:%Y-%m-%d}"


class DeviceRequest(models.Model):
    """Something asked of a device (HJ 212-2017 6.4, three steps): read its clock, set it, send an hour's history again.

    The gateway that holds its connection takes what is `waiting`, says it, and writes down how it went. `why`: who or what
    wants it: a person, the watch after an outage, the device itself (1013). `answer`: the items of the data that came back.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for the device")
        SENT = "sent", _("sent to the device")
        ACCEPTED = "accepted", _("accepted by the device")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused by the device")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("not done in time")

    class Why(models.TextChoices):
        PERSON = "person", _("asked by a person")
        GAP = "gap", _("to fill a gap")
        DEVICE = "device", _("asked for by the device")
        ROTATION = "rotation", _("to change its key")

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="requests")
    cn = models.CharField(max_length=4)
    parameters = models.JSONField(default=dict)
    why = models.CharField(max_length=10, choices=Why, default=Why.PERSON)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    qn = models.CharField(max_length=20, default="", blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_by = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    qn_rtn = models.SmallIntegerField(null=True)
    exe_rtn = models.SmallIntegerField(null=True)
    answer = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ended_at=None, state__in=["waiting", "sent", "accepted"])
                | Q(ended_at__isnull=False, state__in=["done", "refused", "failed", "expired"]),
                name="device_request_ends_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["device", "-asked_at"], name="device_request_of_device"),
            models.Index(fields=["expires_at"], name="device_request_open", condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.cn} {self.state}"


class DeviceLine(models.Model):
    """Where a device was last heard: which gateway holds its connection, from where it dialled, how it speaks.

    Requests go out on the newest line. `contested_at`: somebody at another address spoke as this device while it was
    connected, last from `contested_by`; both are stored, and somebody should look.
    """

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="line")
    run = models.UUIDField()
    peer = models.CharField(max_length=60)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    version = models.CharField(max_length=4)
    encrypted = models.BooleanField(default=False)
    contested_at = models.DateTimeField(null=True)
    contested_by = models.CharField(max_length=60, default="", blank=True)

    def __str__(self) -> str:
        return f"{self.device_id} {self.peer}"


class Maintenance(models.Model):
    """A time in which a device's readings judge nobody: windows that touch it neither raise, hold nor clear an alarm."""

    class Kind(models.TextChoices):
        MAINTENANCE = "maintenance", _("maintenance")
        CALIBRATION = "calibration", _("calibration")

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="maintenance")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.MAINTENANCE)
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


class Storm(models.Model):
    """Many devices of a town that went the same way within minutes: one thing (a power cut, a carrier's fault), not three hundred.

    Its alarms stay facts of their own; people are told once, and one issue stands for all. `devices`: how many at the worst.
    """

    town = models.CharField(max_length=12)
    code = models.CharField(max_length=20)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    devices = models.PositiveIntegerField()
    of = models.PositiveIntegerField()
    edition = models.PositiveIntegerField()
    noticed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-since"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["town", "code"], condition=Q(until=None), name="storm_one_open"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.town} {self.since:%Y-%m-%d %H:%M}"


class Mute(models.Model):
    """For a time nobody is told of a device's alarms of this code (every code: ""), and none opens an issue. A reason is owed."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="mutes")
    code = models.CharField(max_length=20, default="", blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=200)
    muted_by = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["-since"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(until__gt=models.F("since")) & ~Q(reason=""), name="mute_lasts_and_says_why"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["device", "until"], name="mute_of_device")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.code} until {self.until:%Y-%m-%d %H:%M}"


class AlarmQuerySet(models.QuerySet["Alarm"]):
    """Alarms, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> AlarmQuerySet:
        """The alarms of the merchants whose readings this person may look at, and of devices their company looks after; owners
        only since the device came to them."""
        measured = Q(device__merchant__in=measured_for(user))
        if getattr(user, "authority", NOBODY).is_officer:
            return self.filter(measured)
        seen = self.filter(measured | Q(device__maintainer__account=user.pk) if user.pk else measured)
        came_later = DeviceEvent.objects.filter(
            device=OuterRef("device"), kind=DeviceEvent.Kind.MOVED, at__gt=OuterRef("raised_at")
        )
        return seen.exclude(Exists(came_later))


class Alarm(models.Model):
    """A fact about readings: raised by them, cleared by them, whatever people do. One open a device and code.

    Times are those of the readings, not of the clock on the wall when they were looked at; so a replay gives the same rows.
    `last_at`: the end of the last window that held it. `withdrawn_at`: readings that came later showed that it never was.
    `issue_wanted_at`: from when on the issue it opens may be made; pushed ahead when that failed.
    `told_at`: when it was decided who hears of it, maybe nobody; not yet while it is muted or may belong to a storm.
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
    told_at = models.DateTimeField(null=True)
    storm = models.ForeignKey(Storm, null=True, on_delete=models.SET_NULL, related_name="alarms")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.BigIntegerField(null=True)
    acknowledgement = models.CharField(max_length=200, default="", blank=True)
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
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | (Q(acknowledged_by__isnull=False) & ~Q(acknowledgement="")),
                name="alarm_acknowledged_with_words",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-raised_at"], name="alarm_newest"),
            models.Index(fields=["device", "code", "-raised_at"], name="alarm_of_device"),
            models.Index(fields=["issue_wanted_at"], name="alarm_issue_wanted", condition=Q(issue_number="")),
            models.Index(fields=["raised_at"], name="alarm_untold", condition=Q(told_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.device_id}"


class DutyCall(models.Model):
    """Somebody was called because of an alarm that cannot wait: one row a person and step of the chain."""

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="calls")
    step = models.PositiveSmallIntegerField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    called_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["called_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alarm", "step", "person"], name="duty_call_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.step} {self.person_id}"


class Forecast(models.Model):
    """What readings let us expect of a device or its surroundings (预判), kept with what it was made from, and how it turned out.

    `due_on` with `due_from` and `due_to` is the day and its interval; a newer forecast of the same kind takes the place of
    an open one by changing it. `outcome`: right (it came, or a person found it so), wrong, or lapsed without anybody looking.
    """

    class Kind(models.TextChoices):
        FOULING = "fouling", _("purifier fouling")
        TRAP_FULL = "trap_full", _("grease trap full")
        DEVICE_FAILING = "device_failing", _("device about to fail")

    class Outcome(models.TextChoices):
        OPEN = "open", pgettext_lazy("forecast", "open")
        RIGHT = "right", _("came true")
        WRONG = "wrong", _("did not come true")
        LAPSED = "lapsed", _("nobody looked")

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="forecasts")
    kind = models.CharField(max_length=16, choices=Kind)
    made_at = models.DateTimeField()
    revised_at = models.DateTimeField()
    due_on = models.DateField()
    due_from = models.DateField()
    due_to = models.DateField()
    inputs = models.JSONField(default=dict)
    edition = models.PositiveIntegerField()
    issue_number = models.CharField(max_length=13, default="", blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.OPEN)
    outcome_at = models.DateTimeField(null=True)
    outcome_by = models.BigIntegerField(null=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["due_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "kind"], condition=Q(outcome="open"), name="forecast_one_open"),
            models.CheckConstraint(
                condition=Q(due_from__lte=models.F("due_on"), due_on__lte=models.F("due_to")), name="forecast_interval"
            ),
            models.CheckConstraint(
                condition=Q(outcome="open", outcome_at=None) | (~Q(outcome="open") & Q(outcome_at__isnull=False)),
                name="forecast_ends_once",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "outcome", "-made_at"], name="forecast_hits")]

    def __str__(self) -> str:
        return f"{self.kind} {self.device_id} {self.due_on}"


class Way(models.TextChoices):
    """How what a device says comes in."""

    HJ212 = "hj212", "HJ 212"
    MQTT = "mqtt", "MQTT"
    HTTP = "http", "HTTP"


class Deafness(models.Model):
    """A time in which nobody of ours listened on a way in: a device that comes that way and was not heard then was not silent."""

    way = models.CharField(max_length=8, choices=Way, default=Way.HJ212, db_default=Way.HJ212)
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gt=models.F("since")), name="deafness_lasts")
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.since:%Y-%m-%d %H:%M} to {self.until:%H:%M}"


class Process(models.Model):
    """A run of a gateway, or of the consumer of a broker: when it last listened, and what it has counted since it began."""

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
